/* Each thread writes files of its own in a region. */
//# files: part-0.txt part-7.txt
#include <stdio.h>

int main(void)
{
    int failed = 0;
#pragma omp parallel for reduction(+ : failed)
    for (int part = 0; part < 8; ++part) {
        char name[32];
        snprintf(name, sizeof name, "part-%d.txt", part);
        FILE *out = fopen(name, "w");
        for (int i = 0; i < 500; ++i)
            failed += fprintf(out, "%d %d\n", part, i * part) < 0;
        failed += fclose(out) != 0;
    }
    printf("%d\n", failed);
    return 0;
}
