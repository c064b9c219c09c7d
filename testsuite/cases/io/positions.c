/* ftell, fseek, ungetc, feof, fflush, fgetpos and setvbuf on a shared stream, by the last thread of a team. */
#include <omp.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
    FILE *file = fopen("text.txt", "w+");
    int result[16] = {0};
    char word[3][16] = {"", "", ""};
    fputs("alpha beta gamma\n", file);
#pragma omp parallel
    if (omp_get_thread_num() == omp_get_num_threads() - 1) {
        fpos_t mark;
        result[0] = (int)ftell(file);
        result[1] = fseek(file, 6, SEEK_SET);
        result[2] = fgetc(file);
        result[3] = ungetc('B', file);
        result[4] = (int)ftell(file);
        result[5] = fscanf(file, "%15s", word[0]);
        result[6] = fgetpos(file, &mark);
        result[7] = fscanf(file, "%15s", word[1]);
        while (fgetc(file) != EOF)
            ;
        result[8] = feof(file) != 0;
        result[9] = fsetpos(file, &mark);
        result[10] = feof(file) != 0;
        result[11] = fscanf(file, "%15s", word[2]);
        result[12] = setvbuf(file, NULL, _IOFBF, 100);
        result[13] = fseek(file, 0, SEEK_END);
        result[14] = fputs("delta\n", file) >= 0;
        result[15] = fflush(file);
    }
    for (int i = 0; i < 16; ++i)
        printf("%d ", result[i]);
    printf("%s %s %s %ld\n", word[0], word[1], word[2], ftell(file));
    rewind(file);
    for (int c; (c = fgetc(file)) != EOF;)
        putchar(c);
    fclose(file);
    return remove("text.txt");
}
