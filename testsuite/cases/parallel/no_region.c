//# args: one two
/* A program without any construct: arguments, environment and output as usual. */
//# env: COLOUR=blue
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    for (int i = 0; i < argc; ++i)
        printf("%s\n", argv[i]);
    printf("%s\n", getenv("COLOUR"));
    return argc - 3;
}
