#include <cape.h>
//# cflags: -lm
/* nbody: bodies that attract one another, every pair computed, leapfrog in time.
 *
 * Each thread computes the forces on its own bodies from the positions of all: between two steps every process must see
 * what every other one moved. Two worksharing loops per step in one region; the energy is a reduction.
 *
 * Build and run:  capec -O3 nbody.c -o nbody -lm && caperun -n 4 ./nbody 400 20
 * The arguments are the number of bodies (default 400) and of steps (default 20).
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct body {
    double position[3], velocity[3], mass;
};

static const double time_step = 1e-3, softening = 1e-2; /* softening: no force is infinite when two bodies meet */

/* A uniform number in [-1, 1). */
static double uniform(unsigned *state)
{
    *state = *state * 1664525u + 1013904223u;
    return (double)(*state >> 8) / (1 << 23) - 1.0;
}

/* Changes body i's velocity by the attraction of all the others during one time step. */
static void attract(struct body *bodies, int n, int i)
{
    double acceleration[3] = {0.0, 0.0, 0.0};

    for (int j = 0; j < n; j++) {
        double d[3], square = softening;
        for (int axis = 0; axis < 3; axis++) {
            d[axis] = bodies[j].position[axis] - bodies[i].position[axis];
            square += d[axis] * d[axis];
        }
        double pull = bodies[j].mass / (square * sqrt(square));
        for (int axis = 0; axis < 3; axis++)
            acceleration[axis] += pull * d[axis];
    }
    for (int axis = 0; axis < 3; axis++)
        bodies[i].velocity[axis] += time_step * acceleration[axis];
}

static const struct cape_site cape_site_1 = {"parallel for", "examples/nbody.c", 50};

static void cape_region_1_energy(void **cape_env)
{
    const struct body *bodies = *(__typeof__(bodies) *)cape_env[0];
    int n = *(__typeof__(n) *)cape_env[1];
    double *kinetic = cape_env[2];
    double *potential = cape_env[3];
    {
        __typeof__((*kinetic)) *const cape_orig_kinetic = &(*kinetic);
        __typeof__((*potential)) *const cape_orig_potential = &(*potential);
        int cape_first = 0;
        int cape_bound = n;
        const unsigned long long cape_count = cape_first < cape_bound ? ((unsigned long long)cape_bound - (unsigned long long)cape_first) : 0;
        struct cape_loop cape_chunk;
        {
            double kinetic = CAPE_IDENTITY(sum, kinetic);
            double potential = CAPE_IDENTITY(sum, potential);
            int i;
            cape_loop_begin(&cape_chunk, &cape_site_1, cape_count, CAPE_STATIC, 8);
            while (cape_loop_next(&cape_chunk)) {
                unsigned long long cape_run = cape_chunk.end - cape_chunk.first;
                i = cape_first + cape_chunk.first;
                int cape_end = i + cape_run;
                for (; i < cape_end; ++i)
                {
                    const struct body *b = &bodies[i];
                    for (int axis = 0; axis < 3; axis++)
                        kinetic += 0.5 * b->mass * b->velocity[axis] * b->velocity[axis];
                    for (int j = i + 1; j < n; j++) {
                        double square = softening;
                        for (int axis = 0; axis < 3; axis++) {
                            double d = bodies[j].position[axis] - b->position[axis];
                            square += d * d;
                        }
                        potential -= b->mass * bodies[j].mass / sqrt(square);
                    }
                }
            }
            {
                __typeof__(kinetic) cape_value_kinetic = kinetic;
                cape_reduce(&cape_site_1, (void *)cape_orig_kinetic, &cape_value_kinetic, sizeof kinetic, 1, CAPE_COMBINER(sum, kinetic));
            }
            {
                __typeof__(potential) cape_value_potential = potential;
                cape_reduce(&cape_site_1, (void *)cape_orig_potential, &cape_value_potential, sizeof potential, 1, CAPE_COMBINER(sum, potential));
            }
            cape_loop_end(&cape_chunk);
        }
    }
}

