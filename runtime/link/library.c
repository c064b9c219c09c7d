/* library.c: part of every shared library that capec links. Tells the runtime, which is in the program, where the library's globals
 * and constructors are (cape-shared.ld collects them), as soon as the library is loaded.
 *
 * Compiled with every such link; CAPE_LIBRARY_TRANSLATED is 1 if the library contains OpenMP constructs.
 */
#define OWN __attribute__((visibility("hidden")))

/* As runtime/src/ffi/libraries.rs has it. Constant, lives as long as the library is loaded. */
struct cape_library {
    unsigned long size;  /* of this structure: a newer runtime knows what an older library lacks */
    const void *data[2]; /* start and end of the initialised globals, page aligned */
    const void *bss[2];  /* of the others */
    const void *init[2]; /* of the constructors' addresses */
    long translated;     /* contains OpenMP constructs */
    long mixed;          /* contains atomic constructs in their general form (templates/atomic.c) */
};

extern const char __cape_data_start[] OWN, __cape_data_end[] OWN, __cape_bss_start[] OWN, __cape_bss_end[] OWN;
extern const char __cape_init_start[] OWN, __cape_init_end[] OWN;
extern const char __cape_mixed_start[] OWN, __cape_mixed_end[] OWN;
extern void cape_library_loaded(const struct cape_library *library);

__attribute__((constructor)) static void loaded(void)
{
    static struct cape_library library;
    library.size = sizeof library;
    library.data[0] = __cape_data_start;
    library.data[1] = __cape_data_end;
    library.bss[0] = __cape_bss_start;
    library.bss[1] = __cape_bss_end;
    library.init[0] = __cape_init_start;
    library.init[1] = __cape_init_end;
    library.translated = CAPE_LIBRARY_TRANSLATED;
    library.mixed = (unsigned long)__cape_mixed_start != (unsigned long)__cape_mixed_end;
    cape_library_loaded(&library);
}
