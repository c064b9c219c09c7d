//# error: case
/* A case label of an outer switch inside a region. */
int main(void)
{
    int x = 0;
    switch (x) {
    default:
#pragma omp parallel
        {
        case 1: //~
            x = 2;
        }
    }
    return 0;
}
