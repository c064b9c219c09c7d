/* Memory that the C library allocates for the program: getline, asprintf, strndup, open_memstream. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *made[12];

int main(void)
{
    size_t total = 0;
#pragma omp parallel for
    for (int i = 0; i < 12; ++i) {
        if (i % 2) {
            if (asprintf(&made[i], "number %d of %s", i, "twelve") < 0)
                made[i] = NULL;
        } else {
            made[i] = strndup("abcdefghijklmnopqrstuvwxyz", (size_t)i + 1);
        }
    }
    for (int i = 0; i < 12; ++i)
        printf("%s\n", made[i]);
#pragma omp parallel for reduction(+ : total)
    for (int i = 0; i < 12; ++i) {
        made[i] = realloc(made[i], 200);
        strcat(made[i], "!");
        total += strlen(made[i]);
    }
    for (int i = 0; i < 12; ++i)
        free(made[i]);
    printf("%zu\n", total);
    return 0;
}
