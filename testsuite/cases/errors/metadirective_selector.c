/* Sets of traits are construct, device, implementation and user. */
//# error: this is no set of traits
//# error: a context selector has the form
int main(void)
{
#pragma omp metadirective when(machine = {kind(host)} : parallel)
    ;
    return 0;
}
