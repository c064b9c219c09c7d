/* shims.h: what the wrappers of the C library's functions have in common. */
#ifndef CAPE_SHIMS_H
#define CAPE_SHIMS_H

#include <errno.h>
#include <stddef.h>

/* __real_x is libc's x under --wrap=x. They are weak so that caperun, which is not linked that way, links. */
#define REAL(type, name, ...) extern type __real_##name(__VA_ARGS__) __attribute__((weak))

/* Whether the sigsegv tracker, which protects clean pages, is in use. */
extern int cape_must_pretouch;
/* stdio.rs */
extern void cape_pretouch(const void *buffer, size_t bytes);
#define TOUCH(buffer, bytes) \
    do { \
        if (cape_must_pretouch) cape_pretouch(buffer, bytes); \
    } while (0)

/* A publication by another thread may protect the buffer again between `touch` and `call`: then the call fails with EFAULT, without
 * effect, and is made again. */
#define UNTIL_WRITABLE(call, succeeded, touch) \
    do { \
        int looks = 0; \
        do { \
            touch; \
            call; \
        } while (!(succeeded) && errno == EFAULT && cape_must_pretouch && ++looks < 100); \
    } while (0)

#endif