static double energy(const struct body *bodies, int n)
{
    double kinetic = 0.0, potential = 0.0;

    {
        void *cape_env[] = {(void *)&bodies, (void *)&n, (void *)&kinetic, (void *)&potential};
        cape_parallel(&cape_site_1, cape_region_1_energy, cape_env, 4, 0, 1, -1);
    }
    return kinetic + potential;
}

static const struct cape_site cape_site_2 = {"parallel", "examples/nbody.c", 86};
static const struct cape_site cape_site_3 = {"for", "examples/nbody.c", 88};
static const struct cape_site cape_site_4 = {"for", "examples/nbody.c", 91};

static void cape_region_2_main(void **cape_env)
{
    int n = *(__typeof__(n) *)cape_env[0];
    int steps = *(__typeof__(steps) *)cape_env[1];
    struct body *bodies = *(__typeof__(bodies) *)cape_env[2];
    for (int step = 0; step < steps; step++) {
        {
            int cape_first = 0;
            int cape_bound = n;
            const unsigned long long cape_count = cape_first < cape_bound ? ((unsigned long long)cape_bound - (unsigned long long)cape_first) : 0;
            struct cape_loop cape_chunk;
            {
                int i;
                cape_loop_begin(&cape_chunk, &cape_site_3, cape_count, CAPE_STATIC, 0);
                while (cape_loop_next(&cape_chunk)) {
                    unsigned long long cape_run = cape_chunk.end - cape_chunk.first;
                    i = cape_first + cape_chunk.first;
                    int cape_end = i + cape_run;
                    for (; i < cape_end; ++i)
                        attract(bodies, n, i);
                }
                cape_loop_end(&cape_chunk);
            }
            cape_barrier(&cape_site_3);
        }
        {
            int cape_first = 0;
            int cape_bound = n;
            const unsigned long long cape_count = cape_first < cape_bound ? ((unsigned long long)cape_bound - (unsigned long long)cape_first) : 0;
            struct cape_loop cape_chunk;
            {
                int i;
                cape_loop_begin(&cape_chunk, &cape_site_4, cape_count, CAPE_STATIC, 0);
                while (cape_loop_next(&cape_chunk)) {
                    unsigned long long cape_run = cape_chunk.end - cape_chunk.first;
                    i = cape_first + cape_chunk.first;
                    int cape_end = i + cape_run;
                    for (; i < cape_end; ++i)
                        for (int axis = 0; axis < 3; axis++)
                            bodies[i].position[axis] += time_step * bodies[i].velocity[axis];
                }
                cape_loop_end(&cape_chunk);
            }
            cape_barrier(&cape_site_4);
        }
    }
}

int main(int argc, char **argv)
{
    int n = argc > 1 ? atoi(argv[1]) : 400;
    int steps = argc > 2 ? atoi(argv[2]) : 20;
    struct body *bodies = n > 0 ? malloc((size_t)n * sizeof *bodies) : NULL;
    if (bodies == NULL) {
        fprintf(stderr, "nbody: needs at least one body, and memory for all\n");
        return 2;
    }
    unsigned state = 2011;
    for (int i = 0; i < n; i++) {
        for (int axis = 0; axis < 3; axis++) {
            bodies[i].position[axis] = uniform(&state);
            bodies[i].velocity[axis] = 0.1 * uniform(&state);
        }
        bodies[i].mass = 1.0 / n;
    }
    printf("%d bodies, energy %.8f\n", n, energy(bodies, n));

    {
        void *cape_env[] = {(void *)&n, (void *)&steps, (void *)&bodies};
        cape_parallel(&cape_site_2, cape_region_2_main, cape_env, 3, 0, 1, -1);
    }

    printf("after %d steps,  energy %.8f\n", steps, energy(bodies, n));
    for (int i = 0; i < n; i += n / 4 + 1)
        printf("body %4d at (%+.12f, %+.12f, %+.12f)\n", i, bodies[i].position[0], bodies[i].position[1],
               bodies[i].position[2]);
    free(bodies);
    return 0;
}
