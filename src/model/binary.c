/* binary.c: model files that need no HDF5 (docs/file-format.md):
 *
 *     0    8  magic 89 52 47 4D 0D 0A 1A 0A (\x89 R G M \r \n \x1a \n)
 *     8    4  version, 1
 *     12   4  bytes of the JSON text, a multiple of 8
 *     16   8  bytes of the whole file
 *     24      JSON text in UTF-8, padded with spaces:
 *               {"format": ..., "format_version": ...,
 *                "strings": {NAME: TEXT or [TEXT, ...], ...},
 *                "arrays": {NAME: {"dtype": ..., "shape": [...], "offset": ...}, ...}}
 *             the arrays' numbers; an offset is a multiple of 8 and counts from the text's end
 *     -8   8  XXH3-64 (seed 0) of all bytes before
 *
 * Numbers are little-endian. The checksum covers every byte and is compared first, so that anything
 * wrong behind it was written so. */
#include "data/magic.h"
#include "model/format.h"
#include "tensor/tensor.h"

#include <rankgrad/model.h>

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#define XXH_STATIC_LINKING_ONLY /* for a state without malloc */
#include <xxhash.h>

enum { HEADER = 24, CHECKSUM = 8, VERSION = 1, ALIGNMENT = 8 };

/* ---- Little-endian numbers ---- */

static void put_little(unsigned char *to, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++)
        to[i] = (unsigned char)(value >> 8 * i);
}

static uint64_t get_little(const unsigned char *from, size_t size)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++)
        value |= (uint64_t)from[i] << 8 * i;
    return value;
}

/* Numbers of 4 or 8 bytes in this machine's order. */
static void numbers_to_little(unsigned char *to, const void *from, int64_t count, size_t size)
{
    const char *at = from;
    for (int64_t i = 0; i < count; i++, at += size, to += size) {
        uint32_t narrow;
        uint64_t wide;
        memcpy(size == 4 ? (void *)&narrow : &wide, at, size);
        put_little(to, size == 4 ? narrow : wide, size);
    }
}

static void number_from_little(void *to, const unsigned char *from, size_t size)
{
    uint64_t wide = get_little(from, size);
    uint32_t narrow = (uint32_t)wide;
    memcpy(to, size == 4 ? (const void *)&narrow : &wide, size);
}

/* ---- Writing ---- */

struct writer {
    rg_output *out;
    json_t *strings, *arrays;
    const char *version;
    unsigned char *data;
    int64_t size, room;
    rg_status status; /* of the first failure */
};

static rg_status begin(rg_output *out, const char *version, void **writer)
{
    struct writer *w = rg__alloc(out->ctx, 1, sizeof *w, "a model file");
    if (!w)
        return RG_LIMIT;
    *w = (struct writer){
        .out = out, .version = version, .strings = json_object(), .arrays = json_object()};
    if (!w->strings || !w->arrays)
        w->status = rg__fail_memory(out->ctx, 256, "a model file");
    *writer = w;
    return RG_OK;
}

static void write_numbers(void *writer, const char *name, rg_dtype dtype, int ndim,
                          const int64_t *dims, const void *data)
{
    struct writer *w = writer;
    rg_tensor shape = {.dtype = dtype, .ndim = ndim};
    memcpy(shape.dims, dims, (size_t)ndim * sizeof *dims);
    int64_t count = rg_tensor_count(&shape), size = (int64_t)rg__tensor_bytes(&shape);
    int64_t padded = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    void *block = w->data;
    json_t *sizes = json_array();
    for (int i = 0; i < ndim; i++)
        json_array_append_new(sizes, json_integer((json_int_t)dims[i]));
    json_t *entry = json_pack("{s:s, s:o, s:I}", "dtype", rg_dtype_name(dtype), "shape", sizes,
                              "offset", (json_int_t)w->size);
    if (w->status == RG_OK && json_object_set(w->arrays, name, entry) != 0)
        w->status = rg__fail_memory(w->out->ctx, 256, "a model file");
    json_decref(entry);
    if (w->status == RG_OK &&
        !rg__grow(w->out->ctx, &block, &w->room, w->size + padded, 1, "a model file"))
        w->status = RG_LIMIT;
    w->data = block;
    if (w->status != RG_OK)
        return;
    memset(w->data + w->size, 0, (size_t)padded);
    numbers_to_little(w->data + w->size, data, count, rg_dtype_size(dtype));
    w->size += padded;
}

