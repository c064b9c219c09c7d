/* A region that uses forty locals of different types. */
#include <stdio.h>

#define EACH(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9)
#define DECLARE(k) int i##k = k; double d##k = k / 2.0; char c##k[3] = {(char)(65 + k)}; long *p##k = &l[k];
#define CHANGE(k) i##k += n; d##k *= 2; c##k[1] = c##k[0]; *p##k += i##k + (long)d##k + c##k[1];
#define SHOW(k) printf("%d %g %s %ld\n", i##k, d##k, c##k, *p##k);

int main(void)
{
    long l[10] = {0};
    int n = 1000, m = 0;
    EACH(DECLARE)
#pragma omp parallel sections
    {
#pragma omp section
        {
            EACH(CHANGE)
        }
#pragma omp section
        m = n + 1;
    }
    EACH(SHOW)
    printf("%d\n", m);
    return 0;
}
