#include "tally.h"

#include <stdlib.h>
#include <string.h>

static unsigned char marked[5000];

int main(void)
{
    memset(marked, 1, sizeof marked);
#pragma omp parallel for
    for (int n = 0; n < 5000; n += 5)
        marked[n] = 0;
    long *digits = tally_last_digits(marked, 5000);
    const int right = digits[0] == 500 && digits[5] == 500 && digits[1] == 0;
    free(digits);
    return right ? 0 : 1;
}
