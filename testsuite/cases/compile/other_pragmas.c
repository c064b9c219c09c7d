/* Pragmas of others, and constructs in inactive branches, stay what they are. */
#include <stdio.h>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-variable"
#pragma unknown thing
#pragma pack(push, 2)
struct s { char c; int i; };
#pragma pack(pop)
#pragma GCC diagnostic pop

int main(void)
{
    int sum = 0;
#if 0
#pragma omp nonsense everywhere(
#endif
#pragma omp parallel for reduction(+ : sum)
    for (int i = 0; i < 10; ++i) {
#pragma GCC unroll 4
        for (int k = 0; k < 8; ++k)
            sum += k;
#pragma GCC ivdep
        for (int k = 0; k < 8; ++k)
            sum += (int)sizeof(struct s);
    }
    printf("%d\n", sum);
    return 0;
}
