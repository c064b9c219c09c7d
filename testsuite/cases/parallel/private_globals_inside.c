/* What a worksharing construct has copies of although it is global, in regions and tasks inside of it. */
#include <stdio.h>

int p = 1, f = 2, s = 5, wrong;

static void inner_regions(void)
{
    int own = 3;
#pragma omp sections private(p) firstprivate(f)
    {
        {
            p = 7;
#pragma omp parallel num_threads(1) firstprivate(p, f, own)
            if (++p != 8 || ++f != 3 || ++own != 4)
                wrong = 1;
#pragma omp parallel num_threads(1)
            {
                if (p != 7)
                    wrong = 2;
                p = 9;
            }
            if (p != 9 || f != 2 || own != 3)
                wrong = 3;
#pragma omp task
            if (++p != 10 || ++f != 3 || ++s != 6)
                wrong = 4;
#pragma omp taskwait
            if (p != 9 || f != 2)
                wrong = 5;
#pragma omp parallel num_threads(1)
#pragma omp task firstprivate(p) shared(wrong)
            if (++p != 10)
                wrong = 6;
        }
    }
}

int main(void)
{
    inner_regions();
    printf("%d %d %d %d\n", wrong, p, f, s);
    return 0;
}
