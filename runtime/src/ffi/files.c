/* Streams and descriptors: the C library's functions that the linker's --wrap sends here. Several ranks may use the same file (files.rs has
 * the design): an operation on a stream is enclosed in enter and leave, which name the stream to use; a descriptor's number is translated
 * on a worker. One line per function; the decisions are in files/.
 *
 * Besides, a buffer that the kernel is about to fill is made writable first (the sigsegv tracker protects clean pages).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "shims.h"

/* Set by the runtime: whether this is a rank of several; whether it is a worker; whether a stream may be another rank's (always, on a
 * worker); how many streams have become shared so far. */
int cape_notes_files;
int cape_is_worker;
int cape_files_active;
int cape_files_epoch;

/* --wrap sends the runtime's own calls here, too: while this is set they are none of the program's. */
static _Thread_local int internal;
int cape_set_internal(int on)
{
    int before = internal;
    internal = on;
    return before;
}

/* streams.rs */
struct cape_use {
    FILE *stream;
    void *mapped; /* null: a stream of this rank's alone */
    int epoch;
};
enum cape_kind { CAPE_SEEK, CAPE_TELL, CAPE_ENDED, CAPE_NUMBER, CAPE_FLUSH, CAPE_UNGET, CAPE_CLEAR };
struct cape_request {
    int kind;
    int whence;
    long long offset;
};
extern struct cape_use cape_begin(FILE *stream, int is_stdin, const char *function, int epoch);
extern void cape_end(void *mapped);
extern void cape_late(FILE *stream, int is_stdin);
extern long long cape_mapped(void *mapped, struct cape_request request);
extern int cape_mapped_close(void *mapped, int process, int *result);
extern FILE *cape_opened_stream(FILE *stream, const char *name);
extern void cape_closing_stream(FILE *stream, int descriptor);
extern void cape_reopened_standard(int descriptor);
extern void cape_refuse_reopening(void *mapped);
extern ssize_t cape_cookie_read(void *cookie, char *buffer, size_t size);
extern ssize_t cape_cookie_write(void *cookie, const char *buffer, size_t size);
extern int cape_cookie_seek(void *cookie, off64_t *offset, int whence);
/* descriptors.rs */
extern int cape_opened_descriptor(int descriptor, const char *name);
extern int cape_closing_descriptor(int descriptor, int *result);
extern int cape_local_descriptor(int descriptor, const char *function);
extern void cape_check_descriptor(int descriptor, const char *function);
/* remote.rs: a descriptor that has to be used on the driver. */
#define CAPE_REMOTE (-2147483647 - 1)
struct cape_call {
    int kind;
    int extra;
    long long at;
};
enum cape_call_kind {
    CAPE_READ, CAPE_PREAD, CAPE_RECV, CAPE_WRITE, CAPE_PWRITE, CAPE_SEND, CAPE_LSEEK, CAPE_SYNC,
    CAPE_TRUNCATE, CAPE_FLOCK, CAPE_STATUS, CAPE_TERMINAL, CAPE_CONTROL, CAPE_CONTROL_LOCK, CAPE_DUPLICATE
};
extern long long cape_remote(int number, struct cape_call call, void *data, size_t size);
extern ssize_t cape_remote_pieces(int number, const struct iovec *pieces, int count, int writes);
extern int cape_remote_path(int number, char *path, size_t room);
extern int cape_borrow(int number);
extern void cape_refuse_remote(int number, const char *function, const char *what);
extern FILE *cape_open_remote(int number, const char *mode);
extern ssize_t cape_over_read(void *cookie, char *buffer, size_t size);
extern ssize_t cape_over_write(void *cookie, const char *buffer, size_t size);
extern int cape_over_seek(void *cookie, off64_t *offset, int whence);
extern int cape_over_close(void *cookie);
static inline long long remote(int number, int kind, int extra, long long at, const void *data, size_t size)
{
    struct cape_call call = {kind, extra, at};
    return cape_remote(number, call, (void *)data, size);
}
/* alloc.rs */
extern void *__wrap_realloc(void *, size_t);

/* Standard output and error are every rank's own, over a descriptor that all share. The last stream that was found to be this rank's alone
 * is not looked up again until a stream becomes shared, is opened or is closed. */
static _Thread_local FILE *plain_stream;
static _Thread_local int plain_epoch;

