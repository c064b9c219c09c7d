#include <cape.h>
//# files: mandelbrot.ppm
/* mandelbrot: a picture of the Mandelbrot set, its rows handed out dynamically.
 *
 * Rows through the middle of the set take far longer than those at its edge: with schedule(dynamic) a thread that is done
 * asks for the next rows. The picture is an array in shared memory, written to a file by the serial code at the end.
 *
 * Build and run:  capec -O3 mandelbrot.c -o mandelbrot && caperun -n 4 ./mandelbrot mandelbrot.ppm 480
 * The arguments are the file (default mandelbrot.ppm) and the number of rows (default 240); the picture is 3:2.
 */
#include <stdio.h>
#include <stdlib.h>

enum { LIMIT = 500 };

/* Steps until z = z^2 + c leaves the circle of radius 2, at most LIMIT. */
static int escape(double c_re, double c_im)
{
    double re = 0.0, im = 0.0;
    int step = 0;

    while (step < LIMIT && re * re + im * im <= 4.0) {
        double next = re * re - im * im + c_re;
        im = 2.0 * re * im + c_im;
        re = next;
        step++;
    }
    return step;
}

static void colour(int step, unsigned char *rgb)
{
    rgb[0] = (unsigned char)(step == LIMIT ? 0 : 7 * step % 256);
    rgb[1] = (unsigned char)(step == LIMIT ? 0 : 3 * step % 256);
    rgb[2] = (unsigned char)(step == LIMIT ? 0 : 128 + step % 128);
}

static const struct cape_site cape_site_1 = {"parallel for", "examples/mandelbrot.c", 48};

static void cape_region_1_main(void **cape_env)
{
    int rows = *(__typeof__(rows) *)cape_env[0];
    int columns = *(__typeof__(columns) *)cape_env[1];
    unsigned char *picture = *(__typeof__(picture) *)cape_env[2];
    long *inside = cape_env[3];
    long *steps = cape_env[4];
    {
        __typeof__((*inside)) *const cape_orig_inside = &(*inside);
        __typeof__((*steps)) *const cape_orig_steps = &(*steps);
        int cape_first = 0;
        int cape_bound = rows;
        const unsigned long long cape_count = cape_first < cape_bound ? ((unsigned long long)cape_bound - (unsigned long long)cape_first) : 0;
        struct cape_loop cape_chunk;
        {
            long inside = CAPE_IDENTITY(sum, inside);
            long steps = CAPE_IDENTITY(sum, steps);
            int row;
            cape_loop_begin(&cape_chunk, &cape_site_1, cape_count, CAPE_DYNAMIC, 4);
            while (cape_loop_next(&cape_chunk)) {
                unsigned long long cape_run = cape_chunk.end - cape_chunk.first;
                row = cape_first + cape_chunk.first;
                int cape_end = row + cape_run;
                for (; row < cape_end; ++row)
                    for (int column = 0; column < columns; column++) {
                    int step = escape(-2.0 + 3.0 * column / columns, 1.0 - 2.0 * row / rows);
                    colour(step, picture + ((size_t)row * columns + column) * 3);
                    inside += step == LIMIT;
                    steps += step;
                }
            }
            {
                __typeof__(inside) cape_value_inside = inside;
                cape_reduce(&cape_site_1, (void *)cape_orig_inside, &cape_value_inside, sizeof inside, 1, CAPE_COMBINER(sum, inside));
            }
            {
                __typeof__(steps) cape_value_steps = steps;
                cape_reduce(&cape_site_1, (void *)cape_orig_steps, &cape_value_steps, sizeof steps, 1, CAPE_COMBINER(sum, steps));
            }
            cape_loop_end(&cape_chunk);
        }
    }
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "mandelbrot.ppm";
    int rows = argc > 2 ? atoi(argv[2]) : 240, columns = rows / 2 * 3;
    unsigned char *picture = rows >= 2 && rows <= 20000 ? malloc((size_t)rows * columns * 3) : NULL;
    if (picture == NULL) {
        fprintf(stderr, "mandelbrot: needs 2 to 20000 rows, and memory for them\n");
        return 2;
    }
    long inside = 0, steps = 0;

    {
        void *cape_env[] = {(void *)&rows, (void *)&columns, (void *)&picture, (void *)&inside, (void *)&steps};
        cape_parallel(&cape_site_1, cape_region_1_main, cape_env, 5, 0, 1, -1);
    }

    FILE *file = fopen(name, "wb");
    if (file == NULL) {
        perror(name);
        return 2;
    }
    fprintf(file, "P6\n%d %d\n255\n", columns, rows);
    fwrite(picture, 3, (size_t)rows * columns, file);
    if (fclose(file) != 0) {
        perror(name);
        return 2;
    }
    printf("%d x %d points, %ld inside, %ld steps\n", columns, rows, inside, steps);
    free(picture);
    return 0;
}
