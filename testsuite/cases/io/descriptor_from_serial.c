/* A descriptor opened by serial code and used by every thread: one offset, as in one process. */
//# files: numbers.txt
#include <fcntl.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define RECORDS 64

int main(void)
{
    int fd = open("numbers.txt", O_RDWR | O_CREAT | O_TRUNC, 0644), failed = 0, seen[RECORDS] = {0}, wrong = 0;
    for (int i = 0; i < RECORDS; ++i) {
        char line[16];
        snprintf(line, sizeof line, "%03d\n", i);
        failed += write(fd, line, 4) != 4;
    }
    failed += lseek(fd, 0, SEEK_SET) != 0;
#pragma omp parallel for reduction(+ : failed) reduction(+ : seen)
    for (int i = 0; i < RECORDS; ++i) {
        char line[5] = "";
        int number = -1;
        failed += read(fd, line, 4) != 4;
        failed += sscanf(line, "%d", &number) != 1;
        if (number >= 0 && number < RECORDS)
            seen[number]++;
    }
    for (int i = 0; i < RECORDS; ++i)
        wrong += seen[i] != 1;
    failed += lseek(fd, 0, SEEK_CUR) != 4 * RECORDS;
    failed += close(fd) != 0;
    printf("%d %d\n", failed, wrong);
    return 0;
}
