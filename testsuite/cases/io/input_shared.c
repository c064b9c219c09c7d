/* An input stream that serial code has begun to read, read on by all threads and again by serial code: what was read ahead is neither
 * lost nor doubled. */
#include <omp.h>
#include <stdio.h>

#define N 300

int main(void)
{
    FILE *file = fopen("numbers.txt", "w");
    int first = 0, seen[N] = {0}, wrong = 0, missing = 0, rest = 0, number;
    for (int i = 0; i < N; ++i)
        fprintf(file, "%d\n", i);
    fclose(file);
    file = fopen("numbers.txt", "r");
    for (int i = 0; i < 10; ++i)
        first += fscanf(file, "%d", &number) == 1 && number == i;
#pragma omp parallel for reduction(+ : seen) reduction(+ : wrong)
    for (int i = 0; i < 200; ++i) {
        int mine = -1;
        wrong += fscanf(file, "%d", &mine) != 1;
        if (mine >= 0 && mine < N)
            seen[mine]++;
    }
    while (fscanf(file, "%d", &number) == 1)
        rest += number == 210 + rest;
    for (int i = 10; i < 210; ++i)
        missing += seen[i] != 1;
    printf("%d %d %d %d %d\n", first, wrong, missing, rest, feof(file) != 0);
    fclose(file);
    return remove("numbers.txt");
}
