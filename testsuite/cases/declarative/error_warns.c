/* error at execution that only warns: the program goes on. */
#include <stdio.h>

int main(void)
{
    const char *text = "as told";
#pragma omp error at(execution) severity(warning) message("constant")
    if (text[0] == 'a') {
#pragma omp error at(execution) severity(warning) message(text)
        printf("goes on\n");
    }
    return 0;
}
