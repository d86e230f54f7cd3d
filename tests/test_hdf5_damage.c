/* test_hdf5_damage.c: files whose structure is damaged in one place: status flags, element types,
 * chunk indexes, the heap of strings. Each must be refused as damaged (RG_DAMAGED) before libhdf5
 * acts on it, or read as it was. */
#include "hdf5_files.h"

#include "hdf5/h5.h"

#include <sys/wait.h>

/* Opens a data set that must be refused as damaged, with a message that contains the words. */
static void expect_damaged(struct fixture *f, const char *path, const char *words)
{
    rg_dataset *data = NULL;
    assert_fails(f->ctx, RG_DAMAGED, words, open_quietly(f->ctx, path, NULL, &data));
    assert_null(data);
}

/* ---- Status flags of the superblock ---------------------------------------------------------- */

/* A sound file whose superblock is of that version. */
static void write_version(const char *path, int version)
{
    hid_t access = H5Pcreate(H5P_FILE_ACCESS), creation = H5Pcreate(H5P_FILE_CREATE);
    if (version == 1)
        H5Pset_istore_k(creation, 64);
    if (version >= 2)
        H5Pset_libver_bounds(access, version == 2 ? H5F_LIBVER_V18 : H5F_LIBVER_V110,
                             version == 2 ? H5F_LIBVER_V18 : H5F_LIBVER_V110);
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, creation, access);
    put_sound(file);
    H5Fclose(file);
    H5Pclose(access);
    H5Pclose(creation);
}

static const struct {
    int version;
    size_t at; /* the byte that is changed */
    char value;
    const char *words; /* of the message; NULL: the file is read */
} flags[] = {
    {0, 20, 0, NULL},
    {1, 20, 0, NULL},
    {2, 11, 0, NULL},
    {3, 11, 0, NULL},
    {0, 20, 2, NULL}, /* "consistent" */
    {1, 20, 2, NULL},
    {0, 20, 1, "h5clear -s"},
    {1, 20, 1, "h5clear -s"},
    {2, 11, 1, "h5clear -s"},
    {3, 11, 1, "h5clear -s"},
    {3, 11, 5, "h5clear -s"},
    {2, 11, 4, "h5clear -s"},
    {1, 20, 3, "h5clear -s"},
    {0, 20, 8, "status flags"},
    {0, 21, 1, "status flags"},
    {1, 23, (char)0x80, "status flags"},
    {3, 11, 0x40, "status flags"},
};

static void files_open_for_writing_are_refused(void **state)
{
    struct fixture *f = *state;
    const char *path = path_of(f, "open.h5");
    for (int i = 0; i < (int)(sizeof flags / sizeof flags[0]); i++) {
        size_t size;
        write_version(path, flags[i].version);
        char *bytes = slurp(path, &size);
        assert_int_equal(bytes[8], flags[i].version);
        bytes[flags[i].at] = flags[i].value;
        spill(path, bytes, size);
        free(bytes);
        rg_dataset *data = NULL;
        if (flags[i].words)
            expect_damaged(f, path, flags[i].words);
        else
            assert_ok(f->ctx, rg_dataset_open(f->ctx, path, NULL, &data));
        rg_dataset_close(data);
    }
}

/* A writer that ends without closing its file leaves the flag behind. */
static void a_writer_that_never_finished(void **state)
{
    struct fixture *f = *state;
    const char *path = path_of(f, "half.h5");
    pid_t child = fork();
    if (child == 0) {
        hid_t access = H5Pcreate(H5P_FILE_ACCESS);
        H5Pset_libver_bounds(access, H5F_LIBVER_V110, H5F_LIBVER_V110);
        hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, access);
        put_f64(file, "labels", N, LABELS);
        H5Fflush(file, H5F_SCOPE_GLOBAL);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    expect_damaged(f, path, "h5clear -s");
}

/* ---- Types of elements ----------------------------------------------------------------------- */

