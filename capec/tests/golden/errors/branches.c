/* Ways into a structured block and out of it. */
int main(void)
{
    int i, n = 3;
#pragma omp parallel for
    for (i = 0; i < n; i++)
        if (i == 2)
            break;
    for (;;) {
#pragma omp parallel
        { continue; }
    }
#pragma omp parallel
    { return 1; }
#pragma omp parallel
    { in: n++; }
    goto in;
    switch (n) {
#pragma omp critical
        { case 1: n++; }
    }
    if (n)
#pragma omp barrier
        ;
    return 0;
}
