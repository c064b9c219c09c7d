/* read(2) and pread(2) into shared arrays inside a region: each thread opens the file itself and reads its part. */
//# files: data.bin
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define N 40000

static unsigned char shared[N];

int main(void)
{
    unsigned char bytes[N];
    int failed = 0;
    for (int i = 0; i < N; ++i)
        bytes[i] = (unsigned char)(i * 37 + i / 256);
    int fd = open("data.bin", O_CREAT | O_WRONLY | O_TRUNC, 0644);
    if (write(fd, bytes, N) != N || close(fd) != 0)
        return 1;
#pragma omp parallel for reduction(+ : failed)
    for (int part = 0; part < 16; ++part) {
        int in = open("data.bin", O_RDONLY);
        int half = N / 32, at = part * (N / 16);
        failed += lseek(in, at, SEEK_SET) != at;
        failed += read(in, shared + at, (size_t)half) != half;
        failed += pread(in, shared + at + half, (size_t)half, at + half) != half;
        close(in);
    }
    int wrong = 0;
    for (int i = 0; i < N; ++i)
        wrong += shared[i] != bytes[i];
    printf("%d %d\n", failed, wrong);
    return 0;
}
