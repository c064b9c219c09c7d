/* Recursive tasks that refer to locals of the function that made them, wherever they run. */
#include <stdio.h>

static long fib(int n)
{
    long a, b;
    if (n < 2)
        return n;
#pragma omp task shared(a) final(n < 9)
    a = fib(n - 1);
#pragma omp task shared(b) if (n > 6)
    b = fib(n - 2);
#pragma omp taskwait
    return a + b;
}

static int place(int row, int n, const char *above)
{
    int found = 0;
    if (row == n)
        return 1;
    for (int column = 0; column < n; ++column) {
        int free = 1;
        for (int r = 0; r < row; ++r)
            free &= above[r] != column && above[r] - column != row - r && column - above[r] != row - r;
        if (free) {
            char board[16];
            for (int r = 0; r < row; ++r)
                board[r] = above[r];
            board[row] = (char)column;
#pragma omp task shared(found) firstprivate(board)
            {
                int below = place(row + 1, n, board);
#pragma omp atomic
                found += below;
            }
        }
    }
#pragma omp taskwait
    return found;
}

int main(void)
{
    char none[16];
    long f = 0;
    int queens = 0;
    f = fib(8);
    printf("%ld\n", f);
#pragma omp parallel
#pragma omp single
    {
        f = fib(19);
        queens = place(0, 7, none);
    }
    printf("%ld %d\n", f, queens);
    return 0;
}
