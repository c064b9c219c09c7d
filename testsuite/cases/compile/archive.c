//# also: parts/archive_sort.c parts/archive_fill.c
//# build: archive
/* Functions with constructs in a static library. */
#include <stdio.h>

void fill(int *a, int n);
void sort(int *a, int n);
extern int comparisons_made;

int main(void)
{
    int a[400], ordered = 1;
    fill(a, 400);
    sort(a, 400);
    for (int i = 1; i < 400; ++i)
        ordered &= a[i - 1] <= a[i];
    printf("%d %d %d %d\n", ordered, a[0], a[399], comparisons_made);
    return 0;
}
