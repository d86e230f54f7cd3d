/* private.h (internal to src/hdf5): what the files around libhdf5 share. The only header that
 * includes hdf5.h.
 *
 * Every entry into libhdf5 stands between rg__h5_enter and rg__h5_leave, which
 * silence its printing and put the caller's setting back. */
#ifndef RG_HDF5_PRIVATE_H
#define RG_HDF5_PRIVATE_H

#include "base/output.h"
#include "hdf5/h5.h"

#define H5_USE_110_API /* addresses, not the tokens of HDF5 1.12 */
#include <hdf5.h>

/* The caller's way of printing HDF5's errors, kept while we are inside. */
struct rg__h5_scope {
    unsigned is_v2;
    H5E_auto1_t print1;
    H5E_auto2_t print2;
    void *user;
};

struct rg__h5_scope rg__h5_enter(void);
void rg__h5_leave(const struct rg__h5_scope *scope);

/* RG_LIMIT unless there is memory for what libhdf5 needs: it reports a refused allocation where it
 * notices one, but crashes in many other places. To be called before a file or data set is
 * opened. */
rg_status rg__h5_reserve(rg_context *ctx);

/* Gives an id back; one below 0 is none. */
void rg__h5_drop(hid_t id);

/* The innermost message of libhdf5's error stack, one line. To be called before any other HDF5
 * function. *no_memory tells whether it was about memory. Returns text. */
enum { RG__H5_TEXT = 256 };
const char *rg__h5_complaint(char text[RG__H5_TEXT], bool *no_memory);

/* The bytes behind an open HDF5 file; driver.c. Lives where its owner lives: libhdf5 gets `base`,
 * the first member, as its own handle, so opening allocates nothing. */
struct rg__h5_channel {
    H5FD_t base;
    hid_t driver; /* our registration of it; 0: none */
    rg_context *ctx;
    const char *path; /* for messages */
    int fd;
    haddr_t allocated;      /* end of what libhdf5 has laid out */
    haddr_t size;           /* of the file */
    struct rg__output *out; /* writing; NULL: reading */
    rg_status failed;       /* reading: the first failure; its message is in ctx */
};

/* A new file access list (ended by H5Pclose) through which libhdf5 opens the channel; < 0 on
 * failure. */
hid_t rg__h5_access(struct rg__h5_channel *channel);

/* To be called after H5Fclose, which (1.10.8) reads the registration after giving it back. */
void rg__h5_release_driver(struct rg__h5_channel *channel);

/* What the superblock says of the file. */
struct rg__h5_super {
    int64_t base;     /* addresses count from here: where the superblock stands */
    int address_size; /* bytes of an address: 2, 4 or 8 */
    int length_size;  /* bytes of a length */
};

struct rg__h5 {
    rg_context *ctx;
    char *path;
    int64_t size; /* of the file, bytes */
    struct rg__h5_super super;
    hid_t file;
    struct rg__h5_channel channel;
    void *map; /* size bytes; NULL: not mapped */
};

/* Finds and checks the superblock, before libhdf5 sees the file; superblock.c. */
rg_status rg__h5_check_superblock(rg_context *ctx, const char *path, int fd, int64_t size,
                                  struct rg__h5_super *super);

/* An unsigned number of `size` bytes, little-endian as everything in HDF5's metadata. */
uint64_t rg__h5_number(const unsigned char *bytes, int size);

/* The failure of a call to libhdf5 on an object: what the channel met, else its complaint. */
rg_status rg__h5_fail(struct rg__h5 *file, const char *name, const char *doing);

/* A data set and what belongs to it, opened together; the ids of what is not open are -1. */
struct rg__h5_set {
    hid_t id, type, space, plist;
    struct rg__h5_info info;
};

/* Reads bytes of the file at an address of HDF5's; RG_DAMAGED where the file does not have them. */
rg_status rg__h5_read_bytes(struct rg__h5 *file, const char *name, uint64_t address, uint64_t size,
                            void *to);

/* A message of an object's header; `body` lasts for the call it is given to. */
enum {
    RG__H5_DATATYPE = 3,
    RG__H5_LAYOUT = 8,
    RG__H5_FILTERS = 11,
    RG__H5_ATTRIBUTE = 12
}; /* types */
struct rg__h5_message {
    int type, flags;
    const unsigned char *body;
    size_t size;
};

enum { RG__H5_SHARED = 2 }; /* a flag: the content is elsewhere */

/* An attribute message: version, flags, size of the name (2), of the type (2) and of the space (2);
 * from version 3 on a character set (1); name, type and space, each filled up to 8 bytes in version
 * 1; the value. */
struct rg__h5_attribute {
    const char *name;
    const unsigned char *type, *space, *value, *end;
    size_t type_size, space_size;
};

/* False when the parts do not fit into the message. */
bool rg__h5_split_attribute(const struct rg__h5_message *message, struct rg__h5_attribute *a);

/* How many bytes the description of a type has; -1: its parts do not all lie within `size` bytes,
 * or it is of an unknown kind; type_message.c. */
