//# cflags: -static
//# trackers: wp-async
/* A statically linked program. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *text[20];

int main(void)
{
    int sum = 0;
#pragma omp parallel for reduction(+ : sum)
    for (int i = 0; i < 20; ++i) {
        text[i] = malloc(20);
        sprintf(text[i], "text %d", i);
        sum += (int)strlen(text[i]);
    }
    for (int i = 0; i < 20; ++i) {
        printf("%s\n", text[i]);
        free(text[i]);
    }
    printf("%d\n", sum);
    return 0;
}
