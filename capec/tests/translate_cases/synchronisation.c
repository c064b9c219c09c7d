/* single, master, barrier, critical, atomic; orphaned; several in one region. */
#include <omp.h>
#include <stdio.h>

static int counter, events[8];
static struct {
    int value;
    double *cells;
} box;

static void orphaned(int *order)
{
#pragma omp single
    order[0]++;
#pragma omp barrier
#pragma omp master
    {
        order[1] += order[0];
    }
#pragma omp barrier
#pragma omp critical(order)
    order[2] += 1;
}

int main(void)
{
    int order[3] = {0}, n = 0, captured = 0, i;
    unsigned char small = 250;
    float f = 0;
    double d = 0, cells[4] = {0}, product = 1;
    long long big = 0;
    unsigned bits = 0, mask = ~0u, flips = 0;
    int *pointer = &events[0];
    _Bool flag = 0;
    box.cells = cells;
#pragma omp parallel
    orphaned(order);
    printf("%d %d %d\n", order[0], order[1], order[2] > 0);
    order[0] = 0;
    orphaned(order);
    printf("%d\n", order[0]);
#pragma omp parallel for
    for (i = 0; i < 16; i++) {
#pragma omp atomic
        counter++;
#pragma omp atomic update
        n += i * 2;
#pragma omp atomic
        --big;
#pragma omp atomic
        big -= (unsigned)i;
#pragma omp atomic
        small += 1;
#pragma omp atomic
        f = f + 0.5;
#pragma omp atomic
        d = 1 + d;
#pragma omp atomic
        box.cells[i % 4] += i;
#pragma omp atomic
        bits |= 1u << i;
#pragma omp atomic
        mask &= ~(1u << i);
#pragma omp atomic
        flips ^= i;
#pragma omp atomic
        product *= i % 2 ? 2 : 1;
#pragma omp atomic
        box.value -= 3;
#pragma omp atomic
        n /= 1;
#pragma omp atomic
        bits <<= 0;
#pragma omp atomic seq_cst
        events[7] += 1;
        if (i == 3)
#pragma omp atomic write
            events[1] = 9;
        if (i < 4) {
#pragma omp atomic
            pointer++;
#pragma omp atomic
            flag |= 1;
        }
#pragma omp atomic capture
        captured = counter += 0;
#pragma omp atomic capture
        {
            captured = events[6];
            events[6]++;
        }
#pragma omp atomic read hint(0)
        captured = n;
    }
    printf("%d %d %lld %d %g %g %g %u %u %u %g %d %d\n", counter, n, big, small, f, d, cells[3], bits, mask, flips, product, box.value,
           events[7]);
    printf("%d %d %d %d\n", (int)(pointer - events), flag, events[6], events[1]);
#pragma omp parallel
    {
        int me = omp_get_thread_num();
        if (me >= 0) {
#pragma omp critical
            {
                counter += me * 0;
            }
        }
        switch (me) {
        case 0:
            events[2] = 1;
            break;
        default:
            break;
        }
        while (1) {
            if (me >= 0)
                break;
        }
#pragma omp masked
        events[3] = omp_get_num_threads() > 0;
#pragma omp barrier
#pragma omp single nowait
        events[4] = events[3] + 1;
    }
    printf("%d %d %d\n", events[2], events[3], events[4]);
#pragma omp parallel sections num_threads(2)
    {
#pragma omp section
        events[5] += 2;
#pragma omp section
        {
            int k;
            for (k = 0; k < 3; k++) {
                if (k == 1)
                    break;
            }
            events[0] = k;
        }
    }
    printf("%d %d\n", events[5], events[0]);
    return events[4] - 2;
}
