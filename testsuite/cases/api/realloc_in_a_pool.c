/* omp_realloc within a pool needs room for the difference only; what does not fit leaves the old block as it was. */
#include <omp.h>
#include <stdio.h>

int main(void)
{
    omp_alloctrait_t traits[] = {{omp_atk_fallback, omp_atv_null_fb}, {omp_atk_pool_size, 4096}};
    omp_allocator_handle_t pool = omp_init_allocator(omp_default_mem_space, 2, traits);
    char text[100];
    int *one = omp_alloc(3071, pool), *other, *grown;
    one[5] = 55;
    one = omp_realloc(one, 3072, pool, pool);
    printf("%d\n", one ? one[5] : -1);
    other = omp_alloc(sizeof(int), pool);
    *other = 66;
    grown = omp_realloc(other, 3072, pool, pool);
    printf("%s %d\n", grown ? "grown" : "too large", *other);
    omp_free(one, pool);
    other = omp_realloc(other, 3072, pool, pool);
    printf("%d\n", other ? *other : -1);
    omp_free(other, pool);
    omp_destroy_allocator(pool);
    /* Zeros go between the sign and the digits. */
    omp_capture_affinity(text, sizeof text, "[%0.7a][%7a][%.7a]");
    printf("%s\n", text);
    return 0;
}
