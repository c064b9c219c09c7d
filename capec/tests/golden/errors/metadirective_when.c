/* when without a directive. */
int main(void)
{
#pragma omp metadirective when(user={condition(1)})
    ;
    return 0;
}
