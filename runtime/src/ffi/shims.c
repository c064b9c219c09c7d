/* The C library's functions that the linker's --wrap sends here and that Rust cannot define (variadic ones) or that only need a
 * check around the call. One line per function; the decisions are in stdio.rs and alloc.rs. Those of streams and descriptors are in files.c.
 *
 * Two things happen here:
 *   - a buffer that the kernel is about to fill is made writable first (the sigsegv tracker protects clean pages);
 *   - memory that libc allocates for its caller (asprintf) is moved into the shared heap.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/times.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shims.h"

/* Set once by the runtime. */
int cape_must_pretouch;

/* alloc.rs */
extern char *cape_adopt(char *block, size_t length);
extern void *__wrap_malloc(size_t);

/* ---- what caperun uses of the runtime's allocator: libc itself --------------------------------------------------------- */
#define FALLBACK __attribute__((weak))
FALLBACK void *__real_malloc(size_t size) { return malloc(size); }
FALLBACK void *__real_calloc(size_t count, size_t size) { return calloc(count, size); }
FALLBACK void *__real_realloc(void *block, size_t size) { return realloc(block, size); }
FALLBACK void __real_free(void *block) { free(block); }
FALLBACK int __real_posix_memalign(void **result, size_t align, size_t size) { return posix_memalign(result, align, size); }
FALLBACK size_t __real_malloc_usable_size(void *block) { return malloc_usable_size(block); }
FALLBACK int __real_munmap(void *address, size_t length) { return munmap(address, length); }
FALLBACK int __real_mprotect(void *address, size_t length, int protection) { return mprotect(address, length, protection); }
FALLBACK int __real_madvise(void *address, size_t length, int advice) { return madvise(address, length, advice); }

/* ---- strings and lines allocated for the caller ------------------------------------------------------------------------ */
REAL(int, vasprintf, char **, const char *, va_list);
REAL(char *, realpath, const char *, char *);
REAL(char *, getcwd, char *, size_t);
REAL(char *, get_current_dir_name, void);

int __wrap_vasprintf(char **result, const char *format, va_list arguments)
{
    int length = __real_vasprintf(result, format, arguments);
    if (length >= 0) *result = cape_adopt(*result, (size_t)length);
    return length;
}
int __wrap_asprintf(char **result, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = __wrap_vasprintf(result, format, arguments);
    va_end(arguments);
    return length;
}
int __wrap___vasprintf_chk(char **result, int flag, const char *format, va_list arguments)
{
    (void)flag;
    return __wrap_vasprintf(result, format, arguments);
}
int __wrap___asprintf_chk(char **result, int flag, const char *format, ...)
{
    va_list arguments;
    (void)flag;
    va_start(arguments, format);
    int length = __wrap_vasprintf(result, format, arguments);
    va_end(arguments);
    return length;
}
char *__wrap_realpath(const char *path, char *resolved)
{
    char *result = __real_realpath(path, resolved);
    return result != NULL && resolved == NULL ? cape_adopt(result, strlen(result)) : result;
}
char *__wrap___realpath_chk(const char *path, char *resolved, size_t size)
{
    (void)size;
    return __wrap_realpath(path, resolved);
}
char *__wrap_getcwd(char *buffer, size_t size)
{
    if (buffer != NULL) TOUCH(buffer, size);
    char *result = __real_getcwd(buffer, size);
    return result != NULL && buffer == NULL ? cape_adopt(result, strlen(result)) : result;
}
char *__wrap_get_current_dir_name(void)
{
    char *result = __real_get_current_dir_name();
    return result != NULL ? cape_adopt(result, strlen(result)) : result;
}

