/* How locals of every kind reach a region: captured by value, through pointers, as arrays, as types of their own. */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef double row[3];
typedef int (*operation)(int);

static int twice(int x) { return 2 * x; }

static double sum_rows(int n, int m, double a[n][m], double (*b)[m], row r, int f(int), const char *const text, char buffer[static 4])
{
    double sum = 0;
    n = n + 0;
#pragma omp parallel reduction(+ : sum)
    {
        int i, j;
#pragma omp for
        for (i = 0; i < n; i++)
            for (j = 0; j < m; j++) {
                sum += a[i][j] + b[i][j] + r[j % 3] + f(i) + (text[0] == 'x');
                a[i][j] = i * m + j;
                b[i][j] += 1;
            }
#pragma omp single
        {
            r[1] = 17;
            buffer[3] = 'q';
        }
    }
    return sum;
}

static int old_style(a, n) int *a; int n;
{
    int i, count = 0;
#pragma omp parallel for reduction(+ : count)
    for (i = 0; i < n; i++)
        count += a[i] > 2;
    return count;
}

static long vla(int n, int m)
{
    long cube[n][m][2], total = 0;
    int lengths[n];
    long(*pointer)[m][2] = cube;
    row rows[n];
    n = n + 5; /* the array keeps its size */
#pragma omp parallel
    {
        int size = sizeof cube / sizeof cube[0];
#pragma omp for collapse(2) reduction(+ : total)
        for (int i = 0; i < size; i++)
            for (int j = 0; j < m; j++) {
                cube[i][j][0] = i;
                cube[i][j][1] = j;
                lengths[i] = sizeof cube[0] / sizeof cube[0][0];
                rows[i][2] = 1;
                total += pointer[i][j][0] + pointer[i][j][1];
            }
    }
    return total + lengths[0] + (long)rows[1][2] + (long)(sizeof cube / sizeof(long)) + n;
}

static int types(void)
{
    enum { RED, GREEN = 5, BLUE } color = GREEN;
    enum shade { DARK, LIGHT };
    struct point {
        int x, y;
        struct inner {
            char c[GREEN];
        } in;
    } p = {1, 2, {"ab"}}, *q = &p;
    typedef struct point point_type;
    struct {
        int a;
    } anonymous = {3}, second = {4};
    union {
        int i;
        float f;
    } u;
    point_type many[4] = {{0}};
    enum shade shade = DARK;
    operation op = twice;
    int function(int);
    static int calls;
    extern int elsewhere;
    extern char table[];
    register int fast = 3;
    volatile int watched = 1;
    const int fixed = 9;
    int *restrict unaliased = &many[0].x;
    int matrix[2][3] = {{1, 2, 3}, {4, 5, 6}}, (*matrix_pointer)[3] = matrix, *list[2] = {matrix[0], matrix[1]};
    _Bool flag = 1;
    long double big = 1.5L;
    double _Complex z = 1.0;
    u.i = 0;
    calls = 0;
#pragma omp parallel
    {
        struct inner copy = p.in;
#pragma omp critical
        {
            calls += fast;
            anonymous = second;
            u.i++;
        }
#pragma omp for
        for (int i = 0; i < 4; i++) {
            many[i].x = op(i) + BLUE + (copy.c[0] == 'a') + fixed + function(i);
            many[i].in.c[0] = sizeof(point_type) == sizeof p ? 'y' : 'n';
            list[i % 2][i / 2] += matrix_pointer[0][2] * (int)flag + (int)big;
        }
#pragma omp single
        {
            q->y = color == GREEN ? RED + 40 : 0;
            shade = LIGHT;
            elsewhere = watched + table[1];
            z = z * 2;
            unaliased[0] += 1;
        }
    }
    printf("%d %d %d\n", p.y, many[3].x, many[2].in.c[0]);
    printf("%d %d %d %d\n", anonymous.a, (int)shade, elsewhere, (int)__real__ z);
    printf("%d %d %d\n", matrix[0][0], matrix[1][1], calls % 3);
    return u.i > 0;
}
int elsewhere;
char table[3] = "ab";
int function(int x) { return x * 100; }

static int shadow(int x)
{
    struct s {
        int x;
    } s = {.x = 5};
    int sum = 0, y = x;
    goto x;
x:
#pragma omp parallel firstprivate(y) shared(s) reduction(+ : sum)
    {
        s.x = s.x;
        sum += x - x + y - y;
        {
            int x = 7;
            x++;
            sum += x;
        }
        for (int x = 0; x < 2; x++)
            sum += x;
#pragma omp single
        {
            struct s x = {.x = 3};
            s.x += x.x;
        }
    }
    return s.x + (sum > 0);
}

static int recursive(int n)
{
    int sum = 0;
    if (n <= 1)
        return 1;
#pragma omp parallel for reduction(+ : sum)
    for (int i = 0; i < n; i++)
        sum += recursive(n - 2) + (strcmp(__func__, "recursive") == 0);
    return sum;
}

static int variadic(int n, ...)
{
    va_list list;
    int values[8];
    va_start(list, n);
    for (int i = 0; i < n; i++)
        values[i] = va_arg(list, int);
    va_end(list);
#pragma omp parallel for
    for (int i = 0; i < n; i++)
        values[i] = ({ int k = values[i]; k * k; });
    return values[0] + values[n - 1];
}

int main(void)
{
    double a[4][5], b[4][5];
    row r = {1, 2, 3};
    char buffer[4] = "abc";
    int list[] = {1, 2, 3, 4, 5};
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 5; j++)
            a[i][j] = b[i][j] = i + j;
    printf("%g\n", sum_rows(4, 5, a, b, r, twice, "x", buffer));
    printf("%g %g %g %c\n", a[3][4], b[3][4], r[1], buffer[3]);
    printf("%d\n", old_style(list, 5));
    printf("%ld\n", vla(3, 4));
    printf("%d\n", types());
    printf("%d\n", shadow(1));
    printf("%d\n", recursive(6));
    printf("%d\n", variadic(3, 4, 5, 6));
    assert(list[0] == 1);
    return 0;
}
