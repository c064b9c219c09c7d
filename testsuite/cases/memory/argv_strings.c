//# args: first second
/* Pointers into the arguments, stored by serial code, read by every thread; getopt-like changes of argv are seen. */
#include <omp.h>
#include <stdio.h>
#include <string.h>

static char *name;

int main(int argc, char **argv)
{
    int wrong = 0;
    char **moved = argv + 1;
    name = argv[1];
    argv[2][0] = 'S';
    char *t = argv[1];
    argv[1] = argv[2];
    argv[2] = t;
#pragma omp parallel reduction(+ : wrong)
    {
        wrong += strcmp(name, "first") != 0;
        wrong += strcmp(argv[1], "Second") != 0 || strcmp(moved[1], "first") != 0;
        wrong += argv[argc] != NULL;
    }
    printf("%d %s %s\n", wrong, argv[1], argv[2]);
    return 0;
}
