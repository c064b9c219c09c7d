/* Canonical loops: every relation, step, type and direction; empty ranges, extreme ranges; collapse; schedules. */
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stddef.h>

static int calls;
static int once(int value)
{
    calls++;
    return value;
}

#define CHECK(header, key)                                             \
    do {                                                               \
        unsigned long long count = 0, mix = 0;                         \
        _Pragma("omp parallel for reduction(+ : count) reduction(^ : mix)") \
        for (header) {                                                 \
            count++;                                                   \
            mix ^= (unsigned long long)(key)*2654435761u;              \
        }                                                              \
        printf("%llu %llu\n", count, mix);                             \
    } while (0)

static unsigned char visited[64];

int main(void)
{
    int n = 10, i, last = -1;
    int array[20];
    CHECK(int k = 0; k < n; k++, k)
    ;
    CHECK(int k = n; k > 0; --k, k);
    CHECK(int k = n; k >= 0; k -= 3, k);
    CHECK(int k = -5; k <= 5; k += 2, k + 100);
    CHECK(int k = 0; n > k; k = k + 4, k);
    CHECK(int k = 0; k != n; ++k, k);
    CHECK(int k = n; k != 0; k--, k);
    CHECK(int k = n; 0 < k; k = k - 3, k);
    CHECK(int k = 0; k < n; k = 3 + k, k);
    CHECK(int k = 5; k < 5; k++, k);
    CHECK(int k = 5; k < -5; k++, k);
    CHECK(unsigned k = 7; k > 2; k -= 2, k);
    CHECK(unsigned k = 0; k < (unsigned)(n - 10); k++, k);
    CHECK(unsigned char k = 250; k < 255; k++, k);
    CHECK(short k = 32000; k < 32600; k += 100, k);
    CHECK(size_t k = SIZE_MAX - 9; k < SIZE_MAX; k += 4, k);
    CHECK(long k = LONG_MAX - 6; k < LONG_MAX; k += 3, k);
    CHECK(int k = INT_MAX - 3; k < INT_MAX; k++, k);
    CHECK(int k = INT_MIN; k < INT_MIN + 4; k++, k);
    CHECK(long long k = LLONG_MIN + 2; k > LLONG_MIN; k--, k);
    CHECK(int *k = array; k < array + 20; k += 7, k - array);
    CHECK(int *k = array + 19; k >= array; k--, k - array);
    CHECK(int *k = array; k != array + 3; k++, k - array);
    CHECK(int k = once(0); k < once(9); k += once(2), k);
    printf("%d\n", calls > 0);

    int step = -3;
    CHECK(int k = 9; k > 0; k += step, k);
    step = 4;
    CHECK(int k = 9; k > -9; k -= step, k + 50);

#pragma omp parallel for lastprivate(i, last)
    for (i = 0; i < n; i += 3)
        last = i;
    printf("%d %d\n", i, last);

    for (int kind = 0; kind < 6; kind++) {
        int sum = 0, j = 0;
        long k;
        if (kind == 0)
#pragma omp parallel for schedule(static, 3) reduction(+ : sum)
            for (i = 0; i < 50; i++)
                sum += i;
        else if (kind == 1)
#pragma omp parallel for schedule(dynamic) reduction(+ : sum)
            for (i = 0; i < 50; i++)
                sum += i;
        else if (kind == 2)
#pragma omp parallel for schedule(guided, n / 5) reduction(+ : sum)
            for (i = 0; i < 50; i++)
                sum += i;
        else if (kind == 3) {
#pragma omp parallel for schedule(runtime) reduction(+ : sum) collapse(3) lastprivate(i, j, k)
            for (i = 0; i < 3; i++)
                for (j = 10; j > 4; j -= 2) {
                    for (k = 1; k <= 4; k++)
                        sum += i * 100 + j * 10 + (int)k;
                }
            printf("%d %d %ld ", i, j, k);
        } else if (kind == 4)
#pragma omp parallel for schedule(nonmonotonic : dynamic, 5) collapse(2) reduction(+ : sum) private(k)
            for (i = 0; i < 7; i++)
                for (j = 0; j < 11; j++) {
                    if (j % 3 == 0)
                        continue;
                    k = i * j;
                    sum += (int)k;
                }
        else
#pragma omp parallel for schedule(auto) reduction(+ : sum) collapse(2)
            for (i = 0; i < 0; i++)
                for (j = 0; j < 5; j++)
                    sum++;
        printf("%d\n", sum);
    }

#pragma omp parallel
    {
        int mine = 0;
#pragma omp for nowait schedule(static)
        for (i = 0; i < 64; i++)
            visited[i]++, mine++;
#pragma omp for schedule(dynamic, 7)
        for (int j = 0; j < 64; j++) {
            if (j & 1)
                continue;
            visited[j] += 2;
        }
#pragma omp critical
        last += mine;
    }
    for (i = 0; i < 64; i++)
        last += visited[i] * i;
    printf("%d\n", last);

    if (n > 5)
#pragma omp parallel for
        for (i = 0; i < 64; i++)
            visited[i] = 0;
    else
        printf("not reached\n");
    return visited[3];
}
