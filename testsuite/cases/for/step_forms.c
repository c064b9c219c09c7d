/* Every way to write the increment and the test. */
#include <stdio.h>

static void show(const char *form, const int *a)
{
    printf("%-12s", form);
    for (int i = 0; i < 24; ++i)
        putchar(a[i] ? '0' + a[i] : '.');
    putchar('\n');
}

#define FORM(name, loop)                                                        \
    do {                                                                        \
        int a[24] = {0}, i, s = 3;                                              \
        (void)s;                                                                \
        _Pragma("omp parallel for") loop                                        \
        a[i] += 1;                                                              \
        show(name, a);                                                          \
    } while (0)

int main(void)
{
    FORM("i++", for (i = 1; i < 20; i++));
    FORM("++i", for (i = 1; i <= 20; ++i));
    FORM("i--", for (i = 20; i > 2; i--));
    FORM("--i", for (i = 20; i >= 2; --i));
    FORM("i += s", for (i = 1; i < 20; i += s));
    FORM("i -= s", for (i = 20; i > 2; i -= s));
    FORM("i = i + 2", for (i = 1; i < 20; i = i + 2));
    FORM("i = 2 + i", for (i = 1; i < 20; i = 2 + i));
    FORM("i = i - s", for (i = 20; i >= 0; i = i - s));
    FORM("!= up", for (i = 1; i != 21; i++));
    FORM("!= down", for (i = 21; i != 3; i--));
    FORM("20 > i", for (i = 1; 20 > i; i += 4));
    FORM("3 <= i", for (i = 23; 3 <= i; i -= 4));
    return 0;
}
