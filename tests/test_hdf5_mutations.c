/* test_hdf5_mutations.c: one byte of a file is changed at a time, and the file is read. It must be
 * refused, or read as it was: no crash, no endless loop, and no change of anything that has a
 * checksum.
 *
 * By default a sample of a few seconds; RANKGRAD_MUTATIONS=100000 makes so many changes, and
 * RANKGRAD_SEED=2 others (scripts/mutations runs that under AddressSanitizer). The changes are made
 * in children of the test, so that a crash or a loop is counted and told with its place, and the
 * loop goes on behind it. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */

#include "hdf5_files.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

enum { SMALL = 96, BATCH = 500, SECONDS = 10, MOST_TOLD = 20 };

/* ---- Subjects: data sets and models ---------------------------------------------------------- */

/* What is changed, and what must not. */
struct subject {
    const char *name;
    void (*write)(struct fixture *f, const char *path);
    bool model;
    bool ours; /* written by Rankgrad: names and headers have checksums as well, nothing vanishes */
};

/* The first rows of the full split, up to the end of a list. */
static struct full *small_split(rg_dtype dtype, int64_t n_rows)
{
    struct full *full = full_split("", dtype);
    rg_split *s = &full->split;
    int64_t n = 0;
    while (n < s->n_lists && s->offsets[n + 1] <= n_rows)
        n++;
    s->n_lists = n;
    s->n_rows = s->features.dims[0] = s->offsets[n];
    return full;
}

static void write_ours(struct fixture *f, const char *path, rg_dtype dtype, int64_t n,
                       rg_write_options options)
{
    struct full *full = small_split(dtype, n);
    const rg_split *split = &full->split;
    options.force = true;
    assert_ok(f->ctx, rg_dataset_write(f->ctx, path, &split, 1, &options));
    free(full);
}

static void write_dense(struct fixture *f, const char *path)
{
    write_ours(f, path, RG_F32, SMALL, (rg_write_options){0});
}

static void write_compressed(struct fixture *f, const char *path)
{
    write_ours(f, path, RG_F64, N_ROWS, (rg_write_options){.compress = true});
}

static void write_sparse(struct fixture *f, const char *path)
{
    write_ours(f, path, RG_F32, SMALL, (rg_write_options){.sparse = true});
}

/* With its checksum, as another program might write it. */
static void put_checked(hid_t file, const char *name, hid_t type, size_t size, int ndim,
                        const hsize_t *dims, hid_t creation, const void *data)
{
    hsize_t count = 1;
    for (int i = 0; i < ndim; i++)
        count *= dims[i];
    uint64_t hash = XXH3_64bits(data, count * size);
    put(file, name, type, type, ndim, dims, creation, data);
    hid_t space = H5Screate(H5S_SCALAR);
    hid_t attribute = H5Acreate_by_name(file, name, "xxh3", H5T_NATIVE_UINT64, space, H5P_DEFAULT,
                                        H5P_DEFAULT, H5P_DEFAULT);
    H5Awrite(attribute, H5T_NATIVE_UINT64, &hash);
    H5Aclose(attribute);
    H5Sclose(space);
}

static hid_t variable_type(void)
{
    hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, H5T_VARIABLE);
    H5Tset_cset(type, H5T_CSET_UTF8);
    return type;
}

/* How a data set of another program is laid out. */
struct storage {
    hsize_t chunk;       /* rows; 0: contiguous */
    int n_unlimited;     /* dimensions that may grow: other kinds of indexes */
    const char *filters; /* d(eflate), s(huffle), f(letcher32) */
    bool latest;         /* the structures of HDF5 1.10 instead of the oldest ones */
    bool sparse;
};

static hid_t creation_of(const struct storage *storage, int ndim, hsize_t n_columns)
{
    hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
    hsize_t chunk[2] = {storage->chunk, n_columns};
    if (storage->chunk == 0)
        return creation;
    H5Pset_chunk(creation, ndim, chunk);
    for (const char *f = storage->filters; f && *f; f++)
        *f == 'd'   ? H5Pset_deflate(creation, 1)
        : *f == 's' ? H5Pset_shuffle(creation)
                    : H5Pset_fletcher32(creation);
    return creation;
}

