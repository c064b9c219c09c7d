//# error: bad_header.h:5
//# error: nothing_known
/* An error in an included file is located there. */
#include "bad_header.h"

int main(void)
{
    return inner();
    return 0;
}