static hid_t fields(hid_t base, size_t sign, size_t exponent, size_t exponent_size, size_t fraction,
                    size_t fraction_size)
{
    hid_t type = H5Tcopy(base);
    H5Tset_fields(type, sign, exponent, exponent_size, fraction, fraction_size);
    return type;
}

static hid_t resized(hid_t base, size_t size, size_t precision, size_t offset)
{
    hid_t type = H5Tcopy(base);
    if (size)
        H5Tset_size(type, size);
    if (precision)
        H5Tset_precision(type, precision);
    H5Tset_offset(type, offset);
    return type;
}

static hid_t biased(hid_t base, size_t bias)
{
    hid_t type = H5Tcopy(base);
    H5Tset_ebias(type, bias);
    return type;
}

static hid_t normalised(hid_t base, H5T_norm_t norm)
{
    hid_t type = H5Tcopy(base);
    H5Tset_norm(type, norm);
    return type;
}

/* Types that libhdf5 writes, and converts without an error, but that no machine has: what a damaged
 * byte in the description of a type makes. */
static void types_that_cannot_exist(void **state)
{
    struct fixture *f = *state;
    const char *path = path_of(f, "type.h5");
    const hid_t f32 = H5T_IEEE_F32LE, f64 = H5T_IEEE_F64LE;
    const hid_t types[] = {
        resized(H5T_STD_I32LE, 0, 31, 0),
        resized(H5T_STD_I32LE, 0, 24, 8),
        resized(H5T_STD_I64LE, 0, 63, 0),
        resized(H5T_STD_I64BE, 3, 24, 0),
        resized(H5T_STD_U16LE, 5, 16, 0),
        resized(f32, 5, 0, 0),
        resized(f32, 8, 0, 0),
        resized(f32, 8, 0, 32),
        resized(f64, 264, 0, 0),
        biased(f32, 126),
        biased(f64, 1022),
        biased(f64, 0),
        normalised(f32, H5T_NORM_NONE),
        normalised(f64, H5T_NORM_MSBSET),
        fields(f32, 31, 24, 7, 0, 23),
        fields(f32, 31, 23, 8, 0, 22),
        fields(f64, 63, 52, 11, 1, 51),
        fields(f64, 63, 52, 10, 0, 52),
        fields(f64, 62, 51, 11, 0, 51),
        fields(H5T_IEEE_F32BE, 0, 23, 8, 1, 22),
    };
    static const char *const names[] = {"features", "labels", "qid"};
    for (int i = 0; i < (int)(sizeof types / sizeof types[0]); i++) {
        for (int k = 0; k < 3; k++) {
            hsize_t dims[2] = {N, F};
            hid_t file = sound_file(path);
            put(file, names[k], types[i], H5T_NATIVE_DOUBLE, k == 0 ? 2 : 1, dims, H5P_DEFAULT,
                k == 0 ? NULL : LABELS);
            assert_true(H5Fclose(file) >= 0);
            expect_damaged(f, path, "impossible type");
        }
        H5Tclose(types[i]);
    }
}

/* Bytes of headers of version 1, which have no checksum: the description of float elements, the
 * layout in chunks, and an attribute. */
