/* atomic update on every arithmetic type; the values make every order give the same bits. */
#include <stdio.h>
#include <stdint.h>

#define CHECK(type, format, op, first, e)                                     \
    do {                                                                      \
        static type x;                                                        \
        x = (type)(first);                                                    \
        _Pragma("omp parallel for") for (int i = 0; i < 16; ++i)              \
        {                                                                     \
            _Pragma("omp atomic") x op(e);                                    \
        }                                                                     \
        printf(#type " " #op ": " format "\n", x);                            \
    } while (0)

int main(void)
{
    CHECK(char, "%d", +=, 1, 2);
    CHECK(signed char, "%d", -=, 1, 3);
    CHECK(unsigned char, "%d", +=, 200, 10);
    CHECK(short, "%d", +=, -300, i);
    CHECK(unsigned short, "%d", *=, 3, 5);
    CHECK(int, "%d", -=, 1000, i * i);
    CHECK(unsigned, "%u", *=, 7, 1000003u);
    CHECK(long, "%ld", ^=, 5, 1L << (3 * i));
    CHECK(unsigned long, "%lu", |=, 0, 1UL << (4 * i));
    CHECK(long long, "%lld", &=, -1, ~(1LL << (i + 30)));
    CHECK(unsigned long long, "%llu", +=, 1, 0x123456789abcdefULL);
    CHECK(float, "%g", +=, 0.5f, 0.25f * (float)i);
    CHECK(double, "%g", -=, 100, 0.125 * i);
    CHECK(double, "%g", *=, 3, 2.0);
    CHECK(int64_t, "%ld", +=, 0, (int64_t)i << 40);
    CHECK(uint8_t, "%d", ^=, 0, 1 << (i % 8));
    return 0;
}
