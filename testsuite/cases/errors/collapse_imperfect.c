/* A statement between the loops of a collapsed nest. */
int main(void)
{
    int a[10];
#pragma omp parallel for collapse(2) //~?
    for (int i = 0; i < 10; ++i) { //~?
        a[i] = 0; //~?
        for (int j = 0; j < 10; ++j) //~?
            a[i] += j;
    }
    return 0;
}
