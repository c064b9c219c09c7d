//# error: monotonic
/* The modifiers of a schedule exclude each other. */
int main(void)
{
    int a[10];
#pragma omp parallel for schedule(monotonic, nonmonotonic : dynamic) //~
    for (int i = 0; i < 10; ++i)
        a[i] = i;
    return a[0];
}
