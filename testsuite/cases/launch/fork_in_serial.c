/* A child that serial code forks is no member of the job: its exit ends nothing. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static int values[1000];

int main(void)
{
    long sum = 0;
    int status = 0;
#pragma omp parallel for
    for (int i = 0; i < 1000; ++i)
        values[i] = i;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        for (int i = 0; i < 1000; ++i)
            sum += ++values[i];
        printf("child %ld\n", sum);
        exit(7);
    }
    waitpid(child, &status, 0);
    printf("status %d\n", WEXITSTATUS(status));
#pragma omp parallel for reduction(+ : sum)
    for (int i = 0; i < 1000; ++i)
        sum += values[i] *= 2;
    printf("parent %ld\n", sum);
    return 0;
}
