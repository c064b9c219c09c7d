/* Local types without a tag: their variables are copied by constructs that stay in the function, and by regions. */
#include <stdio.h>

int main(void)
{
    enum { LOW = 1, MIDDLE, HIGH } level = LOW, last = LOW;
    struct {
        int a;
        double b[2];
    } pair = {4, {0.5, 1.5}};
    int sum = 0;
#pragma omp target
    {
        level = HIGH;
        sum = level;
    }
    printf("%d %d\n", level, sum);
#pragma omp target firstprivate(pair) map(tofrom : sum)
    {
        pair.a += 3;
        sum += pair.a;
    }
#pragma omp parallel firstprivate(level) reduction(+ : sum)
    {
        union {
            int whole;
            char part[4];
        } box;
#pragma omp for firstprivate(pair) lastprivate(last) private(box)
        for (int i = 0; i < 40; i++) {
            box.whole = i;
            pair.b[0] = i;
            last = i % 2 ? HIGH : MIDDLE;
            sum += level + pair.a + (int)pair.b[0] + box.whole;
        }
    }
    printf("%d %d %d %g\n", sum, last, pair.a, pair.b[0]);
    return 0;
}
