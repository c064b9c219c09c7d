/* A construct that is the last statement of a region: its barrier and the region's are one, unless tasks may refer to what the region holds. */
#include <stdio.h>
#include <string.h>

enum { N = 1000 };
static int a[N], b[N], leaves[64];

static void spread(int *values, int from, int to)
{
    if (to - from == 1) {
        values[from] = from + 1;
        return;
    }
    int middle = (from + to) / 2;
#pragma omp task
    spread(values, from, middle);
#pragma omp task
    spread(values, middle, to);
}

int main(void)
{
    int sum = 0, last = 0, wrong = 0, i;

    /* Alone in the region, with tasks that are complete when it ends. */
#pragma omp parallel
#pragma omp single
    spread(leaves, 0, 64);
    for (int k = 0; k < 64; k++)
        wrong += leaves[k] != k + 1;

    memset(leaves, 0, sizeof leaves);
#pragma omp parallel
    {
#pragma omp single
        {
            spread(leaves, 0, 64);
        }
    }
    for (int k = 0; k < 64; k++)
        wrong += leaves[k] != k + 1;

    /* What tasks refer to is the region's own: each thread's arrays live until the tasks are complete. */
#pragma omp parallel reduction(+ : wrong)
    {
        char own[N] = {0}, more[N] = {0};
        int total = 0, expected = 0;
#pragma omp for
        for (int k = 0; k < N; k++) {
#pragma omp task shared(own) firstprivate(k)
            own[k]++;
        }
#pragma omp for nowait
        for (int k = 0; k < N; k++)
            expected++;
        for (int k = 0; k < N; k++)
            total += own[k];
        wrong += total != expected;
#pragma omp for
        for (int k = 0; k < N; k++) {
#pragma omp task shared(more) firstprivate(k)
            more[k]++;
        }
    }

    /* One loop needs the other; results come out at the end. */
#pragma omp parallel private(i)
    {
#pragma omp for
        for (i = 0; i < N; i++)
            a[i] = i;
#pragma omp for reduction(+ : sum) lastprivate(last)
        for (i = 0; i < N; i++) {
            b[i] = a[N - 1 - i];
            sum += b[i];
            last = b[i];
        }
    }
    for (int k = 0; k < N; k++)
        wrong += b[k] != N - 1 - k;

    /* The last statement of a loop's body is not the region's, nor is what a condition rules. */
#pragma omp parallel
    {
        for (int round = 1; round < 6; round++) {
#pragma omp for
            for (int k = 0; k < N; k++)
                a[k] = b[(k + round) % N] + 1;
#pragma omp for
            for (int k = 0; k < N; k++)
                b[k] = a[(k + 7 * round) % N];
        }
    }
#pragma omp parallel
    for (int round = 1; round < 6; round++) {
#pragma omp for
        for (int k = 0; k < N; k++)
            a[k] = b[(k + round) % N] + 1;
#pragma omp single
        {
            int first = a[0];
            memmove(a, a + 1, sizeof a - sizeof *a);
            a[N - 1] = first;
        }
#pragma omp for
        for (int k = 0; k < N; k++)
            b[k] = a[(k + 7 * round) % N];
    }
    long check = 0;
    for (int k = 0; k < N; k++)
        check = (check * 31 + b[k]) % 1000003;

#pragma omp parallel
    {
        int often = 3;
        while (often-- > 0)
#pragma omp sections
        {
#pragma omp section
            a[0] = b[1] + often;
#pragma omp section
            a[1] = b[0] + often;
        }
    }

    printf("%d %d %d %ld %d %d\n", wrong, sum, last, check, a[0], a[1]);
    return 0;
}
