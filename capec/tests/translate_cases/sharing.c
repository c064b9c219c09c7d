/* private, firstprivate, lastprivate, shared, default: scalars, arrays, structs, pointers, globals, statics. */
#include <stdio.h>
#include <string.h>

int global = 5;
static int numbers[6] = {1, 2, 3, 4, 5, 6};
struct big {
    int a[10];
    double d;
};
struct big shared_struct;

static int worksharing(int *out, int n)
{
    static int first = 3, both = 100;
    int i;
    static int array[4] = {1, 2, 3, 4};
    static struct big s = {{1}, 2.5};
    static int counter;
    counter = 0;
#pragma omp for firstprivate(first, array, s, both) lastprivate(both)
    for (i = 0; i < n; i++) {
        array[i % 4] += i;
        s.a[0]++;
        both = first + i;
        out[i] = array[i % 4] - array[i % 4] + (int)s.d + first;
    }
#pragma omp sections lastprivate(counter) firstprivate(first)
    {
#pragma omp section
        counter = 1;
#pragma omp section
        {
            counter = first + 1;
        }
    }
#pragma omp single firstprivate(array)
    {
        array[0] = 50;
        out[0] += array[0];
    }
    return both + counter;
}

int main(void)
{
    int i, a = 1, b = 2, c = 3, results[16], sum = 0;
    int vector[3] = {1, 2, 3}, n = 4;
    double weights[n];
    const int limit = 16;
    char name[8] = "abc", *text = name;
    struct big local = {{7}, 1.5};
    for (i = 0; i < n; i++)
        weights[i] = i + 1;
#pragma omp parallel private(a) firstprivate(b, vector, local, weights, text) shared(c, results) reduction(+ : sum)
    {
        a = 10;
        b += 1;
        vector[0] += 1;
        local.a[0]++;
        weights[2] *= 2;
        text++;
#pragma omp for
        for (i = 0; i < limit; i++)
            results[i] = a + b + vector[0] + local.a[0] + (int)weights[2] + text[0] + c;
        sum += b - 3;
    }
    printf("%d %d %d %d %d %d %d %s\n", a, b, c, sum, results[15], vector[0], (int)weights[2], text);
#pragma omp parallel default(none) shared(results, n) private(global) firstprivate(numbers)
    {
        global = 1;
        numbers[0] += 1;
#pragma omp for
        for (int k = 0; k < n; k++)
            results[k] = global + numbers[0];
    }
    printf("%d %d %d\n", global, numbers[0], results[3]);
#pragma omp parallel firstprivate(global, shared_struct)
    {
        global++;
        shared_struct.a[1] = global;
#pragma omp critical
        numbers[5] = global + shared_struct.a[1];
    }
    printf("%d %d %d\n", global, shared_struct.a[1], numbers[5]);
    int total = 0;
    memset(results, 0, sizeof results);
#pragma omp parallel reduction(+ : total)
    {
        int value = worksharing(results, 9);
#pragma omp master
        total += value - value;
    }
    printf("%d %d\n", total, results[0]);
    printf("%d\n", worksharing(results, 9));
#pragma omp parallel for private(i) firstprivate(n) lastprivate(n, c) num_threads(limit > 3 ? 3 : 1) if (c > 0)
    for (int k = 0; k < 8; k++) {
        for (i = 0; i < 2; i++)
            n += k;
        n = k * 10;
        c = n + 1;
    }
    printf("%d %d\n", n, c);
#pragma omp parallel num_threads(2)
#pragma omp single nowait
    results[1] = 77;
    printf("%d\n", results[1]);
#pragma omp parallel if (0)
    {
        int inside = 0;
#pragma omp parallel for reduction(+ : inside) shared(results)
        for (int k = 0; k < 3; k++) {
            inside += k;
            results[k] = sum + inside - inside;
        }
#pragma omp parallel firstprivate(inside)
        {
            inside++;
#pragma omp critical(name_of_it)
            results[4] = inside;
        }
    }
    printf("%d %d\n", results[2], results[4]);
    return 0;
}
