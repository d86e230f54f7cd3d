/* test_hdf5_damage.c: files whose structure is damaged in one place: status flags, element types,
 * chunk indexes, the heap of strings. Each must be refused as damaged (RG_DAMAGED) before libhdf5
 * acts on it, or read as it was. */
#include "hdf5_files.h"

#include "io/h5.h"

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

/* See test_hdf5_faults.c. */
int main(void)
{
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    const struct CMUnitTest tests[] = {
        HDF5_TEST(files_open_for_writing_are_refused),
        HDF5_TEST(a_writer_that_never_finished),
        HDF5_TEST(types_that_cannot_exist),
    };
    RUN_TESTS(tests);
}
