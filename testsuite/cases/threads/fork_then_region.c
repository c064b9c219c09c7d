/* A child of the program has threads of its own; its parent goes on with those it had. (gcc's runtime hangs here.) */
//# skip-oracle
#include <sys/wait.h>
#include <unistd.h>

static int count(void)
{
    int n = 0;
#pragma omp parallel reduction(+ : n)
    n += 1;
    return n;
}

int main(void)
{
    int before = count(), status = -1;
    pid_t child = fork();
    if (child == 0)
        _exit(count() == before && count() == before ? 3 : 4);
    waitpid(child, &status, 0);
    return !(WIFEXITED(status) && WEXITSTATUS(status) == 3 && count() == before);
}
