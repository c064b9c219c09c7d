//# error: task
/* reduction(task, ...) is not supported yet: an error at the list item, never silently dropped. */
int main(void)
{
    int sum = 0;
#pragma omp parallel reduction(task, + : sum) //~
    {
#pragma omp task in_reduction(+ : sum)
        sum += 1;
    }
    return sum;
}
