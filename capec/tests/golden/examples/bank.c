#include <cape.h>
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

static const struct cape_site cape_site_1 = {"parallel", "examples/bank.c", 68};
static const struct cape_site cape_site_2 = {"for", "examples/bank.c", 70};
CAPE_CRITICAL(cape_critical_vault);
static const struct cape_site cape_site_3 = {"critical", "examples/bank.c", 73};
CAPE_CRITICAL(cape_critical_fees);
static const struct cape_site cape_site_4 = {"critical", "examples/bank.c", 79};
static const struct cape_site cape_site_5 = {"single", "examples/bank.c", 83};
static const struct cape_site cape_site_6 = {"for", "examples/bank.c", 87};
CAPE_CRITICAL(cape_critical_vault);
static const struct cape_site cape_site_7 = {"critical", "examples/bank.c", 90};
CAPE_CRITICAL(cape_critical_fees);
static const struct cape_site cape_site_8 = {"critical", "examples/bank.c", 92};

static void cape_region_1_main(void **cape_env)
{
    int transfers = *(__typeof__(transfers) *)cape_env[0];
    int *cape_orig_wrong = cape_env[1];
    int wrong = CAPE_IDENTITY(sum, wrong);
    {
        {
            int cape_first = 0;
            int cape_bound = transfers;
            const unsigned long long cape_count = cape_first < cape_bound ? ((unsigned long long)cape_bound - (unsigned long long)cape_first) : 0;
            struct cape_loop cape_chunk;
            {
                int t;
                cape_loop_begin(&cape_chunk, &cape_site_2, cape_count, CAPE_STATIC, 0);
                while (cape_loop_next(&cape_chunk)) {
                    unsigned long long cape_run = cape_chunk.end - cape_chunk.first;
                    t = cape_first + cape_chunk.first;
                    int cape_end = t + cape_run;
                    for (; t < cape_end; ++t)
                    {
                        int from = t % ACCOUNTS, to = (3 * t + 1) % ACCOUNTS;
                        {
                            cape_critical_enter(&cape_site_3, &cape_critical_vault);
                            {
                                wrong += transfer(from, to, t % 90 + 1, t);
                                if (t % 16 == 0)
                                    wrong += money() != (long)ACCOUNTS * OPENING;
                            }
                            cape_critical_exit(&cape_site_3, &cape_critical_vault);
                        }
                        {
                            cape_critical_enter(&cape_site_4, &cape_critical_fees);
                            fees += 2;
                            cape_critical_exit(&cape_site_4, &cape_critical_fees);
                        }
                    }
                }
                cape_loop_end(&cape_chunk);
            }
            cape_barrier(&cape_site_2);
        }
        {
            if (cape_single(&cape_site_5)) {
                print_accounts("after the transfers");
            }
            cape_barrier(&cape_site_5);
        }
        {
            int cape_first = transfers - 1;
            int cape_bound = 0;
            const unsigned long long cape_count = cape_bound <= cape_first ? ((unsigned long long)cape_first - (unsigned long long)cape_bound) + 1 : 0;
            struct cape_loop cape_chunk;
            {
                int t;
                cape_loop_begin(&cape_chunk, &cape_site_6, cape_count, CAPE_STATIC, 1);
                while (cape_loop_next(&cape_chunk)) {
                    unsigned long long cape_run = cape_chunk.end - cape_chunk.first;
                    t = cape_first - cape_chunk.first;
                    int cape_end = t - cape_run;
                    for (; t > cape_end; --t)
                    {
                        int from = t % ACCOUNTS, to = (3 * t + 1) % ACCOUNTS;
                        {
                            cape_critical_enter(&cape_site_7, &cape_critical_vault);
                            wrong += transfer(to, from, t % 90 + 1, t);
                            cape_critical_exit(&cape_site_7, &cape_critical_vault);
                        }
                        {
                            cape_critical_enter(&cape_site_8, &cape_critical_fees);
                            fees -= 2;
                            cape_critical_exit(&cape_site_8, &cape_critical_fees);
                        }
                    }
                }
                cape_loop_end(&cape_chunk);
            }
        }
    }
    {
        __typeof__(wrong) cape_value_wrong = wrong;
        cape_reduce(&cape_site_1, (void *)cape_orig_wrong, &cape_value_wrong, sizeof wrong, 1, CAPE_COMBINER(sum, wrong));
    }
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

    {
        void *cape_env[] = {(void *)&transfers, (void *)&wrong};
        cape_parallel(&cape_site_1, cape_region_1_main, cape_env, 2, 0, 1, -1);
    }

    print_accounts("after their reversal");
    for (int a = 0; a < ACCOUNTS; a++)
        wrong += account[a].balance != OPENING;
    printf("money %ld, fees %ld, door %s, %s\n", money(), fees, door_open ? "open" : "closed", wrong ? "WRONG" : "all right");
    return wrong != 0;
}
