/* The second file of compile/header_region. */
#include "total.h"

int part(void)
{
    int a[3] = {1, 2, 3};
    return total(a, 3);
}
