//# env: CAPE_TEST_FILE=some/path.txt
/* A pointer that serial code got from getenv, read by every thread. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void)
{
    const char *file = getenv("CAPE_TEST_FILE");
    int wrong = 0;
#pragma omp parallel reduction(+ : wrong)
    wrong += strcmp(file, "some/path.txt") != 0 || strlen(file) != 13;
    printf("%d %s\n", wrong, file);
    return 0;
}
