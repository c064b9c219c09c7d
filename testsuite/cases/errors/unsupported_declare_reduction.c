//# error: declare reduction
/* declare reduction is not supported yet: an error at the construct, never silently dropped. */
struct sum { int value; };
#pragma omp declare reduction(merge : struct sum : omp_out.value += omp_in.value) //~

int main(void)
{
    struct sum s = {0};
#pragma omp parallel for reduction(merge : s)
    for (int i = 0; i < 10; ++i)
        s.value += i;
    return 0;
}
