/* firstprivate in tasks: arrays, structs, variable-length arrays, pointers, typedef'd arrays, globals, array parameters. */
#include <stdio.h>

struct pair {
    int a;
    double b;
};
typedef int triple[3];
int global = 4;
static long table[5] = {1, 2, 3, 4, 5};

static void work(int n, int parameter[n], double matrix[][n], int *out)
{
    int vla[n], square[n][n];
    int fixed[4] = {1, 2, 3, 4};
    triple three = {7, 8, 9};
    struct pair pair = {1, 2.5};
    const int constant = 6;
    char letter = 'x';
    for (int i = 0; i < n; ++i) {
        vla[i] = i * i;
        for (int j = 0; j < n; ++j)
            square[i][j] = i * 10 + j;
    }
#pragma omp task firstprivate(vla, square, fixed, three, pair, global, table) shared(letter)
    {
        int sum = 0;
        for (int i = 0; i < n; ++i)
            sum += vla[i] + parameter[i] + (int)matrix[1][i] + square[i][n - 1 - i];
        for (int i = 0; i < 4; ++i)
            sum += fixed[i];
        sum += three[0] + three[1] + three[2] + pair.a + (int)(pair.b * 2) + constant + global;
        sum += (int)(table[0] + table[4]) + (int)(sizeof vla / sizeof vla[0]) + (int)(sizeof fixed / sizeof fixed[0]);
        vla[0] = square[0][0] = fixed[0] = three[0] = pair.a = global = 1000;
        table[0] = 1000;
        letter = 'y';
        *out = sum;
    }
#pragma omp taskwait
    printf("%d %d %d %d %d %g %d %ld %c\n", vla[0], square[0][0], fixed[0], three[0], pair.a, pair.b, global, table[0],
           letter);
}

int main(void)
{
    int parameter[3] = {1, 2, 3}, out = 0;
    double matrix[2][3] = {{0, 0, 0}, {4, 5, 6}};
#pragma omp parallel
#pragma omp single
    work(3, parameter, matrix, &out);
    printf("%d\n", out);
    return 0;
}
