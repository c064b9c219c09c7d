/* Pragmas made by macros: the place is that of the macro's use. */
#define LOOP(schedule) _Pragma(schedule)
#define BAD _Pragma("omp parallel for sched(static)")

int main(void)
{
    int i;
    BAD
    for (i = 0; i < 3; i++)
        ;
    LOOP("omp parallel for schedule(slow)")
    for (i = 0; i < 3; i++)
        ;
    return 0;
}
