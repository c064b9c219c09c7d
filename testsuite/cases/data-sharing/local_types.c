/* Types, enumerations and typedefs declared in the function, used in the region. */
#include <stdio.h>

int main(void)
{
    struct vec { double x[3]; };
    typedef struct vec vec_t;
    enum axis { X, Y, Z, AXES };
    typedef int row[AXES];
    vec_t v[20];
    row counts = {0, 0, 0};
    union bits { unsigned u; unsigned char b[4]; } bits[4];
    enum axis main_axis = Y;
#pragma omp parallel for
    for (int i = 0; i < 20; ++i)
        for (int k = X; k < AXES; ++k)
            v[i].x[k] = i + k * 0.5;
#pragma omp parallel for
    for (int k = 0; k < 4; ++k) {
        bits[k].u = 0x01020304u * (unsigned)(k + 1);
        bits[k].b[1] ^= 0xff;
    }
#pragma omp parallel
    {
        typedef struct { int k; } inner;
        inner in = {main_axis};
#pragma omp for
        for (int i = 0; i < AXES; ++i)
            counts[i] += in.k + i;
    }
    double sum = 0;
    for (int i = 0; i < 20; ++i)
        sum += v[i].x[0] + v[i].x[1] * 2 + v[i].x[2] * 3;
    printf("%g %d %d %d %u %u\n", sum, counts[0], counts[1], counts[2], bits[0].u, bits[3].u);
    return 0;
}
