/* Every shape of atomic compare that gcc takes, with and without capture, and its clauses. */
#include <omp.h>
#include <stdio.h>

int main(void)
{
    int least = 1000, most = -1000, first = 0, swapped = 7, won = 0, tries = 0, sum = 0;
    long long big = 5;
    unsigned char small = 200;
    double low = 1e9, high = -1e9;
#pragma omp parallel for reduction(+ : won, tries, sum)
    for (int i = 0; i < 60; ++i) {
        int key = i * 37 % 101, old, done;
        double real = key * 0.5;
#pragma omp atomic compare
        if (key < least) { least = key; }
#pragma omp atomic compare seq_cst
        most = most < key ? key : most;
#pragma omp atomic compare
        if (low > real) { low = real; }
#pragma omp atomic compare acq_rel hint(omp_sync_hint_contended)
        high = real > high ? real : high;
#pragma omp atomic compare capture
        { old = first; if (first == 0) { first = i + 1; } }
        won += old == 0;
#pragma omp atomic compare capture seq_cst fail(relaxed) weak
        { done = swapped == 7; if (done) { swapped = 8; } }
        tries += done;
#pragma omp atomic compare capture fail(acquire)
        if (big == 5) { big = 6; } else { old = big; }
#pragma omp atomic capture compare
        { done = small == 200; if (done) { small = 250; } else { old = small; } }
#pragma omp atomic compare capture
        { if (least > key) { least = key; } old = least; }
        sum += old <= key;
    }
    printf("%d %d %g %g %d %d %d %lld %d %d\n", least, most, low, high, first > 0, won, tries >= 1 && swapped == 8, big, small, sum);
    return 0;
}
