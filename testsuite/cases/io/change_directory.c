/* A region works in the directory that serial code changed to, each time it changes. */
#include <omp.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static int region(int round)
{
    int wrong = 0;
    FILE *file = fopen("in.txt", "w");
    fprintf(file, "%d\n", round);
    fclose(file);
#pragma omp parallel reduction(+ : wrong)
    {
        int number = -1;
        FILE *mine = fopen("in.txt", "r");
        wrong += mine == NULL || fscanf(mine, "%d", &number) != 1 || number != round;
        if (mine != NULL)
            fclose(mine);
    }
    return wrong;
}

int main(void)
{
    printf("%d wrong\n", region(1));
    if (mkdir("below", 0755) == 0 && chdir("below") == 0)
        printf("%d wrong\n", region(2));
    if (chdir("..") == 0)
        printf("%d wrong\n", region(3));
    return 0;
}
