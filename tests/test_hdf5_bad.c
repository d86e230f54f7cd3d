/* test_hdf5_bad.c: files that are wrong in one thing each, and files that are unusual but right.
 *
 * Each row of the tables begins with the same small sound file and changes one thing; the sentence
 * must name the data set and what was expected. */
#include "hdf5_files.h"

#include "hdf5/h5.h"

#include <zlib.h>

/* ---- What is wrong --------------------------------------------------------------------------- */

static void labels_table(hid_t file)
{
    hsize_t dims[2] = {N / 2, 2};
    put(file, "labels", H5T_NATIVE_DOUBLE, H5T_NATIVE_DOUBLE, 2, dims, H5P_DEFAULT, LABELS);
}

static void labels_row(hid_t file)
{
    hsize_t dims[2] = {1, N};
    put(file, "labels", H5T_NATIVE_DOUBLE, H5T_NATIVE_DOUBLE, 2, dims, H5P_DEFAULT, LABELS);
}

static void labels_column_of_3d(hid_t file)
{
    hsize_t dims[3] = {N, 1, 1};
    put(file, "labels", H5T_NATIVE_DOUBLE, H5T_NATIVE_DOUBLE, 3, dims, H5P_DEFAULT, LABELS);
}

static void labels_short_column(hid_t file)
{
    hsize_t dims[2] = {N - 1, 1};
    put(file, "labels", H5T_NATIVE_DOUBLE, H5T_NATIVE_DOUBLE, 2, dims, H5P_DEFAULT, LABELS);
}

static void features_1d(hid_t file)
{
    hsize_t n = N;
    put(file, "features", H5T_NATIVE_FLOAT, H5T_NATIVE_FLOAT, 1, &n, H5P_DEFAULT, X);
}

static void features_3d(hid_t file)
{
    hsize_t dims[3] = {N, F, 1};
    put(file, "features", H5T_NATIVE_FLOAT, H5T_NATIVE_FLOAT, 3, dims, H5P_DEFAULT, X);
}

static void features_9d(hid_t file)
{
    hsize_t dims[9] = {N, F, 1, 1, 1, 1, 1, 1, 1};
    put(file, "features", H5T_NATIVE_FLOAT, H5T_NATIVE_FLOAT, 9, dims, H5P_DEFAULT, X);
}

static void features_none(hid_t file)
{
    H5Ldelete(file, "features", H5P_DEFAULT);
}

static void features_no_columns(hid_t file)
{
    hsize_t dims[2] = {N, 0};
    put(file, "features", H5T_NATIVE_FLOAT, H5T_NATIVE_FLOAT, 2, dims, H5P_DEFAULT, NULL);
}

static void features_null(hid_t file)
{
    put(file, "features", H5T_NATIVE_FLOAT, H5T_NATIVE_FLOAT, -1, NULL, H5P_DEFAULT, NULL);
}

static void features_text(hid_t file)
{
    hsize_t dims[2] = {N, F};
    put(file, "features", H5T_C_S1, H5T_C_S1, 2, dims, H5P_DEFAULT, "abcdefabcdef");
}

static void features_compound(hid_t file)
{
    hsize_t dims[2] = {N, F};
    hid_t type = H5Tcreate(H5T_COMPOUND, 8);
    H5Tinsert(type, "a", 0, H5T_NATIVE_FLOAT);
    put(file, "features", type, type, 2, dims, H5P_DEFAULT, NULL);
    H5Tclose(type);
}

static void labels_short(hid_t file)
{
    put_f64(file, "labels", N - 1, LABELS);
}

static void labels_nan(hid_t file)
{
    double labels[N] = {0, 1, 2, (double)NAN, 0, 0};
    put_f64(file, "labels", N, labels);
}

static void labels_infinite(hid_t file)
{
    double labels[N] = {0, 1, 2, 0, 0, -HUGE_VAL};
    put_f64(file, "labels", N, labels);
}