static const struct {
    const char *find; /* where it begins */
    size_t length, at;
    unsigned char old, value;
} headers[] = {
    {"\x11\x20\x1f\0\4\0\0\0", 8, 0, 0x11, 0x10}, /* an integer */
    {"\x11\x20\x1f\0\4\0\0\0", 8, 0, 0x11, 0x13}, /* a string */
    {"\x11\x20\x1f\0\4\0\0\0", 8, 1, 0x20, 0x22}, /* padded with ones */
    {"\x11\x20\x1f\0\4\0\0\0", 8, 1, 0x20, 0x24},
    {"\x11\x20\x1f\0\4\0\0\0", 8, 1, 0x20, 0x28},
    {"\x11\x20\x1f\0\4\0\0\0", 8, 1, 0x20, 0x00},  /* not normalised */
    {"\x11\x20\x1f\0\4\0\0\0", 8, 1, 0x20, 0x30},  /* in no known way */
    {"\x11\x20\x1f\0\4\0\0\0", 8, 2, 0x1f, 0x1e},  /* the sign is elsewhere */
    {"\x11\x20\x1f\0\4\0\0\0", 8, 4, 4, 3},        /* bytes */
    {"\x11\x20\x1f\0\4\0\0\0", 8, 5, 0, 1},        /* 260 bytes */
    {"\x11\x20\x1f\0\4\0\0\0", 8, 10, 0x20, 0x1f}, /* bits */
    {"\x11\x20\x1f\0\4\0\0\0", 8, 13, 8, 7},       /* of the exponent */
    {"\x11\x20\x1f\0\4\0\0\0", 8, 16, 0x7f, 0x7e}, /* its bias */
    {"\3\2\3", 3, 2, 3, 0},                        /* dimensions of a chunk */
    {"\3\2\3", 3, 2, 3, 1},
    {"\3\2\3", 3, 2, 3, 4},
    {"\3\2\3", 3, 11, 2, 0},                       /* its rows */
    {"\3\2\3", 3, 15, 2, 0},                       /* its columns */
    {"\3\2\3", 3, 19, 4, 8},                       /* bytes of an element */
    {"\x19\1\0\0\x10\0\0\0", 8, 0, 0x19, 0x18},    /* strings: an enumeration without names */
    {"\x19\1\0\0\x10\0\0\0", 8, 0, 0x19, 0x16},    /* members */
    {"\x19\1\0\0\x10\0\0\0", 8, 0, 0x19, 0x1a},    /* an array */
    {"\1\1\0\0\0\0\0\0\1\0\x08", 11, 1, 1, 9},     /* filters */
    {"\1\1\0\0\0\0\0\0\1\0\x08", 11, 11, 0, 1},    /* length of a name */
    {"\1\1\0\0\0\0\0\0\1\0\x08", 11, 14, 1, 0x40}, /* values */
    {"format\0\0\x13", 9, 12, 16, 0xff},           /* characters of an attribute */
    {"format\0\0\x13", 9, 13, 0, 1},
    {"format\0\0\x13", 9, 15, 0, 0x80},
};

static const char *const TEXTS[N] = {"a", "b", "c", "d", "e", "f"};

static void headers_without_checksums(void **state)
{
    struct fixture *f = *state;
    const char *path = path_of(f, "header.h5");
    for (int i = 0; i < (int)(sizeof headers / sizeof headers[0]); i++) {
        hsize_t dims[2] = {N, F}, chunk[2] = {2, F};
        hid_t file = sound_file(path), creation = H5Pcreate(H5P_DATASET_CREATE);
        size_t size, at = 0, length = headers[i].length;
        rg_dataset *data;
        H5Pset_chunk(creation, 2, chunk);
        put(file, "features", H5T_NATIVE_FLOAT, H5T_NATIVE_FLOAT, 2, dims, creation, X);
        hsize_t n = N;
        hid_t text = H5Tcopy(H5T_C_S1), deflated = H5Pcreate(H5P_DATASET_CREATE);
        H5Tset_size(text, H5T_VARIABLE);
        H5Pset_chunk(deflated, 1, chunk);
        H5Pset_deflate(deflated, 1);
        put(file, "doc_ids", text, text, 1, &n, H5P_DEFAULT, TEXTS);
        put(file, "labels", H5T_NATIVE_DOUBLE, H5T_NATIVE_DOUBLE, 1, &n, deflated, LABELS);
        put_attribute(file, "/", "format", "rankgrad-dataset");
        H5Tclose(text);
        H5Pclose(deflated);
        H5Pclose(creation);
        H5Fclose(file);
        assert_ok(f->ctx, rg_dataset_open(f->ctx, path, NULL, &data));
        rg_dataset_close(data);
        char *bytes = slurp(path, &size);
        while (at + length < size && (memcmp(bytes + at, headers[i].find, length) != 0 ||
                                      (unsigned char)bytes[at + headers[i].at] != headers[i].old))
            at++;
        assert_in_range(at, 0, size - 64);
        for (; at + length < size; at++) /* an old place may be left in the file */
            if (memcmp(bytes + at, headers[i].find, length) == 0)
                bytes[at + headers[i].at] = (char)headers[i].value;
        spill(path, bytes, size);
        free(bytes);
        expect_damaged(f, path, "/");
    }
}

