/* Inclusive and exclusive scans: operators, several variables, arrays, doubles, user-defined, more threads than iterations. */
#include <stdio.h>
#pragma omp declare reduction(most : int : omp_out = omp_in > omp_out ? omp_in : omp_out) initializer(omp_priv = -1000)
static int in[1000], out[1000], high[1000];
int main(void)
{
    int x = 10, y = 1, m = -7, few = 3;
    for (int i = 0; i < 1000; i++)
        in[i] = (i * 37) % 101 - 50;
#pragma omp parallel for reduction(inscan, + : x)
    for (int i = 0; i < 1000; i++) {
        x += in[i];
#pragma omp scan inclusive(x)
        out[i] = x;
    }
    long check = x;
    for (int i = 0; i < 1000; i++)
        check = (check * 3 + out[i]) % 1000000007;
    printf("%d %ld\n", x, check);
#pragma omp parallel
    {
#pragma omp for reduction(inscan, + : x) reduction(inscan, max : m)
        for (int i = 0; i < 1000; i++) {
            out[i] = x;
            high[i] = m;
#pragma omp scan exclusive(x, m)
            x += 1;
            m = m > in[i] ? m : in[i];
        }
    }
    for (int i = 0; i < 1000; i++)
        check = (check * 3 + out[i] + high[i]) % 1000000007;
    printf("%d %d %ld\n", x, m, check);
    m = -7;
#pragma omp parallel for reduction(inscan, most : m) reduction(+ : y)
    for (int i = 0; i < 300; i++) {
        m = in[i] > m ? in[i] : m;
        y += in[i];
#pragma omp scan inclusive(m)
        high[i] = m;
    }
    for (int i = 0; i < 300; i++)
        check = (check * 3 + high[i]) % 1000000007;
    printf("%d %d %ld\n", m, y, check);
#pragma omp parallel for reduction(inscan, * : few)
    for (int i = 1; i < 4; i++) {
        few *= i;
#pragma omp scan inclusive(few)
        out[i] = few;
    }
    printf("%d %d %d %d\n", few, out[1], out[2], out[3]);
    x = 0;
#pragma omp simd reduction(inscan, + : x)
    for (int i = 0; i < 100; i++) {
        x += in[i];
#pragma omp scan inclusive(x)
        out[i] = x;
    }
    printf("%d %d\n", x, out[50]);
    return 0;
}
