/* fread, fgets and fscanf into shared arrays inside a region, by streams the threads open themselves. */
//# files: numbers.txt numbers.bin
#include <stdio.h>
#include <stdlib.h>

#define N 6000

int main(void)
{
    double *x = malloc(N * sizeof *x), *y = malloc(N * sizeof *y), sum = 0;
    char (*lines)[32] = malloc(16 * sizeof *lines);
    int failed = 0, numbers[16];
    FILE *out = fopen("numbers.bin", "wb"), *text = fopen("numbers.txt", "w");
    for (int i = 0; i < N; ++i)
        x[i] = i * 0.25;
    failed += fwrite(x, sizeof *x, N, out) != N || fclose(out) != 0;
    for (int i = 0; i < 16; ++i)
        fprintf(text, "%04d line\n", i * i);
    fclose(text);
#pragma omp parallel for reduction(+ : failed)
    for (int part = 0; part < 16; ++part) {
        FILE *in = fopen("numbers.bin", "rb");
        long from = part * (N / 16);
        failed += fseek(in, from * (long)sizeof *x, SEEK_SET) != 0;
        failed += fread(y + from, sizeof *y, N / 16, in) != N / 16;
        fclose(in);
        in = fopen("numbers.txt", "r");
        failed += fseek(in, part * 10, SEEK_SET) != 0;
        failed += fscanf(in, "%d", &numbers[part]) != 1;
        failed += fgets(lines[part], 32, in) == NULL;
        fclose(in);
    }
    for (int i = 0; i < N; ++i)
        sum += y[i];
    for (int i = 0; i < 16; ++i)
        printf("%d:%s", numbers[i], lines[i]);
    printf("%d %.2f\n", failed, sum);
    return 0;
}
