/* Every schedule with and without a chunk runs every iteration exactly once. */
#include <stdio.h>

#define N 1003

static unsigned char runs[N];

static void check(const char *name)
{
    int wrong = 0;
    for (int i = 0; i < N; ++i) {
        wrong += runs[i] != 1;
        runs[i] = 0;
    }
    printf("%s %d\n", name, wrong);
}

#define TRY(clause)                                                                       \
    do {                                                                                  \
        _Pragma("omp parallel") { _Pragma(clause) for (int i = 0; i < N; ++i) runs[i] += 1; } \
        check(clause);                                                                    \
    } while (0)

int main(void)
{
    int chunk = 9;
    TRY("omp for schedule(static)");
    TRY("omp for schedule(static, 1)");
    TRY("omp for schedule(static, chunk)");
    TRY("omp for schedule(static, 5000)");
    TRY("omp for schedule(dynamic)");
    TRY("omp for schedule(dynamic, 50)");
    TRY("omp for schedule(dynamic, chunk + 1)");
    TRY("omp for schedule(guided)");
    TRY("omp for schedule(guided, 20)");
    TRY("omp for schedule(auto)");
    TRY("omp for schedule(runtime)");
    return 0;
}