static void put_features(hid_t file, const struct storage *storage, struct full *full)
{
    hsize_t n = (hsize_t)full->split.n_rows, dims[2] = {n, N_FEATURES};
    hid_t creation = creation_of(storage, 2, 2), vector = creation_of(storage, 1, 0);
    if (storage->sparse) {
        int64_t indptr[SMALL + 1], indices[SMALL * 2];
        hsize_t rows = n + 1, nnz = 2 * n;
        for (int64_t i = 0; i <= SMALL; i++)
            indptr[i] = 2 * i;
        for (int64_t i = 0; i < 2 * SMALL; i++)
            indices[i] = i % 2 ? 3 + i % 4 : i % 3;
        put_csr(file, "csr_matrix", 1, indptr, 1, indices, 1);
        int64_t shape[2] = {(int64_t)n, N_FEATURES};
        hid_t attribute = H5Aopen_by_name(file, "features", "shape", H5P_DEFAULT, H5P_DEFAULT);
        H5Awrite(attribute, H5T_NATIVE_INT64, shape);
        H5Aclose(attribute);
        put_checked(file, "features/data", H5T_NATIVE_FLOAT, 4, 1, &nnz, vector, full->f32);
        put_checked(file, "features/indices", H5T_NATIVE_INT64, 8, 1, &nnz, vector, indices);
        put_checked(file, "features/indptr", H5T_NATIVE_INT64, 8, 1, &rows, vector, indptr);
    } else {
        put_checked(file, "features", H5T_NATIVE_FLOAT, 4, 2, dims, creation, full->f32);
    }
    H5Pclose(creation);
    H5Pclose(vector);
}

static void write_foreign(struct fixture *f, const char *path, const struct storage *storage)
{
    (void)f;
    struct full *full = small_split(RG_F32, SMALL);
    hsize_t n = (hsize_t)full->split.n_rows, lists = (hsize_t)full->split.n_lists + 1,
            queries = lists - 1;
    hid_t access = H5Pcreate(H5P_FILE_ACCESS), text = variable_type();
    if (storage->latest)
        H5Pset_libver_bounds(access, H5F_LIBVER_V110, H5F_LIBVER_V110);
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, access);
    hid_t vector = creation_of(storage, 1, 0);
    put_features(file, storage, full);
    put_checked(file, "labels", H5T_NATIVE_DOUBLE, 8, 1, &n, vector, full->labels);
    put_checked(file, "offsets", H5T_NATIVE_INT64, 8, 1, &lists, H5P_DEFAULT, full->offsets);
    put_checked(file, "weights", H5T_NATIVE_DOUBLE, 8, 1, &n, H5P_DEFAULT, full->weights);
    put(file, "doc_ids", text, text, 1, &n, vector, full->split.doc_ids);
    put(file, "query_ids", text, text, 1, &queries, H5P_DEFAULT, full->split.query_ids);
    put_fixed(file, "feature_names", N_FEATURES, 3, "a  b  c  d  e  f  g  ");
    put_attribute(file, "/", "format", "rankgrad-dataset");
    H5Fclose(file);
    H5Tclose(text);
    H5Pclose(access);
    H5Pclose(vector);
    free(full);
}

static void write_contiguous(struct fixture *f, const char *path)
{
    write_foreign(f, path, &(struct storage){0});
}

static void write_chunked(struct fixture *f, const char *path)
{
    write_foreign(f, path, &(struct storage){.chunk = 7});
}

static void write_filtered(struct fixture *f, const char *path)
{
    write_foreign(f, path, &(struct storage){.chunk = 7, .filters = "sdf"});
}

static void write_latest(struct fixture *f, const char *path)
{
    write_foreign(f, path, &(struct storage){.chunk = 7, .filters = "d", .latest = true});
}

static void write_foreign_sparse(struct fixture *f, const char *path)
{
    write_foreign(f, path, &(struct storage){.chunk = 20, .filters = "d", .sparse = true});
}

static void write_model(struct fixture *f, const char *path, const rg_model_options *options)
{
    static const char *const names[N_FEATURES] = {"a", "b", "c\xc3\xb6", "", "e", "f", "g"};
    double shift[N_FEATURES], scale[N_FEATURES];
    rg_normalization norm = normalization_of("zscore", N_FEATURES);
    norm.shift = shift;
    norm.scale = scale;
    rg_model *model;
    for (int i = 0; i < N_FEATURES; i++) {
        shift[i] = i / 3.0;
        scale[i] = 1 + i;
    }
    assert_ok(f->ctx, rg_model_create(f->ctx, N_FEATURES, options, &model));
    assert_ok(f->ctx, rg_model_set_normalization(model, &norm));
    assert_ok(f->ctx, rg_model_set_feature_names(model, names));
    assert_ok(f->ctx, rg_model_set_history(model, "{\"epochs\": [1, 0.25, 0.5]}"));
    assert_ok(f->ctx, rg_model_save(model, path, true));
    rg_model_destroy(model);
}

