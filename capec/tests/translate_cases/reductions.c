/* Reductions: every operator and type, arrays, array sections, pointers, variable-length arrays, empty loops. */
#include <complex.h>
#include <stdio.h>
#include <stdlib.h>

#define INTEGERS(X) X(signed char) X(unsigned char) X(short) X(unsigned short) X(int) X(unsigned) X(long) X(unsigned long) X(long long) X(unsigned long long)
#define ONE(type)                                                                                                         \
    {                                                                                                                     \
        type sum = 3, product = 1, and = (type)0x7f, or = 0, xor = 1, least = 100, most = 1, land = 1, lor = 0;            \
        _Pragma("omp parallel for reduction(+ : sum) reduction(* : product) reduction(& : and) reduction(| : or) reduction(^ : xor) reduction(min : least) reduction(max : most) reduction(&& : land) reduction(|| : lor)") \
        for (int i = 1; i <= 10; i++) {                                                                                   \
            sum += (type)i;                                                                                               \
            product *= i % 3 ? 1 : 2;                                                                                     \
            and &= (type)(0x70 | i);                                                                                      \
            or |= (type)i;                                                                                                \
            xor ^= (type)(i * 3);                                                                                         \
            if ((type)(i * 7 % 11) < least) least = (type)(i * 7 % 11);                                                   \
            if ((type)(i * 7 % 11) > most) most = (type)(i * 7 % 11);                                                     \
            land = land && i < 20;                                                                                        \
            lor = lor || i == 7;                                                                                          \
        }                                                                                                                 \
        printf("%lld %lld %lld %lld %lld %lld %lld %lld %lld\n", (long long)sum, (long long)product, (long long)and,       \
               (long long)or, (long long)xor, (long long)least, (long long)most, (long long)land, (long long)lor);        \
    }
#define REAL(type)                                                                                          \
    {                                                                                                       \
        type sum = 0.5, product = 1, least = 1e30, most = -1e30;                                             \
        _Pragma("omp parallel for reduction(+ : sum) reduction(* : product) reduction(min : least) reduction(max : most) schedule(dynamic)") \
        for (int i = 1; i <= 8; i++) {                                                                      \
            sum += i;                                                                                       \
            product *= i;                                                                                   \
            least = i - 4 < least ? i - 4 : least;                                                          \
            most = i > most ? i : most;                                                                     \
        }                                                                                                   \
        printf("%g %g %g %g\n", (double)sum, (double)product, (double)least, (double)most);                 \
    }

static long histogram[8];

static void section(int *a, int low, int length, int n)
{
    int whole[4] = {0};
    double grid[3][2] = {{1}};
#pragma omp parallel for reduction(+ : a[low : length], whole, grid) reduction(+ : histogram[ : 4])
    for (int i = 0; i < n; i++) {
        a[low + i % length] += i;
        whole[i % 4]++;
        grid[i % 3][i % 2] += 0.5;
        histogram[i % 4]++;
    }
    printf("%d %d %d %g %ld\n", a[low], a[low + length - 1], whole[1], grid[2][1], histogram[3]);
#pragma omp parallel reduction(max : a[1 : length - 1]) reduction(+ : whole)
    {
        a[1] = 1000;
        whole[0] += 0;
    }
    printf("%d %d\n", a[1], whole[0]);
}

static long lengths(int n)
{
    long totals[n], rows[2][n];
    long *heap = calloc(n, sizeof *heap), sum = 0;
    for (int i = 0; i < n; i++)
        totals[i] = i, rows[0][i] = rows[1][i] = 0;
#pragma omp parallel for reduction(+ : totals, heap[0 : n], rows)
    for (int i = 0; i < 100; i++) {
        totals[i % n] += i;
        heap[(i + 1) % n] -= i;
        rows[i % 2][i % n]++;
    }
    for (int i = 0; i < n; i++)
        sum += totals[i] * 3 + heap[i] + rows[1][i];
    free(heap);
    return sum;
}

int main(void)
{
    INTEGERS(ONE)
    REAL(float)
    REAL(double)
    REAL(long double)
    double complex z = 1, w = 1;
    _Bool any = 0, all = 1;
    int a[10] = {0}, difference = 100, empty = 42, orphan = 0;
#pragma omp parallel for reduction(+ : z) reduction(* : w) reduction(|| : any) reduction(&& : all) reduction(- : difference)
    for (int i = 0; i < 4; i++) {
        z += i * I;
        w *= I;
        any = any || i == 2;
        all = all && i < 3;
        difference -= i;
    }
    printf("%g %g %g %g %d %d %d\n", creal(z), cimag(z), creal(w) + 0.0, cimag(w) + 0.0, any, all, difference);
#pragma omp parallel for reduction(min : empty)
    for (int i = 0; i < 0; i++)
        empty = 0;
    printf("%d\n", empty);
    section(a, 2, 5, 20);
    printf("%ld\n", lengths(7));
#pragma omp parallel
    {
#pragma omp sections reduction(+ : orphan)
        {
            orphan += 1;
#pragma omp section
            orphan += 10;
#pragma omp section
            {
                orphan += 100;
            }
        }
#pragma omp for reduction(+ : orphan) nowait
        for (int i = 0; i < 5; i++)
            orphan += 1000;
    }
    printf("%d\n", orphan);
    return 0;
}