/* ---- The index of chunks --------------------------------------------------------------------- */

/* Two rows in each of three chunks. A node of the index: 24 bytes, and for each chunk its stored
 * bytes (4), skipped filters (4), place (3 times 8), address (8). */
enum { NODE = 24, ENTRY = 40, SKIPPED = 4, PLACE = 8, ADDRESS = 32 };

static const struct {
    size_t at; /* from the node's start */
    unsigned char value;
} indexes[] = {
    {0, 'X'},                          /* "TREE" */
    {4, 0},                            /* an index of links */
    {5, 1},                            /* a node above others */
    {5, 0xff},                         /* far above */
    {6, 0},                            /* no chunks */
    {6, 1},                            /* one */
    {6, 2},                            /* two of three */
    {6, 4},                            /* four */
    {7, 1},                            /* 259 */
    {NODE + PLACE, 1},                 /* the first begins with row 1 */
    {NODE + PLACE, 2},                 /* ... where the second does */
    {NODE + PLACE + 8, 1},             /* ... with column 1 */
    {NODE + PLACE + 16, 4},            /* ... with a byte of an element */
    {NODE + ENTRY + PLACE, 0},         /* the second begins where the first does */
    {NODE + ENTRY + PLACE, 3},         /* ... between two chunks */
    {NODE + ENTRY + PLACE, 4},         /* ... where the third does */
    {NODE + ENTRY + PLACE + 7, 0x80},  /* ... with row 2^63 */
    {NODE + 2 * ENTRY + PLACE, 6},     /* the third begins behind the last row */
    {NODE + 2 * ENTRY + PLACE + 1, 1}, /* ... far behind it */
    {NODE + ENTRY, 1},                 /* the second is stored in one byte */
    {NODE + ENTRY + 3, 0x7f},          /* ... in 2 GB */
    {NODE + ENTRY + ADDRESS + 3, 0x7f},
    {NODE + ENTRY + ADDRESS + 7, 0xff},
    {NODE + ENTRY + SKIPPED,
     1}, /* the second is not deflated; of a file without filters: nothing */
};

static char *find_chunk_index(char *bytes, size_t size)
{
    for (char *at = bytes; at + 8 < bytes + size; at++)
        if (memcmp(at, "TREE\1", 5) == 0)
            return at;
    return NULL;
}

static void indexes_of_chunks(void **state)
{
    struct fixture *f = *state;
    const char *path = path_of(f, "index.h5");
    for (int i = 0; i < 2 * (int)(sizeof indexes / sizeof indexes[0]); i++) {
        size_t size;
        rg_dataset *data;
        if (i % 2 == 0 && indexes[i / 2].at == NODE + ENTRY + SKIPPED)
            continue;
        hsize_t dims[2] = {N, F}, chunk[2] = {2, F};
        hid_t file = sound_file(path), creation = H5Pcreate(H5P_DATASET_CREATE);
        H5Pset_chunk(creation, 2, chunk);
        if (i % 2)
            H5Pset_deflate(creation, 1);
        put(file, "features", H5T_NATIVE_FLOAT, H5T_NATIVE_FLOAT, 2, dims, creation, X);
        H5Pclose(creation);
        H5Fclose(file);
        assert_ok(f->ctx, rg_dataset_open(f->ctx, path, NULL, &data));
        assert_memory_equal(rg_dataset_split_at(data, 0)->features.data, X, sizeof X);
        rg_dataset_close(data);
        char *bytes = slurp(path, &size), *node = find_chunk_index(bytes, size);
        assert_non_null(node);
        assert_int_equal(node[6], 3);
        node[indexes[i / 2].at] = (char)indexes[i / 2].value;
        spill(path, bytes, size);
        free(bytes);
        expect_damaged(f, path, "/features: ");
    }
}

