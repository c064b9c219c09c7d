//# error: task
/* reduction(task, ...) where the loop is also a simd loop, which tasks cannot be in. */
int main(void)
{
    int sum = 0;
#pragma omp parallel
#pragma omp for simd reduction(task, + : sum) //~
    for (int i = 0; i < 10; ++i)
        sum += i;
    return sum;
}
