/* Variants have the parameters of their base functions. */
//# error: clause 'adjust_args' of '#pragma omp declare variant' is not supported
//# error: give the variant the parameters of its base function
void variant(int *x);
#pragma omp declare variant(variant) match(construct = {parallel}) adjust_args(need_device_ptr : x)
void base(int *x);
int main(void)
{
    return 0;
}
