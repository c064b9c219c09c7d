/* The second file of compile/separate. */
double field[500] = {3, 2, 1};
int calls;
static int hidden = 100;

double advance(double by)
{
    double sum = 0;
    ++calls;
#pragma omp parallel for reduction(+ : sum)
    for (int i = 0; i < 500; ++i) {
        field[i] += by + i % 4;
        sum += field[i];
    }
    return sum + hidden++;
}

void spread(void)
{
#pragma omp for
    for (int i = 0; i < 500; ++i)
        field[i] *= 2;
#pragma omp single
    hidden += 1000;
}