static void write_strings(void *writer, const char *name, int64_t count, const char *const *strings)
{
    struct writer *w = writer;
    json_t *value = count < 0 ? json_string(strings[0]) : json_array();
    int failed = !value;
    for (int64_t i = 0; i < count; i++)
        failed |= json_array_append_new(value, json_string(strings[i]));
    failed |= json_object_set_new(w->strings, name, value);
    if (w->status == RG_OK && failed)
        w->status = rg__fail(w->out->ctx, RG_BAD_DATA,
                             "%s: not written: %s is not valid UTF-8, or memory is short",
                             w->out->path, name);
}

/* The JSON text, padded, allocated by malloc. */
static char *header_text(struct writer *w, size_t *size)
{
    json_t *root = json_pack("{s:s, s:s, s:O, s:O}", "format", RG__MODEL_FORMAT, "format_version",
                             w->version, "strings", w->strings, "arrays", w->arrays);
    char *text = root ? json_dumps(root, JSON_COMPACT) : NULL;
    json_decref(root);
    size_t n = text ? strlen(text) : 0;
    *size = (n + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    char *padded = text ? realloc(text, *size) : NULL;
    if (padded)
        memset(padded + n, ' ', *size - n);
    else
        free(text);
    return padded;
}

static void write_file(struct writer *w, const char *text, size_t n)
{
    unsigned char header[HEADER], checksum[CHECKSUM];
    XXH3_state_t state;
    XXH3_INITSTATE(&state);
    memcpy(header, RG__MODEL_MAGIC, RG__MAGIC_SIZE);
    put_little(header + 8, VERSION, 4);
    put_little(header + 12, n, 4);
    put_little(header + 16, HEADER + n + (uint64_t)w->size + CHECKSUM, 8);
    const struct {
        const void *bytes;
        size_t size;
    } parts[] = {{header, sizeof header}, {text, n}, {w->data, (size_t)w->size}};
    XXH3_64bits_reset(&state);
    for (int i = 0; i < RG__COUNT(parts); i++) {
        rg_output_write(w->out, parts[i].bytes, parts[i].size);
        XXH3_64bits_update(&state, parts[i].bytes, parts[i].size);
    }
    put_little(checksum, XXH3_64bits_digest(&state), sizeof checksum);
    rg_output_write(w->out, checksum, sizeof checksum);
}

static rg_status commit(void *writer)
{
    struct writer *w = writer;
    size_t n;
    char *text = w->status == RG_OK ? header_text(w, &n) : NULL;
    if (w->status == RG_OK && (!text || n > UINT32_MAX))
        w->status = rg__fail_memory(w->out->ctx, 256, "a model file");
    if (w->status == RG_OK)
        write_file(w, text, n);
    rg_status status = w->status;
    free(text);
    json_decref(w->strings);
    json_decref(w->arrays);
    rg__free(w->out->ctx, w->data);
    rg__free(w->out->ctx, w);
    return status;
}

/* ---- Reading ---- */

struct file {
    rg_context *ctx;
    const char *path;
    unsigned char *own; /* the bytes, where they were read from a file */
    json_t *root;
    const unsigned char *data; /* of the arrays */
    int64_t size;
};

static void close_file(void *file)
{
    struct file *f = file;
    if (!f)
        return;
    json_decref(f->root);
    rg__free(f->ctx, f->own);
    rg__free(f->ctx, f);
}

rg_status rg_model_file_is_binary(rg_context *ctx, const char *path, bool *yes)
{
    char start[RG__MAGIC_SIZE];
    struct stat st;
    bool there;
    size_t n, n_equal = 0;
    rg_status status = rg__require(ctx, "rg_model_file_is_binary", "path", path, "yes", yes, NULL);
    if (status != RG_OK)
        return status;
    *yes = false;
    status = rg__stat_path(ctx, path, &there, &st);
    if (status != RG_OK || !there || !S_ISREG(st.st_mode))
        return status;
    status = rg__read_start(ctx, path, start, sizeof start, &n);
    for (size_t i = 0; i < n; i++)
        n_equal += start[i] == RG__MODEL_MAGIC[i];
    /* a damaged byte must not make it another format */
    *yes = status == RG_OK && (n < 4 ? rg_model_path_is_binary(path) : n_equal + 2 >= n);
    return status;
}

/* RG_DAMAGED unless the bytes are those that were written. */
static rg_status check_bytes(struct file *f, const unsigned char *bytes, size_t size)
{
    if (size < HEADER + CHECKSUM)
        return rg__fail(f->ctx, RG_DAMAGED, "%s: has %zu bytes; a binary model has at least %d",
                        f->path, size, HEADER + CHECKSUM);
    if (memcmp(bytes, RG__MODEL_MAGIC, RG__MAGIC_SIZE) != 0)
        return rg__fail(f->ctx, RG_DAMAGED, "%s: does not begin as a binary model does", f->path);
    uint64_t told = get_little(bytes + 16, 8);
    if (told != size)
        return rg__fail(f->ctx, RG_DAMAGED, "%s: has %zu bytes, but its header says %llu", f->path,
                        size, (unsigned long long)told);
    if (XXH3_64bits(bytes, size - CHECKSUM) != get_little(bytes + size - CHECKSUM, CHECKSUM))
        return rg__fail(f->ctx, RG_DAMAGED, "%s: its bytes do not have the checksum stored in it",
                        f->path);
    uint64_t version = get_little(bytes + 8, 4), n = get_little(bytes + 12, 4);
    if (version != VERSION)
        return rg__fail(f->ctx, RG_BAD_DATA,
                        "%s: binary model version %llu, expected %d; a newer Rankgrad may read it",
                        f->path, (unsigned long long)version, VERSION);
    if (n % ALIGNMENT || n > size - HEADER - CHECKSUM)
        return rg__fail(f->ctx, RG_DAMAGED, "%s: its JSON text has %llu bytes in a file of %zu",
                        f->path, (unsigned long long)n, size);
    f->data = bytes + HEADER + n;
    f->size = (int64_t)(size - HEADER - n - CHECKSUM);
    json_error_t error;
    f->root = json_loadb((const char *)bytes + HEADER, n, JSON_REJECT_DUPLICATES, &error);
    return f->root ? RG_OK
                   : rg__fail(f->ctx, RG_DAMAGED, "%s: its JSON text: %s", f->path, error.text);
}

/* Takes `own`, the bytes if they were read from a file, in any case. */
static rg_status open_bytes(rg_context *ctx, const char *path, unsigned char *own,
                            const unsigned char *bytes, size_t size, void **file, char **format,
                            char **version)
{
    *file = *format = *version = NULL;
    struct file *f = rg__alloc(ctx, 1, sizeof *f, "a model file");
    if (!f) {
        rg__free(ctx, own);
        return RG_LIMIT;
    }
    *f = (struct file){.ctx = ctx, .path = path, .own = own};
    *file = f;
    rg_status status = check_bytes(f, bytes, size);
    if (status != RG_OK)
        return status;
    const char *a = json_string_value(json_object_get(f->root, "format"));
    const char *b = json_string_value(json_object_get(f->root, "format_version"));
    *format = a ? rg__strdup(ctx, a) : NULL;
    *version = b ? rg__strdup(ctx, b) : NULL;
    return (a && !*format) || (b && !*version) ? RG_LIMIT : RG_OK;
}

rg_status rg__model_binary_open_memory(rg_context *ctx, const char *path, const void *data,
                                       size_t size, void **file, char **format, char **version)
{
    return open_bytes(ctx, path, NULL, data, size, file, format, version);
}

static rg_status open_file(rg_context *ctx, const char *path, void **file, char **format,
                           char **version)
{
    int fd;
    int64_t size;
    *file = *format = *version = NULL;
    rg_status status = rg__open_input(ctx, path, &fd, &size);
    if (status != RG_OK)
        return status;
    unsigned char *bytes = rg__alloc(ctx, size, 1, "a model file");
    status = bytes ? rg__read_at(ctx, path, fd, bytes, (size_t)size, 0) : RG_LIMIT;
    rg__close_input(ctx, fd);
    if (status == RG_OK)
        return open_bytes(ctx, path, bytes, bytes, (size_t)size, file, format, version);
    rg__free(ctx, bytes);
    return status;
}

/* Shape, type and place of an array; false where they do not hold together. */
static bool unpack(const struct file *f, const json_t *entry, rg_tensor *array, int64_t *offset)
{
    const char *dtype = json_string_value(json_object_get(entry, "dtype"));
    const json_t *shape = json_object_get(entry, "shape"), *at = json_object_get(entry, "offset");
    static const rg_dtype types[] = {RG_F32, RG_F64, RG_I32};
    size_t ndim = json_array_size(shape);
    int found = -1;
    for (int i = 0; dtype && i < RG__COUNT(types); i++)
        found = strcmp(dtype, rg_dtype_name(types[i])) == 0 ? i : found;
    if (found < 0 || !json_is_array(shape) || ndim > RG_MAX_DIMS || !json_is_integer(at))
        return false;
    *array = (rg_tensor){.dtype = types[found], .ndim = (int)ndim};
    for (size_t i = 0; i < ndim; i++) {
        const json_t *n = json_array_get(shape, i);
        array->dims[i] = json_is_integer(n) ? json_integer_value(n) : -1;
    }
    *offset = json_integer_value(at);
    return rg_tensor_count(array) >= 0 && *offset >= 0 && *offset % ALIGNMENT == 0 &&
           *offset <= f->size && (int64_t)rg__tensor_bytes(array) <= f->size - *offset;
}

static rg_status describe(void *file, const char *name, struct rg__entry *entry)
{
    const struct file *f = file;
    const json_t *array = json_object_get(json_object_get(f->root, "arrays"), name);
    const json_t *strings = json_object_get(json_object_get(f->root, "strings"), name);
    rg_tensor tensor;
    int64_t offset;
    *entry = (struct rg__entry){RG__ENTRY_ABSENT, 0};
    if (json_is_array(strings))
        *entry = (struct rg__entry){RG__ENTRY_STRINGS, (int64_t)json_array_size(strings)};
    else if (strings)
        *entry =
            (struct rg__entry){json_is_string(strings) ? RG__ENTRY_STRINGS : RG__ENTRY_OTHER, 1};
    else if (array && !unpack(f, array, &tensor, &offset))
        return rg__fail(f->ctx, RG_DAMAGED, "%s: %s has no valid type, shape or offset", f->path,
                        name);
    else if (array)
        *entry = (struct rg__entry){tensor.dtype == RG_I32 ? RG__ENTRY_INTEGERS : RG__ENTRY_FLOATS,
                                    rg_tensor_count(&tensor)};
    return RG_OK;
}

static rg_status read_numbers(void *file, const char *name, rg_dtype dtype, int64_t count, void *to)
{
    const struct file *f = file;
    const json_t *array = json_object_get(json_object_get(f->root, "arrays"), name);
    rg_tensor tensor;
    int64_t offset;
    if (!array || !unpack(f, array, &tensor, &offset) || rg_tensor_count(&tensor) != count)
        return rg__fail(f->ctx, RG_DAMAGED, "%s: %s does not hold %lld numbers", f->path, name,
                        (long long)count);
    size_t size = rg_dtype_size(tensor.dtype), wanted = rg_dtype_size(dtype);
    const unsigned char *from = f->data + offset;
    for (int64_t i = 0; i < count; i++) {
        uint64_t number;
        number_from_little(&number, from + (size_t)i * size, size);
        rg__cast(tensor.dtype, &number, dtype, (char *)to + (size_t)i * wanted, 1);
    }
    return RG_OK;
}

/* The i-th of the strings under a name. */
static const char *string_at(const json_t *strings, int64_t i)
{
    return json_string_value(json_is_array(strings) ? json_array_get(strings, (size_t)i) : strings);
}

static rg_status read_strings(void *file, const char *name, int64_t count, char ***out)
{
    const struct file *f = file;
    const json_t *strings = json_object_get(json_object_get(f->root, "strings"), name);
    size_t size = (size_t)count * sizeof(char *);
    *out = NULL;
    for (int64_t i = 0; i < count; i++) {
        const char *text = string_at(strings, i);
        if (!text)
            return rg__fail(f->ctx, RG_DAMAGED, "%s: element %lld of %s is no string", f->path,
                            (long long)i, name);
        size += strlen(text) + 1;
    }
    char **block = rg__alloc(f->ctx, (int64_t)size, 1, "strings");
    if (!block)
        return RG_LIMIT;
    char *at = (char *)(block + count);
    for (int64_t i = 0; i < count; i++) {
        size_t n = strlen(string_at(strings, i)) + 1;
        block[i] = memcpy(at, string_at(strings, i), n);
        at += n;
    }
    *out = block;
    return RG_OK;
}

const struct rg__model_format rg__model_binary = {.begin = begin,
                                                  .write = write_numbers,
                                                  .write_strings = write_strings,
                                                  .commit = commit,
                                                  .open = open_file,
                                                  .describe = describe,
                                                  .read = read_numbers,
                                                  .read_strings = read_strings,
                                                  .close = close_file};
