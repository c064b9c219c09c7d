/* The data plane over MPI: what transport/src/mpi.rs needs of an MPI library, behind one table of functions.
 *
 * Why a plugin in C: a program that capec links, and caperun, are to have no dependency on MPI; the two libraries that matter differ in
 * their ABI (a request is a pointer in Open MPI and a number in MPICH), so that one binary cannot serve both; and where there is an MPI
 * there is its mpicc, but seldom a Rust compiler and the libclang that binding crates need. So this file is compiled once per MPI, by
 * `caperun --build-mpi`, and loaded by the ranks when --transport mpi asks for it.
 *
 * It knows nothing of frames: messages of bytes with one of a few tags. No call but `start` and `stop` waits. The caller makes one call at
 * a time, from any thread (MPI_THREAD_SERIALIZED), and keeps buffers until `done` has said 1 of their requests.
 *
 * All functions return a negative number if MPI fails, -1 - its error code, which `explain` puts into words.
 */
#include <mpi.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Bumped whenever the table changes; as in transport/src/sys/mpi.rs. */
#define ABI 1

struct cape_mpi {
    uint32_t abi;
    /* sizeof this structure */
    uint32_t size;
    /* Name and version of the library that this was compiled for. */
    void (*describe)(char *text, size_t room);
    void (*explain)(int32_t failure, char *text, size_t room);
    /* Waits for all ranks. */
    int32_t (*start)(int32_t *rank, int32_t *ranks);
    /* Waits for all ranks. */
    int32_t (*stop)(void);
    int32_t (*send)(int32_t to, int32_t tag, const void *bytes, int32_t length, uintptr_t *request);
    /* 1: a message with this tag has arrived, which `take` takes; 0: none has. */
    int32_t (*arrived)(int32_t tag, int32_t *from, int32_t *length, uintptr_t *message);
    int32_t (*take)(uintptr_t *message, void *buffer, int32_t length, uintptr_t *request);
    /* For a message that is known to come. */
    int32_t (*receive)(int32_t from, int32_t tag, void *buffer, int32_t length, uintptr_t *request);
    /* 1: the request is complete and gone, and so many bytes have come if it was to receive; 0: it is not complete. */
    int32_t (*done)(uintptr_t *request, int32_t *length);
};

_Static_assert(sizeof(MPI_Request) <= sizeof(uintptr_t), "a request fits into a word");
_Static_assert(sizeof(MPI_Message) <= sizeof(uintptr_t), "a message fits into a word");

/* Messages of the program's own MPI calls, should it make some, must not be taken for ours. */
static MPI_Comm ours = MPI_COMM_NULL;

static int32_t checked(int code)
{
    return code == MPI_SUCCESS ? 0 : -1 - (int32_t)code;
}

static void describe(char *text, size_t room)
{
#if defined OPEN_MPI
    snprintf(text, room, "Open MPI %d.%d.%d", OMPI_MAJOR_VERSION, OMPI_MINOR_VERSION, OMPI_RELEASE_VERSION);
#elif defined MPICH_VERSION
    snprintf(text, room, "MPICH %s", MPICH_VERSION);
#else
    snprintf(text, room, "MPI %d.%d", MPI_VERSION, MPI_SUBVERSION);
#endif
}

static void explain(int32_t failure, char *text, size_t room)
{
    char reason[MPI_MAX_ERROR_STRING] = "";
    int length = 0;
    if (MPI_Error_string(-1 - failure, reason, &length) != MPI_SUCCESS) reason[0] = 0;
    snprintf(text, room, "%s", reason);
}

static int32_t start(int32_t *rank, int32_t *ranks)
{
    int provided = 0, number = 0, count = 0, there = 0;
    int code = MPI_Initialized(&there);
    if (code == MPI_SUCCESS && !there) code = MPI_Init_thread(NULL, NULL, MPI_THREAD_SERIALIZED, &provided);
    if (code == MPI_SUCCESS) code = MPI_Query_thread(&provided);
    if (code == MPI_SUCCESS && provided < MPI_THREAD_SERIALIZED) code = MPI_ERR_OTHER;
    if (code == MPI_SUCCESS) code = MPI_Comm_dup(MPI_COMM_WORLD, &ours);
    /* Failures are the caller's to report: it knows the job. */
    if (code == MPI_SUCCESS) code = MPI_Comm_set_errhandler(ours, MPI_ERRORS_RETURN);
    if (code == MPI_SUCCESS) code = MPI_Comm_rank(ours, &number);
    if (code == MPI_SUCCESS) code = MPI_Comm_size(ours, &count);
    *rank = number;
    *ranks = count;
    return checked(code);
}

static int32_t stop(void)
{
    return checked(MPI_Finalize());
}

/* A request of MPI's in a word of the caller's, and back. */
static void keep(uintptr_t *word, const void *handle, size_t size)
{
    *word = 0;
    memcpy(word, handle, size);
}

static int32_t send(int32_t to, int32_t tag, const void *bytes, int32_t length, uintptr_t *request)
{
    MPI_Request handle = MPI_REQUEST_NULL;
    int code = MPI_Isend(bytes, length, MPI_BYTE, to, tag, ours, &handle);
    keep(request, &handle, sizeof handle);
    return checked(code);
}

static int32_t arrived(int32_t tag, int32_t *from, int32_t *length, uintptr_t *message)
{
    int there = 0, count = 0;
    MPI_Message handle = MPI_MESSAGE_NULL;
    MPI_Status status;
    int code = MPI_Improbe(MPI_ANY_SOURCE, tag, ours, &there, &handle, &status);
    if (code != MPI_SUCCESS || !there) return checked(code);
    code = MPI_Get_count(&status, MPI_BYTE, &count);
    keep(message, &handle, sizeof handle);
    *from = status.MPI_SOURCE;
    *length = count;
    return code == MPI_SUCCESS ? 1 : checked(code);
}

static int32_t take(uintptr_t *message, void *buffer, int32_t length, uintptr_t *request)
{
    MPI_Message handle;
    MPI_Request receiving = MPI_REQUEST_NULL;
    memcpy(&handle, message, sizeof handle);
    int code = MPI_Imrecv(buffer, length, MPI_BYTE, &handle, &receiving);
    keep(request, &receiving, sizeof receiving);
    return checked(code);
}

static int32_t receive(int32_t from, int32_t tag, void *buffer, int32_t length, uintptr_t *request)
{
    MPI_Request handle = MPI_REQUEST_NULL;
    int code = MPI_Irecv(buffer, length, MPI_BYTE, from, tag, ours, &handle);
    keep(request, &handle, sizeof handle);
    return checked(code);
}

static int32_t done(uintptr_t *request, int32_t *length)
{
    MPI_Request handle;
    MPI_Status status;
    int complete = 0, count = 0;
    memcpy(&handle, request, sizeof handle);
    int code = MPI_Test(&handle, &complete, &status);
    keep(request, &handle, sizeof handle);
    if (code != MPI_SUCCESS || !complete) return checked(code);
    code = MPI_Get_count(&status, MPI_BYTE, &count);
    *length = count;
    return code == MPI_SUCCESS ? 1 : checked(code);
}

/* The only name that others see. */
__attribute__((visibility("default"))) const struct cape_mpi *cape_mpi_plugin(void)
{
    static const struct cape_mpi table = {
        ABI, sizeof table, describe, explain, start, stop, send, arrived, take, receive, done,
    };
    return &table;
}
