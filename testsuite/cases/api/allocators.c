/* The omp_alloc family: alignment, pools, fallbacks, zeroed and moved memory, seen by all threads. */
#include <omp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define N 1000

int main(void)
{
    int wrong = 0;
    omp_alloctrait_t aligned[] = {{omp_atk_alignment, 256}, {omp_atk_access, omp_atv_all}};
    omp_alloctrait_t small[] = {{omp_atk_pool_size, 4096}, {omp_atk_fallback, omp_atv_null_fb}};
    omp_allocator_handle_t a = omp_init_allocator(omp_default_mem_space, 2, aligned);
    omp_allocator_handle_t p = omp_init_allocator(omp_large_cap_mem_space, 2, small);
    omp_alloctrait_t chain[] = {{omp_atk_pool_size, 64}, {omp_atk_fallback, omp_atv_allocator_fb}, {omp_atk_fb_data, (omp_uintptr_t)a}};
    omp_allocator_handle_t c = omp_init_allocator(omp_default_mem_space, 3, chain);
    double *x = omp_alloc(N * sizeof *x, a), *y = omp_aligned_calloc(1024, N, sizeof *y, omp_default_mem_alloc);
    wrong += x == NULL || y == NULL || (uintptr_t)x % 256 != 0 || (uintptr_t)y % 1024 != 0;
    for (int i = 0; i < N; ++i)
        wrong += y[i] != 0;
#pragma omp parallel for
    for (int i = 0; i < N; ++i) {
        x[i] = i;
        y[i] = 2 * i;
    }
    x = omp_realloc(x, 2 * N * sizeof *x, a, a);
    for (int i = 0; i < N; ++i)
        wrong += x[i] != i || y[i] != 2 * i;
    char *first = omp_alloc(3000, p), *second = omp_alloc(3000, p), *third = omp_alloc(3000, c);
    wrong += first == NULL || second != NULL || third == NULL || (uintptr_t)third % 256 != 0;
    omp_free(first, p);
    first = omp_alloc(3000, p);
    wrong += first == NULL;
    omp_free(first, omp_null_allocator);
    omp_free(third, c);
    omp_free(x, a);
    omp_free(y, omp_default_mem_alloc);
    omp_free(NULL, omp_null_allocator);
    omp_set_default_allocator(a);
    int inherited = 0, blocks = 0;
#pragma omp parallel reduction(+ : inherited) reduction(+ : blocks)
    {
        char *mine = omp_alloc(100, omp_null_allocator);
        inherited += omp_get_default_allocator() != a;
        blocks += mine == NULL || (uintptr_t)mine % 256 != 0;
        memset(mine, omp_get_thread_num(), 100);
        omp_free(mine, omp_null_allocator);
    }
    omp_set_default_allocator(omp_default_mem_alloc);
    omp_destroy_allocator(c);
    omp_destroy_allocator(p);
    omp_destroy_allocator(a);
    printf("%d %d %d\n", wrong, inherited, blocks);
    return 0;
}
