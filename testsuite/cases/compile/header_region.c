//# also: parts/header_region_part.c
/* A static inline function with a region, in a header that two files include. */
#include <stdio.h>
#include "parts/total.h"

int part(void);

int main(void)
{
    int a[100];
    for (int i = 0; i < 100; ++i)
        a[i] = i;
    printf("%d %d\n", total(a, 100), part());
    return 0;
}