static inline struct cape_use enter(FILE *stream, const char *function)
{
    struct cape_use use = {stream, NULL, __atomic_load_n(&cape_files_epoch, __ATOMIC_ACQUIRE)};
    if (!__atomic_load_n(&cape_files_active, __ATOMIC_ACQUIRE) || stream == stdout || stream == stderr || stream == NULL)
        return use;
    if (stream == plain_stream && use.epoch == plain_epoch) return use;
    use = cape_begin(stream, stream == stdin, function, use.epoch);
    if (use.mapped == NULL) {
        plain_stream = stream;
        plain_epoch = use.epoch;
    }
    return use;
}
static inline void leave(struct cape_use use)
{
    if (use.mapped != NULL)
        cape_end(use.mapped);
    else if (use.stream != NULL && use.epoch != __atomic_load_n(&cape_files_epoch, __ATOMIC_ACQUIRE))
        cape_late(use.stream, use.stream == stdin);
}
static inline long long mapped(struct cape_use use, int kind, long long offset, int whence)
{
    struct cape_request request = {kind, whence, offset};
    return cape_mapped(use.mapped, request);
}

/* A program linked without --wrap has no real names. */
#define REALLY(name) (__real_##name != NULL ? __real_##name : name)

/* ---- opening streams ---------------------------------------------------------------------------------------------------- */
static FILE *opened(FILE *stream, const char *name)
{
    return cape_notes_files && stream != NULL ? cape_opened_stream(stream, name) : stream;
}
#define OPENS(name, file_name, parameters, arguments, ...) \
    REAL(FILE *, name, __VA_ARGS__); \
    FILE *__wrap_##name parameters { return opened(__real_##name arguments, file_name); }
OPENS(fopen, path, (const char *path, const char *mode), (path, mode), const char *, const char *)
OPENS(fopen64, path, (const char *path, const char *mode), (path, mode), const char *, const char *)
OPENS(popen, command, (const char *command, const char *mode), (command, mode), const char *, const char *)
OPENS(tmpfile, "(temporary file)", (void), (), void)
OPENS(tmpfile64, "(temporary file)", (void), (), void)
OPENS(fmemopen, "(memory)", (void *buffer, size_t size, const char *mode), (buffer, size, mode), void *, size_t, const char *)