static void write_linear(struct fixture *f, const char *path)
{
    rg_model_options o = rg_model_options_default();
    write_model(f, path, &o);
}

static void write_mlp(struct fixture *f, const char *path)
{
    rg_model_options o = rg_model_options_default();
    o.name = "mlp(hidden=[5, 3])";
    o.seed = 7;
    write_model(f, path, &o);
}

static const struct subject subjects[] = {
    {"dense", write_dense, false, true},
    {"compressed", write_compressed, false, true},
    {"sparse", write_sparse, false, true},
    {"linear model", write_linear, true, true},
    {"mlp model", write_mlp, true, true},
    {"foreign contiguous", write_contiguous, false, false},
    {"foreign chunked", write_chunked, false, false},
    {"foreign filtered", write_filtered, false, false},
    {"foreign of HDF5 1.10", write_latest, false, false},
    {"foreign sparse", write_foreign_sparse, false, false},
};

enum { N_SUBJECTS = sizeof subjects / sizeof subjects[0] };

/* ---- Comparing, without assertions: it happens in a child ------------------------------------ */

/* Whether what was found is as it was; `ours`: absence is a change. */
static bool same(const void *was, const void *is, int64_t count, size_t size, bool ours)
{
    if (!was || !is)
        return !was || !ours;
    return count == 0 || memcmp(was, is, (size_t)count * size) == 0;
}

static bool same_texts(const char *const *was, const char *const *is, int64_t n, bool ours)
{
    if (!ours) /* they have no checksum */
        return true;
    if (!was || !is)
        return was == is;
    for (int64_t i = 0; i < n; i++)
        if (strcmp(was[i], is[i]) != 0)
            return false;
    return true;
}

/* What is read is as it was; features only if the checksums of all data sets agreed. */
static const char *compare_splits(const rg_split *was, const rg_split *is, bool ours, bool verified)
{
    const rg_csr *a = &was->csr, *b = &is->csr;
    if (was->n_rows != is->n_rows || was->n_features != is->n_features)
        return "shape";
    if (!same(was->labels, is->labels, was->n_rows, 8, ours))
        return "labels";
    if (was->n_lists != is->n_lists ? ours || is->offsets
                                    : !same(was->offsets, is->offsets, was->n_lists + 1, 8, ours))
        return "offsets";
    if (!same(was->weights, is->weights, was->n_rows, 8, ours) ||
        !same(was->list_weights, is->list_weights, was->n_lists, 8, ours) ||
        !same(was->positions, is->positions, was->n_rows, 8, ours) ||
        !same(was->mask, is->mask, was->n_rows, 1, ours))
        return "numbers of rows";
    if (!same_texts(was->query_ids, is->query_ids, was->n_lists, ours) ||
        !same_texts(was->doc_ids, is->doc_ids, was->n_rows, ours) ||
        !same_texts(was->feature_names, is->feature_names, was->n_features, ours))
        return "texts";
    if (!verified)
        return NULL;
    if (a->indptr && (!b->indptr || a->dtype != b->dtype ||
                      !same(a->indptr, b->indptr, a->n_rows + 1, 8, true) ||
                      !same(a->indices, b->indices, a->indptr[a->n_rows], 4, true) ||
                      !same(a->data, b->data, a->indptr[a->n_rows], rg_dtype_size(a->dtype), true)))
        return "sparse features";
    if (!a->indptr && (was->features.dtype != is->features.dtype ||
                       !same(was->features.data, is->features.data, was->n_rows * was->n_features,
                             rg_dtype_size(was->features.dtype), true)))
        return "features";
    return NULL;
}

static const char *compare_models(const rg_model *was, const rg_model *is)
{
    const rg_parameters *a = rg_model_parameters(was), *b = rg_model_parameters(is);
    const rg_normalization *x = rg_model_normalization(was), *y = rg_model_normalization(is);
    if (a->dtype != b->dtype || a->count != b->count ||
        !same(a->value, b->value, a->count, rg_dtype_size(a->dtype), true))
        return "parameters";
    if (x->choice.component != y->choice.component || !same(x->shift, y->shift, x->n_features, 8, true) ||
        !same(x->scale, y->scale, x->n_features, 8, true))
        return "normalisation";
    if (strcmp(rg_model_history(was), rg_model_history(is)) != 0)
        return "history";
    if (!same_texts(rg_model_feature_names(was), rg_model_feature_names(is), x->n_features, true))
        return "feature names";
    return NULL;
}

