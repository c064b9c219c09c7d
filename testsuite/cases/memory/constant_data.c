/* const tables, of pointers too, read by all threads; a pointer to const changed in a region. */
#include <stdio.h>

static const double weights[5] = {0.5, 1, 2, 4, 8};
static const struct { const char *name; const double *data; } entries[2] = {{"low", weights}, {"high", weights + 3}};
static const double *chosen = weights;

int main(void)
{
    static const int order[4] = {3, 1, 2, 0};
    double sum = 0;
    int letters = 0;
#pragma omp parallel
    {
#pragma omp single
        chosen = entries[1].data;
#pragma omp for reduction(+ : sum, letters)
        for (int i = 0; i < 4; ++i) {
            sum += weights[order[i]] + chosen[i % 2];
            letters += entries[i % 2].name[0];
        }
    }
    printf("%g %d %g\n", sum, letters, *chosen);
    return 0;
}
