/* What no clause names: shared if shared by all threads, firstprivate otherwise; static and file-scope variables are shared. */
#include <stdio.h>

int file_scope = 1;

static int orphaned(int parameter)
{
    int local = parameter + 1;
    int sum = 0;
#pragma omp task shared(sum)
    {
        sum += parameter + local;
        parameter = 100;
        local = 200;
    }
#pragma omp taskwait
    return sum * 1000 + parameter + local;
}

int main(void)
{
    static int kept = 5;
    int shared = 10, result = 0, inner_result = 0;
#pragma omp parallel
    {
        int own = 20;
#pragma omp single
        {
            int block = 30;
#pragma omp task
            {
                shared += own + block; /* shared is shared, own and block are copies */
                own = 0;
                block = 0;
                file_scope += 1;
                kept += 1;
            }
#pragma omp taskwait
            result = own + block;
#pragma omp task
            {
                int deep = 1;
#pragma omp task
                {
                    deep = 2;
                    shared += deep;
                }
#pragma omp taskwait
                shared += deep;
            }
#pragma omp taskwait
            inner_result = orphaned(3);
        }
    }
    printf("%d %d %d %d %d\n", shared, result, file_scope, kept, inner_result);
    return 0;
}
