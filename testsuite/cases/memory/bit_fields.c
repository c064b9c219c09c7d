/* Structs with bit-fields and padding, each thread its own elements. */
#include <stdio.h>

struct packed { unsigned a : 3, b : 7; signed c : 5; unsigned long d : 40; char tail; };
struct padded { char c; double d; short s; long long l; char e; };

int main(void)
{
    static struct packed p[100];
    static struct padded q[100];
#pragma omp parallel for schedule(static, 1)
    for (int i = 0; i < 100; ++i) {
        p[i].a = (unsigned)i;
        p[i].b = (unsigned)i * 3;
        p[i].c = (i % 31) - 15;
        p[i].d = (unsigned long)i << 33;
        p[i].tail = (char)i;
        q[i].c = (char)i;
        q[i].d = i / 4.0;
        q[i].s = (short)(i * 300);
        q[i].l = (long long)i << 40;
        q[i].e = (char)-i;
    }
    unsigned long long sum = 0;
    for (int i = 0; i < 100; ++i) {
        sum = sum * 3 + p[i].a + p[i].b + (unsigned)(p[i].c + 100) + p[i].d + (unsigned char)p[i].tail;
        sum += (unsigned)(q[i].c + q[i].s + q[i].e + 1000) + (unsigned long long)q[i].l + (unsigned)(q[i].d * 4);
    }
    printf("%llu\n", sum);
    return 0;
}
