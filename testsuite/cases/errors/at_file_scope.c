/* An executable construct outside of any function. */
int x;
#pragma omp parallel //~?
int y; //~?

int main(void) { return x + y; }
