/* Blocks of declare target that do not match. */
int x;
#pragma omp end declare target
#pragma omp declare target
int y;

int main(void)
{
#pragma omp parallel
    ;
    return x + y;
}