/* ---- What was never written ------------------------------------------------------------------ */

static const struct {
    int unlimited; /* dimensions that may grow: other indexes in files of HDF5 1.10 */
    bool latest;   /* HDF5 1.10 */
    bool deflate;
    bool fill;         /* the writer says what an unwritten element is */
    hsize_t chunk;     /* rows; 0: contiguous */
    hsize_t written;   /* rows */
    const char *words; /* of the message; NULL: the file is read */
} writings[] = {
    {0, false, false, false, 2, 6, NULL},
    {0, false, false, false, 2, 4, "chunk 3 of 3 (from 1)"},
    {0, false, true, false, 2, 2, "chunk 2 of 3 (from 1)"},
    {0, false, false, false, 4, 2, "chunk 2 of 2 (from 1)"},
    {1, false, true, false, 1, 5, "chunk 6 of 6 (from 1)"},
    {2, false, false, false, 3, 1, "chunk 2 of 2 (from 1)"},
    {0, false, false, false, 2, 0, "never written"},
    {0, false, true, false, 2, 0, "never written"},
    {0, false, false, false, 0, 0, "never written"},
    {0, true, false, false, 0, 0, "never written"},
    {0, true, true, false, 2, 6, NULL},
    {0, true, true, false, 2, 4, "2 of its 3 chunks"},
    {0, true, true, false, 2, 0, "never written"},
    {1, true, false, false, 2, 4, "2 of its 3 chunks"},
    {1, true, true, false, 2, 2, "1 of its 3 chunks"},
    {2, true, false, false, 2, 4, "2 of its 3 chunks"},
    {2, true, true, false, 2, 6, NULL},
    {0, false, false, true, 2, 4, NULL},
    {0, false, true, true, 2, 0, NULL},
    {0, false, false, true, 0, 0, NULL},
    {1, true, true, true, 2, 2, NULL},
};

static void put_partly(hid_t file, int i)
{
    hsize_t dims[2] = {N, F}, chunk[2] = {writings[i].chunk, F}, from[2] = {0, 0};
    hsize_t count[2] = {writings[i].written, F};
    hsize_t most[2] = {writings[i].unlimited > 0 ? H5S_UNLIMITED : N,
                       writings[i].unlimited > 1 ? H5S_UNLIMITED : F};
    const float fill = 3;
    hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
    hid_t space = H5Screate_simple(2, dims, writings[i].chunk ? most : NULL);
    if (writings[i].chunk)
        H5Pset_chunk(creation, 2, chunk);
    if (writings[i].deflate)
        H5Pset_deflate(creation, 1);
    if (writings[i].fill)
        H5Pset_fill_value(creation, H5T_NATIVE_FLOAT, &fill);
    H5Ldelete(file, "features", H5P_DEFAULT);
    hid_t set =
        H5Dcreate2(file, "features", H5T_NATIVE_FLOAT, space, H5P_DEFAULT, creation, H5P_DEFAULT);
    H5Sselect_hyperslab(space, H5S_SELECT_SET, from, NULL, count, NULL);
    if (writings[i].written)
        H5Dwrite(set, H5T_NATIVE_FLOAT, space, space, H5P_DEFAULT, X);
    H5Dclose(set);
    H5Sclose(space);
    H5Pclose(creation);
}

