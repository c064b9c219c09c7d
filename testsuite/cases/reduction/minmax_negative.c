/* The identities of min and max: all-negative maxima, all-large minima, of signed, unsigned and floating types. */
#include <float.h>
#include <limits.h>
#include <stdio.h>

int main(void)
{
    int hi = INT_MIN;
    unsigned lo = UINT_MAX;
    double dhi = -DBL_MAX;
    float flo = FLT_MAX;
    long long llhi = LLONG_MIN;
#pragma omp parallel for reduction(max : hi, dhi, llhi) reduction(min : lo, flo)
    for (int i = 0; i < 3; ++i) {
        if (hi < -1000 - i)
            hi = -1000 - i;
        if (dhi < -1e30 - i * 1e30)
            dhi = -1e30 - i * 1e30;
        if (lo > 4000000000u + (unsigned)i)
            lo = 4000000000u + (unsigned)i;
        if (flo > 1e30f * (float)(i + 1))
            flo = 1e30f * (float)(i + 1);
        if (llhi < -5000000000LL * (i + 1))
            llhi = -5000000000LL * (i + 1);
    }
    printf("%d %u %g %g %lld\n", hi, lo, dhi, flo, llhi);
    return 0;
}
