/* A socket that serial code opened, used by another thread of a region. */
#include <omp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

int main(void)
{
    int ends[2];
    long sent = 0, got = 0;
    char text[16] = "";
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
        return 1;
#pragma omp parallel
    {
        if (omp_get_thread_num() == omp_get_num_threads() - 1)
            sent = send(ends[0], "hello", 5, 0);
#pragma omp barrier
#pragma omp master
        got = recv(ends[1], text, sizeof text, 0);
    }
    close(ends[0]);
    close(ends[1]);
    printf("%ld %ld %s\n", sent, got, text);
    return 0;
}