int64_t rg__h5_type_extent(const unsigned char *bytes, size_t size);

enum { RG__H5_MOST_RANK = H5S_MAX_RANK + 1 };

/* What a layout message of versions 1 to 3 says of a data set in chunks. */
struct rg__h5_chunk_layout {
    int version, n_dims; /* one more dimension than the data set has: the bytes of an element; 0:
                            not in chunks, or of a later version */
    uint64_t address;    /* of the index */
    uint64_t chunk[RG__H5_MOST_RANK];
};

/* False when it is too short, or has an impossible chunk. */
bool rg__h5_split_layout(const struct rg__h5 *file, const struct rg__h5_message *message,
                         struct rg__h5_chunk_layout *layout);

/* A failure ends the reading of the header. */
typedef rg_status rg__h5_message_function(void *user, const struct rg__h5_message *message);

/* Checks the sizes in the header at that address and gives its messages to `visit`, unless that is
 * NULL; header.c. */
rg_status rg__h5_read_header(struct rg__h5 *file, const char *name, uint64_t address,
                             rg__h5_message_function *visit, void *user);

/* Opens, refuses what leads out of the file, checks sizes, fills info. Close it in any case. */
rg_status rg__h5_open_set(struct rg__h5 *file, const char *name, struct rg__h5_set *set);
void rg__h5_close_set(struct rg__h5_set *set);

/* The same for one whose elements are to be read: they must have been written, all of them unless
 * the file says what the others are, and its chunks be where they belong. */
rg_status rg__h5_open_to_read(struct rg__h5 *file, const char *name, struct rg__h5_set *set);

/* RG_DAMAGED for a data set that was not written as a whole, or whose index of chunks is wrong;
 * index.c. */
rg_status rg__h5_check_written(struct rg__h5 *file, const char *name, const struct rg__h5_set *set);

/* Compare what was read with the checksum that is stored with it, if there is one; verify.c.
 * `numbers`: all of them in the file's own type; NULL: they are read. */
rg_status rg__h5_check_numbers(struct rg__h5 *file, const char *name, const struct rg__h5_set *set,
                               const void *numbers);
rg_status rg__h5_check_strings(struct rg__h5 *file, const char *name, int64_t count,
                               const char *const *strings);

/* The checksum of strings: XXH3-64 of their bytes, each with its final 0. */
uint64_t rg__h5_hash_strings(int64_t count, const char *const *strings);

/* Reads a data set in chunks of rank 1 or 2 in the file's own type, by all workers; chunks.c.
 * Not complete, and no failure: the chunks are of another kind, or one is missing, and H5Dread is
 * to be asked. RG_DAMAGED names the chunk. */
rg_status rg__h5_read_chunks(struct rg__h5 *file, const char *name, const struct rg__h5_set *set,
                             void *to, bool *complete);

/* A chunk on its way through its filters. */
struct rg__h5_bytes {
    rg_context *ctx;
    const unsigned char *at; /* (size) as far as it has come */
    size_t size, room;
    unsigned char *scratch, *next; /* (2, room) the caller's; the half that is free */
    const char *wrong;             /* the end of an error message: "does not inflate" */
};

/* Undoes a filter with that first parameter; filters.c. False: something is wrong, or with NULL
 * there is no memory (recorded). */
typedef bool rg__h5_undo(struct rg__h5_bytes *bytes, unsigned value);

/* NULL for a filter that is not read. */
rg__h5_undo *rg__h5_find_filter(H5Z_filter_t id);

/* The file's heap, as far as it is needed; heap.c. Zeroed but for the first three by the caller. */
struct rg__h5_heap {
    struct rg__h5 *file;
    const char *name; /* of the data set, for messages */
    int64_t room;     /* bytes that all strings may still have */
    int64_t address;  /* of the collection that is loaded */
    void *bytes;      /* (size) its content; NULL: none is */
    int64_t size, capacity;
    int64_t *objects; /* (65536) where the object of each index begins; 0: there is none */
    int n_objects;    /* the largest index that has been used, + 1 */
};

/* What a reference (8 + address_size bytes) points to: `length` bytes, until the next call. */
rg_status rg__h5_heap_text(struct rg__h5_heap *heap, const unsigned char *reference,
                           const char **text, size_t *length);
void rg__h5_heap_free(struct rg__h5_heap *heap);

/* The length of a string of fixed size without its padding. */
size_t rg__h5_fixed_length(const char *text, size_t size, H5T_str_t padding);

/* The HDF5 type of an rg_dtype in this machine's memory; the caller closes it. */
hid_t rg__h5_memory_type(rg_dtype dtype);

/* Strings of variable length in UTF-8 or ASCII; the caller closes it. */
hid_t rg__h5_string_type(H5T_cset_t cset);

/* RG_DAMAGED for numbers and strings of a type that no machine has; to be called before anything of
 * that type is read. */
rg_status rg__h5_check_type(struct rg__h5 *file, const char *name, hid_t type);

/* Fills class, size, sign, as_float and native of a description. */
void rg__h5_describe_type(hid_t type, struct rg__h5_info *info);

#endif