static int local(int descriptor, const char *function)
{
    return cape_is_worker && !internal ? cape_local_descriptor(descriptor, function) : descriptor;
}
REAL(FILE *, fdopen, int, const char *);
FILE *__wrap_fdopen(int descriptor, const char *mode)
{
    int own = local(descriptor, "fdopen");
    if (own == CAPE_REMOTE) return opened(cape_open_remote(descriptor, mode), "(fdopen)");
    /* The stream closes its descriptor; one that was lent is closed by whoever lent it. */
    if (own != descriptor) own = fcntl(own, F_DUPFD_CLOEXEC, 0);
    return opened(__real_fdopen(own, mode), "(fdopen)");
}
#define REOPENS(name) \
    REAL(FILE *, name, const char *, const char *, FILE *); \
    FILE *__wrap_##name(const char *path, const char *mode, FILE *stream) \
    { \
        if (stream == stdin || stream == stdout || stream == stderr) { \
            cape_reopened_standard(stream == stdin ? 0 : stream == stdout ? 1 : 2); \
            return __real_##name(path, mode, stream); \
        } \
        struct cape_use use = enter(stream, #name); \
        int ignored; \
        if (use.mapped != NULL) { \
            if (cape_is_worker) cape_refuse_reopening(use.mapped); \
            cape_mapped_close(use.mapped, 0, &ignored); \
        } \
        return opened(__real_##name(path, mode, stream), path != NULL ? path : "(reopened)"); \
    }
REOPENS(freopen)
REOPENS(freopen64)

/* ---- using streams ------------------------------------------------------------------------------------------------------ */
#define STREAM(type, name, parameters, arguments, ...) \
    REAL(type, name, __VA_ARGS__); \
    type __wrap_##name parameters \
    { \
        struct cape_use use = enter(stream, #name); \
        stream = use.stream; \
        type result = __real_##name arguments; \
        leave(use); \
        return result; \
    }
STREAM(int, vfprintf, (FILE *stream, const char *format, va_list list), (stream, format, list), FILE *, const char *, va_list)
STREAM(int, __vfprintf_chk, (FILE *stream, int flag, const char *format, va_list list), (stream, flag, format, list), FILE *, int, const char *, va_list)
STREAM(int, fputs, (const char *text, FILE *stream), (text, stream), const char *, FILE *)
STREAM(int, fputs_unlocked, (const char *text, FILE *stream), (text, stream), const char *, FILE *)
STREAM(int, fputc, (int c, FILE *stream), (c, stream), int, FILE *)
STREAM(int, putc, (int c, FILE *stream), (c, stream), int, FILE *)
STREAM(int, fgetc, (FILE *stream), (stream), FILE *)
STREAM(int, getc, (FILE *stream), (stream), FILE *)
STREAM(size_t, fwrite, (const void *data, size_t size, size_t count, FILE *stream), (data, size, count, stream), const void *, size_t, size_t, FILE *)
STREAM(size_t, fwrite_unlocked, (const void *data, size_t size, size_t count, FILE *stream), (data, size, count, stream), const void *, size_t, size_t, FILE *)
STREAM(int, vfscanf, (FILE *stream, const char *format, va_list list), (stream, format, list), FILE *, const char *, va_list)
STREAM(int, __isoc99_vfscanf, (FILE *stream, const char *format, va_list list), (stream, format, list), FILE *, const char *, va_list)
STREAM(int, ferror, (FILE *stream), (stream), FILE *)

/* What depends on where the stream is, which only the descriptor and the slot know. */
#define POSITION(type, name, parameters, arguments, request, ...) \
    REAL(type, name, __VA_ARGS__); \
    type __wrap_##name parameters \
    { \
        struct cape_use use = enter(stream, #name); \
        type result = use.mapped != NULL ? (type)request : __real_##name arguments; \
        leave(use); \
        return result; \
    }
POSITION(int, ungetc, (int c, FILE *stream), (c, stream), (c == EOF ? EOF : mapped(use, CAPE_UNGET, c, 0)), int, FILE *)
POSITION(int, fseek, (FILE *stream, long offset, int whence), (stream, offset, whence), mapped(use, CAPE_SEEK, offset, whence), FILE *, long, int)
POSITION(int, fseeko, (FILE *stream, off_t offset, int whence), (stream, offset, whence), mapped(use, CAPE_SEEK, offset, whence), FILE *, off_t, int)
POSITION(int, fseeko64, (FILE *stream, off64_t offset, int whence), (stream, offset, whence), mapped(use, CAPE_SEEK, offset, whence), FILE *, off64_t, int)
POSITION(long, ftell, (FILE *stream), (stream), mapped(use, CAPE_TELL, 0, 0), FILE *)
POSITION(off_t, ftello, (FILE *stream), (stream), mapped(use, CAPE_TELL, 0, 0), FILE *)
POSITION(off64_t, ftello64, (FILE *stream), (stream), mapped(use, CAPE_TELL, 0, 0), FILE *)
POSITION(int, feof, (FILE *stream), (stream), mapped(use, CAPE_ENDED, 0, 0), FILE *)
POSITION(int, setvbuf, (FILE *stream, char *buffer, int mode, size_t size), (stream, buffer, mode, size), 0, FILE *, char *, int, size_t)

REAL(void, rewind, FILE *);
REAL(void, clearerr, FILE *);
REAL(void, setbuf, FILE *, char *);
REAL(int, fgetpos, FILE *, fpos_t *);
REAL(int, fsetpos, FILE *, const fpos_t *);
void __wrap_rewind(FILE *stream)
{
    struct cape_use use = enter(stream, "rewind");
    if (use.mapped != NULL)
        mapped(use, CAPE_SEEK, 0, SEEK_SET);
    else
        __real_rewind(stream);
    leave(use);
}
void __wrap_clearerr(FILE *stream)
{
    struct cape_use use = enter(stream, "clearerr");
    if (use.mapped != NULL) mapped(use, CAPE_CLEAR, 0, 0);
    __real_clearerr(use.stream);
    leave(use);
}
void __wrap_setbuf(FILE *stream, char *buffer) { __wrap_setvbuf(stream, buffer, buffer != NULL ? _IOFBF : _IONBF, BUFSIZ); }
/* An fpos_t of a shared stream holds the offset alone. */
int __wrap_fgetpos(FILE *stream, fpos_t *position)
{
    struct cape_use use = enter(stream, "fgetpos");
    int result = 0;
    if (use.mapped != NULL) {
        memset(position, 0, sizeof *position);
        position->__pos = mapped(use, CAPE_TELL, 0, 0);
        result = position->__pos < 0 ? -1 : 0;
    } else {
        result = __real_fgetpos(stream, position);
    }
    leave(use);
    return result;
}
int __wrap_fsetpos(FILE *stream, const fpos_t *position)
{
    struct cape_use use = enter(stream, "fsetpos");
    int result = use.mapped != NULL ? (int)mapped(use, CAPE_SEEK, position->__pos, SEEK_SET) : __real_fsetpos(stream, position);
    leave(use);
    return result;
}

REAL(int, fileno, FILE *);
int __wrap_fileno(FILE *stream)
{
    struct cape_use use = enter(stream, "fileno");
    int number = use.mapped != NULL ? (int)mapped(use, CAPE_NUMBER, 0, 0) : __real_fileno(stream);
    leave(use);
    /* Other ranks may be given the number, which they know only if it was noted. */
    if (cape_notes_files && !cape_is_worker && number > 2) cape_opened_descriptor(number, "(of a stream)");
    return number;
}
REAL(int, fflush, FILE *);
int __wrap_fflush(FILE *stream)
{
    struct cape_use use = enter(stream, "fflush");
    int result = use.mapped != NULL ? (int)mapped(use, CAPE_FLUSH, 0, 0) : __real_fflush(stream);
    leave(use);
    return result;
}
REAL(int, fclose, FILE *);
REAL(int, pclose, FILE *);
#define CLOSES(name, process) \
    int __wrap_##name(FILE *stream) \
    { \
        struct cape_use use = enter(stream, #name); \
        int result; \
        if (use.mapped != NULL && !cape_mapped_close(use.mapped, process, &result)) return result; \
        if (cape_notes_files) cape_closing_stream(stream, __real_fileno(stream)); \
        return __real_##name(stream); \
    }
CLOSES(fclose, 0)
CLOSES(pclose, 1)
REAL(size_t, fread, void *, size_t, size_t, FILE *);
REAL(size_t, fread_unlocked, void *, size_t, size_t, FILE *);
REAL(char *, fgets, char *, int, FILE *);
REAL(ssize_t, getdelim, char **, size_t *, int, FILE *);
size_t __wrap_fread(void *data, size_t size, size_t count, FILE *stream)
{
    struct cape_use use = enter(stream, "fread");
    TOUCH(data, size * count);
    size_t result = __real_fread(data, size, count, use.stream);
    leave(use);
    return result;
}
size_t __wrap_fread_unlocked(void *data, size_t size, size_t count, FILE *stream) { return __wrap_fread(data, size, count, stream); }
size_t __wrap___fread_chk(void *data, size_t room, size_t size, size_t count, FILE *stream)
{
    if (size != 0 && count > room / size) abort();
    return __wrap_fread(data, size, count, stream);
}
char *__wrap_fgets(char *line, int size, FILE *stream)
{
    struct cape_use use = enter(stream, "fgets");
    char *result = __real_fgets(line, size, use.stream);
    leave(use);
    return result;
}
char *__wrap___fgets_chk(char *line, size_t room, int size, FILE *stream)
{
    if (size < 0 || (size_t)size > room) abort();
    return __wrap_fgets(line, size, stream);
}
/* A line that libc allocates is copied into the shared heap. */
ssize_t __wrap_getdelim(char **line, size_t *capacity, int delimiter, FILE *stream)
{
    static _Thread_local char *own;
    static _Thread_local size_t own_capacity;
    struct cape_use use = enter(stream, "getline");
    ssize_t length = __real_getdelim(&own, &own_capacity, delimiter, use.stream);
    leave(use);
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
/* Standard input is the driver's. */
int __wrap_getchar(void) { return __wrap_getc(stdin); }
int __wrap_vscanf(const char *format, va_list list) { return __wrap_vfscanf(stdin, format, list); }
int __wrap___isoc99_vscanf(const char *format, va_list list) { return __wrap___isoc99_vfscanf(stdin, format, list); }
VARIADIC(scanf, vfscanf, (const char *format, ...), (stdin, format, list))
VARIADIC(__isoc99_scanf, __isoc99_vfscanf, (const char *format, ...), (stdin, format, list))

/* ---- opening and closing descriptors -------------------------------------------------------------------------------------- */
static int opened_descriptor(int descriptor, const char *name)
{
    return cape_notes_files && !internal && descriptor >= 0 ? cape_opened_descriptor(descriptor, name) : descriptor;
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
/* What a path below a directory that rank 0 has open is called on this host. */
static int below(char *absolute, size_t room, int directory, const char *path, const char *function)
{
    if (!cape_remote_path(directory, absolute, room)) cape_refuse_remote(directory, function, "its path is not known");
    size_t length = strlen(absolute);
    snprintf(absolute + length, room - length, "/%s", path);
    return 1;
}
#define OPENAT(name) \
    REAL(int, name, int, const char *, int, ...); \
    int __wrap_##name(int directory, const char *path, int flags, ...) \
    { \
        va_list list; \
        va_start(list, flags); \
        mode_t mode = takes_mode(flags) ? va_arg(list, mode_t) : 0; \
        va_end(list); \
        int own = local(directory, #name); \
        char absolute[2 * PATH_MAX]; \
        if (own == CAPE_REMOTE) { \
            if (path[0] != '/' && below(absolute, sizeof absolute, directory, path, #name)) path = absolute; \
            own = AT_FDCWD; \
        } \
        return opened_descriptor(__real_##name(own, path, flags, mode), path); \
    }
OPENAT(openat)
OPENAT(openat64)
#define MAKES(name, described, parameters, arguments, ...) \
    REAL(int, name, __VA_ARGS__); \
    int __wrap_##name parameters { return opened_descriptor(__real_##name arguments, described); }
MAKES(creat, path, (const char *path, mode_t mode), (path, mode), const char *, mode_t)
MAKES(creat64, path, (const char *path, mode_t mode), (path, mode), const char *, mode_t)
MAKES(mkstemp, pattern, (char *pattern), (pattern), char *)
MAKES(mkstemp64, pattern, (char *pattern), (pattern), char *)
MAKES(socket, "(socket)", (int domain, int type, int protocol), (domain, type, protocol), int, int, int)
MAKES(memfd_create, name, (const char *name, unsigned flags), (name, flags), const char *, unsigned)
#define PAIRS(name, described, parameters, arguments, ...) \
    REAL(int, name, __VA_ARGS__); \
    int __wrap_##name parameters \
    { \
        TOUCH(ends, 2 * sizeof *ends); \
        int result = __real_##name arguments; \
        if (result == 0) { \
            ends[0] = opened_descriptor(ends[0], described); \
            ends[1] = opened_descriptor(ends[1], described); \
        } \
        return result; \
    }
PAIRS(pipe, "(pipe)", (int *ends), (ends), int *)
PAIRS(pipe2, "(pipe)", (int *ends, int flags), (ends, flags), int *, int)
PAIRS(socketpair, "(socket)", (int domain, int type, int protocol, int *ends), (domain, type, protocol, ends), int, int, int, int *)
REAL(int, close, int);
int __wrap_close(int descriptor)
{
    int result;
    if (cape_notes_files && !internal && !cape_closing_descriptor(descriptor, &result)) return result;
    return __real_close(descriptor);
}

/* ---- using descriptors ---------------------------------------------------------------------------------------------------- */
/* Only a call that failed with EBADF can have been about somebody else's descriptor. */
#define CHECKED(descriptor, name, result) \
    do { \
        if (cape_notes_files && !internal && (result) < 0) cape_check_descriptor(descriptor, name); \
    } while (0)
#define USES(type, name, parameters, arguments, remotely, ...) \
    REAL(type, name, __VA_ARGS__); \
    type __wrap_##name parameters \
    { \
        int number = descriptor; \
        descriptor = local(number, #name); \
        type result = descriptor == CAPE_REMOTE ? (type)remotely : __real_##name arguments; \
        CHECKED(number, #name, result); \
        return result; \
    }
#define FILLS(type, name, parameters, arguments, buffer, bytes, remotely, ...) \
    REAL(type, name, __VA_ARGS__); \
    type __wrap_##name parameters \
    { \
        int number = descriptor; \
        descriptor = local(number, #name); \
        type result; \
        if (descriptor == CAPE_REMOTE) \
            result = (type)remotely; \
        else \
            UNTIL_WRITABLE(result = __real_##name arguments, result != -1, TOUCH(buffer, bytes)); \
        CHECKED(number, #name, result); \
        return result; \
    }
REAL(int, vasprintf, char **, const char *, va_list);
REAL(void, free, void *);
/* What is printed to a descriptor of the driver's is one write, as it is for the C library. */
static int formatted(int number, const char *format, va_list list)
{
    char *text;
    int length = __real_vasprintf(&text, format, list);
    if (length < 0) return -1;
    int result = (int)remote(number, CAPE_WRITE, 0, 0, text, (size_t)length);
    __real_free(text);
    return result;
}
USES(ssize_t, write, (int descriptor, const void *data, size_t size), (descriptor, data, size), remote(number, CAPE_WRITE, 0, 0, data, size), int, const void *, size_t)
USES(ssize_t, pwrite, (int descriptor, const void *data, size_t size, off_t at), (descriptor, data, size, at), remote(number, CAPE_PWRITE, 0, at, data, size), int, const void *, size_t, off_t)
USES(ssize_t, pwrite64, (int descriptor, const void *data, size_t size, off64_t at), (descriptor, data, size, at), remote(number, CAPE_PWRITE, 0, at, data, size), int, const void *, size_t, off64_t)
USES(ssize_t, writev, (int descriptor, const struct iovec *pieces, int count), (descriptor, pieces, count), cape_remote_pieces(number, pieces, count, 1), int, const struct iovec *, int)
USES(ssize_t, send, (int descriptor, const void *data, size_t size, int flags), (descriptor, data, size, flags), remote(number, CAPE_SEND, flags, 0, data, size), int, const void *, size_t, int)
USES(off_t, lseek, (int descriptor, off_t offset, int whence), (descriptor, offset, whence), remote(number, CAPE_LSEEK, whence, offset, NULL, 0), int, off_t, int)
USES(off64_t, lseek64, (int descriptor, off64_t offset, int whence), (descriptor, offset, whence), remote(number, CAPE_LSEEK, whence, offset, NULL, 0), int, off64_t, int)
USES(int, fsync, (int descriptor), (descriptor), remote(number, CAPE_SYNC, 0, 0, NULL, 0), int)
USES(int, fdatasync, (int descriptor), (descriptor), remote(number, CAPE_SYNC, 1, 0, NULL, 0), int)
USES(int, ftruncate, (int descriptor, off_t length), (descriptor, length), remote(number, CAPE_TRUNCATE, 0, length, NULL, 0), int, off_t)
USES(int, ftruncate64, (int descriptor, off64_t length), (descriptor, length), remote(number, CAPE_TRUNCATE, 0, length, NULL, 0), int, off64_t)
USES(int, flock, (int descriptor, int operation), (descriptor, operation), remote(number, CAPE_FLOCK, operation, 0, NULL, 0), int, int)
USES(int, vdprintf, (int descriptor, const char *format, va_list list), (descriptor, format, list), formatted(number, format, list), int, const char *, va_list)
VARIADIC(dprintf, vdprintf, (int descriptor, const char *format, ...), (descriptor, format, list))
FILLS(ssize_t, read, (int descriptor, void *data, size_t size), (descriptor, data, size), data, size, remote(number, CAPE_READ, 0, 0, data, size), int, void *, size_t)
FILLS(ssize_t, pread, (int descriptor, void *data, size_t size, off_t at), (descriptor, data, size, at), data, size, remote(number, CAPE_PREAD, 0, at, data, size), int, void *, size_t, off_t)
FILLS(ssize_t, pread64, (int descriptor, void *data, size_t size, off64_t at), (descriptor, data, size, at), data, size, remote(number, CAPE_PREAD, 0, at, data, size), int, void *, size_t, off64_t)
FILLS(ssize_t, recv, (int descriptor, void *data, size_t size, int flags), (descriptor, data, size, flags), data, size, remote(number, CAPE_RECV, flags, 0, data, size), int, void *, size_t, int)
FILLS(int, fstat, (int descriptor, struct stat *status), (descriptor, status), status, sizeof *status, remote(number, CAPE_STATUS, 0, 0, status, sizeof *status), int, struct stat *)
REAL(int, isatty, int);
int __wrap_isatty(int descriptor)
{
    int own = local(descriptor, "isatty");
    return own == CAPE_REMOTE ? (int)remote(descriptor, CAPE_TERMINAL, 0, 0, NULL, 0) : __real_isatty(own);
}
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
    int number = local(descriptor, "readv");
    ssize_t result;
    if (number == CAPE_REMOTE)
        result = cape_remote_pieces(descriptor, pieces, count, 0);
    else
        UNTIL_WRITABLE(result = __real_readv(number, pieces, count), result != -1,
                   for (int k = 0; k < count; ++k) TOUCH(pieces[k].iov_base, pieces[k].iov_len));
    CHECKED(descriptor, "readv", result);
    return result;
}

/* Duplicates; dup2 gives a number another meaning without closing it first. */
REAL(int, dup, int);
REAL(int, dup2, int, int);
REAL(int, dup3, int, int, int);
int __wrap_dup(int descriptor)
{
    int own = local(descriptor, "dup");
    if (own == CAPE_REMOTE) return (int)remote(descriptor, CAPE_DUPLICATE, 0, 0, NULL, 0);
    int result = __real_dup(own);
    CHECKED(descriptor, "dup", result);
    return opened_descriptor(result, "(duplicate)");
}
static int replaced(int result, int number)
{
    /* The number is the caller's choice, and not moved. */
    if (cape_notes_files && !internal && result >= 0 && !(cape_is_worker && number > 2)) cape_opened_descriptor(number, "(duplicate)");
    return result;
}
static int chosen(int descriptor, int number, const char *function)
{
    int own = local(descriptor, function);
    if (own == CAPE_REMOTE && descriptor != number) cape_refuse_remote(descriptor, function, "no number of this rank's can stand for it");
    return own;
}
int __wrap_dup2(int descriptor, int number)
{
    int own = chosen(descriptor, number, "dup2");
    return own == CAPE_REMOTE ? number : replaced(__real_dup2(own, number), number);
}
int __wrap_dup3(int descriptor, int number, int flags) { return replaced(__real_dup3(chosen(descriptor, number, "dup3"), number, flags), number); }
REAL(int, fcntl, int, int, ...);
REAL(int, fcntl64, int, int, ...);
static int control(int number, int command, void *argument, const char *function)
{
    switch (command) {
    case F_DUPFD:
    case F_DUPFD_CLOEXEC: return (int)remote(number, CAPE_DUPLICATE, 0, 0, NULL, 0);
    case F_GETLK:
    case F_SETLK:
    case F_SETLKW:
    case F_OFD_GETLK:
    case F_OFD_SETLK:
    case F_OFD_SETLKW: return (int)remote(number, CAPE_CONTROL_LOCK, command, 0, argument, sizeof(struct flock));
    case F_GETFL:
    case F_SETFL:
    case F_GETFD:
    case F_SETFD:
    case F_GETPIPE_SZ:
    case F_SETPIPE_SZ: return (int)remote(number, CAPE_CONTROL, command, (long long)argument, NULL, 0);
    default: cape_refuse_remote(number, function, "only the usual commands can be sent there"); return -1;
    }
}
#define CONTROLS(name) \
    int __wrap_##name(int descriptor, int command, ...) \
    { \
        va_list list; \
        va_start(list, command); \
        void *argument = va_arg(list, void *); \
        va_end(list); \
        int own = local(descriptor, #name); \
        if (own == CAPE_REMOTE) return control(descriptor, command, argument, #name); \
        int result = __real_##name(own, command, argument); \
        CHECKED(descriptor, #name, result); \
        return command == F_DUPFD || command == F_DUPFD_CLOEXEC ? opened_descriptor(result, "(duplicate)") : result; \
    }
CONTROLS(fcntl)
CONTROLS(fcntl64)
/* ---- mappings: mappings.rs decides which are blocks of the shared heap ------------------------------------------------------ */
extern void *cape_map(size_t length, int protection, int flags, int descriptor, off64_t offset);
extern void *cape_mapping_hint(size_t length);
extern void cape_note_mapping(void *address, size_t length, int descriptor);
extern void *cape_remap(void *address, size_t length, size_t new_length, int flags);
REAL(void *, mmap, void *, size_t, int, int, int, off_t);
REAL(void *, mmap64, void *, size_t, int, int, int, off64_t);
void *__wrap_mmap64(void *address, size_t length, int protection, int flags, int descriptor, off64_t offset)
{
    int own = descriptor < 0 ? descriptor : local(descriptor, "mmap");
    if (!cape_notes_files || internal) return __real_mmap64(address, length, protection, flags, own, offset);
    void *result = cape_map(length, protection, flags, descriptor, offset);
    if (result != NULL) return result;
    int borrowed = own == CAPE_REMOTE ? cape_borrow(descriptor) : -1;
    if (borrowed >= 0)
        own = borrowed;
    else if (own == CAPE_REMOTE)
        cape_refuse_remote(descriptor, "mmap", "only private mappings and such of files that it opened for reading can be made here");
    result = __real_mmap64(address != NULL ? address : cape_mapping_hint(length), length, protection, flags, own, offset);
    if (result != MAP_FAILED) cape_note_mapping(result, length, own);
    if (borrowed >= 0) REALLY(close)(borrowed);
    return result;
}
void *__wrap_mmap(void *address, size_t length, int protection, int flags, int descriptor, off_t offset)
{
    return __wrap_mmap64(address, length, protection, flags, descriptor, offset);
}
REAL(void *, mremap, void *, size_t, size_t, int, ...);
void *__wrap_mremap(void *address, size_t length, size_t new_length, int flags, ...)
{
    va_list list;
    va_start(list, flags);
    void *target = flags & MREMAP_FIXED ? va_arg(list, void *) : NULL;
    va_end(list);
    void *result = cape_remap(address, length, new_length, flags);
    return result != NULL ? result : __real_mremap(address, length, new_length, flags, target);
}

/* ---- the directory ---------------------------------------------------------------------------------------------------------- */
extern void cape_changed_directory(void);
REAL(int, chdir, const char *);
int __wrap_chdir(const char *path)
{
    int result = __real_chdir(path);
    if (result == 0) cape_changed_directory();
    return result;
}
REAL(int, fchdir, int);
int __wrap_fchdir(int descriptor)
{
    int own = local(descriptor, "fchdir");
    char path[PATH_MAX];
    if (own == CAPE_REMOTE && !cape_remote_path(descriptor, path, sizeof path)) cape_refuse_remote(descriptor, "fchdir", "its path is not known");
    int result = own == CAPE_REMOTE ? __real_chdir(path) : __real_fchdir(own);
    if (result == 0) cape_changed_directory();
    return result;
}

/* ---- what streams.rs needs of stdio ----------------------------------------------------------------------------------------- */
void *cape_open_over(void *cookie, int flags)
{
    static const cookie_io_functions_t functions = {
        (cookie_read_function_t *)cape_cookie_read,
        (cookie_write_function_t *)cape_cookie_write,
        (cookie_seek_function_t *)cape_cookie_seek,
        NULL,
    };
    int access = flags & O_ACCMODE;
    return fopencookie(cookie, access == O_RDONLY ? "r" : access == O_WRONLY ? "w" : "r+", functions);
}
/* Over a descriptor of the driver's, for fdopen: what is written leaves at once, because a rank may end without the stream being closed. */
FILE *cape_open_own(void *cookie, const char *mode)
{
    static const cookie_io_functions_t functions = {
        (cookie_read_function_t *)cape_over_read,
        (cookie_write_function_t *)cape_over_write,
        (cookie_seek_function_t *)cape_over_seek,
        (cookie_close_function_t *)cape_over_close,
    };
    FILE *stream = fopencookie(cookie, mode, functions);
    if (stream != NULL && strpbrk(mode, "wa+") != NULL) REALLY(setvbuf)(stream, NULL, _IONBF, 0);
    return stream;
}
void cape_close_over(FILE *stream) { REALLY(fclose)(stream); }
/* Not fflush: of a stream that was read, it would move the offset. */
int cape_write_out(FILE *stream) { return stream->_IO_write_ptr > stream->_IO_write_base ? fflush_unlocked(stream) : 0; }
size_t cape_read_ahead(FILE *stream, const char **bytes)
{
    *bytes = stream->_IO_read_ptr;
    return (size_t)(stream->_IO_read_end - stream->_IO_read_ptr);
}
void cape_purge(FILE *stream) { __fpurge(stream); }
int cape_met_end(FILE *stream) { return feof_unlocked(stream); }
void cape_clear_end(FILE *stream) { clearerr_unlocked(stream); }
FILE *cape_stdin(void) { return stdin; }
void cape_lock_stream(FILE *stream) { flockfile(stream); }
void cape_unlock_stream(FILE *stream) { funlockfile(stream); }
int cape_number_of(FILE *stream) { return fileno_unlocked(stream); }
int cape_really_close(FILE *stream, int process) { return process ? REALLY(pclose)(stream) : REALLY(fclose)(stream); }

/* The same file as another stream, to take the place of this one, which stays open. */
FILE *cape_open_again(FILE *stream)
{
    int number = REALLY(fileno)(stream);
    int flags = number < 0 ? -1 : REALLY(fcntl)(number, F_GETFL);
    int copy = flags < 0 ? -1 : REALLY(fcntl)(number, F_DUPFD_CLOEXEC, 0);
    if (copy < 0) return NULL;
    int access = flags & O_ACCMODE, appends = (flags & O_APPEND) != 0;
    return REALLY(fdopen)(copy, access == O_RDONLY ? "r" : access == O_WRONLY ? (appends ? "a" : "w") : appends ? "a+" : "r+");
}

/* ---- the runtime's own use of standard output --------------------------------------------------------------------------------- */
/* Locked: other threads of the rank may be printing. What the calling thread has printed it sees without the lock. */
void cape_flush_stdout(void) { if (stdout->_IO_write_ptr > stdout->_IO_write_base) REALLY(fflush)(stdout); }
void cape_flush_all(void) { REALLY(fflush)(NULL); }
