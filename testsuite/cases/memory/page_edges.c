/* Elements that straddle page boundaries, arrays that end in the middle of a page beside another variable. */
#include <stdio.h>

#pragma pack(push, 1)
struct odd { char c; double d; int i; };
#pragma pack(pop)

static struct odd a[2000];
static char before[4095];
static long beside[3] = {1, 2, 3};
static char after[4097];

int main(void)
{
    for (int round = 0; round < 3; ++round) {
#pragma omp parallel for schedule(static, 3)
        for (int i = 0; i < 2000; ++i) {
            a[i].c = (char)(a[i].c + i);
            a[i].d += i * 0.5;
            a[i].i -= i;
        }
#pragma omp parallel sections
        {
#pragma omp section
            for (int i = 0; i < 4095; ++i)
                before[i] = (char)(before[i] + i);
#pragma omp section
            beside[round] += 100;
#pragma omp section
            for (int i = 0; i < 4097; ++i)
                after[i] = (char)(after[i] ^ i);
        }
    }
    double sum = 0;
    long x = 0;
    for (int i = 0; i < 2000; ++i)
        sum += a[i].c + a[i].d * 2 + a[i].i;
    for (int i = 0; i < 4095; ++i)
        x += before[i] * after[i + 2] + before[i];
    printf("%.1f %ld %ld %ld %ld\n", sum, x, beside[0], beside[1], beside[2]);
    return 0;
}
