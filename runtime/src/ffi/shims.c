/* The C library's functions that the linker's --wrap sends here and that Rust cannot define (variadic ones) or that only need a
 * check around the call. One line per function; the decisions are in stdio.rs and alloc.rs.
 *
 * Three things happen here:
 *   - a stream or descriptor that serial code opened on the driver is named in an error when a worker uses it;
 *   - a buffer that the kernel is about to fill is made writable first (the sigsegv tracker protects clean pages);
 *   - memory that libc allocates for its caller (getline, asprintf) is moved into the shared heap.
 *
 * __real_x is libc's x under --wrap=x. They are weak so that caperun, which is not linked that way, links.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/times.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

/* Set once by the runtime. */
int cape_is_worker;
int cape_must_pretouch;
int cape_notes_files;

/* stdio.rs */
extern void cape_check_stream(const void *stream, const char *function);
extern void cape_check_descriptor(int descriptor, const char *function);
extern void cape_note_file(const void *stream, int descriptor, const char *name);
extern void cape_forget_file(const void *stream, int descriptor);
extern void cape_pretouch(const void *buffer, size_t bytes);
/* alloc.rs */
extern char *cape_adopt(char *block, size_t length);
extern void *__wrap_malloc(size_t);
extern void *__wrap_realloc(void *, size_t);

#define CHECK(stream, name) \
    do { \
        if (cape_is_worker) cape_check_stream(stream, name); \
    } while (0)
#define TOUCH(buffer, bytes) \
    do { \
        if (cape_must_pretouch) cape_pretouch(buffer, bytes); \
    } while (0)
/* Only a call that failed with EBADF can have been about somebody else's descriptor. */
#define CHECKED(descriptor, name, result) \
    do { \
        if (cape_is_worker && (result) < 0) cape_check_descriptor(descriptor, name); \
        return result; \
    } while (0)
#define REAL(type, name, ...) extern type __real_##name(__VA_ARGS__) __attribute__((weak))

/* ---- what caperun uses of the runtime's allocator: libc itself --------------------------------------------------------- */
#define FALLBACK __attribute__((weak))
FALLBACK void *__real_malloc(size_t size) { return malloc(size); }
FALLBACK void *__real_calloc(size_t count, size_t size) { return calloc(count, size); }
FALLBACK void *__real_realloc(void *block, size_t size) { return realloc(block, size); }
FALLBACK void __real_free(void *block) { free(block); }
FALLBACK int __real_posix_memalign(void **result, size_t align, size_t size) { return posix_memalign(result, align, size); }
FALLBACK size_t __real_malloc_usable_size(void *block) { return malloc_usable_size(block); }

/* ---- strings and lines allocated for the caller ------------------------------------------------------------------------ */
REAL(int, vasprintf, char **, const char *, va_list);
REAL(ssize_t, getdelim, char **, size_t *, int, FILE *);
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
ssize_t __wrap_getdelim(char **line, size_t *capacity, int delimiter, FILE *stream)
{
    static _Thread_local char *own;
    static _Thread_local size_t own_capacity;
    CHECK(stream, "getline");
    ssize_t length = __real_getdelim(&own, &own_capacity, delimiter, stream);
    if (length < 0) return length;
    if (*line == NULL || *capacity < (size_t)length + 1) {
        size_t wanted = (size_t)length + 1 < 120 ? 120 : 2 * ((size_t)length + 1);
        char *larger = __wrap_realloc(*line, wanted);
        if (larger == NULL) return -1;
        *line = larger;
        *capacity = wanted;
    }
    memcpy(*line, own, (size_t)length + 1);
    return length;
}
ssize_t __wrap___getdelim(char **line, size_t *capacity, int delimiter, FILE *stream)
{
    return __wrap_getdelim(line, capacity, delimiter, stream);
}
ssize_t __wrap_getline(char **line, size_t *capacity, FILE *stream) { return __wrap_getdelim(line, capacity, '\n', stream); }
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

/* ---- opening and closing streams --------------------------------------------------------------------------------------- */
static FILE *opened(FILE *stream, const char *name)
{
    if (cape_notes_files && stream != NULL) cape_note_file(stream, -1, name);
    return stream;
}
#define OPENS(name, file_name, parameters, arguments, ...) \
    REAL(FILE *, name, __VA_ARGS__); \
    FILE *__wrap_##name parameters { return opened(__real_##name arguments, file_name); }
