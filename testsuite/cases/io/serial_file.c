/* A file that serial code keeps open across regions is written once. */
//# files: log.txt
#include <stdio.h>

int main(void)
{
    FILE *log = fopen("log.txt", "w");
    int total = 0;
    for (int round = 0; round < 5; ++round) {
        fprintf(log, "round %d begins with %d\n", round, total);
#pragma omp parallel for reduction(+ : total)
        for (int i = 0; i < 100; ++i)
            total += i * round;
    }
    fprintf(log, "end %d\n", total);
    return fclose(log) != 0;
}
