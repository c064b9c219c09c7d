/* lastprivate and reduction of loop constructs, bound to a team, a league and a thread. */
#include <stdio.h>

int main(void)
{
    int i, j, sum = 1, table[40];
    long product = 1;
#pragma omp parallel num_threads(3)
#pragma omp loop lastprivate(i) reduction(+ : sum) bind(parallel) order(concurrent)
    for (i = 0; i < 40; i++) {
        table[i] = i;
        sum += i;
    }
    printf("%d %d\n", i, sum);
#pragma omp teams num_teams(2) shared(sum)
#pragma omp loop collapse(2) lastprivate(i, j) reduction(+ : sum) bind(teams)
    for (i = 0; i < 5; i++)
        for (j = 0; j < 8; j++)
            sum += table[i * 8 + j];
    printf("%d\n", sum);
#pragma omp loop lastprivate(j) reduction(* : product) bind(thread)
    for (j = 1; j < 10; j++)
        product *= j;
    printf("%d %ld\n", j, product);
    return 0;
}
