/* A stream and a descriptor that serial code opened are closed by the last thread of a region, and opened again by serial code. */
//# files: one.txt two.txt
#include <fcntl.h>
#include <omp.h>
#include <stdio.h>
#include <unistd.h>

int main(void)
{
    int failed = 0;
    for (int round = 0; round < 3; ++round) {
        FILE *one = fopen("one.txt", "w");
        int two = open("two.txt", O_WRONLY | O_CREAT | O_TRUNC, 0644);
#pragma omp parallel reduction(+ : failed)
        if (omp_get_thread_num() == omp_get_num_threads() - 1) {
            failed += fprintf(one, "round %d\n", round) < 0;
            failed += fclose(one) != 0;
            failed += write(two, "x\n", 2) != 2;
            failed += close(two) != 0;
        }
        failed += fcntl(two, F_GETFD) != -1;
    }
    printf("%d\n", failed);
    return 0;
}