/* Only damage and wrong content are told of such a file, or, by libhdf5, that memory is not enough
 * for a size which is damaged. */
static const char *expected_status(rg_context *ctx, rg_status status)
{
    if (status == RG_LIMIT && strstr(rg_last_error(ctx), "unless a size in the file is damaged"))
        return NULL;
    return status == RG_DAMAGED || status == RG_BAD_DATA ? NULL : rg_last_error(ctx);
}

static const char *try_model(rg_context *ctx, const char *path, const rg_model *was)
{
    rg_model *is = NULL;
    rg_status status = rg_model_load(ctx, path, &is);
    const char *wrong = status == RG_OK ? compare_models(was, is) : expected_status(ctx, status);
    rg_model_destroy(is);
    return wrong;
}

static const char *try_data(rg_context *ctx, const char *path, const rg_split *was, bool ours,
                            bool no_map)
{
    const rg_dataset_options options = {.no_map = no_map};
    rg_dataset *is = NULL;
    rg_status status = rg_dataset_open(ctx, path, &options, &is);
    if (status != RG_OK)
        return expected_status(ctx, status);
    rg_status verified = rg_dataset_verify(ctx, path, NULL);
    const char *wrong = verified == RG_OK ? NULL : expected_status(ctx, verified);
    if (!wrong)
        wrong = compare_splits(was, rg_dataset_split_at(is, 0), ours, verified == RG_OK);
    rg_dataset_close(is);
    return wrong;
}

/* ---- Changing -------------------------------------------------------------------------------- */

