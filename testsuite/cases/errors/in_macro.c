//# error: sched
/* An error in a pragma made by a macro is located where the macro is used. */
#define BAD _Pragma("omp parallel for sched(static)")

int main(void)
{
    int a[10];
    BAD //~
    for (int i = 0; i < 10; ++i)
        a[i] = i;
    return 0;
}
