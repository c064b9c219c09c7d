/* Pointers to literals, to constant tables and to strdup'ed text stored by one thread, printed by another. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[4] = {"spades", "hearts", "diamonds", "clubs"};
static const char *cards[52];
static char *copies[52];

int main(void)
{
#pragma omp parallel for
    for (int i = 0; i < 52; ++i)
        cards[i] = i % 13 ? names[i / 13] : "ace";
#pragma omp parallel for
    for (int i = 0; i < 52; ++i) {
        char text[40];
        snprintf(text, sizeof text, "%s-%d", cards[51 - i], i);
        copies[i] = strdup(text);
    }
    for (int i = 0; i < 52; i += 5)
        printf("%s %s\n", cards[i], copies[i]);
    size_t total = 0;
#pragma omp parallel for reduction(+ : total)
    for (int i = 0; i < 52; ++i) {
        total += strlen(copies[51 - i]);
        free(copies[51 - i]);
    }
    printf("%zu\n", total);
    return 0;
}
