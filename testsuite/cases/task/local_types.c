/* Tasks that use types, enumerators and functions declared in their function. */
#include <stdio.h>

int main(void)
{
    enum color { RED = 2, GREEN };
    struct point {
        int x, y;
    };
    typedef struct {
        struct point from, to;
    } line;
    line l = {{1, 2}, {3, 4}};
    int sum = 0;
#pragma omp parallel
#pragma omp single
    {
        struct point origin = {5, 6};
        union {
            int i;
            unsigned char bytes[4];
        } u = {.i = 9};
#pragma omp task firstprivate(l) shared(sum)
        {
            struct point local = l.to;
            sum += local.x * local.y + origin.x + origin.y + GREEN + u.i + (int)sizeof(struct point);
        }
    }
    printf("%d\n", sum);
    return 0;
}
