/* error at execution ends the program with status 1; what was printed before is not lost. */
//# exit: 1
#include <stdio.h>

int main(void)
{
    printf("before\n");
#pragma omp error at(execution) severity(fatal) message("enough")
    printf("after\n");
    return 0;
}
