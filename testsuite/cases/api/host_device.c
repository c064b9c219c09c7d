/* The device routines on a host without devices. */
#include <errno.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
    int host = omp_get_initial_device(), wrong = 0;
    int from[6][8], to[4][5];
    size_t volume[2] = {2, 3}, to_at[2] = {1, 1}, from_at[2] = {3, 4}, to_size[2] = {4, 5}, from_size[2] = {6, 8};
    for (int i = 0; i < 48; ++i)
        from[i / 8][i % 8] = i;
    memset(to, 0, sizeof to);
    int *block = omp_target_alloc(sizeof from, host);
    wrong += omp_get_num_devices() != 0 || !omp_is_initial_device() || omp_get_device_num() != host || block == NULL;
    wrong += omp_target_memcpy(block, from, sizeof from - 8, 8, 0, host, host) != 0 || block[2] != 0 || block[3] != 1;
    wrong += omp_target_memcpy_rect(NULL, NULL, 0, 0, NULL, NULL, NULL, NULL, NULL, host, host) < 3;
    wrong += omp_target_memcpy_rect(to, from, sizeof(int), 2, volume, to_at, from_at, to_size, from_size, host, host) != 0;
    wrong += !omp_target_is_present(block, host);
    wrong += omp_target_associate_ptr(block, from, 8, 0, host) == 0 || omp_target_disassociate_ptr(block, host) == 0;
    omp_target_free(block, host);
    for (int i = 0; i < 20; ++i)
        printf("%d ", to[i / 5][i % 5]);
    omp_set_default_device(3);
    wrong += omp_get_default_device() != 3 || omp_get_num_teams() != 1 || omp_get_team_num() != 0;
    omp_set_num_teams(5);
    omp_set_teams_thread_limit(4);
    wrong += omp_get_max_teams() != 5 || omp_get_teams_thread_limit() != 4 || omp_get_max_task_priority() != 0;
    wrong += omp_in_final() || omp_get_cancellation();
    printf("%d %d\n", wrong, omp_pause_resource_all(omp_pause_soft));
    return 0;
}
