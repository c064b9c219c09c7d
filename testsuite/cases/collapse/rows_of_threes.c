/* collapse of four loops of different types and directions, with lastprivate and a reduction. */
#include <stdio.h>
int main(void)
{
    int seen[3][4][2][5] = {0}, last = 0;
    long sum = 0;
    int i;
    unsigned char c;
    long l;
    short s;
#pragma omp parallel for collapse(4) lastprivate(i, c, l, s, last) reduction(+ : sum) schedule(dynamic, 7)
    for (i = 2; i >= 0; i--)
        for (c = 0; c < 4; ++c)
            for (l = 10; l != 12; l++)
                for (s = -2; s <= 2; s++) {
                    seen[i][c][l - 10][s + 2]++;
                    last = i * 1000 + c * 100 + (int)l + s;
                    sum += last;
                }
    int wrong = 0;
    for (i = 0; i < 120; i++)
        wrong += (&seen[0][0][0][0])[i] != 1;
    printf("%d %d %d %d %d %d %ld\n", wrong, (int)c, (int)l, (int)s, last, i, sum);
    return 0;
}