static void what_was_never_written(void **state)
{
    struct fixture *f = *state;
    const char *path = path_of(f, "partly.h5");
    for (int i = 0; i < (int)(sizeof writings / sizeof writings[0]); i++) {
        hid_t access = H5Pcreate(H5P_FILE_ACCESS);
        if (writings[i].latest)
            H5Pset_libver_bounds(access, H5F_LIBVER_V110, H5F_LIBVER_V110);
        hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, access);
        put_sound(file);
        put_partly(file, i);
        H5Fclose(file);
        H5Pclose(access);
        if (writings[i].words) {
            expect_damaged(f, path, writings[i].words);
            continue;
        }
        rg_dataset *data;
        assert_ok(f->ctx, rg_dataset_open(f->ctx, path, NULL, &data));
        const float *x = rg_dataset_split_at(data, 0)->features.data;
        for (hsize_t k = 0; k < N * F; k++)
            assert_true(x[k] == (k < writings[i].written * F ? X[k] : 3));
        rg_dataset_close(data);
    }
}

/* ---- The heap of strings, and checksums of strings ------------------------------------------- */

/* Every byte of the headers of a heap's objects, and of the heap's own: damage or, of bytes that
 * say nothing, no change. libhdf5 crashes or never ends on every seventh of them. */
static void heap_of_attributes(void **state)
{
    static const unsigned char values[] = {0, 1, 0x60, 0xff};
    struct fixture *f = *state;
    const char *path = path_of(f, "heap.h5");
    struct full *full = full_split("", RG_F32);
    const rg_split *split = &full->split;
    const rg_write_options options = {.sparse = true};
    size_t size, at = 0;
    int n_damaged = 0;
    assert_ok(f->ctx, rg_dataset_write(f->ctx, path, &split, 1, &options));
    char *bytes = slurp(path, &size);
    while (memcmp(bytes + at, "GCOL", 4) != 0)
        at++;
    size_t object = at + 16;
    alarm(120); /* an endless loop */
    for (int k = 0; k < 5 && bytes[object]; k++) {
        for (size_t i = 0; i < 16; i++) {
            for (size_t v = 0; v < sizeof values; v++) {
                char *byte = bytes + (k == 0 ? at : object) + i, old = *byte;
                rg_dataset *data;
                *byte = (char)values[v];
                spill(path, bytes, size);
                *byte = old;
                rg_status status = open_quietly(f->ctx, path, NULL, &data);
                assert_true(status == RG_OK || status == RG_DAMAGED);
                n_damaged += status == RG_DAMAGED;
                if (status == RG_OK)
                    same_rows(split, rg_dataset_split_at(data, 0));
                rg_dataset_close(data);
            }
        }
        if (k > 0)
            object += 16 + ((size_t)(unsigned char)bytes[object + 8] + 7) / 8 * 8;
    }
    alarm(0);
    assert_in_range(n_damaged, 60, 5 * 16 * 4);
    free(bytes);
    free(full);
}

/* Changes the first byte of a text in the file; false when it is not there. */
static bool change_text(const char *path, const char *text)
{
    size_t size, length = strlen(text);
    char *bytes = slurp(path, &size), *found = NULL;
    for (char *at = bytes; !found && at + length < bytes + size; at++)
        if (memcmp(at, text, length) == 0)
            found = at;
    if (found)
        found[0] ^= 1;
    spill(path, bytes, size);
    free(bytes);
    return found;
}

