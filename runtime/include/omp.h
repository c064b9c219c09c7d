/* omp.h: the OpenMP API (OpenMP 5.2, chapter 18) for programs compiled with capec: what gcc 12's declares, and a little more.
 *
 * Locks work between processes: acquiring one makes visible what was written before its last release. The host is the only device.
 */
#ifndef CAPE_OMP_H
#define CAPE_OMP_H 1
#ifndef _OMP_H
#define _OMP_H 1
#endif

#if defined(__GNUC__) || defined(__clang__)
#pragma GCC system_header /* enumerators as large as a pointer are meant */
#endif

#ifdef __cplusplus
extern "C" {
#define CAPE_OMP_NOTHROW throw()
#define CAPE_OMP_NULL_ALLOCATOR = omp_null_allocator
#else
#define CAPE_OMP_NOTHROW __attribute__((__nothrow__))
#define CAPE_OMP_NULL_ALLOCATOR
#endif
#if defined(__cplusplus) && __cplusplus >= 201103L
#define CAPE_OMP_HANDLE : omp_uintptr_t
#else
#define CAPE_OMP_HANDLE
#endif

typedef __UINTPTR_TYPE__ omp_uintptr_t;

/* The lock's address is its name between processes; its contents are the runtime's. */
typedef struct omp_lock_s { unsigned long long cape_private[1]; } omp_lock_t;
typedef struct omp_nest_lock_s { unsigned long long cape_private[2]; } omp_nest_lock_t;

typedef enum omp_sched_t {
    omp_sched_static = 1,
    omp_sched_dynamic = 2,
    omp_sched_guided = 3,
    omp_sched_auto = 4,
    omp_sched_monotonic = (int)0x80000000U
} omp_sched_t;

typedef enum omp_proc_bind_t {
    omp_proc_bind_false = 0,
    omp_proc_bind_true = 1,
    omp_proc_bind_master = 2,
    omp_proc_bind_primary = 2,
    omp_proc_bind_close = 3,
    omp_proc_bind_spread = 4
} omp_proc_bind_t;

typedef enum omp_sync_hint_t {
    omp_sync_hint_none = 0,
    omp_sync_hint_uncontended = 1,
    omp_sync_hint_contended = 2,
    omp_sync_hint_nonspeculative = 4,
    omp_sync_hint_speculative = 8,
    omp_lock_hint_none = 0,
    omp_lock_hint_uncontended = 1,
    omp_lock_hint_contended = 2,
    omp_lock_hint_nonspeculative = 4,
    omp_lock_hint_speculative = 8
} omp_sync_hint_t;
typedef omp_sync_hint_t omp_lock_hint_t;

typedef struct omp_depend_t {
    void *cape_private[2];
} omp_depend_t;

typedef enum omp_pause_resource_t { omp_pause_soft = 1, omp_pause_hard = 2 } omp_pause_resource_t;

typedef enum omp_event_handle_t CAPE_OMP_HANDLE { cape_omp_event_handle_max = __UINTPTR_MAX__ } omp_event_handle_t;

/* Memory (6, 18.13). */
typedef enum omp_memspace_handle_t CAPE_OMP_HANDLE {
    omp_default_mem_space = 0,
    omp_large_cap_mem_space = 1,
    omp_const_mem_space = 2,
    omp_high_bw_mem_space = 3,
    omp_low_lat_mem_space = 4,
    cape_omp_memspace_handle_max = __UINTPTR_MAX__
} omp_memspace_handle_t;

typedef enum omp_allocator_handle_t CAPE_OMP_HANDLE {
    omp_null_allocator = 0,
    omp_default_mem_alloc = 1,
    omp_large_cap_mem_alloc = 2,
    omp_const_mem_alloc = 3,
    omp_high_bw_mem_alloc = 4,
    omp_low_lat_mem_alloc = 5,
    omp_cgroup_mem_alloc = 6,
    omp_pteam_mem_alloc = 7,
    omp_thread_mem_alloc = 8,
    cape_omp_allocator_handle_max = __UINTPTR_MAX__
} omp_allocator_handle_t;

typedef enum omp_alloctrait_key_t {
    omp_atk_sync_hint = 1,
    omp_atk_alignment = 2,
    omp_atk_access = 3,
    omp_atk_pool_size = 4,
    omp_atk_fallback = 5,
    omp_atk_fb_data = 6,
    omp_atk_pinned = 7,
    omp_atk_partition = 8
} omp_alloctrait_key_t;

typedef enum omp_alloctrait_value_t {
    omp_atv_default = (__UINTPTR_TYPE__)-1,
    omp_atv_false = 0,
    omp_atv_true = 1,
    omp_atv_contended = 3,
    omp_atv_uncontended = 4,
    omp_atv_serialized = 5,
    omp_atv_sequential = 5,
    omp_atv_private = 6,
    omp_atv_all = 7,
    omp_atv_thread = 8,
    omp_atv_pteam = 9,
    omp_atv_cgroup = 10,
    omp_atv_default_mem_fb = 11,
    omp_atv_null_fb = 12,
    omp_atv_abort_fb = 13,
    omp_atv_allocator_fb = 14,
    omp_atv_environment = 15,
    omp_atv_nearest = 16,
    omp_atv_blocked = 17,
    omp_atv_interleaved = 18
} omp_alloctrait_value_t;

typedef struct omp_alloctrait_t {
    omp_alloctrait_key_t key;
    omp_uintptr_t value;
} omp_alloctrait_t;

/* Thread team (18.2), nesting and schedules. */
extern void omp_set_num_threads(int) CAPE_OMP_NOTHROW;
extern int omp_get_num_threads(void) CAPE_OMP_NOTHROW;
extern int omp_get_max_threads(void) CAPE_OMP_NOTHROW;
extern int omp_get_thread_num(void) CAPE_OMP_NOTHROW;
extern int omp_get_num_procs(void) CAPE_OMP_NOTHROW;
extern int omp_in_parallel(void) CAPE_OMP_NOTHROW;
extern void omp_set_dynamic(int) CAPE_OMP_NOTHROW;
extern int omp_get_dynamic(void) CAPE_OMP_NOTHROW;
extern void omp_set_nested(int) CAPE_OMP_NOTHROW;
extern int omp_get_nested(void) CAPE_OMP_NOTHROW;
extern int omp_get_cancellation(void) CAPE_OMP_NOTHROW;
extern void omp_set_schedule(omp_sched_t, int) CAPE_OMP_NOTHROW;
extern void omp_get_schedule(omp_sched_t *, int *) CAPE_OMP_NOTHROW;
extern int omp_get_thread_limit(void) CAPE_OMP_NOTHROW;
extern int omp_get_supported_active_levels(void) CAPE_OMP_NOTHROW;
extern void omp_set_max_active_levels(int) CAPE_OMP_NOTHROW;
extern int omp_get_max_active_levels(void) CAPE_OMP_NOTHROW;
extern int omp_get_level(void) CAPE_OMP_NOTHROW;
extern int omp_get_ancestor_thread_num(int) CAPE_OMP_NOTHROW;
extern int omp_get_team_size(int) CAPE_OMP_NOTHROW;
extern int omp_get_active_level(void) CAPE_OMP_NOTHROW;

/* Thread affinity (18.3). */
extern omp_proc_bind_t omp_get_proc_bind(void) CAPE_OMP_NOTHROW;
extern int omp_get_num_places(void) CAPE_OMP_NOTHROW;
extern int omp_get_place_num_procs(int) CAPE_OMP_NOTHROW;
extern void omp_get_place_proc_ids(int, int *) CAPE_OMP_NOTHROW;
extern int omp_get_place_num(void) CAPE_OMP_NOTHROW;
extern int omp_get_partition_num_places(void) CAPE_OMP_NOTHROW;
extern void omp_get_partition_place_nums(int *) CAPE_OMP_NOTHROW;
extern void omp_set_affinity_format(const char *) CAPE_OMP_NOTHROW;
extern __SIZE_TYPE__ omp_get_affinity_format(char *, __SIZE_TYPE__) CAPE_OMP_NOTHROW;
extern void omp_display_affinity(const char *) CAPE_OMP_NOTHROW;
extern __SIZE_TYPE__ omp_capture_affinity(char *, __SIZE_TYPE__, const char *) CAPE_OMP_NOTHROW;

/* Teams (18.4). */
extern int omp_get_num_teams(void) CAPE_OMP_NOTHROW;
extern int omp_get_team_num(void) CAPE_OMP_NOTHROW;
extern void omp_set_num_teams(int) CAPE_OMP_NOTHROW;
extern int omp_get_max_teams(void) CAPE_OMP_NOTHROW;
extern void omp_set_teams_thread_limit(int) CAPE_OMP_NOTHROW;
extern int omp_get_teams_thread_limit(void) CAPE_OMP_NOTHROW;

/* Tasks (18.5) and events (18.11). */
extern int omp_get_max_task_priority(void) CAPE_OMP_NOTHROW;
extern int omp_in_final(void) CAPE_OMP_NOTHROW;
extern void omp_fulfill_event(omp_event_handle_t) CAPE_OMP_NOTHROW;

/* Resources (18.6), devices (18.7) and their memory (18.8). */
extern int omp_pause_resource(omp_pause_resource_t, int) CAPE_OMP_NOTHROW;
extern int omp_pause_resource_all(omp_pause_resource_t) CAPE_OMP_NOTHROW;
extern void omp_set_default_device(int) CAPE_OMP_NOTHROW;
extern int omp_get_default_device(void) CAPE_OMP_NOTHROW;
extern int omp_get_num_devices(void) CAPE_OMP_NOTHROW;
extern int omp_get_device_num(void) CAPE_OMP_NOTHROW;
extern int omp_is_initial_device(void) CAPE_OMP_NOTHROW;
extern int omp_get_initial_device(void) CAPE_OMP_NOTHROW;
extern void *omp_target_alloc(__SIZE_TYPE__, int) CAPE_OMP_NOTHROW;
extern void omp_target_free(void *, int) CAPE_OMP_NOTHROW;
extern int omp_target_is_present(const void *, int) CAPE_OMP_NOTHROW;
extern int omp_target_is_accessible(const void *, __SIZE_TYPE__, int) CAPE_OMP_NOTHROW;
extern int omp_target_memcpy(void *, const void *, __SIZE_TYPE__, __SIZE_TYPE__, __SIZE_TYPE__, int,
    int) CAPE_OMP_NOTHROW;
extern int omp_target_memcpy_rect(void *, const void *, __SIZE_TYPE__, int, const __SIZE_TYPE__ *,
    const __SIZE_TYPE__ *, const __SIZE_TYPE__ *, const __SIZE_TYPE__ *, const __SIZE_TYPE__ *, int,
    int) CAPE_OMP_NOTHROW;
extern int omp_target_associate_ptr(const void *, const void *, __SIZE_TYPE__, __SIZE_TYPE__, int) CAPE_OMP_NOTHROW;
extern int omp_target_disassociate_ptr(const void *, int) CAPE_OMP_NOTHROW;
extern void *omp_get_mapped_ptr(const void *, int) CAPE_OMP_NOTHROW;

/* Locks (18.9). */
extern void omp_init_lock(omp_lock_t *) CAPE_OMP_NOTHROW;
extern void omp_init_lock_with_hint(omp_lock_t *, omp_sync_hint_t) CAPE_OMP_NOTHROW;
extern void omp_destroy_lock(omp_lock_t *) CAPE_OMP_NOTHROW;
extern void omp_set_lock(omp_lock_t *) CAPE_OMP_NOTHROW;
extern void omp_unset_lock(omp_lock_t *) CAPE_OMP_NOTHROW;
extern int omp_test_lock(omp_lock_t *) CAPE_OMP_NOTHROW;
extern void omp_init_nest_lock(omp_nest_lock_t *) CAPE_OMP_NOTHROW;
extern void omp_init_nest_lock_with_hint(omp_nest_lock_t *, omp_sync_hint_t) CAPE_OMP_NOTHROW;
extern void omp_destroy_nest_lock(omp_nest_lock_t *) CAPE_OMP_NOTHROW;
extern void omp_set_nest_lock(omp_nest_lock_t *) CAPE_OMP_NOTHROW;
extern void omp_unset_nest_lock(omp_nest_lock_t *) CAPE_OMP_NOTHROW;
extern int omp_test_nest_lock(omp_nest_lock_t *) CAPE_OMP_NOTHROW;

/* Timing (18.10): seconds since a fixed time in the past; the resolution in seconds. */
extern double omp_get_wtime(void) CAPE_OMP_NOTHROW;
extern double omp_get_wtick(void) CAPE_OMP_NOTHROW;

/* Memory management (18.13): every allocator's memory is shared by all threads of the job. */
extern omp_allocator_handle_t omp_init_allocator(omp_memspace_handle_t, int,
    const omp_alloctrait_t[]) CAPE_OMP_NOTHROW;
extern void omp_destroy_allocator(omp_allocator_handle_t) CAPE_OMP_NOTHROW;
extern void omp_set_default_allocator(omp_allocator_handle_t) CAPE_OMP_NOTHROW;
extern omp_allocator_handle_t omp_get_default_allocator(void) CAPE_OMP_NOTHROW;
extern void omp_free(void *, omp_allocator_handle_t CAPE_OMP_NULL_ALLOCATOR) CAPE_OMP_NOTHROW;
extern void *omp_alloc(__SIZE_TYPE__, omp_allocator_handle_t CAPE_OMP_NULL_ALLOCATOR) CAPE_OMP_NOTHROW;
extern void *omp_aligned_alloc(__SIZE_TYPE__, __SIZE_TYPE__,
    omp_allocator_handle_t CAPE_OMP_NULL_ALLOCATOR) CAPE_OMP_NOTHROW;
extern void *omp_calloc(__SIZE_TYPE__, __SIZE_TYPE__,
    omp_allocator_handle_t CAPE_OMP_NULL_ALLOCATOR) CAPE_OMP_NOTHROW;
extern void *omp_aligned_calloc(__SIZE_TYPE__, __SIZE_TYPE__, __SIZE_TYPE__,
    omp_allocator_handle_t CAPE_OMP_NULL_ALLOCATOR) CAPE_OMP_NOTHROW;
extern void *omp_realloc(void *, __SIZE_TYPE__, omp_allocator_handle_t CAPE_OMP_NULL_ALLOCATOR,
    omp_allocator_handle_t CAPE_OMP_NULL_ALLOCATOR) CAPE_OMP_NOTHROW;

/* Display (18.15): the internal control variables, on standard error. */
extern void omp_display_env(int) CAPE_OMP_NOTHROW;

#undef CAPE_OMP_NOTHROW
#undef CAPE_OMP_NULL_ALLOCATOR
#undef CAPE_OMP_HANDLE

#ifdef __cplusplus
}
#endif
#endif /* CAPE_OMP_H */