/* ---- other calls by which the kernel fills memory ----------------------------------------------------------------------- */
#define KERNEL_FILLS(type, name, parameters, arguments, buffer, bytes, ...) \
    REAL(type, name, __VA_ARGS__); \
    type __wrap_##name parameters \
    { \
        type result; \
        UNTIL_WRITABLE(result = __real_##name arguments, result != (type)-1, TOUCH(buffer, bytes)); \
        return result; \
    }
KERNEL_FILLS(int, stat, (const char *path, struct stat *status), (path, status), status, sizeof *status, const char *, struct stat *)
KERNEL_FILLS(int, lstat, (const char *path, struct stat *status), (path, status), status, sizeof *status, const char *, struct stat *)
KERNEL_FILLS(int, getrusage, (__rusage_who_t who, struct rusage *usage), (who, usage), usage, sizeof *usage, __rusage_who_t, struct rusage *)
KERNEL_FILLS(clock_t, times, (struct tms *buffer), (buffer), buffer, sizeof *buffer, struct tms *)
KERNEL_FILLS(int, uname, (struct utsname *name), (name), name, sizeof *name, struct utsname *)
KERNEL_FILLS(pid_t, wait, (int *status), (status), status, status ? sizeof *status : 0, int *)
KERNEL_FILLS(pid_t, waitpid, (pid_t pid, int *status, int options), (pid, status, options), status, status ? sizeof *status : 0, pid_t, int *, int)
KERNEL_FILLS(ssize_t, readlink, (const char *path, char *buffer, size_t size), (path, buffer, size), buffer, size, const char *, char *, size_t)

/* ---- handlers of SIGSEGV, which is how the sigsegv tracker sees writes --------------------------------------------------- */
extern void cape_refuse_handler(void);
REAL(int, sigaction, int, const struct sigaction *, struct sigaction *);
REAL(sighandler_t, signal, int, sighandler_t);
int __wrap_sigaction(int number, const struct sigaction *action, struct sigaction *old)
{
    /* The tracker itself goes back to the default before it lets a fault that is the program's own end the process. */
    int handles = action != NULL && action->sa_handler != SIG_DFL;
    if (number == SIGSEGV && handles && cape_must_pretouch) cape_refuse_handler();
    if (old != NULL) TOUCH(old, sizeof *old);
    return __real_sigaction(number, action, old);
}
sighandler_t __wrap_signal(int number, sighandler_t handler)
{
    if (number == SIGSEGV && handler != SIG_DFL && cape_must_pretouch) cape_refuse_handler();
    return __real_signal(number, handler);
}

/* ---- plugins ------------------------------------------------------------------------------------------------------------- */
/* Weak: a static program has no loader, and would be warned of it by its linker whether it wants plugins or not. */
#pragma weak dlopen
#pragma weak dlsym
#pragma weak dlerror
/* The function `entry` of the shared object `file`, which stays loaded; null: `reason` says why, a string that must be used at once. */
void *cape_load_plugin(const char *file, const char *entry, const char **reason)
{
    *reason = "the program is static: link it without -static";
    if (dlopen == NULL || dlsym == NULL || dlerror == NULL) return NULL;
    /* Local: its names must not stand for the program's. */
    void *handle = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    void *function = handle != NULL ? dlsym(handle, entry) : NULL;
    if (function == NULL) *reason = dlerror();
    return function;
}

/* ---- what only a program linked by capec has ------------------------------------------------------------------------------ */
extern char __cape_data_start[] __attribute__((weak)), __cape_data_end[] __attribute__((weak));
extern char __cape_bss_start[] __attribute__((weak)), __cape_bss_end[] __attribute__((weak));
extern char __start_cape_mixed[] __attribute__((weak)), __stop_cape_mixed[] __attribute__((weak));
REAL(int, main, int, char **, char **);
extern char __cape_copies_start[] __attribute__((weak)), __cape_copies_end[] __attribute__((weak));
void cape_linked_bounds(size_t bounds[6])
{
    bounds[0] = (size_t)__cape_data_start;
    bounds[1] = (size_t)__cape_data_end;
    bounds[2] = (size_t)__cape_bss_start;
    bounds[3] = (size_t)__cape_bss_end;
    bounds[4] = (size_t)__cape_copies_start;
    bounds[5] = (size_t)__cape_copies_end;
}
/* The path of the caperun that belongs to the capec that linked this program; null if there was none. */
extern char __cape_run[] __attribute__((weak));
const char *cape_recorded_launcher(void) { return __cape_run; }
/* Translated objects with an atomic construct in its general form (templates/atomic.c) put a byte into this section. */
int cape_mixes_atomics(void) { return &__start_cape_mixed[0] != &__stop_cape_mixed[0]; }
int cape_call_main(int argc, char **argv, char **environment) { return __real_main(argc, argv, environment); }