/* splitmix64: the i-th number of a sequence, so that every change can be made again alone. */
static uint64_t random_at(uint64_t seed, uint64_t i)
{
    uint64_t z = seed + (i + 1) * 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* The bytes that describe: the superblock, and what follows each signature of a structure. */
struct places {
    size_t *at;
    size_t n;
};

struct headers {
    char *hot;
    size_t size;
};

static void mark(struct headers *h, size_t from, size_t length)
{
    for (size_t i = from; i < from + length && i < h->size; i++)
        h->hot[i] = 1;
}

/* Headers of version 1 have no signature. */
static herr_t mark_header(hid_t root, const char *name, const H5O_info_t *object, void *user)
{
    (void)root, (void)name;
    mark(user, (size_t)object->addr, (size_t)object->hdr.space.total);
    return 0;
}

static struct places find_places(const char *path, const char *bytes, size_t size)
{
    static const char *const signatures[] = {"GCOL", "TREE", "OHDR", "OCHK", "SNOD", "HEAP",
                                             "FRHP", "FHDB", "BTHD", "BTLF", "BTIN", "FAHD",
                                             "FADB", "EAHD", "EAIB", "EADB"};
    struct headers h = {calloc(size, 1), size};
    struct places places = {calloc(size, sizeof *places.at), 0};
    mark(&h, 0, 96);
    for (size_t at = 0; at + 4 < size; at++)
        for (int k = 0; k < (int)(sizeof signatures / sizeof signatures[0]); k++)
            if (memcmp(bytes + at, signatures[k], 4) == 0)
                mark(&h, at, 400);
    hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    H5Ovisit(file, H5_INDEX_NAME, H5_ITER_NATIVE, mark_header, &h);
    H5Fclose(file);
    for (size_t at = 0; at < size; at++)
        if (h.hot[at])
            places.at[places.n++] = at;
    free(h.hot);
    return places;
}

struct change {
    size_t at;
    char old, new;
};

/* Mostly of bytes that describe, to values that are often special. */
static struct change change_of(const struct places *places, const char *bytes, size_t size,
                               uint64_t seed, uint64_t i)
{
    static const unsigned char special[] = {0, 1, 2, 0x7f, 0x80, 0xff, 0xfe, 8};
    uint64_t r = random_at(seed, i);
    struct change c = {r % 8 ? places->at[(r >> 8) % places->n] : (r >> 8) % size, 0, 0};
    uint64_t s = random_at(seed ^ 0x5851f42d4c957f2du, i);
    c.old = bytes[c.at];
    int value = s % 4 < 2    ? c.old ^ (1 << (s >> 8) % 8)
                : s % 4 == 2 ? special[(s >> 8) % 8]
                             : (int)(s >> 8 & 0xff);
    c.new = (char)value;
    return c;
}

/* What parent and child share. */
struct progress {
    uint64_t next; /* the change that is tried, or will be */
    int n_wrong;
};

struct run {
    struct fixture *f;
    const struct subject *subject;
    const char *path; /* of the changed file */
    char *bytes;
    size_t size;
    struct places places;
    rg_dataset *data;
    rg_model *model;
    uint64_t seed, n;
    struct progress *progress;
};

static void tell(const struct run *run, uint64_t i, const char *what)
{
    struct change c = change_of(&run->places, run->bytes, run->size, run->seed, i);
    print_error("%s: change %llu (seed %llu): byte %zu from 0x%02x to 0x%02x: %s\n",
                run->subject->name, (unsigned long long)i, (unsigned long long)run->seed, c.at,
                c.old & 0xff, c.new & 0xff, what);
}

/* In the child: changes [progress->next, end). */
static void try_changes(struct run *run, uint64_t end)
{
    int fd = open(run->path, O_WRONLY);
    rg_context *ctx = rg_context_create(NULL); /* its workers are threads of this process */
    for (; run->progress->next < end; run->progress->next++) {
        uint64_t i = run->progress->next;
        struct change c = change_of(&run->places, run->bytes, run->size, run->seed, i);
        bool written = pwrite(fd, &c.new, 1, (off_t)c.at) == 1;
        alarm(SECONDS);
        const char *wrong = !written ? "cannot be written"
                            : run->subject->model
                                ? try_model(ctx, run->path, run->model)
                                : try_data(ctx, run->path, rg_dataset_split_at(run->data, 0),
                                           run->subject->ours, i % 2);
        alarm(0);
        if (wrong) {
            tell(run, i, wrong);
            run->progress->n_wrong++;
        }
        written = pwrite(fd, &c.old, 1, (off_t)c.at) == 1;
    }
    rg_context_destroy(ctx);
    close(fd);
}

/* One child after the other, each for some changes or until it crashes. */
static void try_all(struct run *run)
{
    while (run->progress->next < run->n && run->progress->n_wrong < MOST_TOLD) {
        uint64_t end = run->progress->next + BATCH < run->n ? run->progress->next + BATCH : run->n;
        int status;
        spill(run->path, run->bytes, run->size);
        fflush(NULL);
        pid_t child = fork();
        if (child == 0) {
            signal(SIGSEGV, SIG_DFL); /* which cmocka catches, and its like */
            signal(SIGBUS, SIG_DFL);
            signal(SIGFPE, SIG_DFL);
            signal(SIGILL, SIG_DFL);
            try_changes(run, end);
            fflush(NULL);
            _exit(0);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
            continue;
        tell(run, run->progress->next,
             WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "the sanitizer ended it");
        run->progress->next++;
        run->progress->n_wrong++;
    }
}

static uint64_t from_environment(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text && *text ? strtoull(text, NULL, 10) : otherwise;
}

static void no_changed_byte_goes_unnoticed(void **state)
{
    struct fixture *f = *state;
    uint64_t total = from_environment("RANKGRAD_MUTATIONS", 3000);
    int n_wrong = 0;
    for (int i = 0; i < N_SUBJECTS; i++) {
        const char *path = path_of(f, "good.h5");
        struct run run = {.f = f,
                          .subject = &subjects[i],
                          .path = path_of(f, "changed.h5"),
                          .seed = from_environment("RANKGRAD_SEED", 1) * N_SUBJECTS + (uint64_t)i,
                          .n = (total + N_SUBJECTS - 1) / N_SUBJECTS};
        run.progress = mmap(NULL, sizeof *run.progress, PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        subjects[i].write(f, path);
        run.bytes = slurp(path, &run.size);
        run.places = find_places(path, run.bytes, run.size);
        if (subjects[i].model)
            assert_ok(f->ctx, rg_model_load(f->ctx, path, &run.model));
        else
            assert_ok(f->ctx, rg_dataset_open(f->ctx, path, NULL, &run.data));
        try_all(&run);
        n_wrong += run.progress->n_wrong;
        munmap(run.progress, sizeof *run.progress);
        rg_dataset_close(run.data);
        rg_model_destroy(run.model);
        free(run.places.at);
        free(run.bytes);
        unlink(path);
    }
    assert_int_equal(n_wrong, 0);
}

/* A failed read makes libhdf5 1.10.8 forget blocks of its own; see test_hdf5_faults.c. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libhdf5";
}

/* A damaged size asks for more memory than there is: as malloc does, the sanitizer may refuse it. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

int main(void)
{
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    const struct CMUnitTest tests[] = {
        HDF5_TEST(no_changed_byte_goes_unnoticed),
    };
    RUN_TESTS(tests);
}
