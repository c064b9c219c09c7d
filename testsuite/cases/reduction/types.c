/* Sum, minimum and maximum over every arithmetic type. */
#include <complex.h>
#include <stdbool.h>
#include <stdio.h>

#define CHECK(type, format)                                                             \
    do {                                                                                \
        type sum = 1, low = (type)100, high = 0;                                        \
        _Pragma("omp parallel for reduction(+ : sum) reduction(min : low) reduction(max : high)") \
        for (int i = 1; i < 20; ++i) {                                                  \
            sum += (type)i;                                                             \
            low = low < (type)i ? low : (type)i;                                        \
            high = high > (type)i ? high : (type)i;                                     \
        }                                                                               \
        printf(#type ": " format " " format " " format "\n", sum, low, high);           \
    } while (0)

int main(void)
{
    CHECK(char, "%d");
    CHECK(signed char, "%d");
    CHECK(unsigned char, "%d");
    CHECK(short, "%d");
    CHECK(unsigned short, "%d");
    CHECK(int, "%d");
    CHECK(unsigned, "%u");
    CHECK(long, "%ld");
    CHECK(unsigned long, "%lu");
    CHECK(long long, "%lld");
    CHECK(unsigned long long, "%llu");
    CHECK(float, "%g");
    CHECK(double, "%g");
    CHECK(long double, "%Lg");
    double complex z = 1 + 2 * I;
    bool any = false;
#pragma omp parallel for reduction(+ : z) reduction(|| : any)
    for (int i = 0; i < 16; ++i) {
        z += i + 0.5 * i * I;
        any = any || i == 7;
    }
    printf("%g %g %d\n", creal(z), cimag(z), any);
    return 0;
}