OPENS(fopen, path, (const char *path, const char *mode), (path, mode), const char *, const char *)
OPENS(fopen64, path, (const char *path, const char *mode), (path, mode), const char *, const char *)
OPENS(freopen, path ? path : "(reopened)", (const char *path, const char *mode, FILE *stream), (path, mode, stream), const char *, const char *, FILE *)
OPENS(freopen64, path ? path : "(reopened)", (const char *path, const char *mode, FILE *stream), (path, mode, stream), const char *, const char *, FILE *)
OPENS(fdopen, "(fdopen)", (int descriptor, const char *mode), (descriptor, mode), int, const char *)
OPENS(popen, command, (const char *command, const char *mode), (command, mode), const char *, const char *)
OPENS(tmpfile, "(temporary file)", (void), (), void)
OPENS(tmpfile64, "(temporary file)", (void), (), void)
OPENS(fmemopen, "(memory)", (void *buffer, size_t size, const char *mode), (buffer, size, mode), void *, size_t, const char *)

/* ---- using streams ------------------------------------------------------------------------------------------------------ */
#define STREAM(type, name, parameters, arguments, ...) \
    REAL(type, name, __VA_ARGS__); \
    type __wrap_##name parameters \
    { \
        CHECK(stream, #name); \
        return __real_##name arguments; \
    }
STREAM(int, vfprintf, (FILE *stream, const char *format, va_list list), (stream, format, list), FILE *, const char *, va_list)
STREAM(int, __vfprintf_chk, (FILE *stream, int flag, const char *format, va_list list), (stream, flag, format, list), FILE *, int, const char *, va_list)
STREAM(int, fputs, (const char *text, FILE *stream), (text, stream), const char *, FILE *)
STREAM(int, fputc, (int c, FILE *stream), (c, stream), int, FILE *)
STREAM(int, putc, (int c, FILE *stream), (c, stream), int, FILE *)
STREAM(int, ungetc, (int c, FILE *stream), (c, stream), int, FILE *)
STREAM(int, fgetc, (FILE *stream), (stream), FILE *)
STREAM(int, getc, (FILE *stream), (stream), FILE *)
STREAM(size_t, fwrite, (const void *data, size_t size, size_t count, FILE *stream), (data, size, count, stream), const void *, size_t, size_t, FILE *)
STREAM(int, vfscanf, (FILE *stream, const char *format, va_list list), (stream, format, list), FILE *, const char *, va_list)
STREAM(int, __isoc99_vfscanf, (FILE *stream, const char *format, va_list list), (stream, format, list), FILE *, const char *, va_list)
STREAM(int, fseek, (FILE *stream, long offset, int whence), (stream, offset, whence), FILE *, long, int)
STREAM(int, fseeko, (FILE *stream, off_t offset, int whence), (stream, offset, whence), FILE *, off_t, int)
STREAM(long, ftell, (FILE *stream), (stream), FILE *)
STREAM(off_t, ftello, (FILE *stream), (stream), FILE *)
STREAM(void, rewind, (FILE *stream), (stream), FILE *)
STREAM(int, feof, (FILE *stream), (stream), FILE *)
STREAM(int, ferror, (FILE *stream), (stream), FILE *)
STREAM(int, fileno, (FILE *stream), (stream), FILE *)
STREAM(int, setvbuf, (FILE *stream, char *buffer, int mode, size_t size), (stream, buffer, mode, size), FILE *, char *, int, size_t)

REAL(int, fflush, FILE *);
REAL(int, fclose, FILE *);
REAL(int, pclose, FILE *);
REAL(size_t, fread, void *, size_t, size_t, FILE *);
REAL(char *, fgets, char *, int, FILE *);
int __wrap_fflush(FILE *stream)
{
    if (stream != NULL) CHECK(stream, "fflush");
    return __real_fflush(stream);
}
int __wrap_fclose(FILE *stream)
{
    CHECK(stream, "fclose");
    if (cape_notes_files) cape_forget_file(stream, -1);
    return __real_fclose(stream);
}
int __wrap_pclose(FILE *stream)
{
    CHECK(stream, "pclose");
    if (cape_notes_files) cape_forget_file(stream, -1);
    return __real_pclose(stream);
}
size_t __wrap_fread(void *data, size_t size, size_t count, FILE *stream)
{
    CHECK(stream, "fread");
    TOUCH(data, size * count);
    return __real_fread(data, size, count, stream);
}
size_t __wrap___fread_chk(void *data, size_t room, size_t size, size_t count, FILE *stream)
{
    if (size != 0 && count > room / size) abort();
    return __wrap_fread(data, size, count, stream);
}
char *__wrap_fgets(char *line, int size, FILE *stream)
{
    CHECK(stream, "fgets");
    return __real_fgets(line, size, stream);
}
char *__wrap___fgets_chk(char *line, size_t room, int size, FILE *stream)
{
    if (size < 0 || (size_t)size > room) abort();
    return __wrap_fgets(line, size, stream);
}
#define VARIADIC(name, base, parameters, arguments) \
    int __wrap_##name parameters \
    { \
        va_list list; \
        va_start(list, format); \
        int result = __wrap_##base arguments; \
        va_end(list); \
        return result; \
    }
VARIADIC(fprintf, vfprintf, (FILE *stream, const char *format, ...), (stream, format, list))
VARIADIC(__fprintf_chk, __vfprintf_chk, (FILE *stream, int flag, const char *format, ...), (stream, flag, format, list))
VARIADIC(fscanf, vfscanf, (FILE *stream, const char *format, ...), (stream, format, list))
VARIADIC(__isoc99_fscanf, __isoc99_vfscanf, (FILE *stream, const char *format, ...), (stream, format, list))

/* ---- descriptors -------------------------------------------------------------------------------------------------------- */
static int opened_descriptor(int descriptor, const char *name)
{
    if (cape_notes_files && descriptor >= 0) cape_note_file(NULL, descriptor, name);
    return descriptor;
}
static int takes_mode(int flags) { return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE; }
#define OPEN(name) \
    REAL(int, name, const char *, int, ...); \
    int __wrap_##name(const char *path, int flags, ...) \
    { \
        va_list list; \
        va_start(list, flags); \
        mode_t mode = takes_mode(flags) ? va_arg(list, mode_t) : 0; \
        va_end(list); \
        return opened_descriptor(__real_##name(path, flags, mode), path); \
    }
OPEN(open)
OPEN(open64)
#define OPENAT(name) \
    REAL(int, name, int, const char *, int, ...); \
    int __wrap_##name(int directory, const char *path, int flags, ...) \
    { \
        va_list list; \
        va_start(list, flags); \
        mode_t mode = takes_mode(flags) ? va_arg(list, mode_t) : 0; \
        va_end(list); \
        return opened_descriptor(__real_##name(directory, path, flags, mode), path); \
    }
OPENAT(openat)
OPENAT(openat64)
REAL(int, creat, const char *, mode_t);
int __wrap_creat(const char *path, mode_t mode) { return opened_descriptor(__real_creat(path, mode), path); }
REAL(int, dup, int);
int __wrap_dup(int descriptor)
{
    int result = __real_dup(descriptor);
    if (result < 0) CHECKED(descriptor, "dup", result);
    return opened_descriptor(result, "(duplicate)");
}
REAL(int, close, int);
int __wrap_close(int descriptor)
{
    if (cape_notes_files) cape_forget_file(NULL, descriptor);
    int result = __real_close(descriptor);
    CHECKED(descriptor, "close", result);
}
#define FILLS(type, name, parameters, arguments, buffer, bytes, ...) \
    REAL(type, name, __VA_ARGS__); \
    type __wrap_##name parameters \
    { \
        TOUCH(buffer, bytes); \
        type result = __real_##name arguments; \
        CHECKED(descriptor, #name, result); \
    }
FILLS(ssize_t, read, (int descriptor, void *data, size_t size), (descriptor, data, size), data, size, int, void *, size_t)
FILLS(ssize_t, pread, (int descriptor, void *data, size_t size, off_t at), (descriptor, data, size, at), data, size, int, void *, size_t, off_t)
FILLS(ssize_t, pread64, (int descriptor, void *data, size_t size, off64_t at), (descriptor, data, size, at), data, size, int, void *, size_t, off64_t)
FILLS(ssize_t, recv, (int descriptor, void *data, size_t size, int flags), (descriptor, data, size, flags), data, size, int, void *, size_t, int)
FILLS(int, fstat, (int descriptor, struct stat *status), (descriptor, status), status, sizeof *status, int, struct stat *)
ssize_t __wrap___read_chk(int descriptor, void *data, size_t size, size_t room)
{
    if (size > room) abort();
    return __wrap_read(descriptor, data, size);
}
ssize_t __wrap___pread_chk(int descriptor, void *data, size_t size, off_t at, size_t room)
{
    if (size > room) abort();
    return __wrap_pread(descriptor, data, size, at);
}
ssize_t __wrap___pread64_chk(int descriptor, void *data, size_t size, off64_t at, size_t room)
{
    if (size > room) abort();
    return __wrap_pread64(descriptor, data, size, at);
}
REAL(ssize_t, readv, int, const struct iovec *, int);
ssize_t __wrap_readv(int descriptor, const struct iovec *pieces, int count)
{
    for (int k = 0; k < count; ++k) TOUCH(pieces[k].iov_base, pieces[k].iov_len);
    ssize_t result = __real_readv(descriptor, pieces, count);
    CHECKED(descriptor, "readv", result);
}
#define USES(type, name, parameters, arguments, ...) \
    REAL(type, name, __VA_ARGS__); \
    type __wrap_##name parameters \
    { \
        type result = __real_##name arguments; \
        CHECKED(descriptor, #name, result); \
    }
USES(ssize_t, write, (int descriptor, const void *data, size_t size), (descriptor, data, size), int, const void *, size_t)
USES(ssize_t, pwrite, (int descriptor, const void *data, size_t size, off_t at), (descriptor, data, size, at), int, const void *, size_t, off_t)
USES(ssize_t, pwrite64, (int descriptor, const void *data, size_t size, off64_t at), (descriptor, data, size, at), int, const void *, size_t, off64_t)
USES(ssize_t, writev, (int descriptor, const struct iovec *pieces, int count), (descriptor, pieces, count), int, const struct iovec *, int)
USES(off_t, lseek, (int descriptor, off_t offset, int whence), (descriptor, offset, whence), int, off_t, int)
USES(off64_t, lseek64, (int descriptor, off64_t offset, int whence), (descriptor, offset, whence), int, off64_t, int)
USES(int, fsync, (int descriptor), (descriptor), int)
USES(int, ftruncate, (int descriptor, off_t length), (descriptor, length), int, off_t)
USES(int, vdprintf, (int descriptor, const char *format, va_list list), (descriptor, format, list), int, const char *, va_list)
VARIADIC(dprintf, vdprintf, (int descriptor, const char *format, ...), (descriptor, format, list))

/* ---- other calls by which the kernel fills memory ----------------------------------------------------------------------- */
#define KERNEL_FILLS(type, name, parameters, arguments, buffer, bytes, ...) \
    REAL(type, name, __VA_ARGS__); \
    type __wrap_##name parameters \
    { \
        TOUCH(buffer, bytes); \
        return __real_##name arguments; \
    }
KERNEL_FILLS(int, stat, (const char *path, struct stat *status), (path, status), status, sizeof *status, const char *, struct stat *)
KERNEL_FILLS(int, lstat, (const char *path, struct stat *status), (path, status), status, sizeof *status, const char *, struct stat *)
KERNEL_FILLS(int, getrusage, (__rusage_who_t who, struct rusage *usage), (who, usage), usage, sizeof *usage, __rusage_who_t, struct rusage *)
KERNEL_FILLS(clock_t, times, (struct tms *buffer), (buffer), buffer, sizeof *buffer, struct tms *)
KERNEL_FILLS(int, uname, (struct utsname *name), (name), name, sizeof *name, struct utsname *)
KERNEL_FILLS(pid_t, wait, (int *status), (status), status, status ? sizeof *status : 0, int *)
KERNEL_FILLS(pid_t, waitpid, (pid_t pid, int *status, int options), (pid, status, options), status, status ? sizeof *status : 0, pid_t, int *, int)
KERNEL_FILLS(int, pipe, (int *ends), (ends), ends, 2 * sizeof *ends, int *)
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

/* ---- the runtime's own use of stdio -------------------------------------------------------------------------------------- */
void cape_flush_stdout(void) { fflush_unlocked(stdout); }
void cape_flush_all(void) { if (__real_fflush) __real_fflush(NULL); }

/* Whether this process has printed something that is still in its buffer; from the first call on, everything stays there until then. */
int cape_printed_to(const void *stream)
{
    static int buffered;
    if (stream != (const void *)stdout) return 0;
    if (!buffered) buffered = __real_setvbuf(stdout, NULL, _IOFBF, 1 << 16) == 0;
    return __fpending(stdout) > 0;
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
/* Translated objects with an atomic construct in its general form (templates/atomic.c) put a byte into this section. */
int cape_mixes_atomics(void) { return &__start_cape_mixed[0] != &__stop_cape_mixed[0]; }
int cape_call_main(int argc, char **argv, char **environment) { return __real_main(argc, argv, environment); }
