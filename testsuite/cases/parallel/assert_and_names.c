/* assert, __func__ and __LINE__ inside a region are those of the user's function. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

static int worker(void)
{
    int wrong = 0;
#pragma omp parallel reduction(+ : wrong)
    {
        assert(wrong == 0);
        wrong += strcmp(__func__, "worker") != 0;
        wrong += strcmp(__FUNCTION__, "worker") != 0;
        wrong += __LINE__ != 14;
        wrong += sizeof __func__ != 7;
    }
    return wrong;
}

int main(void)
{
    printf("%d\n", worker());
    return 0;
}
