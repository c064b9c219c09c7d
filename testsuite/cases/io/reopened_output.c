//# files: out.txt
/* Standard output that serial code reopened or redirected is every thread's. */
#include <omp.h>
#include <stdio.h>
#include <unistd.h>

static void in_turns(const char *what)
{
#pragma omp parallel
    for (int i = 0; i < 12; ++i) {
        if (i % omp_get_num_threads() == omp_get_thread_num()) {
            printf("%s %d\n", what, i);
            fflush(stdout);
        }
#pragma omp barrier
    }
}

int main(void)
{
    if (freopen("out.txt", "w", stdout) == NULL)
        return 2;
    printf("serial\n");
    in_turns("reopened");
    printf("serial again\n");
    fflush(stdout);
    if (dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
        return 3;
    in_turns("redirected");
    return 0;
}