static void checksums_of_strings(void **state)
{
    static const char *const doc_ids[] = {"doc-one", "doc-two", "doc-six"}, *const query_ids[] = {
                                                                                "who?"};
    static const char *const feature_names[] = {"feature-a", "feature-b"};
    static const double labels[] = {0, 1, 2};
    static const int64_t offsets[] = {0, 3};
    float x[6] = {1, 2, 3, 4, 5, 6};
    const rg_split split = {.name = "",
                            .n_rows = 3,
                            .n_features = 2,
                            .n_lists = 1,
                            .features = {RG_F32, 2, {3, 2}, x},
                            .labels = labels,
                            .offsets = offsets,
                            .doc_ids = doc_ids,
                            .query_ids = query_ids,
                            .feature_names = feature_names};
    static const struct {
        bool model;
        const char *text, *name;
    } texts[] = {
        {false, "doc-one", "/doc_ids"},         {false, "doc-six", "/doc_ids"},
        {false, "who?", "/query_ids"},          {false, "feature-a", "/feature_names"},
        {false, "feature-b", "/feature_names"}, {true, "\"linear(", "/config"},
        {true, "\"zscore\"", "/config"},        {true, "0.125", "/history"},
        {true, "epochs", "/history"},           {true, "feature-b", "/feature_names"},
    };
    struct fixture *f = *state;
    const char *path = path_of(f, "text.h5");
    for (int i = 0; i < (int)(sizeof texts / sizeof texts[0]); i++) {
        const rg_split *splits = &split;
        const rg_write_options options = {.force = true};
        double shift[2] = {0, 0}, scale[2] = {1, 1};
        rg_normalization norm = normalization_of("zscore", 2);
        norm.shift = shift;
        norm.scale = scale;
        rg_model *model = NULL, *loaded;
        rg_dataset *data;
        if (texts[i].model) {
            assert_ok(f->ctx, rg_model_create(f->ctx, 2, NULL, &model));
            assert_ok(f->ctx, rg_model_set_normalization(model, &norm));
            assert_ok(f->ctx, rg_model_set_feature_names(model, feature_names));
            assert_ok(f->ctx, rg_model_set_history(model, "{\"epochs\": [0.125]}"));
            assert_ok(f->ctx, rg_model_save(model, path, true));
            rg_model_destroy(model);
        } else {
            assert_ok(f->ctx, rg_dataset_write(f->ctx, path, &splits, 1, &options));
        }
        assert_true(change_text(path, texts[i].text));
        assert_fails(f->ctx, RG_DAMAGED, texts[i].name,
                     texts[i].model ? rg_model_load(f->ctx, path, &loaded)
                                    : rg_dataset_open(f->ctx, path, NULL, &data));
        assert_non_null(strstr(rg_last_error(f->ctx), "checksum"));
    }
}

/* ---- Names in a group ------------------------------------------------------------------------ */

/* A changed name would be a data set that is silently not used. */
static const struct {
    const char *name;
    char first; /* what its first letter becomes */
} names[] = {{"labels", 'z'},    {"labels", 'a'},    {"labels", 'r'},  {"positions", 'z'},
             {"positions", 'a'}, {"positions", 't'}, {"weights", 'a'}, {"weights", 'g'}};

static void names_out_of_order(void **state)
{
    struct fixture *f = *state;
    static const int64_t positions[N] = {1, 2, 3, 1, 2, 1};
    for (int i = 0; i < RG__COUNT(names); i++) {
        const char *path = path_of(f, "names.h5");
        hid_t file = sound_file(path);
        put_f64(file, "weights", N, LABELS);
        put_i64(file, "positions", N, positions);
        H5Fclose(file);
        size_t size;
        char *bytes = slurp(path, &size);
        size_t at = 0, length = strlen(names[i].name) + 1;
        while (at + length < size && memcmp(bytes + at, names[i].name, length) != 0)
            at++;
        bytes[at] = names[i].first;
        spill(path, bytes, size);
        free(bytes);
        rg_dataset *data = NULL; /* RG_BAD_DATA where libhdf5 then misses another name */
        rg_status status = open_quietly(f->ctx, path, NULL, &data);
        assert_true(status == RG_DAMAGED || status == RG_BAD_DATA);
    }
}

/* See test_hdf5_faults.c. */
int main(void)
{
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    const struct CMUnitTest tests[] = {
        HDF5_TEST(files_open_for_writing_are_refused),
        HDF5_TEST(a_writer_that_never_finished),
        HDF5_TEST(types_that_cannot_exist),
        HDF5_TEST(headers_without_checksums),
        HDF5_TEST(indexes_of_chunks),
        HDF5_TEST(what_was_never_written),
        HDF5_TEST(names_out_of_order),
        HDF5_TEST(heap_of_attributes),
        HDF5_TEST(checksums_of_strings),
    };
    RUN_TESTS(tests);
}
