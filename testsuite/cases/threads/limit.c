//# env: OMP_THREAD_LIMIT=6
//# env: OMP_MAX_ACTIVE_LEVELS=3
/* The thread limit holds for a team and the teams nested in it together, on whatever ranks they run. */
#include <omp.h>
#include <stdio.h>
#include <unistd.h>

int main(void)
{
    int present = 0, most = 0, alone = 0;
    omp_set_dynamic(0);
    printf("%d\n", omp_get_thread_limit());
#pragma omp parallel num_threads(6)
#pragma omp single
    printf("%d\n", omp_get_num_threads());
#pragma omp parallel num_threads(20)
#pragma omp single
    printf("%d\n", omp_get_num_threads());
#pragma omp parallel num_threads(5)
#pragma omp parallel num_threads(5)
#pragma omp parallel num_threads(2)
    {
        int now;
#pragma omp atomic capture
        now = ++present;
#pragma omp critical
        most = now > most ? now : most;
        usleep(5000);
#pragma omp atomic
        --present;
#pragma omp atomic
        ++alone;
    }
    printf("%s\n", most <= 6 && alone >= 5 && alone <= 8 ? "within the limit" : "beyond the limit");
    return 0;
}
