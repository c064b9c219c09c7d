#ifndef TALLY_H
#define TALLY_H

/* How often each last digit occurs among the numbers not marked; the result is the caller's to free. */
long *tally_last_digits(const unsigned char *marked, int limit);

#endif
