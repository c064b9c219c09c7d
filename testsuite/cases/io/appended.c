/* Lines that all threads append to a file that serial code opened: each is whole, none is missing. */
#include <omp.h>
#include <stdio.h>
#include <string.h>

#define LINES 400

int main(void)
{
    FILE *log = fopen("log.txt", "a+");
    char line[200];
    int seen[LINES] = {0}, wrong = 0, all = 0;
#pragma omp parallel for
    for (int i = 0; i < LINES; ++i)
        fprintf(log, "%d %0*d %d\n", i, i % 150 + 1, i, i);
    rewind(log);
    while (fgets(line, sizeof line, log)) {
        int first = -1, middle = -1, last = -1;
        ++all;
        if (sscanf(line, "%d %d %d", &first, &middle, &last) != 3 || first != middle || first != last || first < 0 || first >= LINES)
            ++wrong;
        else
            seen[first]++;
    }
    for (int i = 0; i < LINES; ++i)
        wrong += seen[i] != 1;
    fclose(log);
    remove("log.txt");
    printf("%d lines, %d wrong\n", all, wrong);
    return 0;
}
