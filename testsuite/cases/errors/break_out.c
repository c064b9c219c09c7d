//# error: break
/* break out of a loop construct. */
int main(void)
{
    int a[10];
#pragma omp parallel for
    for (int i = 0; i < 10; ++i) {
        a[i] = i;
        if (i == 5)
            break; //~
    }
    return 0;
}
