//# stdin: 100 begin
//# stdin: 1 2 3 4 5 6 7 8
//# stdin: 9 10 11 12 13 14 15 16
//# stdin: the rest
/* Standard input, a pipe, read by serial code, by all threads of a region and by serial code again. */
#include <omp.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
    int total = 0, seen[17] = {0}, wrong = 0;
    char word[32] = "", rest[64] = "";
    if (scanf("%d %31s", &total, word) != 2)
        return 1;
#pragma omp parallel for reduction(+ : seen) reduction(+ : wrong)
    for (int i = 0; i < 16; ++i) {
        int number = 0;
        wrong += scanf("%d", &number) != 1;
        if (number > 0 && number < 17)
            seen[number]++;
    }
    for (int i = 1; i < 17; ++i)
        wrong += seen[i] != 1;
    int newline = getchar();
    if (fgets(rest, sizeof rest, stdin) == NULL)
        return 2;
    printf("%d %s %d %d %s", total, word, wrong, newline, rest);
    printf("%d\n", getchar() == EOF && feof(stdin));
    return 0;
}