static void labels_group(hid_t file)
{
    H5Ldelete(file, "labels", H5P_DEFAULT);
    H5Gclose(H5Gcreate2(file, "labels", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
}

static void qid_scattered(hid_t file)
{
    int64_t qid[N] = {7, 7, 9, 9, 7, 3};
    put_i64(file, "qid", N, qid);
}

static void qid_text_scattered(hid_t file)
{
    put_fixed(file, "qid", N, 2, "a b b a c b ");
}

static void qid_half(hid_t file)
{
    double qid[N] = {1, 1, 2, 2.5, 3, 3};
    put_f64(file, "qid", N, qid);
}

static void qid_huge(hid_t file)
{
    double qid[N] = {1, 1, 2, 2, 3, 0x1p53};
    put_f64(file, "qid", N, qid);
}

static void qid_nan(hid_t file)
{
    double qid[N] = {1, 1, 2, 2, 3, (double)NAN};
    put_f64(file, "qid", N, qid);
}

static void qid_none(hid_t file)
{
    H5Ldelete(file, "qid", H5P_DEFAULT);
}

static void offsets_not_qid(hid_t file)
{
    int64_t offsets[4] = {0, 2, 5, 6};
    put_i64(file, "offsets", 4, offsets);
}

static void offsets_first(hid_t file)
{
    int64_t offsets[3] = {1, 3, 6};
    put_i64(file, "offsets", 3, offsets);
}

static void offsets_last(hid_t file)
{
    int64_t offsets[3] = {0, 3, 7};
    put_i64(file, "offsets", 3, offsets);
}

static void offsets_order(hid_t file)
{
    int64_t offsets[4] = {0, 4, 3, 6};
    put_i64(file, "offsets", 4, offsets);
}

static void offsets_empty(hid_t file)
{
    put_i64(file, "offsets", 0, NULL);
}

static void offsets_float(hid_t file)
{
    double offsets[4] = {0, 3, 5, 6};
    put_f64(file, "offsets", 4, offsets);
}

static void offsets_wrapping(hid_t file)
{
    uint64_t offsets[3] = {0, UINT64_MAX - 5, 6};
    hsize_t n = 3;
    put(file, "offsets", H5T_NATIVE_UINT64, H5T_NATIVE_UINT64, 1, &n, H5P_DEFAULT, offsets);
}

static void group_sum(hid_t file)
{
    int64_t group[3] = {3, 2, 2};
    put_i64(file, "group", 3, group);
}

static void group_negative(hid_t file)
{
    int64_t group[3] = {7, -2, 1};
    put_i64(file, "group", 3, group);
}

static void group_overflow(hid_t file)
{
    int64_t group[3] = {INT64_MAX, INT64_MAX, 8};
    put_i64(file, "group", 3, group);
}

static void group_not_offsets(hid_t file)
{
    int64_t group[3] = {3, 2, 1}, offsets[4] = {0, 3, 3, 6};
    put_i64(file, "group", 3, group);
    put_i64(file, "offsets", 4, offsets);
}

static void group_count(hid_t file)
{
    int64_t group[2] = {3, 3}, offsets[4] = {0, 3, 3, 6};
    put_i64(file, "group", 2, group);
    put_i64(file, "offsets", 4, offsets);
}

static void query_ids_count(hid_t file)
{
    put_fixed(file, "query_ids", 4, 1, "abcd");
}

static void list_weights_count(hid_t file)
{
    int64_t offsets[4] = {0, 3, 5, 6};
    double weights[2] = {1, 1};
    put_i64(file, "offsets", 4, offsets);
    put_f64(file, "list_weights", 2, weights);
}

static void list_weights_nan(hid_t file)
{
    double weights[3] = {1, (double)NAN, 1};
    put_f64(file, "list_weights", 3, weights);
}

static void doc_ids_count(hid_t file)
{
    put_fixed(file, "doc_ids", 5, 1, "abcde");
}

static void doc_ids_float(hid_t file)
{
    put_f64(file, "doc_ids", N, LABELS);
}

static void feature_names_count(hid_t file)
{
    put_fixed(file, "feature_names", 3, 1, "abc");
}

static void positions_zero(hid_t file)
{
    int64_t positions[N] = {1, 2, 3, 1, 0, 1};
    put_i64(file, "positions", N, positions);
}

static void weights_infinite(hid_t file)
{
    double weights[N] = {1, HUGE_VAL, 1, 1, 1, 1};
    put_f64(file, "weights", N, weights);
}

static void format_model(hid_t file)
{
    put_attribute(file, "/", "format", "rankgrad-model");
}

static void format_other(hid_t file)
{
    put_attribute(file, "/", "format", "some-other-format");
}

static void version_major(hid_t file)
{
    put_attribute(file, "/", "format", "rankgrad-dataset");
    put_attribute(file, "/", "format_version", "2.0");
}

static void version_text(hid_t file)
{
    put_attribute(file, "/", "format", "rankgrad-dataset");
    put_attribute(file, "/", "format_version", "new");
}

static void train_and_root(hid_t file)
{
    H5Gclose(H5Gcreate2(file, "train", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
}

static void train_is_numbers(hid_t file)
{
    put_f64(file, "train", N, LABELS);
}

static void train_empty(hid_t file)
{
    features_none(file);
    train_and_root(file);
}

static void splits_differ(hid_t file)
{
    int64_t offsets[2] = {0, 3};
    hsize_t dims[2] = {3, F};
    features_none(file);
    train_and_root(file);
    H5Gclose(H5Gcreate2(file, "test", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    put(file, "train/features", H5T_NATIVE_FLOAT, H5T_NATIVE_FLOAT, 2, dims, H5P_DEFAULT, X);
    dims[1] = 3;
    put(file, "test/features", H5T_NATIVE_FLOAT, H5T_NATIVE_FLOAT, 2, dims, H5P_DEFAULT, X);
    put_i64(file, "train/offsets", 2, offsets);
    put_i64(file, "test/offsets", 2, offsets);
}

static void filter_scaleoffset(hid_t file)
{
    hsize_t n = N;
    hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(creation, 1, &n);
    H5Pset_scaleoffset(creation, H5Z_SO_INT, 0);
    put(file, "labels", H5T_NATIVE_INT, H5T_NATIVE_INT64, 1, &n, creation, QID);
    H5Pclose(creation);
}

static void filter_nbit(hid_t file)
{
    hsize_t n = N;
    hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(creation, 1, &n);
    H5Pset_nbit(creation);
    put(file, "labels", H5T_NATIVE_INT, H5T_NATIVE_INT64, 1, &n, creation, QID);
    H5Pclose(creation);
}

static void external_storage(hid_t file)
{
    hsize_t n = N;
    hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_external(creation, "/etc/hostname", 0, sizeof LABELS);
    put(file, "labels", H5T_NATIVE_DOUBLE, H5T_NATIVE_DOUBLE, 1, &n, creation, NULL);
    H5Pclose(creation);
}

static void external_link(hid_t file)
{
    H5Ldelete(file, "labels", H5P_DEFAULT);
    H5Lcreate_external("other.h5", "/labels", file, "labels", H5P_DEFAULT, H5P_DEFAULT);
}

/* A soft link whose way leads through an external one. */
static void external_link_behind(hid_t file)
{
    H5Ldelete(file, "labels", H5P_DEFAULT);
    H5Lcreate_external("other.h5", "/", file, "away", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_soft("/away/labels", file, "labels", H5P_DEFAULT, H5P_DEFAULT);
}

static void soft_link_to_nothing(hid_t file)
{
    H5Ldelete(file, "labels", H5P_DEFAULT);
    H5Lcreate_soft("/none", file, "labels", H5P_DEFAULT, H5P_DEFAULT);
}

static void virtual_set(hid_t file)
{
    hsize_t n = N;
    hid_t creation = H5Pcreate(H5P_DATASET_CREATE), space = H5Screate_simple(1, &n, NULL);
    H5Pset_virtual(creation, space, "other.h5", "/labels", space);
    put(file, "labels", H5T_NATIVE_DOUBLE, H5T_NATIVE_DOUBLE, 1, &n, creation, NULL);
    H5Sclose(space);
    H5Pclose(creation);
}

/* A petabyte that was never written: the file cannot mean it. */
static void far_too_large(hid_t file)
{
    hsize_t dims[2] = {(hsize_t)1 << 40, 1 << 10};
    put(file, "features", H5T_NATIVE_FLOAT, H5T_NATIVE_FLOAT, 2, dims, H5P_DEFAULT, NULL);
}

static void chunk_too_large(hid_t file)
{
    hsize_t dims[2] = {N, F}, chunk[2] = {1 << 20, 1 << 9},
            most[2] = {H5S_UNLIMITED, H5S_UNLIMITED};
    hid_t creation = H5Pcreate(H5P_DATASET_CREATE), space = H5Screate_simple(2, dims, most);
    H5Pset_chunk(creation, 2, chunk);
    H5Ldelete(file, "features", H5P_DEFAULT);
    H5Dclose(
        H5Dcreate2(file, "features", H5T_NATIVE_FLOAT, space, H5P_DEFAULT, creation, H5P_DEFAULT));
    H5Sclose(space);
    H5Pclose(creation);
}

static void more_than_2_63(hid_t file)
{
    hsize_t dims[2] = {(hsize_t)1 << 40, (hsize_t)1 << 23}, chunk[2] = {1, 1};
    hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(creation, 2, chunk);
    put(file, "features", H5T_NATIVE_INT8, H5T_NATIVE_INT8, 2, dims, creation, NULL);
    H5Pclose(creation);
}

static const int64_t INDPTR[N + 1] = {0, 2, 2, 3, 4, 4, 6}, INDICES[6] = {0, 1, 0, 1, 0, 1};

static void csr_encoding(hid_t file)
{
    put_csr(file, "csc_matrix", N + 1, INDPTR, 6, INDICES, 6);
}

static void csr_encoding_none(hid_t file)
{
    put_csr(file, NULL, N + 1, INDPTR, 6, INDICES, 6);
}

static void csr_indptr_count(hid_t file)
{
    put_csr(file, "csr_matrix", N, INDPTR, 6, INDICES, 6);
}

static void csr_data_count(hid_t file)
{
    put_csr(file, "csr_matrix", N + 1, INDPTR, 6, INDICES, 5);
}

static void csr_indptr_order(hid_t file)
{
    int64_t indptr[N + 1] = {0, 2, 1, 3, 4, 4, 6};
    put_csr(file, "csr_matrix", N + 1, indptr, 6, INDICES, 6);
}

static void csr_indptr_last(hid_t file)
{
    int64_t indptr[N + 1] = {0, 2, 2, 3, 4, 4, 5};
    put_csr(file, "csr_matrix", N + 1, indptr, 6, INDICES, 6);
}

static void csr_column(hid_t file)
{
    int64_t indices[6] = {0, 1, 0, 2, 0, 1};
    put_csr(file, "csr_matrix", N + 1, INDPTR, 6, indices, 6);
}

static void csr_column_wraps(hid_t file)
{
    int64_t indices[6] = {0, 1, 0, ((int64_t)1 << 32) + 1, 0, 1};
    put_csr(file, "csr_matrix", N + 1, INDPTR, 6, indices, 6);
}

static void csr_column_twice(hid_t file)
{
    int64_t indices[6] = {0, 1, 0, 1, 1, 1};
    put_csr(file, "csr_matrix", N + 1, INDPTR, 6, indices, 6);
}

static void csr_no_indices(hid_t file)
{
    put_csr(file, "csr_matrix", N + 1, INDPTR, 6, INDICES, 6);
    H5Ldelete(file, "features/indices", H5P_DEFAULT);
}

static const struct {
    void (*spoil)(hid_t file);
    rg_status status;
    const char *words[2];
} bad[] = {
    {labels_table, RG_BAD_DATA, {"/labels", "(3,2)"}},
    {labels_row, RG_BAD_DATA, {"/labels", "(1,6)"}},
    {labels_column_of_3d, RG_BAD_DATA, {"/labels", "(6,1,1)"}},
    {labels_short_column, RG_BAD_DATA, {"/labels has 5", "/features has 6 rows"}},
    {features_1d, RG_BAD_DATA, {"/features", "reshape it"}},
    {features_3d, RG_BAD_DATA, {"/features", "(6,2,1)"}},
    {features_9d, RG_BAD_DATA, {"/features", "9 dimensions"}},
    {features_none, RG_BAD_DATA, {"/features", "it holds: labels, qid"}},
    {features_no_columns, RG_BAD_DATA, {"/features", "no features"}},
    {features_null, RG_BAD_DATA, {"/features", "null dataspace"}},
    {features_text, RG_BAD_DATA, {"/features", "numbers"}},
    {features_compound, RG_BAD_DATA, {"/features", "numbers"}},
    {labels_short, RG_BAD_DATA, {"/labels has 5", "/features has 6 rows"}},
    {labels_nan, RG_BAD_DATA, {"/labels: row 4 (from 1) is NaN", "finite"}},
    {labels_infinite, RG_BAD_DATA, {"/labels: row 6 (from 1)", "infinite"}},
    {labels_group, RG_BAD_DATA, {"/labels", "no data set"}},
    {qid_scattered, RG_BAD_DATA, {"/qid: row 5 (from 1): list 7", "ended with row 2"}},
    {qid_scattered, RG_BAD_DATA, {"/qid", "`regroup`"}},
    {qid_text_scattered, RG_BAD_DATA, {"/qid: row 4 (from 1): list a", "ended with row 1"}},
    {qid_half, RG_BAD_DATA, {"/qid: row 4 (from 1)", "2.5"}},
    {qid_huge, RG_BAD_DATA, {"/qid: row 6 (from 1)", "integer"}},
    {qid_nan, RG_BAD_DATA, {"/qid: row 6 (from 1)", "integer"}},
    {qid_none, RG_BAD_DATA, {"qid", "offsets"}},
    {offsets_not_qid, RG_BAD_DATA, {"/qid: row 3 (from 1)", "offsets"}},
    {offsets_first, RG_BAD_DATA, {"/offsets", "from 1 to 6"}},
    {offsets_last, RG_BAD_DATA, {"/offsets", "from 0 to 7"}},
    {offsets_order, RG_BAD_DATA, {"/offsets: element 3 (from 1) is 3 after 4", "never decrease"}},
    {offsets_empty, RG_BAD_DATA, {"/offsets", "empty"}},
    {offsets_float, RG_BAD_DATA, {"/offsets", "integers"}},
    {offsets_wrapping, RG_BAD_DATA, {"/offsets: element 2 (from 1)", "decrease"}},
    {group_sum, RG_BAD_DATA, {"/group make 7", "6"}},
    {group_negative, RG_BAD_DATA, {"/group: list 2 (from 1)", "-2 rows"}},
    {group_overflow, RG_BAD_DATA, {"/group", "6"}},
    {group_not_offsets, RG_BAD_DATA, {"group", "list 2 ends with row 3 or 5 (from 1)"}},
    {group_count, RG_BAD_DATA, {"/offsets tells of 3", "/group of 2"}},
    {query_ids_count, RG_BAD_DATA, {"/query_ids has 4", "/qid has 3 lists"}},
    {list_weights_count, RG_BAD_DATA, {"/list_weights has 2", "/offsets has 3 lists"}},
    {list_weights_nan, RG_BAD_DATA, {"/list_weights: list 2 (from 1)", "NaN"}},
    {doc_ids_count, RG_BAD_DATA, {"/doc_ids has 5", "6 rows"}},
    {doc_ids_float, RG_BAD_DATA, {"/doc_ids", "string"}},
    {feature_names_count, RG_BAD_DATA, {"/feature_names has 3", "2 features"}},
    {positions_zero, RG_BAD_DATA, {"/positions: row 5 (from 1) is 0", "count from 1"}},
    {weights_infinite, RG_BAD_DATA, {"/weights: row 2 (from 1)", "infinite"}},
    {format_model, RG_BAD_DATA, {"is a model", "swapped"}},
    {format_other, RG_BAD_DATA, {"some-other-format", "rankgrad-dataset"}},
    {version_major, RG_BAD_DATA, {"version 2.0", "version 1"}},
    {version_text, RG_BAD_DATA, {"\"new\"", "1.0"}},
    {train_and_root, RG_BAD_DATA, {"/features", "train"}},
    {train_is_numbers, RG_BAD_DATA, {"/train", "group"}},
    {train_empty, RG_BAD_DATA, {"/train/features", "holds: nothing"}},
    {splits_differ, RG_BAD_DATA, {"/train has 2 features", "/test has 3"}},
    {filter_scaleoffset, RG_BAD_DATA, {"/labels", "scaleoffset"}},
    {filter_nbit, RG_BAD_DATA, {"/labels", "nbit"}},
    {external_storage, RG_BAD_DATA, {"/labels", "another file"}},
    {external_link, RG_BAD_DATA, {"/labels", "external link"}},
    {external_link_behind, RG_BAD_DATA, {"/labels", "links that leave the file"}},
    {soft_link_to_nothing, RG_BAD_DATA, {"/labels", "soft link"}},
    {virtual_set, RG_BAD_DATA, {"/labels", "virtual"}},
    {far_too_large, RG_DAMAGED, {"/features", "cannot hold"}},
    {chunk_too_large, RG_DAMAGED, {"/features", "cannot hold"}},
    {more_than_2_63, RG_DAMAGED, {"/features", "2^63"}},
    {csr_encoding, RG_BAD_DATA, {"/features", "csc_matrix"}},
    {csr_encoding_none, RG_BAD_DATA, {"/features", "missing"}},
    {csr_indptr_count, RG_BAD_DATA, {"indptr has 6", "6 rows"}},
    {csr_data_count, RG_BAD_DATA, {"data has 5", "indices 6"}},
    {csr_indptr_order,
     RG_BAD_DATA,
     {"/features/indptr: element 3 (from 1) is 1 after 2", "decrease"}},
    {csr_indptr_last, RG_BAD_DATA, {"/features/indptr", "from 0 to 5"}},
    {csr_column, RG_BAD_DATA, {"/features/indices: row 4 (from 1) has column 2", "0 to 1"}},
    {csr_column_wraps, RG_BAD_DATA, {"/features/indices: row 4 (from 1)", "0 to 1"}},
    {csr_column_twice, RG_BAD_DATA, {"row 6 (from 1) has column 1 twice", "/features/indices"}},
    {csr_no_indices, RG_BAD_DATA, {"/features", "indices"}},
};

static void expect(struct fixture *f, const char *path, int row, rg_status expected,
                   const char *const words[2])
{
    rg_dataset *data = NULL;
    rg_status status = open_quietly(f->ctx, path, NULL, &data);
    const char *sentence = status == RG_OK ? "" : rg_last_error(f->ctx);
    bool right = status == expected && strstr(sentence, path) && strstr(sentence, words[0]) &&
                 strstr(sentence, words[1]) && !strchr(sentence, '\n');
    if (!right)
        print_error("row %d (%s, %s): %s: \"%s\"\n", row, words[0], words[1],
                    rg_status_name(status), sentence);
    assert_true(right);
    assert_null(data);
}

static void each_bad_file_is_told(void **state)
{
    struct fixture *f = *state;
    const char *path = path_of(f, "bad.h5");
    for (int i = 0; i < (int)(sizeof bad / sizeof bad[0]); i++) {
        hid_t file = sound_file(path);
        bad[i].spoil(file);
        assert_true(H5Fclose(file) >= 0);
        expect(f, path, i, bad[i].status, bad[i].words);
    }
}

static void what_is_no_hdf5(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
        rg_status status;
        const char *words;
    } files[] = {
        {"1 qid:1 1:2\n", 12, RG_BAD_DATA, "text"},
        {"", 0, RG_BAD_DATA, "empty"},
        {"\x1f\x8b\x08\0\0\0", 6, RG_BAD_DATA, "gzip"},
        {"\x93NUMPY\1\0", 8, RG_BAD_DATA, "NumPy"},
        {"PAR1\x15\x04", 6, RG_BAD_DATA, "Parquet"},
        {"\1\2\3", 3, RG_BAD_DATA, "neither"},
        {"\x89HDF\r\n\x1a\n", 8, RG_DAMAGED, "8 bytes, too short for HDF5's superblock"},
        {"\x89HDF\r\n\x1a\n\0\0\0\0\0\10\10\0012345678901234567890", 34, RG_DAMAGED, "too short"},
        {"\x89HDF\r\n\x1a\n\7\10\10\0012345678901234567890", 32, RG_DAMAGED, "version 7"},
        {"\x89HDF\r\n\x1a\n\2\3\10\0012345678901234567890", 32, RG_DAMAGED, "3 bytes"},
        {"\x89HDF\r\n\x1a\n\2\2\2\0\0\0\377\377\41\0\60\0abcdefghijklmn", 32, RG_DAMAGED, "33"},
    };
    struct fixture *f = *state;
    const char *path = path_of(f, "x.h5");
    for (int i = 0; i < (int)(sizeof files / sizeof files[0]); i++) {
        struct rg__h5 *file;
        spill(path, files[i].bytes, files[i].size);
        assert_fails(f->ctx, files[i].status, files[i].words, rg__h5_open(f->ctx, path, &file));
        assert_null(file);
    }
    rg_dataset *data;
    assert_fails(f->ctx, RG_IO, "No such file",
                 rg_dataset_open(f->ctx, path_of(f, "none.h5"), NULL, &data));
    assert_fails(f->ctx, RG_IO, "directory", rg_dataset_open(f->ctx, f->folder, NULL, &data));
}

/* Every length of a file but the whole is damage or no HDF5, and never a crash. */
static void every_truncation(void **state)
{
    struct fixture *f = *state;
    struct full *full = full_split("", RG_F32);
    const rg_split *split = &full->split;
    const char *path = path_of(f, "t.h5");
    for (int compress = 0; compress < 2; compress++) {
        rg_write_options options = {.compress = compress, .sparse = compress, .force = true};
        size_t size;
        assert_ok(f->ctx, rg_dataset_write(f->ctx, path, &split, 1, &options));
        char *bytes = slurp(path, &size);
        for (size_t length = 16; length < size; length += length < 3000 ? 7 : 911) {
            rg_dataset *data;
            spill(path, bytes, length);
            assert_int_equal(open_quietly(f->ctx, path, NULL, &data), RG_DAMAGED);
            assert_null(data);
        }
        spill(path, bytes, size);
        free(bytes);
    }
    free(full);
}

/* Where HDF5 keeps a data set: numbers, or the references of strings. */
static size_t offset_of(const char *path, const char *name)
{
    hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT),
          set = H5Dopen2(file, name, H5P_DEFAULT);
    haddr_t offset = H5Dget_offset(set);
    H5Dclose(set);
    H5Fclose(file);
    return (size_t)offset;
}

/* Any byte of the strings' references and of the heap they point into may be wrong: damage, or
 * another string, which may be no id, and never a crash. (The first collection also holds attributes, which libhdf5
 * reads.) */
static void damaged_strings(void **state)
{
    struct fixture *f = *state;
    struct full *full = full_split("", RG_F32);
    const rg_split *split = &full->split;
    const char *path = path_of(f, "s.h5");
    size_t size, starts[2], n_found = 0;
    int n_damaged = 0;
    assert_ok(f->ctx, rg_dataset_write(f->ctx, path, &split, 1, NULL));
    char *bytes = slurp(path, &size);
    starts[0] = offset_of(path, "/doc_ids");
    for (size_t at = 0; at + 4 < size && n_found < 2; at++)
        if (memcmp(bytes + at, "GCOL", 4) == 0 && ++n_found == 2)
            starts[1] = at;
    assert_int_equal(n_found, 2);
    for (int i = 0; i < 2 * 400; i++) {
        rg_dataset *data;
        char *byte = bytes + starts[i & 1] + i / 2, old = *byte;
        *byte = (char)(*byte ^ (i & 2 ? 0x01 : 0xff));
        spill(path, bytes, size);
        *byte = old;
        rg_status status = open_quietly(f->ctx, path, NULL, &data);
        assert_true(status == RG_OK || status == RG_DAMAGED || status == RG_BAD_DATA);
        if (i % 4 == 0 && i / 2 % 16 < 4) /* the length in a reference, made far too long */
            assert_int_equal(status, RG_DAMAGED);
        n_damaged += status == RG_DAMAGED;
        rg_dataset_close(data);
    }
    assert_in_range(n_damaged, 200, 800);
    free(bytes);
    free(full);
}

/* ---- What is unusual, and right -------------------------------------------------------------- */

static const rg_split *reopen(struct fixture *f, const char *path,
                              const rg_dataset_options *options, rg_dataset **data)
{
    assert_ok(f->ctx, rg_dataset_open(f->ctx, path, options, data));
    return rg_dataset_split_at(*data, 0);
}

static void expect_lists(const rg_split *split, int64_t n, const int64_t *offsets,
                         const char *const *ids)
{
    assert_int_equal(split->n_lists, n);
    same_bytes(offsets, split->offsets, n + 1, sizeof *offsets);
    same_strings(ids, split->query_ids, n);
}

static void qids_of_every_kind(void **state)
{
    static const int64_t offsets[] = {0, 3, 5, 6};
    static const char *const numbers[] = {"7", "-3", "9"}, *const texts[] = {"ab", "c", "ab c"};
    static const char *const large[] = {"18446744073709551615", "9223372036854775807", "0"};
    const uint64_t unsigned_qid[N] = {UINT64_MAX, UINT64_MAX, UINT64_MAX, INT64_MAX, INT64_MAX, 0};
    double whole[N] = {7, 7, 7, -3, -3, 9};
    struct fixture *f = *state;
    const char *path = path_of(f, "q.h5");
    for (int i = 0; i < 4; i++) {
        hsize_t n = N;
        rg_dataset *data;
        hid_t file = sound_file(path);
        if (i == 1)
            put_f64(file, "qid", N, whole);
        if (i == 2)
            put_fixed(file, "qid", N, 4, "ab  ab  ab  c   c   ab c");
        if (i == 3)
            put(file, "qid", H5T_STD_U64BE, H5T_NATIVE_UINT64, 1, &n, H5P_DEFAULT, unsigned_qid);
        H5Fclose(file);
        expect_lists(reopen(f, path, NULL, &data), Q, offsets,
                     i == 2   ? texts
                     : i == 3 ? large
                              : numbers);
        rg_dataset_close(data);
    }
}

static void lists_told_twice(void **state)
{
    static const int64_t offsets[] = {0, 3, 3, 5, 6}, group[] = {3, 0, 2, 1};
    static const char *const ids[] = {"7", "", "-3", "9"};
    struct fixture *f = *state;
    const char *path = path_of(f, "two.h5");
    for (int i = 1; i < 4; i++) {
        rg_dataset *data;
        hid_t file = sound_file(path);
        if (i & 1)
            put_i64(file, "offsets", 5, offsets);
        if (i & 2)
            put_i64(file, "group", 4, group);
        H5Fclose(file);
        expect_lists(reopen(f, path, NULL, &data), 4, offsets, ids);
        rg_dataset_close(data);
    }
}

/* Scattered rows come together: lists by first appearance, rows in their order, everything that
 * belongs to a row with it. */
static void regrouping(void **state)
{
    static const int64_t qid[N] = {7, 9, 7, 3, 9, 7}, order[N] = {0, 2, 5, 1, 4, 3};
    static const int64_t offsets[] = {0, 3, 5, 6}, positions[N] = {1, 2, 3, 4, 5, 6};
    static const char *const ids[] = {"7", "9", "3"};
    const rg_dataset_options options = {.regroup = true, .needs_lists = true};
    double labels[N] = {0, 1, 2, (double)NAN, 4, 5};
    int8_t mask[N] = {1, 1, 1, 0, 1, 1};
    struct fixture *f = *state;
    const char *path = path_of(f, "r.h5");
    for (int sparse = 0; sparse < 2; sparse++) {
        hsize_t n = N;
        rg_dataset *data;
        hid_t file = sound_file(path);
        put_i64(file, "qid", N, qid);
        put_i64(file, "positions", N, positions);
        put_f64(file, "labels", N, labels);
        put(file, "mask", H5T_NATIVE_INT8, H5T_NATIVE_INT8, 1, &n, H5P_DEFAULT, mask);
        put_fixed(file, "doc_ids", N, 1, "abcdef");
        if (sparse)
            put_csr(file, "csr_matrix", N + 1, INDPTR, 6, INDICES, 6);
        H5Fclose(file);
        const rg_split *split = reopen(f, path, &options, &data);
        expect_lists(split, Q, offsets, ids);
        for (int i = 0; i < N; i++) {
            assert_close(split->labels[i], labels[order[i]], 0, 0);
            assert_int_equal(split->positions[i], order[i] + 1);
            assert_int_equal(split->mask[i], mask[order[i]]);
            assert_int_equal(split->doc_ids[i][0], 'a' + order[i]);
            if (sparse)
                assert_int_equal(split->csr.indptr[i + 1] - split->csr.indptr[i],
                                 INDPTR[order[i] + 1] - INDPTR[order[i]]);
            else
                assert_memory_equal((const float *)split->features.data + i * F, X + order[i] * F,
                                    F * sizeof *X);
        }
        if (sparse) /* row 5 of the file: columns 0 and 1, values 5 and 6 */
            assert_close((double)((const float *)split->csr.data)[4], 6, 0, 0);
        rg_dataset_close(data);
    }
}

/* What is wrong with a row is told by where it stands in the file, also when it was moved. */
static void regrouped_rows_keep_their_numbers(void **state)
{
    static const int64_t qid[N] = {7, 9, 7, 3, 9, 7}, positions[N] = {1, 0, 3, 4, 5, 6};
    static const int64_t twice[6] = {0, 1, 1, 1, 0, 1}, indptr[N + 1] = {0, 1, 3, 3, 4, 5, 6};
    static const double labels[N] = {0, 1, 2, 0, 1, (double)NAN};
    const rg_dataset_options options = {.regroup = true, .needs_lists = true};
    struct fixture *f = *state;
    const char *path = path_of(f, "r.h5");
    static const char *const words[] = {"/labels: row 6 (from 1)", "/positions: row 2 (from 1)",
                                        "/features/indices: row 2 (from 1) has column 1 twice"};
    for (int i = 0; i < 3; i++) {
        rg_dataset *data;
        hid_t file = sound_file(path);
        put_i64(file, "qid", N, qid);
        if (i == 0)
            put_f64(file, "labels", N, labels);
        else if (i == 1)
            put_i64(file, "positions", N, positions);
        else
            put_csr(file, "csr_matrix", N + 1, indptr, 6, twice, 6);
        H5Fclose(file);
        assert_fails(f->ctx, RG_BAD_DATA, words[i], rg_dataset_open(f->ctx, path, &options, &data));
    }
}

static void columns_are_sorted(void **state)
{
    int64_t indices[6] = {1, 0, 0, 1, 1, 0};
    static const float sorted[] = {2, 1, 3, 4, 6, 5};
    struct fixture *f = *state;
    rg_dataset *data;
    hid_t file = sound_file(path_of(f, "s.h5"));
    put_csr(file, "csr_matrix", N + 1, INDPTR, 6, indices, 6);
    H5Fclose(file);
    const rg_split *split = reopen(f, path_of(f, "s.h5"), NULL, &data);
    for (int i = 0; i < 6; i++)
        assert_int_equal(split->csr.indices[i], INDICES[i]);
    same_bytes(sorted, split->csr.data, 6, sizeof *sorted);
    rg_dataset_close(data);
}

/* Lists are told by nothing, and labels are missing: enough for scores. */
static void rows_alone(void **state)
{
    const rg_dataset_options options = {.needs_lists = false};
    struct fixture *f = *state;
    rg_dataset *data;
    hid_t file = sound_file(path_of(f, "rows.h5"));
    H5Ldelete(file, "qid", H5P_DEFAULT);
    H5Ldelete(file, "labels", H5P_DEFAULT);
    H5Gclose(H5Gcreate2(file, "notes", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    put_attribute(file, "/", "format", "rankgrad-dataset");
    put_attribute(file, "/", "format_version", "1.9");
    H5Fclose(file);
    const rg_split *split = reopen(f, path_of(f, "rows.h5"), &options, &data);
    assert_int_equal(split->n_lists, 0);
    assert_null(split->offsets);
    assert_null(split->labels);
    assert_int_equal(split->n_rows, N);
    rg_dataset_close(data);
}

/* Every field of one dimension, as a column: contiguous, and in chunks. */
static void columns_are_vectors(void **state)
{
    static const int64_t offsets[] = {0, 3, 5, 6}, group[] = {3, 2, 1};
    static const int64_t positions[N] = {1, 2, 3, 1, 2, 1}, mask[N] = {1, 0, 1, 1, 1, 1};
    static const double weights[] = {6, 5, 4, 3, 2, 1};
    static const char *const texts[] = {"a", "b", "c", "d", "e", "f"};
    struct fixture *f = *state;
    hid_t fixed = H5Tcopy(H5T_C_S1), text = H5Tcopy(H5T_C_S1);
    H5Tset_size(fixed, 1);
    H5Tset_size(text, H5T_VARIABLE);
    const struct {
        const char *name;
        hid_t type;
        hsize_t n;
        const void *data;
    } fields[] = {
        {"labels", H5T_NATIVE_DOUBLE, N, LABELS},
        {"qid", H5T_NATIVE_INT64, N, QID},
        {"weights", H5T_NATIVE_DOUBLE, N, weights},
        {"positions", H5T_NATIVE_INT64, N, positions},
        {"offsets", H5T_NATIVE_INT64, Q + 1, offsets},
        {"group", H5T_NATIVE_INT64, Q, group},
        {"list_weights", H5T_NATIVE_DOUBLE, Q, weights},
        {"mask", H5T_NATIVE_INT64, N, mask},
        {"doc_ids", fixed, N, "abcdef"},
        {"doc_ids", text, N, texts},
        {"query_ids", text, Q, texts},
        {"feature_names", fixed, F, "ab"},
    };
    for (int i = 0; i < 2 * (int)(sizeof fields / sizeof fields[0]); i++) {
        const char *path = path_of(f, "column.h5"), *name = fields[i / 2].name;
        hsize_t dims[2] = {fields[i / 2].n, 1}, chunk[2] = {2, 1};
        hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
        if (i % 2)
            H5Pset_chunk(creation, 2, chunk);
        rg_dataset *column, *vector;
        for (int ndim = 1; ndim <= 2; ndim++) {
            hid_t file = sound_file(path);
            put(file, name, fields[i / 2].type, fields[i / 2].type, ndim, dims,
                ndim == 2 ? creation : H5P_DEFAULT, fields[i / 2].data);
            H5Fclose(file);
            const rg_dataset_options options = {.no_map = true, .needs_lists = true};
            assert_ok(f->ctx,
                      rg_dataset_open(f->ctx, path, &options, ndim == 1 ? &vector : &column));
        }
        same_split(rg_dataset_split_at(vector, 0), rg_dataset_split_at(column, 0));
        rg_dataset_close(vector);
        rg_dataset_close(column);
        H5Pclose(creation);
    }
    H5Tclose(fixed);
    H5Tclose(text);
}

/* A masked row may hold anything. */
static void masked_rows_may_hold_anything(void **state)
{
    double labels[N] = {0, (double)NAN, 2, 0, 0, 0}, weights[N] = {1, HUGE_VAL, 1, 1, 1, 1};
    int64_t positions[N] = {1, -1, 2, 1, 2, 1}, mask[N] = {256, 0, -1, 1, 1, 1};
    struct fixture *f = *state;
    rg_dataset *data;
    hid_t file = sound_file(path_of(f, "m.h5"));
    put_f64(file, "labels", N, labels);
    put_f64(file, "weights", N, weights);
    put_i64(file, "positions", N, positions);
    put_i64(file, "mask", N, mask);
    H5Fclose(file);
    const rg_split *split = reopen(f, path_of(f, "m.h5"), NULL, &data);
    for (int i = 0; i < N; i++)
        assert_int_equal(split->mask[i], i != 1);
    rg_dataset_close(data);
}

/* Integers of every width and order, and floats that are none of ours, keep their values. */
static void numbers_of_every_type(void **state)
{
    const struct {
        hid_t type;
        rg_dtype dtype;
    } types[] = {
        {H5T_STD_I8LE, RG_F32},   {H5T_STD_U8BE, RG_F32},   {H5T_STD_I16BE, RG_F32},
        {H5T_STD_U16LE, RG_F32},  {H5T_STD_I32LE, RG_F64},  {H5T_STD_U32BE, RG_F64},
        {H5T_STD_I64BE, RG_F64},  {H5T_STD_U64LE, RG_F64},  {H5T_IEEE_F32BE, RG_F32},
        {H5T_IEEE_F64BE, RG_F64}, {H5T_IEEE_F32LE, RG_F32}, {H5T_NATIVE_LDOUBLE, RG_F64},
    };
    struct fixture *f = *state;
    const char *path = path_of(f, "types.h5");
    for (int i = 0; i < (int)(sizeof types / sizeof types[0]); i++) {
        hsize_t dims[2] = {N, F};
        rg_dataset *data;
        hid_t file = sound_file(path);
        put(file, "features", types[i].type, H5T_NATIVE_FLOAT, 2, dims, H5P_DEFAULT, X);
        put(file, "labels", types[i].type, H5T_NATIVE_DOUBLE, 1, dims, H5P_DEFAULT, LABELS);
        H5Fclose(file);
        const rg_split *split = reopen(f, path, NULL, &data);
        assert_int_equal(split->features.dtype, types[i].dtype);
        for (int k = 0; k < N * F; k++)
            assert_close(types[i].dtype == RG_F32 ? (double)((const float *)split->features.data)[k]
                                                  : ((const double *)split->features.data)[k],
                         (double)X[k], 0, 0);
        for (int k = 0; k < N; k++)
            assert_close(split->labels[k], LABELS[k], 0, 0);
        rg_dataset_close(data);
    }
}

/* Features at an odd offset are read, not mapped. */
static void an_odd_offset(void **state)
{
    struct fixture *f = *state;
    const char *path = path_of(f, "odd.h5");
    rg_dataset *data;
    hsize_t n = 333, dims[2] = {N, F};
    char bytes[333] = {0};
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    put(file, "notes", H5T_NATIVE_INT8, H5T_NATIVE_INT8, 1, &n, H5P_DEFAULT, bytes);
    put(file, "features", H5T_NATIVE_FLOAT, H5T_NATIVE_FLOAT, 2, dims, H5P_DEFAULT, X);
    put_i64(file, "qid", N, QID);
    H5Fclose(file);
    assert_int_not_equal(offset_of(path, "/features") % sizeof(float), 0);
    const rg_split *split = reopen(f, path, NULL, &data);
    assert_int_equal((uintptr_t)split->features.data % sizeof(float), 0);
    assert_memory_equal(split->features.data, X, sizeof X);
    rg_dataset_close(data);
}

/* In front of the HDF5 file stands something else; the numbers are mapped from behind it. */
static void a_user_block(void **state)
{
    struct fixture *f = *state;
    const char *path = path_of(f, "u.h5");
    rg_dataset *data;
    hsize_t dims[2] = {N, F};
    hid_t creation = H5Pcreate(H5P_FILE_CREATE);
    H5Pset_userblock(creation, 2048);
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, creation, H5P_DEFAULT);
    put(file, "features", H5T_NATIVE_FLOAT, H5T_NATIVE_FLOAT, 2, dims, H5P_DEFAULT, X);
    put_i64(file, "qid", N, QID);
    H5Fclose(file);
    H5Pclose(creation);
    const rg_split *split = reopen(f, path, NULL, &data);
    assert_memory_equal(split->features.data, X, sizeof X);
    rg_dataset_close(data);
    size_t size;
    char *bytes = slurp(path, &size);
    spill(path, bytes, size - 1);
    free(bytes);
    assert_int_equal(rg_dataset_open(f->ctx, path, NULL, &data), RG_DAMAGED);
}

/* ---- Chunks ---------------------------------------------------------------------------------- */

/* What chunk 3 of the features' 6 holds instead, or (change_index) how its entry in the index is
 * changed. */
enum { CHUNK = 256, CHUNKS = 6, STORED = 4096 };

static const struct bad_chunk {
    const char *words, *filters; /* d(eflate), s(huffle), f(letcher32) */
    size_t size;                 /* of what is stored: the first of zeros deflated, or of 0xfe */
    size_t deflated;             /* how many zeros; 0: none */
    uint64_t address, length;    /* in the index; 0: as it is */
} bad_chunks[] = {
    {"does not inflate", "d", 200, 0, 0, 0},
    {"does not inflate", "d", 8, CHUNK, 0, 0},
    {"inflates to more than its size", "d", STORED, STORED, 0, 0},
    {"another size than its own", "d", STORED, CHUNK - 1, 0, 0},
    {"another size than its own", "d", STORED, CHUNK + 1, 0, 0},
    {"another number of bytes", "s", CHUNK - 1, 0, 0, 0},
    {"another number of bytes", "s", STORED, 0, 0, 0},
    {"wrong checksum", "f", CHUNK + 4, 0, 0, 0},
    {"another number of bytes", "f", 3, 0, 0, 0},
    {"shorter than its checksum", "fd", STORED, 3, 0, 0},
    {"wrong checksum", "sdf", STORED, CHUNK, 0, 0},
    {"cannot", "d", STORED, CHUNK, INT64_MAX - 7, 0},
    {"cannot", "d", STORED, CHUNK, UINT64_MAX - 100, 0},
    {"cannot", "f", CHUNK + 4, 0, 1 << 30, 0},
    {"more bytes than the file has", "d", STORED, CHUNK, 0, UINT32_MAX},
    {"more bytes than the file has", "f", CHUNK + 4, 0, 0, 1 << 20},
};

/* Zeros, deflated; the rest of `bytes` as it was. Returns how many there are. */
static size_t deflate_zeros(unsigned char *bytes, size_t size, size_t n)
{
    unsigned char *zeros = calloc(1, n);
    uLongf used = size;
    assert_int_equal(compress(bytes, &used, zeros, n), Z_OK);
    free(zeros);
    return used;
}

/* Rewrites the entry of a chunk in a B-tree of version 1: its length (4 bytes), the filters that
 * were skipped (4), its place in the data set (8 for each dimension and one more), its address. */
static void change_index(const char *path, uint64_t old, const struct bad_chunk *wrong)
{
    size_t size, n_found = 0;
    char *bytes = slurp(path, &size);
    for (size_t at = 32; at + 8 <= size; at++)
        if (memcmp(bytes + at, &old, 8) == 0) {
            uint32_t length = (uint32_t)wrong->length;
            n_found++;
            if (wrong->address)
                memcpy(bytes + at, &wrong->address, 8);
            if (wrong->length)
                memcpy(bytes + at - 32, &length, 4);
        }
    assert_int_equal(n_found, 1);
    spill(path, bytes, size);
    free(bytes);
}

static void write_bad_chunk(const char *path, const struct bad_chunk *wrong, int number)
{
    hid_t creation = H5Pcreate(H5P_DATASET_CREATE), file = sound_file(path);
    hsize_t dims[2] = {CHUNKS * CHUNK / 8, 2}, chunk[2] = {CHUNK / 8, 2}, length;
    hsize_t where[2] = {(hsize_t)number * CHUNK / 8, 0};
    static float zeros[CHUNKS * CHUNK / 4];
    unsigned char bytes[STORED];
    unsigned skipped;
    haddr_t address;
    H5Pset_chunk(creation, 2, chunk);
    for (const char *f = wrong->filters; *f; f++)
        *f == 'd'   ? H5Pset_deflate(creation, 1)
        : *f == 's' ? H5Pset_shuffle(creation)
                    : H5Pset_fletcher32(creation);
    put(file, "features", H5T_NATIVE_FLOAT, H5T_NATIVE_FLOAT, 2, dims, creation, zeros);
    H5Pclose(creation);
    memset(bytes, 0xfe, sizeof bytes);
    size_t n = wrong->deflated ? deflate_zeros(bytes, sizeof bytes, wrong->deflated) : wrong->size;
    hid_t set = H5Dopen2(file, "features", H5P_DEFAULT);
    H5Dwrite_chunk(set, H5P_DEFAULT, 0, where, wrong->size < n ? wrong->size : n, bytes);
    H5Dget_chunk_info_by_coord(set, where, &skipped, &address, &length);
    H5Dclose(set);
    H5Fclose(file);
    if (wrong->address || wrong->length)
        change_index(path, address, wrong);
}

/* The first chunk that is wrong is told, by file, data set and number, whatever the threads. */
static void damaged_chunks(void **state)
{
    struct fixture *f = *state;
    const char *path = path_of(f, "chunk.h5");
    for (int i = 0; i < 2 * (int)(sizeof bad_chunks / sizeof bad_chunks[0]); i++) {
        const struct bad_chunk *wrong = &bad_chunks[i / 2];
        rg_context_options options = rg_context_options_default();
        options.n_threads = i % 2 ? 3 : 1;
        rg_context *ctx = rg_context_create(&options);
        struct rg__h5 *file;
        float numbers[CHUNKS * CHUNK / 4];
        write_bad_chunk(path, wrong, 2);
        assert_ok(ctx, rg__h5_open(ctx, path, &file));
        for (int again = 0; again < 2; again++) {
            assert_fails(ctx, RG_DAMAGED, wrong->words,
                         rg__h5_read(file, "/features", RG_F32, CHUNKS * CHUNK / 4, numbers));
            assert_non_null(strstr(rg_last_error(ctx), "chunk.h5: /features: "));
            assert_non_null(strstr(rg_last_error(ctx), "chunk 3 of 6 (from 1)"));
        }
        rg__h5_close(file);
        rg_context_destroy(ctx);
    }
}

/* The index is checked before any chunk is read. */
static void damage_of_the_index_is_told_first(void **state)
{
    struct fixture *f = *state;
    const char *path = path_of(f, "two.h5");
    const struct bad_chunk fifth = {.length = UINT32_MAX};
    const hsize_t where[2] = {(hsize_t)4 * CHUNK / 8, 0};
    struct rg__h5 *file;
    float numbers[CHUNKS * CHUNK / 4];
    haddr_t address;
    hsize_t length;
    unsigned skipped;
    write_bad_chunk(path, &bad_chunks[0], 2);
    hid_t id = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    hid_t set = H5Dopen2(id, "features", H5P_DEFAULT);
    H5Dget_chunk_info_by_coord(set, where, &skipped, &address, &length);
    H5Dclose(set);
    H5Fclose(id);
    change_index(path, address, &fifth);
    assert_ok(f->ctx, rg__h5_open(f->ctx, path, &file));
    assert_fails(f->ctx, RG_DAMAGED, "chunk 5 of 6 (from 1) is stored in more bytes",
                 rg__h5_read(file, "/features", RG_F32, CHUNKS * CHUNK / 4, numbers));
    rg__h5_close(file);
}

/* See test_hdf5_faults.c. */
int main(void)
{
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    const struct CMUnitTest tests[] = {
        HDF5_TEST(each_bad_file_is_told),
        HDF5_TEST(what_is_no_hdf5),
        HDF5_TEST(every_truncation),
        HDF5_TEST(damaged_strings),
        HDF5_TEST(qids_of_every_kind),
        HDF5_TEST(lists_told_twice),
        HDF5_TEST(regrouping),
        HDF5_TEST(regrouped_rows_keep_their_numbers),
        HDF5_TEST(columns_are_sorted),
        HDF5_TEST(rows_alone),
        HDF5_TEST(columns_are_vectors),
        HDF5_TEST(masked_rows_may_hold_anything),
        HDF5_TEST(numbers_of_every_type),
        HDF5_TEST(an_odd_offset),
        HDF5_TEST(a_user_block),
        HDF5_TEST(damaged_chunks),
        HDF5_TEST(damage_of_the_index_is_told_first),
    };
    RUN_TESTS(tests);
}
