/* bank: transfers between accounts under critical sections; values that return to what they were.
 *
 * Every transfer takes two accounts, and what matters is that each thread sees the newest balance of both. The door of the
 * vault is opened and closed again in the same critical section: its final value is the one it had, but a system that
 * compares memory must not conclude that nothing has to be told. Every transfer is later reversed by another thread, which
 * must find each account as left by all others; auditors check in between that no money appears or disappears.
 *
 * Build and run:  capec -O3 bank.c -o bank && caperun -n 4 ./bank 400
 * The argument is the number of transfers (default 400).
 */
#include <stdio.h>
#include <stdlib.h>

enum { ACCOUNTS = 13, OPENING = 1000 };

struct account {
    long balance;
    int visits;
};

static struct account account[ACCOUNTS];
static int door_open, last_visitor = -1;
static long fees;

/* Moves the amount; returns the number of things found wrong. The caller is in the critical section. */
static int transfer(int from, int to, long amount, int visitor)
{
    int wrong = door_open != 0 || last_visitor != -1;

    door_open = 1;
    last_visitor = visitor;
    account[from].balance -= amount;
    account[to].balance += amount;
    account[from].visits++;
    account[to].visits++;
    wrong += last_visitor != visitor;
    last_visitor = -1;
    door_open = 0;
    return wrong;
}

static long money(void)
{
    long sum = 0;
    for (int a = 0; a < ACCOUNTS; a++)
        sum += account[a].balance;
    return sum;
}

static void print_accounts(const char *when)
{
    printf("%s:", when);
    for (int a = 0; a < ACCOUNTS; a++)
        printf(" %ld/%d", account[a].balance, account[a].visits);
    printf("\n");
}

int main(int argc, char **argv)
{
    int transfers = argc > 1 ? atoi(argv[1]) : 400, wrong = 0;
    if (transfers < 0) {
        fprintf(stderr, "bank: the number of transfers must not be negative\n");
        return 2;
    }
    for (int a = 0; a < ACCOUNTS; a++)
        account[a].balance = OPENING;

#pragma omp parallel reduction(+ : wrong)
    {
#pragma omp for schedule(static)
        for (int t = 0; t < transfers; t++) {
            int from = t % ACCOUNTS, to = (3 * t + 1) % ACCOUNTS;
#pragma omp critical(vault)
            {
                wrong += transfer(from, to, t % 90 + 1, t);
                if (t % 16 == 0)
                    wrong += money() != (long)ACCOUNTS * OPENING;
            }
#pragma omp critical(fees) /* another lock, for other data */
            fees += 2;
        }

#pragma omp single
        print_accounts("after the transfers");

        /* Backwards and dealt out one by one: a transfer is hardly ever reversed by the thread that made it. */
#pragma omp for schedule(static, 1)
        for (int t = transfers - 1; t >= 0; t--) {
            int from = t % ACCOUNTS, to = (3 * t + 1) % ACCOUNTS;
#pragma omp critical(vault)
            wrong += transfer(to, from, t % 90 + 1, t);
#pragma omp critical(fees)
            fees -= 2;
        }
    }

    print_accounts("after their reversal");
    for (int a = 0; a < ACCOUNTS; a++)
        wrong += account[a].balance != OPENING;
    printf("money %ld, fees %ld, door %s, %s\n", money(), fees, door_open ? "open" : "closed", wrong ? "WRONG" : "all right");
    return wrong != 0;
}
