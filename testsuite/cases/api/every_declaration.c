/*# cflags: -std=c89 -pedantic */
/* omp.h is valid C90, and its types and enumerators are those of the specification. */
#include <omp.h>
#include <stdio.h>

int main(void)
{
    omp_lock_t lock;
    omp_nest_lock_t nest;
    omp_depend_t depend;
    omp_event_handle_t event = (omp_event_handle_t)0;
    omp_alloctrait_t trait;
    omp_lock_hint_t hint = omp_lock_hint_contended;
    omp_pause_resource_t pause = omp_pause_hard;
    trait.key = omp_atk_partition;
    trait.value = omp_atv_interleaved;
    omp_init_lock(&lock);
    omp_init_nest_lock(&nest);
    omp_set_lock(&lock);
    printf("%d ", omp_test_nest_lock(&nest));
    printf("%d ", omp_test_nest_lock(&nest));
    omp_unset_nest_lock(&nest);
    omp_unset_nest_lock(&nest);
    omp_unset_lock(&lock);
    omp_destroy_nest_lock(&nest);
    omp_destroy_lock(&lock);
    printf("%d %d %d %d\n", (int)trait.key, (int)trait.value, (int)pause + (int)hint, (int)event);
    printf("%d %d %d\n", (int)(sizeof depend == 2 * sizeof(void *)), (int)(omp_atv_default == (omp_uintptr_t)-1),
           (int)sizeof(omp_allocator_handle_t) == (int)sizeof(void *));
    printf("%d %d %d %d\n", omp_proc_bind_primary, omp_proc_bind_spread, omp_sched_auto, omp_thread_mem_alloc);
    return omp_get_wtick() <= 0 || omp_get_wtime() <= 0;
}
