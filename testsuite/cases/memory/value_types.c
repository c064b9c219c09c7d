/* Shared scalars of odd types: long double, complex, _Bool, enum, pointers, 128-bit integers, unions. */
#include <complex.h>
#include <stdbool.h>
#include <stdio.h>

enum colour { RED, GREEN = 7, BLUE };
union number { int i; double d; char c[12]; };

int main(void)
{
    long double ld = 0;
    double complex z = 0;
    float complex zf = 0;
    _Bool yes = false;
    enum colour colour = RED;
    void *self = NULL;
    __int128 wide = 1;
    union number u = {0};
    int target = 5, **pp, *p = &target;
    pp = &p;
#pragma omp parallel sections
    {
#pragma omp section
        {
            ld = 1.25L;
            yes = true;
        }
#pragma omp section
        {
            z = 1 + 2 * I;
            zf = 3 * I;
            colour = BLUE;
        }
#pragma omp section
        {
            self = &self;
            wide <<= 100;
            u.d = 0.75;
            **pp = 6;
        }
    }
    printf("%Lg %g %g %g %d %d %d %d %g %d\n", ld, creal(z), cimag(z), (double)cimagf(zf), yes, colour, self == &self,
           (int)(wide >> 98), u.d, target);
    return 0;
}
