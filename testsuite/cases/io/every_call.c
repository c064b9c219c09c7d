/* Every call on a descriptor that serial code opened, by the last thread of a team. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

int main(void)
{
    int file = open("data.bin", O_RDWR | O_CREAT | O_TRUNC, 0600);
    int folder = open(".", O_RDONLY | O_DIRECTORY);
    long result[24] = {0};
    char text[64] = "", second[64] = "", mapped[8] = "";
#pragma omp parallel
    if (omp_get_thread_num() == omp_get_num_threads() - 1) {
        struct iovec out[2] = {{"gather", 6}, {"ed ", 3}}, in[2] = {{text, 4}, {second, 5}};
        struct flock range = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 4};
        struct stat status;
        int n = 0;
        result[n++] = writev(file, out, 2);
        result[n++] = dprintf(file, "%s %d|", "printed", 42);
        result[n++] = pwrite(file, "G", 1, 0);
        result[n++] = lseek(file, 0, SEEK_SET);
        result[n++] = readv(file, in, 2);
        result[n++] = lseek(file, 0, SEEK_CUR);
        result[n++] = ftruncate(file, 15);
        result[n++] = fstat(file, &status) == 0 ? (long)status.st_size : -1;
        result[n++] = S_ISREG(status.st_mode);
        result[n++] = isatty(file);
        result[n++] = fcntl(file, F_GETFL) & O_ACCMODE;
        result[n++] = fcntl(file, F_SETLK, &range);
        result[n++] = flock(file, LOCK_EX) | flock(file, LOCK_UN);
        result[n++] = fsync(file) | fdatasync(file);
        int copy = dup(file);
        result[n++] = copy >= 0 && lseek(copy, 0, SEEK_END) == 15;
        result[n++] = write(copy, "!", 1);
        result[n++] = close(copy);
        FILE *stream = fdopen(dup(file), "w");
        result[n++] = fprintf(stream, "stream %d", 7);
        result[n++] = fclose(stream);
        int other = openat(folder, "data.bin", O_RDONLY);
        result[n++] = other >= 0 && lseek(other, 0, SEEK_END) == 24;
        close(other);
        char *view = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, file, 0);
        if (view != MAP_FAILED) {
            memcpy(mapped, view, 7);
            munmap(view, 4096);
        }
        result[n++] = pread(file, text + 10, 1, 1000);
    }
    for (int k = 0; k < 24; ++k)
        printf("%ld ", result[k]);
    printf("'%s' '%s' '%s'\n", text, second, mapped);
    lseek(file, 0, SEEK_SET);
    long length = read(file, text, sizeof text - 1);
    printf("%ld '%.*s'\n", length, (int)length, text);
    close(folder);
    close(file);
    return remove("data.bin");
}
