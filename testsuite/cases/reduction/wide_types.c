/* Integers of 128 bits, complex integers, __float128, characters and _Bool. */
#include <stdio.h>

int main(void)
{
    __int128 sum = 0, most = -5, least = 5;
    unsigned __int128 product = 1;
    __float128 quad = 0, highest = -1, lowest = 1000;
    int _Complex point = 1;
    unsigned char _Complex small = 0;
    long _Complex turned = 1;
    _Bool all = 1;
    signed char letter = 3;
#pragma omp parallel for reduction(+ : sum, quad, point, small, letter) reduction(* : product, turned) \
    reduction(max : most, highest) reduction(min : least, lowest) reduction(&& : all)
    for (int i = 1; i <= 16; i++) {
        const __int128 large = (__int128)i << 100;
        sum += (__int128)i << 70;
        quad += i;
        point += i + 1i;
        small += 1;
        letter += 1;
        product *= 3;
        turned *= 1 + 1i;
        most = large > most ? large : most;
        least = -large < least ? -large : least;
        highest = i > highest ? i : highest;
        lowest = i < lowest ? i : lowest;
        all = all && i;
    }
#pragma omp parallel for
    for (int i = 0; i < 10; i++) {
#pragma omp atomic
        quad += 1;
#pragma omp atomic
        sum += 1;
    }
    printf("%lld %lld %d %d %d %d %d\n", (long long)(sum >> 70), (long long)sum, (int)quad, (int)__real__ point,
           (int)__imag__ point, (int)__real__ small, all);
    printf("%d %d %lld %lld %d %d %d %d\n", letter, (int)product, (long long)(most >> 100), (long long)(least >> 100),
           (int)highest, (int)lowest, (int)__real__ turned, (int)__imag__ turned);
    return 0;
}
