/* test_text.c: numbers against strtod, SVMlight / LETOR text in all its spellings, every bad line
 * with its sentence, lists, group files, gzip, threads, and failing reads and memory. */
#include "check.h"

#include "base/base.h"
#include "base/file.h"
#include "base/number.h"
#include "base/pool.h"
#include "base/random.h"
#include "data/builder/precision.h"

#include <errno.h>
#include <unistd.h>
#include <zlib.h>

static rg_context *ctx;
static char folder[64];

static int setup(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/rankgrad-text-XXXXXX");
    ctx = rg_context_create(NULL);
    return ctx && mkdtemp(folder) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    static const char *const names[] = {"a",  "b", "a.query",  "a.group",   "sizes",
                                        "gz", "s", "s.weight", "s.position"};
    char path[128];
    for (int i = 0; i < RG__COUNT(names); i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    rg_context_destroy(ctx);
    return rmdir(folder);
}

/* The path of a name in the test's folder; the last 64 asked for stay valid. */
static const char *in_folder(const char *name)
{
    static char paths[64][128];
    static int next;
    char *path = paths[next++ % 64];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static const char *write_bytes(const char *name, const void *bytes, size_t n)
{
    const char *path = in_folder(name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
    return path;
}

static const char *write_text(const char *name, const char *text)
{
    return write_bytes(name, text, strlen(text));
}

static rg_status import(rg_context *c, const char *path, const rg_dataset_options *options,
                        rg_dataset **data)
{
    rg_data_source source = {path, ""};
    return rg_dataset_import(c, &source, 1, options, data);
}

/* The only split of a file that must load. */
static const rg_split *load(const char *path, const rg_dataset_options *options, rg_dataset **data)
{
    assert_ok(ctx, import(ctx, path, options, data));
    assert_null(rg_dataset_split_at(*data, 1));
    return rg_dataset_split_at(*data, 0);
}

static double cell(const rg_split *split, int64_t row, int64_t column)
{
    int64_t i = row * split->n_features + column;
    return split->features.dtype == RG_F64 ? ((const double *)split->features.data)[i]
                                           : (double)((const float *)split->features.data)[i];
}

/* ---- Numbers --------------------------------------------------------------------------------- */

/* Where the number at the front of a text ends, NULL: there is none. Behind the text stand digits,
 * which are not its own. */
static const char *read_number(const char *text, double *value)
{
    static char copy[1100];
    size_t n = strlen(text);
    assert_true(n + 1 + RG__NUMBER_PAD <= sizeof copy);
    memset(copy, '7', sizeof copy);
    memcpy(copy, text, n + 1);
    const char *end = rg__read_number(copy, value);
    return end ? text + (end - copy) : NULL;
}

static void same_as_strtod(const char *text)
{
    double value = -1;
    char *strtod_end;
    double expected = strtod(text, &strtod_end);
    const char *end = read_number(text, &value);
    if (end != strtod_end || memcmp(&value, &expected, sizeof value) != 0) {
        print_error("%s: %.17g, strtod gives %.17g\n", text, value, expected);
        fail();
    }
}

static uint64_t draw(uint64_t a, uint64_t b)
{
    return rg_random(7, RG__STREAM_SAMPLES, a, b);
}

/* clang-format off */
static const char *const hard_numbers[] = {
    "0", "-0", "+1", "007", ".5", "5.", "-.5e1", "1e0", "1E+2", "1e-2", "0e999999999",
    "0.000000000000000000000000000000000000001", "9007199254740992", "9007199254740993",
    "9007199254740995", "-9007199254740993", "9007199254740993.00000000000000000000000001",
    "9999999999999999999", "99999999999999999999", "18446744073709551615", "18446744073709551616",
    "1e22", "1e23", "8.5e22", "9007199254740992e22", "123456789e-22", "123456789e-23",
    "2.2250738585072011e-308", "2.2250738585072014e-308", "4.9e-324", "2.4703282292062327e-324",
    "2.4703282292062328e-324", "2e-324", "1e-400", "1e-99999999999", "1.7976931348623157e308",
    "1.7976931348623158e308", "1.7976931348623159e308", "1e309", "-1e99999999999", "0.1", "0.3",
    "2.5", "100000000000000016777215", "1e-5", "6.02214076e23", "7.2057594037927933e16",
    "0.500000000000000166533453693773481063544750213623046875", "3.518437208883201171875e13",
    "62.5364939768271845828", "8.10109172351e-10", "1.50000000000000011102230246251565", "inf",
    "-INF", "Infinity", "+iNfInItY",
};
/* clang-format on */

static void test_hard_numbers(void **state)
{
    (void)state;
    for (int i = 0; i < RG__COUNT(hard_numbers); i++)
        same_as_strtod(hard_numbers[i]);
    double value;
    assert_non_null(read_number("NaN", &value));
    assert_true(isnan(value));

    char zeros[1003];
    memset(zeros, '0', sizeof zeros); /* 0.00...01 and 1 followed by 999 zeros and e-999 */
    zeros[1] = '.';
    zeros[1001] = '1';
    zeros[1002] = '\0';
    same_as_strtod(zeros);
    zeros[0] = '1';
    strcpy(zeros + 996, "e-999");
    zeros[1] = '0';
    same_as_strtod(zeros);
}

static void test_random_numbers(void **state)
{
    (void)state;
    char text[400];
    for (uint64_t i = 0; i < 400000; i++) {
        uint64_t bits = draw(1, i);
        double any;
        memcpy(&any, &bits, sizeof any);
        if (isfinite(any)) { /* all exponents, 1 to 25 digits */
            snprintf(text, sizeof text, "%.*e", (int)(draw(2, i) % 25), any);
            same_as_strtod(text);
        }
        double common = (double)(int64_t)(draw(3, i) % 2000001) / 1e6 - 1;
        snprintf(text, sizeof text, "%.*f", (int)(draw(4, i) % 10), common);
        same_as_strtod(text);
        /* Digits and exponent at random, dot anywhere. */
        int n = (int)(draw(5, i) % 30) + 2, dot = (int)(draw(6, i) % 31);
        for (int k = 0; k < n; k++)
            text[k] = k == dot ? '.' : (char)('0' + draw(7 + (uint64_t)k, i) % 10);
        text[n] = '\0';
        snprintf(text + n, sizeof text - (size_t)n, "e%d", (int)(draw(99, i) % 60) - 30);
        same_as_strtod(text);
    }
}

/* Numbers exactly half way between two doubles, and a hair beside. */
static void test_halfway_numbers(void **state)
{
    (void)state;
    char text[200];
    for (uint64_t i = 0; i < 20000; i++) {
        double x =
            ldexp((double)(draw(1, i) >> 11 | (uint64_t)1 << 52), (int)(draw(2, i) % 80) - 92);
        long double middle = (long double)x + (long double)(nextafter(x, HUGE_VAL) - x) / 2;
        int n = snprintf(text, sizeof text - 2, "%.110Lf", middle);
        assert_true(n < 190);
        same_as_strtod(text);
        strcpy(text + n, "1");
        same_as_strtod(text);
    }
}

/* The same in at most 19 digits: m 5^|e| has 54 bits, the last one set, where the number is m 10^e
 * or m 5^-e 10^e; and the neighbours. */
static void test_short_halfway_numbers(void **state)
{
    (void)state;
    char text[64];
    for (uint64_t i = 0; i < 60000; i++) {
        int e = (int)(draw(1, i) % 25) - 4;
        uint64_t five = 1;
        for (int k = 0; k < abs(e); k++)
            five *= 5;
        uint64_t middle = draw(2, i) >> 11 | (uint64_t)1 << 53 | 1;
        if (e > 0) /* a multiple of it, odd, with 54 bits still */
            middle = middle / five | 1;
        else
            middle *= five;
        for (uint64_t m = middle - 1; m <= middle + 1; m++) {
            snprintf(text, sizeof text, "%llue%d", (unsigned long long)m, e);
            same_as_strtod(text);
        }
    }
}

static void test_where_a_number_ends(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int length; /* -1: no number */
    } cases[] = {{"", -1},      {"+", -1},      {".", -1},   {"-.", -1},   {"e5", -1},
                 {"--1", -1},   {"+-1", -1},    {"- 1", -1}, {" 1", -1},   {"1e", -1},
                 {"1e+", -1},   {"1.5e-x", -1}, {"in", -1},  {"na", -1},   {"x", -1},
                 {"1.2.3", 3},  {"0x10", 1},    {"1,5", 1},  {"1e5.5", 3}, {"infinit", 3},
                 {"nan(1)", 3}, {"5.\n", 2},    {"1 2", 1},  {"1_000", 1}};
    for (int i = 0; i < RG__COUNT(cases); i++) {
        double value;
        const char *end = read_number(cases[i].text, &value);
        int length = end ? (int)(end - cases[i].text) : -1;
        if (length != cases[i].length)
            print_error("\"%s\"\n", cases[i].text);
        assert_int_equal(length, cases[i].length);
    }
}

/* ---- Lines ----------------------------------------------------------------------------------- */

/* Three lists in every spelling there is. */
static const char spellings[] = "\xEF\xBB\xBF# a comment first\r\n"
                                "\n"
                                "2 qid:a1 1:0.5 3:-1.25e1 # docid = GX-1 inc = 1\r\n"
                                "  0\tqid:a1\t2:nan \t 3:0  #docid=GX-2\r\n"
                                "   \t \n"
                                "-1.5 qid:\xC3\xA9#x 3:7 1:+8 2:.5#word more\n"
                                "1e0 qid:z #\n"
                                "1 qid:z 4:1";

static void check_spellings(const rg_split *split)
{
    static const double labels[] = {2, 0, -1.5, 1, 1};
    static const char *const docs[] = {"GX-1", "GX-2", "word", "", ""};
    static const char *const qids[] = {"a1", "\xC3\xA9#x", "z"};
    static const int64_t offsets[] = {0, 2, 3, 5};
    static const double x[] = {0.5, 0, -12.5, 0, 0, (double)NAN, 0, 0, 8, 0.5,
                               7,   0, 0,     0, 0, 0,           0, 0, 0, 1};
    assert_int_equal(split->n_rows, 5);
    assert_int_equal(split->n_features, 4);
    assert_int_equal(split->n_lists, 3);
    assert_int_equal(split->features.dtype, RG_F32);
    assert_string_equal(split->name, "");
    for (int i = 0; i < 20; i++)
        assert_close(cell(split, i / 4, i % 4), x[i], 0, 0);
    for (int i = 0; i < 5; i++) {
        assert_close(split->labels[i], labels[i], 0, 0);
        assert_string_equal(split->doc_ids[i], docs[i]);
    }
    for (int q = 0; q < 3; q++)
        assert_string_equal(split->query_ids[q], qids[q]);
    assert_memory_equal(split->offsets, offsets, sizeof offsets);
    assert_null(split->feature_names);
    assert_null(split->csr.indptr);
}

static void test_spellings(void **state)
{
    (void)state;
    rg_dataset *data;
    check_spellings(load(write_text("a", spellings), NULL, &data));
    rg_dataset_close(data);
}

/* A file read through rg_dataset_open is the same split. */
static void test_open_takes_text(void **state)
{
    (void)state;
    rg_dataset *data;
    assert_ok(ctx, rg_dataset_open(ctx, write_text("a", spellings), NULL, &data));
    check_spellings(rg_dataset_split_at(data, 0));
    rg_dataset_close(data);
}

static void test_standard_input(void **state)
{
    (void)state;
    rg_dataset *data;
    const char *path = write_text("a", spellings);
    for (int pass = 0; pass < 2; pass++) {
        assert_non_null(freopen(path, "r", stdin));
        if (pass == 0)
            assert_ok(ctx, import(ctx, "-", NULL, &data));
        else
            assert_ok(ctx, rg_dataset_open(ctx, "-", NULL, &data));
        check_spellings(rg_dataset_split_at(data, 0));
        assert_string_equal(rg_dataset_path(data), "-");
        rg_dataset_close(data);
    }
    assert_non_null(freopen(write_text("a", "1 qid:1 x"), "r", stdin));
    assert_fails(ctx, RG_BAD_DATA, "standard input:1:9: found \"x\"",
                 import(ctx, "-", NULL, &data));
    assert_non_null(freopen(write_text("a", "1 1:2"), "r", stdin));
    assert_fails(ctx, RG_BAD_DATA, "X.query", import(ctx, "-", NULL, &data));
    assert_non_null(freopen("/dev/null", "r", stdin));
}

/* Rows without labels, as they are to be scored; all else is as in rows with labels. */
static void test_rows_without_labels(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int rows, lists, features;
    } cases[] = {
        {"qid:1 1:0.3 2:1\nqid:1 1:2\n", 2, 1, 2},
        {"1:0.3\n2:1", 2, 0, 2},
        {"# c\n\n qid:a 3:1 # d\n\tqid:b 1:1\r\n", 2, 2, 3},
        {"\xEF\xBB\xBFqid:1 1:1\n", 1, 1, 1},
        {"qid:1\nqid:1 1:1\nqid:2", 3, 2, 1},
        {"1:nan\n1:0 2:0\n", 2, 0, 2},
        {"2:1 1:1\n", 1, 0, 2},
        {"qid:1:2 1:1\nqid:1:2 1:3\n", 2, 1, 1},
        {"qid:qid:1 1:1\n", 1, 1, 1},
    };
    rg_dataset_options options = rg_dataset_options_default();
    options.needs_lists = false;
    for (int i = 0; i < 2 * RG__COUNT(cases); i++) {
        rg_dataset *data;
        options.sparse = i % 2;
        const rg_split *split = load(write_text("a", cases[i / 2].text), &options, &data);
        assert_null(split->labels);
        assert_int_equal(split->n_rows, cases[i / 2].rows);
        assert_int_equal(split->n_lists, cases[i / 2].lists);
        assert_int_equal(split->n_features, cases[i / 2].features);
        rg_dataset_close(data);
    }
}

static const struct {
    const char *text, *words; /* the words come behind the path */
} bad_lines[] = {
    {"", ": no rows"},
    {"# only\n\n", ": no rows"},
    {"1 qid:1\n0 qid:1 # no feature", ": no row has a feature"},
    {"%PDF-1.4\n", ":1:1: found \"%PDF-1.4\", expected a label; this is neither an HDF5"},
    {"label,f1,f2\n", ":1:1: found \"label,f1,f2\", expected a label; this is neither"},
    {"1,2,3\n", ":1:1: found \"1,2,3\""},
    {"1 qid:1 1:1\n\nx qid:1 1:1\n", ":3:1: found \"x\", expected a label, a decimal number"},
    {"nan qid:1 1:1\n", ":1:1: found \"nan\", expected a finite label"},
    {"-inf qid:1 1:1\n", ":1:1: found \"-inf\", expected a finite label"},
    {"1e999 qid:1 1:1\n", ":1:1: found \"1e999\", expected a finite label"},
    {"0x1 qid:1 1:1\n", ":1:1: found \"0x1\""},
    {"--1 qid:1 1:1\n", ":1:1: found \"--1\""},
    {"1 qid: 1:1\n", ":1:3: found \"qid:\", expected qid:ID"},
    {"1 qid:1 1:1 qid:2\n", ":1:13: found \"qid:2\", expected index:value; qid:ID stands once"},
    {"1 1:1 qid:2\n", ":1:7: found \"qid:2\""},
    {"1 qid:1 0:1\n", ":1:9: found \"0:1\", expected an index of at least 1, or `zero_based`"},
    {"1 qid:1 -1:1\n", ":1:9: found \"-1:1\", expected index:value"},
    {"1 qid:1 1.5:1\n", ":1:9: found \"1.5:1\", expected index:value"},
    {"1 qid:1 f1:1\n", ":1:9: found \"f1:1\", expected index:value"},
    {"1 qid:1 5\n", ":1:9: found \"5\", expected index:value"},
    {"1 qid:1 :5\n", ":1:9: found \":5\""},
    {"1 qid:1 5 :5\n", ":1:9: found \"5\""},
    {"1 qid:1 2147483647:5\n", ":1:9: found \"2147483647:5\", expected an index of at most"},
    {"1 qid:1 99999999999999999999999:5\n", "expected an index of at most 2147483646"},
    {"1 qid:1 1:\n", ":1:11: feature 1: found the end of the line, expected a decimal number"},
    {"1 qid:1 1: 5\n", ":1:11: feature 1: found a blank, expected a decimal number"},
    {"1 qid:1 3:1e\n", ":1:11: feature 3: found \"1e\", expected a decimal number"},
    {"1 qid:1 3:1.2.3\n", ":1:11: feature 3: found \"1.2.3\""},
    {"1 qid:1 3:0x1p3\n", ":1:11: feature 3: found \"0x1p3\""},
    {"1 qid:1 3:nan(2)\n", ":1:11: feature 3: found \"nan(2)\""},
    {"1 qid:1 2:1\n1 qid:1 3:-inf\n", ":2:11: feature 3: found \"-inf\", expected a finite"},
    {"1 qid:1 3:1e309\n", ":1:11: feature 3: found \"1e309\", expected a finite number"},
    {"1 qid:1 3:1e310\n", ":1:11: feature 3: found \"1e310\", expected a finite"},
    {"1 qid:1 3:1 3:1\n", ":1:13: feature index 3 is there twice"},
    {"1 qid:1 3:1 2:0 3:0\n", ":1:17: feature index 3 is there twice"},
    {"1 qid:3 03:1 2:0 3:0 3:1#3:3\n", ":1:18: feature index 3 is there twice"},
    {"1 qid:3 33:1 3:0\t3:1\n", ":1:18: feature index 3 is there twice"},
    {"\n \t1 qid:1 3:1 3:1\n", ":2:15: feature index 3 is there twice"},
    {"\xEF\xBB\xBF"
     "1 qid:1 x\n",
     ":1:9: found \"x\""},
    {"1 qid:1 2:1 # d\n\n\n\t0\tqid:1 2:1 x:1", ":4:14: found \"x:1\""},
    {"1 qid:1 2:1\r\n1 qid:1 1:1 2:1_0\r\n", ":2:15: feature 2: found \"1_0\""},
    {"1 qid:1 2:1,5 3:1\n", ":1:11: feature 2: found \"1,5\""},
    {"1 qid:1 2:1;\n", ":1:11: feature 2: found \"1;\""},
    {"1 qid:1 2:true\n", ":1:11: feature 2: found \"true\""},
    {"1 qid:1 2:1e-400\n",
     ":1:11: feature 2: found \"1e-400\", expected 0 or a number that 64-bit"},
    {"1 qid:1 2:-0.001e-330\n", ":1:11: feature 2: found \"-0.001e-330\""},
    {"1e-400 qid:1 2:1\n", ":1:1: found \"1e-400\", expected a label that is 0 or"},
    {"1 qid:\xE9 1:1\n", ":1:7: found \"?\", expected an id of UTF-8 text without control"},
    {"1 qid:a\x01 1:1\n", ":1:7: found \"a?\", expected an id"},
    {"1 qid:a\x7F 1:1\n", ":1:7: found \"a?\", expected an id"},
    {"1 qid:1 1:1 # \xC0\xAF\n", ":1:15: found \"??\", expected an id"},
    {"1 qid:1 1:1\n1 qid:1 1:1 # docid = a\xED\xA0\x80\n", ":2:23: found \"a???\", expected an id"},
    {"1 qid:1 1:1 #\xF4\x90\x80\x80\n", ":1:14: found \"????\", expected an id"},
    {"1 qid:1 1:1 #\xE2\x80\xA8\n", "has a control character or line separator"},
    {"1 qid:1 1:1 #\xC2\x85\n", "has a control character or line separator"},
    {"1 qid:1 1:1 #\xE2\x82\n", "this one is not valid UTF-8"},
    {"qid:1 1:1\n1 qid:1 1:1\n", ":2: found a row with a label, but"},
    {"1 qid:1 1:1\nqid:1 1:1\n", ":2: found a row without a label, but"},
    {"#\n0 1:1\n\n1:1 # x\n", ":4: found a row without a label, but"},
    {"1:1\n-1e2 1:1\n", ":2: found a row with a label, but"},
    {"qid:1\nqid:1 1:1\n2 qid:1\n", ":3: found a row with a label, but"},
    {"qid:1 1:1\n1:1\n", ":2: found a row without qid, but"},
    {"1 qid:1 1:1\nqid:2 1:1\n", ":2: found a row without a label, but"},
    {"qid:1 1:1\n1 2:1\n", ":2: found a row with a label, but"},
    {"qid: 1:1\n", ":1:1: found \"qid:\", expected qid:ID"},
    {"qid:1 qid:2 1:1\n", ":1:7: found \"qid:2\", expected index:value; qid:ID stands once"},
    {"1:1 qid:1\n", ":1:5: found \"qid:1\""},
    {"qid:1 1:1 x\n", ":1:11: found \"x\""},
    {"1 qid:1 2:1\n1 2:1\n", ":2: found a row without qid, but"},
    {"1 2:1\n\n1 qid:1 2:1\n", ":3: found a row with qid, but"},
    {"1 2:1\n", ": found no qid, expected qid:ID after each label, or the sizes of"},
    {"1 qid:1 2:1\n1 qid:2 1:1\n1 qid:1 1:1\n", ":3: qid 1 comes back, its list began at"},
    {"1 qid:1 1:\x01\xFF\n", ":1:11: feature 1: found \"??\""},
    {"1 qid:1 x23456789012345678901234567890123456789012\n",
     "found \"x23456789012345678901234567890123456789012\""},
    {"1 qid:1 x234567890123456789012345678901234567890123\n",
     "found \"x23456789012345678901234567890123456789012...\""},
};

static void test_bad_lines(void **state)
{
    (void)state;
    for (int i = 0; i < RG__COUNT(bad_lines); i++) {
        int something;
        rg_dataset *data = (rg_dataset *)(void *)&something; /* must be set to NULL */
        const char *path = write_text("a", bad_lines[i].text);
        assert_fails(ctx, RG_BAD_DATA, bad_lines[i].words, import(ctx, path, NULL, &data));
        assert_null(data);
        assert_int_equal(strncmp(rg_last_error(ctx), path, strlen(path)), 0);
        assert_null(strchr(rg_last_error(ctx), '\n'));
    }
}

static void test_not_text_at_all(void **state)
{
    (void)state;
    rg_dataset *data;
    const char *path = write_bytes("a", "1 qid:1 1:1\n1 qid:1 1:\0\n", 25);
    assert_fails(ctx, RG_BAD_DATA, ":2: found a NUL byte", import(ctx, path, NULL, &data));
    assert_fails(ctx, RG_IO, "No such file", import(ctx, in_folder("none"), NULL, &data));
    assert_fails(ctx, RG_IO, "Is a directory", import(ctx, folder, NULL, &data));
}

/* A label or a value just inside the limits. */
static void test_extremes_that_load(void **state)
{
    (void)state;
    rg_dataset *data;
    const rg_split *split =
        load(write_text("a", "1.7976931348623157e308 qid:1 1:3.4028235e38 2:-3.4028235677973361e38 "
                             "4:1e-40 5:0e-999\n"),
             NULL, &data);
    assert_close(split->labels[0], 1.7976931348623157e308, 0, 0);
    assert_int_equal(split->features.dtype, RG_F32);
    assert_close(cell(split, 0, 0), 0x1.fffffep127, 0, 0);
    assert_close(cell(split, 0, 1), -0x1.fffffep127, 0, 0);
    assert_close(cell(split, 0, 3), (double)1e-40f, 0, 0);
    assert_int_equal(split->n_features, 5);
    assert_null(split->doc_ids);
    rg_dataset_close(data);
}

static void test_feature_options(void **state)
{
    (void)state;
    rg_dataset *data;
    rg_dataset_options options = rg_dataset_options_default();
    const char *path = write_text("a", "1 qid:1 5:1 0:2\n");
    options.zero_based = true;
    const rg_split *split = load(path, &options, &data);
    assert_int_equal(split->n_features, 6);
    assert_close(cell(split, 0, 0), 2, 0, 0);
    assert_close(cell(split, 0, 5), 1, 0, 0);
    rg_dataset_close(data);

    options.n_features = 6;
    split = load(path, &options, &data);
    assert_int_equal(split->n_features, 6);
    rg_dataset_close(data);
    options.n_features = 5;
    assert_fails(ctx, RG_BAD_DATA,
                 ":1:9: found \"5:1\", expected an index of at most 4 (`n_features`)",
                 import(ctx, path, &options, &data));
    options.zero_based = false;
    options.n_features = 3;
    assert_fails(ctx, RG_BAD_DATA,
                 ":1:13: found \"4:1\", expected an index of at most 3 (`n_features`)",
                 import(ctx, write_text("b", "1 qid:1 3:1 4:1\n"), &options, &data));

    options = (rg_dataset_options){.n_features = 9, .needs_lists = true, .allow_absent = true};
    split = load(write_text("a", "1 qid:1\n"), &options, &data); /* no feature stored at all */
    assert_int_equal(split->n_features, 9);
    assert_close(cell(split, 0, 8), 0, 0, 0);
    rg_dataset_close(data);
    options.n_features = -1;
    assert_fails(ctx, RG_USAGE, "`n_features` is -1", import(ctx, path, &options, &data));
}

static void test_sparse_rows(void **state)
{
    (void)state;
    rg_dataset *data;
    rg_dataset_options options = rg_dataset_options_default();
    options.regroup = true;
    const char *text = "1 qid:b 20000000:3 7:0 5:2\n0 qid:a\n2 qid:b 1:nan 2:-0\n";
    static const int64_t indptr[] = {0, 2, 3, 3};
    static const int32_t indices[] = {4, 19999999, 0};
    const rg_split *split = load(write_text("a", text), &options, &data);
    assert_null(split->features.data);
    assert_int_equal(split->n_features, 20000000);
    assert_int_equal(split->csr.n_rows, 3);
    assert_int_equal(split->csr.n_cols, 20000000);
    assert_int_equal(split->csr.dtype, RG_F32);
    assert_memory_equal(split->csr.indptr, indptr, sizeof indptr);
    assert_memory_equal(split->csr.indices, indices, sizeof indices);
    const float *values = split->csr.data;
    assert_close((double)values[0], 2, 0, 0);
    assert_close((double)values[1], 3, 0, 0);
    assert_true(isnan(values[2]));
    assert_close(split->labels[1], 2, 0, 0);
    rg_dataset_close(data);
}

/* Lines far longer than the buffer, in descending order. */
static void test_long_lines(void **state)
{
    (void)state;
    enum { COLUMNS = 150000 };
    rg_dataset *data;
    FILE *file = fopen(in_folder("a"), "w");
    for (int row = 0; row < 2; row++) {
        fprintf(file, "%d qid:1", row);
        for (int j = COLUMNS; j > 0; j--)
            fprintf(file, " %d:%d.5", j, j + row);
        fprintf(file, " #%d\n", row);
    }
    fclose(file);
    const rg_split *split = load(in_folder("a"), NULL, &data);
    assert_int_equal(split->n_features, COLUMNS);
    for (int j = 0; j < COLUMNS; j++)
        assert_close(cell(split, 1, j), j + 2.5, 0, 0);
    assert_string_equal(split->doc_ids[1], "1");
    rg_dataset_close(data);
}

static void test_doc_ids(void **state)
{
    (void)state;
    static const struct {
        const char *comment, *id;
    } cases[] = {{"#docid = X", "X"},
                 {"# docid =X y", "X"},
                 {"#docid=X", "X"},
                 {"# inc = 1 docid = X", "X"},
                 {"# d1", "d1"},
                 {"#", ""},
                 {"#   ", ""},
                 {"# docid =", ""},
                 {"", ""},
                 {"# docid X", "docid"},
                 {"# docids = X", "docids"}};
    for (int i = 0; i < RG__COUNT(cases); i++) {
        rg_dataset *data;
        char text[100];
        snprintf(text, sizeof text, "1 qid:1 1:1 %s\n1 qid:1 1:1 #other", cases[i].comment);
        const rg_split *split = load(write_text("a", text), NULL, &data);
        assert_string_equal(split->doc_ids[0], cases[i].id);
        assert_string_equal(split->doc_ids[1], "other");
        rg_dataset_close(data);
    }
}

/* ---- Lists ----------------------------------------------------------------------------------- */

static void test_scattered_lists(void **state)
{
    (void)state;
    rg_dataset *data;
    rg_dataset_options options = rg_dataset_options_default();
    options.regroup = true;
    const char *a = write_text("a", "0 qid:x 1:1 #A\n1 qid:y 2:2\n2 qid:x 1:3 3:1 #C\n"
                                    "3 qid:z 1:4\n4 qid:y 2:5 #E\n");
    static const double labels[] = {0, 2, 1, 4, 3};
    static const char *const docs[] = {"A", "C", "", "E", ""}, *const qids[] = {"x", "y", "z"};
    static const int64_t offsets[] = {0, 2, 4, 5};
    const rg_split *split = load(a, &options, &data);
    for (int i = 0; i < 5; i++) {
        assert_close(split->labels[i], labels[i], 0, 0);
        assert_string_equal(split->doc_ids[i], docs[i]);
        int column = labels[i] == 1 || labels[i] == 4;
        assert_close(cell(split, i, column), labels[i] + 1, 0, 0);
    }
    assert_close(cell(split, 1, 2), 1, 0, 0);
    assert_int_equal(split->n_lists, 3);
    assert_memory_equal(split->offsets, offsets, sizeof offsets);
    for (int q = 0; q < 3; q++)
        assert_string_equal(split->query_ids[q], qids[q]);
    rg_dataset_close(data);

    char words[300];
    snprintf(words, sizeof words, "%s:3: qid x comes back, its list began at %s:1 and", a, a);
    assert_fails(ctx, RG_BAD_DATA, words, import(ctx, a, NULL, &data));
    assert_fails(ctx, RG_BAD_DATA, "`regroup`", import(ctx, a, NULL, &data));
}

/* A file's end ends its list; splits know nothing of each other's qids. */
static void test_several_files(void **state)
{
    (void)state;
    rg_dataset *data;
    const char *a = write_text("a", "0 qid:1 1:1\n1 qid:2 1:2"),
               *b = write_text("b", "2 qid:2 4:3");
    rg_data_source sources[] = {{a, "test"}, {b, "train"}, {a, "train"}};
    char words[300];
    snprintf(words, sizeof words, "%s:2: qid 2 comes back, its list began at %s:1", a, b);
    assert_fails(ctx, RG_BAD_DATA, words, rg_dataset_import(ctx, sources, 3, NULL, &data));

    rg_dataset_options options = rg_dataset_options_default();
    options.regroup = true;
    assert_fails(ctx, RG_BAD_DATA, "features 2 to 4 never occur",
                 rg_dataset_import(ctx, sources, 3, &options, &data));
    options.allow_absent = true;
    assert_ok(ctx, rg_dataset_import(ctx, sources, 3, &options, &data));
    assert_string_equal(rg_dataset_path(data), a);
    const rg_split *train = rg_dataset_split_at(data, 0), *test = rg_dataset_split_at(data, 1);
    assert_string_equal(train->name, "train");
    assert_ptr_equal(rg_dataset_find(data, "test"), test);
    assert_int_equal(test->n_features, 4); /* the widest split's */
    assert_int_equal(test->n_rows, 2);
    static const double labels[] = {2, 1, 0};
    static const int64_t offsets[] = {0, 2, 3};
    for (int i = 0; i < 3; i++)
        assert_close(train->labels[i], labels[i], 0, 0);
    assert_memory_equal(train->offsets, offsets, sizeof offsets);
    rg_dataset_close(data);

    rg_data_source adjacent[] = {{a, "train"}, {b, "train"}};
    snprintf(words, sizeof words, "%s:1: qid 2 comes back, its list began at %s:2", b, a);
    assert_fails(ctx, RG_BAD_DATA, words, rg_dataset_import(ctx, adjacent, 2, NULL, &data));
    assert_ok(ctx, rg_dataset_import(ctx, adjacent, 2, &options, &data));
    assert_int_equal(rg_dataset_find(data, "train")->n_lists, 2);
    rg_dataset_close(data);

    rg_data_source wrong[] = {{a, ""}, {b, "train"}};
    assert_fails(ctx, RG_USAGE, "split \"train\"", rg_dataset_import(ctx, wrong, 2, NULL, &data));
    wrong[0].split = "valid";
    assert_fails(ctx, RG_USAGE, "split \"valid\", expected train, vali or test",
                 rg_dataset_import(ctx, wrong, 2, NULL, &data));
    assert_fails(ctx, RG_USAGE, "no files given", rg_dataset_import(ctx, wrong, 0, NULL, &data));
}

static void test_qids_that_begin_alike(void **state)
{
    (void)state;
    rg_dataset *data;
    const char *text = "0 qid:12 1:1\n1 qid:1 1:2\n1 qid:123 1:2\n";
    assert_int_equal(load(write_text("a", text), NULL, &data)->n_lists, 3);
    rg_dataset_close(data);
}

static void test_many_lists(void **state)
{
    (void)state;
    enum { LISTS = 20000 };
    rg_dataset *data;
    FILE *file = fopen(in_folder("a"), "w");
    for (int q = 0; q < LISTS; q++)
        fprintf(file, "1 qid:%d 1:1\n0 qid:%d 1:2\n", q * 7, q * 7);
    fclose(file);
    const rg_split *split = load(in_folder("a"), NULL, &data);
    assert_int_equal(split->n_lists, LISTS);
    for (int q = 0; q < LISTS; q++) {
        assert_int_equal(split->offsets[q + 1], 2 * q + 2);
        assert_int_equal(atoi(split->query_ids[q]), q * 7);
    }
    rg_dataset_close(data);
    file = fopen(in_folder("a"), "a");
    fprintf(file, "1 qid:%d 1:1\n", 7 * 12345);
    fclose(file);
    assert_fails(ctx, RG_BAD_DATA, "a:24691 and has ended",
                 import(ctx, in_folder("a"), NULL, &data));
}

static void test_group_files(void **state)
{
    (void)state;
    rg_dataset *data;
    rg_dataset_options options = rg_dataset_options_default();
    static const int64_t offsets[] = {0, 2, 2, 3};
    const char *a = write_text("a", "0 1:1\n1 1:2\n2 2:3\n");
    options.needs_lists = false;
    const rg_split *split = load(a, &options, &data);
    assert_null(split->offsets);
    assert_int_equal(split->n_lists, 0);
    rg_dataset_close(data);

    static const char *const names[] = {"a.group", "a.query", "sizes"};
    for (int i = 0; i < 3; i++) { /* each is preferred to those before */
        const char *sizes = write_text(names[i], "2\r\n\n 0\n1");
        options.group_path = i == 2 ? sizes : NULL;
        split = load(a, &options, &data);
        assert_int_equal(split->n_lists, 3);
        assert_memory_equal(split->offsets, offsets, sizeof offsets);
        assert_null(split->query_ids);
        rg_dataset_close(data);
        write_text(names[i], "4\n");
    }
    unlink(in_folder("a.query"));
    unlink(in_folder("a.group"));
}

static void test_bad_group_files(void **state)
{
    (void)state;
    rg_dataset *data;
    rg_dataset_options options = rg_dataset_options_default();
    const char *a = write_text("a", "0 1:1\n1 1:2\n2 2:3\n");
    options.needs_lists = false;
    static const struct {
        const char *sizes, *words;
    } cases[] = {{"4", "1 list with 4 rows, but"},
                 {"", "0 lists with 0 rows"},
                 {"2\n0\n", "has 3; expected equal"},
                 {"2\nx\n", "sizes:2:1: found \"x\", expected the number of rows"},
                 {"-1\n", "sizes:1:1: found \"-1\""},
                 {"1 2\n", "sizes:1:1: found \"1\""},
                 {"2.5\n", "found \"2.5\""},
                 {"99999999999999999999999\n", "sizes:1:1: found"},
                 {"9000000000000000\n9000000000000000\n", "2 lists with 18000000000000000 rows"}};
    for (int i = 0; i < RG__COUNT(cases); i++) {
        options.group_path = write_text("sizes", cases[i].sizes);
        assert_fails(ctx, RG_BAD_DATA, cases[i].words, import(ctx, a, &options, &data));
    }
    rg_data_source two[] = {{a, "train"}, {a, "test"}};
    assert_fails(ctx, RG_USAGE, "but 2 were given",
                 rg_dataset_import(ctx, two, 2, &options, &data));
    assert_fails(ctx, RG_USAGE, "has qid, so that `group_path`",
                 import(ctx, write_text("b", "1 qid:1 1:1"), &options, &data));
    options.group_path = write_text("sizes", "2\n");
    assert_fails(ctx, RG_BAD_DATA, "b: no row has a feature",
                 import(ctx, write_text("b", "1\n0\n"), &options, &data));
    options.group_path = in_folder("none");
    assert_fails(ctx, RG_IO, "none: cannot open", import(ctx, a, &options, &data));

    write_text("a.query", "3\n"); /* one file has lists and one has none: the split has none */
    rg_data_source both[] = {{a, ""}, {write_text("b", "1 1:1\n"), ""}};
    options.group_path = NULL;
    assert_ok(ctx, rg_dataset_import(ctx, both, 2, &options, &data));
    assert_int_equal(rg_dataset_split_at(data, 0)->n_rows, 4);
    assert_null(rg_dataset_split_at(data, 0)->offsets);
    rg_dataset_close(data);
    options.needs_lists = true;
    assert_fails(ctx, RG_BAD_DATA, "b.query", rg_dataset_import(ctx, both, 2, &options, &data));
    unlink(in_folder("a.query"));
}

/* ---- Gzip and faults ------------------------------------------------------------------------- */

/* `text` as gzip, `members` in a row. Returns the length. */
static size_t compress_text(const char *text, size_t n, int members, unsigned char *to, size_t room)
{
    size_t done = 0;
    for (int i = 0; i < members; i++) {
        size_t begin = n * (size_t)i / (size_t)members, end = n * (size_t)(i + 1) / (size_t)members;
        z_stream z = {0};
        deflateInit2(&z, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
        char *from = strdup(text);
        z.next_in = (Bytef *)from + begin;
        z.avail_in = (uInt)(end - begin);
        z.next_out = to + done;
        z.avail_out = (uInt)(room - done);
        assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
        done += z.total_out;
        deflateEnd(&z);
        free(from);
    }
    return done;
}

static void test_gzip(void **state)
{
    (void)state;
    unsigned char bytes[2048] = {0};
    rg_dataset *data;
    for (int members = 1; members <= 4; members++) {
        size_t n = compress_text(spellings, strlen(spellings), members, bytes, sizeof bytes);
        check_spellings(load(write_bytes("gz", bytes, n), NULL, &data));
        rg_dataset_close(data);
        memset(bytes + n, 0, 100); /* padding, as of a tape */
        check_spellings(load(write_bytes("gz", bytes, n + 100), NULL, &data));
        rg_dataset_close(data);
        bytes[n + 100] = 'x';
        const char *path = write_bytes("gz", bytes, n + 101);
        assert_fails(ctx, RG_DAMAGED, "gz: damaged gzip data", import(ctx, path, NULL, &data));
    }
    size_t n = compress_text(spellings, strlen(spellings), 1, bytes, sizeof bytes);
    for (size_t length = 2; length < n; length++) {
        const char *path = write_bytes("gz", bytes, length);
        assert_fails(ctx, RG_DAMAGED, "ends too early", import(ctx, path, NULL, &data));
    }
    bytes[n - 6] ^= 1; /* the checksum */
    const char *path = write_bytes("gz", bytes, n);
    assert_fails(ctx, RG_DAMAGED, "incorrect data check", import(ctx, path, NULL, &data));
}

/* A large file: plain and gzip give the same. */
static void test_gzip_of_many_chunks(void **state)
{
    (void)state;
    enum { ROWS = 30000 };
    char *text = malloc(ROWS * 64);
    unsigned char *packed = malloc(ROWS * 64);
    size_t n = 0;
    for (int i = 0; i < ROWS; i++)
        n += (size_t)snprintf(text + n, 64, "%d qid:%d 1:%d 2:%u\n", i % 5, i / 9, i,
                              (unsigned)(draw(1, (uint64_t)i) >> 32));
    size_t n_packed = compress_text(text, n, 3, packed, ROWS * 64);
    rg_dataset *a, *b;
    const rg_split *plain = load(write_bytes("a", text, n), NULL, &a);
    const rg_split *gzip = load(write_bytes("gz", packed, n_packed), NULL, &b);
    assert_int_equal(plain->n_rows, ROWS);
    assert_int_equal(gzip->n_rows, ROWS);
    assert_memory_equal(plain->features.data, gzip->features.data, ROWS * 2 * sizeof(float));
    assert_memory_equal(plain->labels, gzip->labels, ROWS * sizeof(double));
    assert_int_equal(gzip->n_lists, (ROWS + 8) / 9);
    rg_dataset_close(a);
    rg_dataset_close(b);
    free(packed);
    free(text);
}

/* Reads as a slow pipe would, and fails the k-th read. */
static struct {
    size_t most;
    int fails, seen;
} slow;

static ssize_t slow_read(int fd, void *to, size_t size)
{
    if (++slow.seen == slow.fails)
        return errno = EIO, -1;
    if (slow.seen % 3 == 0)
        return errno = EINTR, -1;
    return read(fd, to, size < slow.most ? size : slow.most);
}

static void test_reading_in_pieces(void **state)
{
    (void)state;
    struct rg__files files = rg__system_files;
    unsigned char bytes[2048];
    size_t n = compress_text(spellings, strlen(spellings), 3, bytes, sizeof bytes);
    rg_dataset *data;
    files.read = slow_read;
    ctx->files = &files;
    write_bytes("gz", bytes, n);
    write_text("a", spellings);
    for (slow.most = 1; slow.most < 60; slow.most += 7)
        for (int gzip = 0; gzip < 2; gzip++) {
            slow.seen = slow.fails = 0;
            check_spellings(load(in_folder(gzip ? "gz" : "a"), NULL, &data));
            rg_dataset_close(data);
            int reads = slow.seen;
            for (slow.fails = 1; slow.fails <= reads; slow.fails += 1 + reads / 20) {
                slow.seen = 0;
                assert_fails(ctx, RG_IO, "cannot read: Input/output error",
                             import(ctx, in_folder(gzip ? "gz" : "a"), NULL, &data));
            }
        }
    ctx->files = &rg__system_files;
}

/* ---- Threads --------------------------------------------------------------------------------- */

enum { LINES = 40000, LINES_A_LIST = 7 }; /* some ten pieces of text */

/* A line of a long file, which replaces the usual one. */
struct other_line {
    int line; /* from 1; 0: none */
    const char *text;
};

static const char *write_long(const struct other_line others[2])
{
    FILE *file = fopen(in_folder("a"), "w");
    assert_non_null(file);
    for (int i = 1; i <= LINES; i++) {
        const char *other = NULL;
        for (int k = 0; k < 2; k++)
            other = others[k].line == i ? others[k].text : other;
        if (other)
            fprintf(file, "%s\n", other);
        else
            fprintf(file, "%d qid:%d 1:%d 2:%.5f 7:%d.5e-3 9:0 %d:1 # docid = D%d inc = 1\n", i % 5,
                    i / LINES_A_LIST, i, (double)(i % 977) / 977, i, 10 + i % 3, i);
    }
    assert_int_equal(fclose(file), 0);
    return in_folder("a");
}

static rg_context *with_threads(int n)
{
    rg_context_options options = rg_context_options_default();
    options.n_threads = n;
    return rg_context_create(&options);
}

static const int thread_counts[] = {1, 2, 5};

static void test_threads_change_nothing(void **state)
{
    (void)state;
    const struct other_line scattered[2] = {{20000, "4 qid:1 2:8 #x"}, {30000, "3 qid:2 5:7"}};
    rg_dataset_options options = rg_dataset_options_default();
    rg_dataset *one = NULL;
    options.regroup = true;
    const char *path = write_long(scattered);
    for (int i = 0; i < RG__COUNT(thread_counts); i++) {
        rg_context *own = with_threads(thread_counts[i]);
        rg_dataset *data;
        assert_ok(own, import(own, path, &options, &data));
        if (!one)
            assert_ok(ctx, import(ctx, path, &options, &one));
        const rg_split *a = rg_dataset_split_at(one, 0), *b = rg_dataset_split_at(data, 0);
        size_t n = LINES;
        assert_int_equal(b->n_rows, n);
        assert_int_equal(b->n_features, 12);
        assert_int_equal(b->n_lists, LINES / LINES_A_LIST + 1);
        assert_memory_equal(a->features.data, b->features.data, n * 12 * sizeof(float));
        assert_memory_equal(a->labels, b->labels, n * sizeof(double));
        assert_memory_equal(a->offsets, b->offsets, (size_t)(b->n_lists + 1) * sizeof(int64_t));
        assert_close(b->labels[LINES_A_LIST - 1 + LINES_A_LIST], 4, 0, 0); /* the end of list 1 */
        for (int row = 0; row < LINES; row++) {
            const char *doc = b->doc_ids[row];
            assert_string_equal(a->doc_ids[row], doc);
            if (*doc == 'D') /* a usual line */
                assert_close(cell(b, row, 0), atoi(doc + 1), 0, 0);
        }
        for (int q = 0; q < b->n_lists; q++)
            assert_int_equal(atoi(b->query_ids[q]), q);
        rg_dataset_close(data);
        rg_context_destroy(own);
    }
    rg_dataset_close(one);
}

/* What is wrong first in the file is told, with its line, wherever the file is cut. */
static void test_the_first_error_is_told(void **state)
{
    (void)state;
    static const struct {
        struct other_line others[2];
        const char *words;
    } cases[] = {
        {{{30000, "1 qid:4285 1:x"}, {9000, "y qid:1285 1:1"}},
         "a:9000:1: found \"y\", expected a label, a decimal number"},
        {{{39999, "1 qid:5714 3:x"}}, "a:39999:14: feature 3: found \"x\""},
        {{{20000, "1 qid:1 1:1"}, {20001, "1 qid:2857 1:x"}},
         "a:20000: qid 1 comes back, its list"},
        {{{20000, "1 qid:1 1:1"}, {19999, "1 qid:2857 1:x"}}, "a:19999:14: feature 1: found \"x\""},
        {{{20000, "1 qid:1 1:x"}}, "a:20000: qid 1 comes back, its list began at"},
        {{{20000, "z qid:1 1:x"}}, "a:20000:1: found \"z\""},
        {{{35000, "1 1:x"}}, "a:35000: found a row without qid, but"},
        {{{35000, "1 1:x"}, {34999, "1 qid:"}}, "a:34999:3: found \"qid:\""},
        {{{1, "1 1:1"}}, "a:2: found a row with qid, but"},
        {{{33333, "1 qid:4761 3:1 2:0 3:0"}}, "a:33333:20: feature index 3 is there twice"},
        {{{1, ""}, {2, "a qid:2"}}, "a:2:1: found \"a\", expected a label; this is neither"},
    };
    for (int i = 0; i < RG__COUNT(cases); i++) {
        const char *path = write_long(cases[i].others);
        for (int k = 0; k < RG__COUNT(thread_counts); k++) {
            rg_context *own = with_threads(thread_counts[k]);
            rg_dataset *data;
            assert_fails(own, RG_BAD_DATA, cases[i].words, import(own, path, NULL, &data));
            rg_context_destroy(own);
        }
    }
}

/* A read that fails is told when all before it is sound. */
static void test_reading_that_fails_late(void **state)
{
    (void)state;
    const struct other_line others[2] = {{35000, "1 qid:5000 1:x"}};
    struct rg__files files = rg__system_files;
    rg_dataset *data;
    files.read = slow_read;
    slow.most = 1 << 20;
    for (int k = 0; k < RG__COUNT(thread_counts); k++)
        for (int wrong = 0; wrong < 2; wrong++) {
            rg_context *own = with_threads(thread_counts[k]);
            const char *path = write_long(wrong ? others : (struct other_line[2]){{0, NULL}});
            own->files = &files;
            slow.seen = 0;
            slow.fails = 16; /* reads of 256 KiB, a third of them in vain: behind line 35000 */
            rg_status status = import(own, path, NULL, &data);
            assert_int_equal(status, wrong ? RG_BAD_DATA : RG_IO);
            assert_non_null(strstr(rg_last_error(own), wrong ? "a:35000:14:" : "cannot read"));
            rg_context_destroy(own);
        }
}

static void test_memory_that_fails(void **state)
{
    (void)state;
    struct memory memory = {0};
    rg_context *own = memory_context(&memory);
    unsigned char bytes[2048];
    size_t n = compress_text(spellings, strlen(spellings), 1, bytes, sizeof bytes);
    const char *paths[] = {write_text("a", "0 qid:x 1:1 #A\n1 qid:y 2:2\n2 qid:x 1:3 3:1 #C\n"),
                           write_text("b", "0 qid:x 9:1 20000000:1\n"), write_bytes("gz", bytes, n),
                           write_text("s", "0 qid:x 1:1\n1 qid:y 1:2\n2 qid:x 1:3\n"),
                           write_text("sizes", "0 qid:x 1:16777217 9:0.1\n0 qid:x 9:0.2\n")};
    write_text("s.weight", "1\n2\n3\n");
    write_text("s.position", "0\n0\n1\n");
    rg_dataset_options regroup = rg_dataset_options_default();
    regroup.regroup = true;
    assert_non_null(rg__pool(own));
    int64_t before = memory.live;
    for (int i = 0; i < RG__COUNT(paths); i++) {
        rg_status status = RG_LIMIT;
        for (int64_t k = 1; status == RG_LIMIT; k++) {
            rg_dataset *data;
            memory.refuse = memory.requests + k;
            status = import(own, paths[i], &regroup, &data);
            if (k == 1)
                assert_int_equal(status, RG_LIMIT);
            rg_dataset_close(data);
            assert_int_equal(memory.live, before);
        }
        assert_int_equal(status, RG_OK);
    }
    rg_context_destroy(own);
}

static void test_cancelled(void **state)
{
    (void)state;
    volatile int cancel = 1;
    rg_context_options options = {.cancel = &cancel};
    rg_context *own = rg_context_create(&options);
    rg_dataset *data;
    FILE *file = fopen(in_folder("a"), "w");
    for (int i = 0; i < 10000; i++)
        fprintf(file, "1 qid:1 1:1\n");
    fclose(file);
    assert_fails(own, RG_CANCELLED, "interrupted", import(own, in_folder("a"), NULL, &data));
    rg_context_destroy(own);
}

/* ---- Precision ------------------------------------------------------------------------------- */

static struct {
    int n;
    char line[512];
} told;

static void take_note(void *user, rg_log_level level, const char *message)
{
    (void)user, (void)level;
    if (strstr(message, "which f32 holds")) {
        told.n++;
        snprintf(told.line, sizeof told.line, "%s", message);
    }
}

static rg_context *listening(int n_threads)
{
    rg_context_options options = rg_context_options_default();
    options.n_threads = n_threads;
    options.log = take_note;
    told.n = 0;
    return rg_context_create(&options);
}

/* Features that f32 holds well enough, and others. */
static const struct {
    const char *text, *words; /* the note, behind the path; NULL: none, and f32 */
} precise[] = {
    {"1:0.13274336\n1:0.2\n1:0.7", NULL},
    {"1:0.1\n1:0.1\n1:0.1", NULL},
    {"1:16777216\n1:16777214\n1:-16777216", NULL},
    {"1:10000001\n1:10000002\n1:10000003", NULL}, /* exact */
    {"1:1700000000.5\n1:3.25\n1:-7.1", NULL},
    {"1:1e-40\n1:2e-38\n1:3e38", NULL},
    {"1:0.50001\n1:0.51\n1:0.5", NULL},
    {"1:9007199254740994\n1:1e30\n1:-1.5e22", NULL}, /* 2^53 + 2 */
    {"1:nan\n1:0.1\n1:0", NULL},
    {"1:1e-45\n1:2\n1:3", NULL},
    {"1:1000.1\n1:1001.1\n1:1002.1", NULL},
    {"1:0.1327 2:1\n2:2\n2:3\n2:4\n2:5\n1:0.13275 2:6", NULL}, /* few values, else 0 */
    {"1:1e25\n1:3e25\n1:7e24", NULL},
    {"1:20180131\n1:20180120\n1:1", ":1: feature 1 is 20180131, which f32 holds as 20180132; "},
    {"1:1\n1:2\n1:-16777217", ":3: feature 1 is -16777217, which f32 holds as -16777216; "},
    {"1:1\n1:16777217.0\n1:2", ":2: feature 1 is 16777217, "},
    {"2:1\n2:2 9:1.6777217e7\n2:3", ":2: feature 9 is 16777217, "},
    {"2:1\n\n# c\n\n2:2 3:123456789\n2:3", ":5: feature 3 is 123456789, "},
    {"1:4 2:5\n1:1e-50\n1:3", ":2: feature 1 is 1e-50, which f32 holds as 0; "},
    {"1:4\n1:-4e-46\n1:3", ":2: feature 1 is -4"},
    {"1:1\n1:3.5e38\n1:2", ":2: feature 1 is 3.5"},
    {"1:-1e39\n1:1\n1:2", ":1: feature 1 is -1e+39, which f32 holds as -inf; "},
    {"1:1.7e308\n1:1\n1:2", "which f32 holds as inf"},
    {"1:1700000000.25\n1:1700000003.5\n1:1700000001.75",
     ":1: feature 1 is within 1700000000.25 and 1700000003.5, which f32 holds in steps of 128; "},
    {"1:1\n1:1e9\n1:1700000000.25\n1:1700000003.5", ":3: feature 1 is within 1700000000.25 and"},
    {"2:1 1:-5.0001\n2:1 1:-5.0002\n2:1 1:-5.0004", ":1: feature 1 is within -5.0004"},
    {"1:0.7 2:0.3000001\n1:0.1 2:0.3000002\n1:0.3 2:0.3000005", ":1: feature 2 is within 0.3"},
    {"1:1e-39\n1:1.000003e-39\n1:1.000002e-39", ":1: feature 1 is within 1e-39 and"},
    {"3:1 4:1e20\n3:2 4:1.000001e20\n3:3 4:1.000002e20", ":1: feature 4 is within 1"},
    {"3:16777217\n4:16777219\n5:16777221", ":1: feature 3 is 16777217"}, /* the first */
};

/* Reads `text` from a file, compressed, as standard input, sparse, within little memory, and sparse
 * from standard input. */
enum { WAYS = 6 };
static rg_status import_in_way(rg_context *own, const char *text, int way,
                               rg_dataset_options options, rg_dataset **data)
{
    static unsigned char packed[1 << 20];
    const char *path = write_text("a", text);
    size_t n = strlen(text);
    options.needs_lists = false;
    options.regroup = true;
    if (way == 1)
        path = write_bytes("a", packed, compress_text(text, n, 1, packed, sizeof packed));
    if (way == 2 || way == 5)
        path = freopen(path, "r", stdin) ? "-" : "";
    options.sparse = way == 3 || way == 5;
    options.memory_limit = way == 4;
    options.spool_path = way == 4 ? in_folder("gz") : NULL;
    rg_status status = import(own, path, &options, data);
    if (way == 2 || way == 5)
        assert_non_null(freopen("/dev/null", "r", stdin));
    return status;
}

/* A number of a split, dense or sparse. */
static double number_at(const rg_split *split, int64_t row, int64_t column)
{
    const rg_csr *csr = &split->csr;
    if (!csr->indptr)
        return cell(split, row, column);
    for (int64_t k = csr->indptr[row]; k < csr->indptr[row + 1]; k++)
        if (csr->indices[k] == column)
            return csr->dtype == RG_F64 ? ((const double *)csr->data)[k]
                                        : (double)((const float *)csr->data)[k];
    return 0;
}

/* The numbers of the text's rows, in order. */
static void same_numbers(const rg_split *split, const char *text, rg_dtype dtype)
{
    int64_t row = -1, n = 0;
    char previous = '\n';
    for (const char *at = text; *at; previous = *at++) {
        row += previous == '\n' && *at != '\n' && *at != '#';
        if (*at != ':')
            continue;
        const char *digits = at;
        while (digits > text && digits[-1] >= '0' && digits[-1] <= '9')
            digits--;
        double expected = strtod(at + 1, NULL);
        expected = dtype == RG_F32 ? (double)(float)expected : expected;
        double found = number_at(split, row, atoi(digits) - 1);
        assert_true(found == expected || (isnan(found) && isnan(expected)));
        n++;
    }
    assert_true(n >= 3 && row == split->n_rows - 1);
}

static rg_dtype dtype_of(const rg_split *split)
{
    return split->csr.indptr ? split->csr.dtype : split->features.dtype;
}

static void test_precision(void **state)
{
    (void)state;
    for (int i = 0; i < WAYS * RG__COUNT(precise); i++) {
        const char *text = precise[i / WAYS].text, *words = precise[i / WAYS].words;
        int way = i % WAYS;
        for (rg_text_dtype dtype = RG_TEXT_AUTO; rg_text_dtype_name(dtype); dtype++) {
            rg_context *own = listening(1 + i % 3);
            rg_dataset_options options = rg_dataset_options_default();
            rg_dataset *data;
            options.dtype = dtype;
            rg_status status = import_in_way(own, text, way, options, &data);
            bool infinite =
                words && (strstr(text, "e39") || strstr(text, "e38\n1:2") || strstr(text, "e308"));
            if (dtype == RG_TEXT_F32 && infinite && !strstr(text, "e-39")) {
                assert_int_equal(status, RG_BAD_DATA);
                assert_non_null(strstr(rg_last_error(own), "64-bit floats hold it"));
            } else {
                assert_ok(own, status);
                const rg_split *split = rg_dataset_split_at(data, 0);
                bool wide = dtype == RG_TEXT_F64 || (dtype == RG_TEXT_AUTO && words);
                if (dtype_of(split) != (wide ? RG_F64 : RG_F32) ||
                    (told.n > 0) != (words && dtype != RG_TEXT_F64))
                    fail_msg("%s (way %d, %s): %s", text, way, rg_text_dtype_name(dtype),
                             told.line);
                same_numbers(split, text, wide ? RG_F64 : RG_F32);
                assert_int_equal(told.n, words && dtype != RG_TEXT_F64);
                if (told.n > 0 && !strstr(told.line, words))
                    fail_msg("%s, expected %s", told.line, words);
            }
            rg_dataset_close(data);
            rg_context_destroy(own);
        }
    }
}

static void write_time(char *text, size_t room, int i)
{
    snprintf(text, room, "1 qid:1 2:%d.%d\n", 1700000000 + i, 1 + i % 7);
}

static void write_fraction(char *text, size_t room, int i)
{
    snprintf(text, room, "1 qid:1 2:0.%d%d\n", i, i % 7);
}

/* One row of 500 has a time. */
static void write_rare_time(char *text, size_t room, int i)
{
    if (i % 500)
        snprintf(text, room, "1 qid:1 3:0.%d\n", i);
    else
        snprintf(text, room, "1 qid:1 2:1700000000.%d\n", 1 + i / 500 % 7);
}

/* Odd numbers beyond 2^24 from the 1000th row on. */
static void write_integer(char *text, size_t room, int i)
{
    snprintf(text, room, "1 qid:1 2:%d\n", i < 999 ? 1 : 16777217 + 2 * i);
}

/* Row i of a long file, and the note. */
static const struct {
    void (*row)(char *text, size_t room, int i);
    const char *words; /* NULL: f32 */
} long_texts[] = {{write_time, "a:1: feature 2 is within 1700000000."},
                  {write_fraction, NULL},
                  {write_rare_time, "a:1: feature 2 is within 1700000000."},
                  {write_integer, "a:1000: feature 2 is 16779215, which f32 holds as 16779216"}};

/* The note, and every number, are the same for any number of threads. */
static void test_precision_of_many_chunks(void **state)
{
    (void)state;
    enum { ROWS = 60000 };
    char *text = malloc(ROWS * 64);
    double *one = malloc(ROWS * sizeof *one);
    for (int kind = 0; kind < RG__COUNT(long_texts); kind++) {
        const char *words = long_texts[kind].words;
        text[0] = '\0';
        for (size_t i = 0, n = 0; i < ROWS; i++, n += strlen(text + n))
            long_texts[kind].row(text + n, 64, (int)i);
        const char *path = write_text("a", text);
        for (int k = 0; k < RG__COUNT(thread_counts); k++) {
            rg_context *own = listening(thread_counts[k]);
            rg_dataset *data;
            assert_ok(own, import(own, path, NULL, &data));
            const rg_split *split = rg_dataset_split_at(data, 0);
            assert_int_equal(dtype_of(split), words ? RG_F64 : RG_F32);
            assert_int_equal(told.n, words != NULL);
            if (words && !strstr(told.line, words))
                fail_msg("%s, expected %s", told.line, words);
            for (int i = 0; i < ROWS; i++) {
                one[i] = k == 0 ? cell(split, i, 1) : one[i];
                assert_true(one[i] == cell(split, i, 1));
            }
            rg_dataset_close(data);
            rg_context_destroy(own);
        }
    }
    free(one);
    free(text);
}

/* Whatever the order in which threads come to the values, the first place is told. */
static void test_precision_in_any_order(void **state)
{
    (void)state;
    static const int orders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                    {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    static const int32_t columns[] = {1, 3};
    static const double lost[] = {16777217, 1e-50}, close[] = {0.5, 1700000000.1};
    for (int i = 0; i < 2 * RG__COUNT(orders); i++) {
        struct rg__precision parts[3] = {{.n_spans = 0}}, all = {.n_spans = 0};
        for (int k = 0; k < 3; k++) {
            int place = orders[i / 2][k];
            double values[2] = {i % 2 ? close[0] : lost[0] + 2 * place,
                                i % 2 ? close[1] + place : lost[1]};
            assert_true(rg__precision_add(ctx, &parts[k / 2], columns, values, 2, place));
        }
        for (int k = 0; k < 2; k++) {
            assert_true(rg__precision_merge(ctx, &all, &parts[k]));
            rg__precision_free(ctx, &parts[k]);
        }
        struct rg__loss loss = rg__precision_loss(&all, 3);
        assert_true(loss.found && loss.alone == !(i % 2));
        assert_int_equal(loss.place, 0);
        assert_int_equal(loss.column, i % 2 ? 3 : 1);
        assert_close(loss.least, i % 2 ? close[1] : lost[0], 0, 0);
        rg__precision_free(ctx, &all);
    }
}

/* ---- Real data ------------------------------------------------------------------------------- */

/* A file of the shared data beside the source tree; NULL: not there. */
static const char *shared(const char *name)
{
    static char path[512];
    const char *slash = strrchr(__FILE__, '/');
    int n = slash ? (int)(slash - __FILE__) : 0;
    snprintf(path, sizeof path, "%.*s%s../../shared/data/%s", n, __FILE__, slash ? "/" : "", name);
    return access(path, R_OK) == 0 ? path : NULL;
}

static void test_real_files(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int64_t n_rows, n_features, n_lists;
        const char *first_query, *first_doc;
    } cases[] = {{"mq2008/S1.txt", 2933, 46, 157, "10002", "GX008-86-4444840"},
                 {"ohsumed-letor2/Fold1.testset.txt", 3383, 25, 22, "85", "7612"},
                 {"lightgbm-lambdarank/rank.train", 3005, 300, 201, NULL, NULL},
                 {"lightgbm-lambdarank/rank.test", 768, 300, 50, NULL, NULL}};
    for (int i = 0; i < RG__COUNT(cases); i++) {
        const char *path = shared(cases[i].name);
        if (!path) {
            print_message("skipped: no ../shared/data/%s beside the source tree\n", cases[i].name);
            skip();
        }
        rg_dataset *data;
        const rg_split *split = load(path, NULL, &data);
        assert_int_equal(split->n_rows, cases[i].n_rows);
        assert_int_equal(split->n_features, cases[i].n_features);
        assert_int_equal(split->n_lists, cases[i].n_lists);
        assert_int_equal(split->offsets[split->n_lists], cases[i].n_rows);
        assert_true((cases[i].first_query == NULL) == (split->query_ids == NULL));
        if (cases[i].first_query) {
            assert_string_equal(split->query_ids[0], cases[i].first_query);
            assert_string_equal(split->doc_ids[0], cases[i].first_doc);
        }
        rg_dataset_close(data);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hard_numbers),
        cmocka_unit_test(test_random_numbers),
        cmocka_unit_test(test_halfway_numbers),
        cmocka_unit_test(test_short_halfway_numbers),
        cmocka_unit_test(test_where_a_number_ends),
        cmocka_unit_test(test_spellings),
        cmocka_unit_test(test_open_takes_text),
        cmocka_unit_test(test_standard_input),
        cmocka_unit_test(test_rows_without_labels),
        cmocka_unit_test(test_bad_lines),
        cmocka_unit_test(test_not_text_at_all),
        cmocka_unit_test(test_extremes_that_load),
        cmocka_unit_test(test_feature_options),
        cmocka_unit_test(test_sparse_rows),
        cmocka_unit_test(test_long_lines),
        cmocka_unit_test(test_doc_ids),
        cmocka_unit_test(test_scattered_lists),
        cmocka_unit_test(test_several_files),
        cmocka_unit_test(test_qids_that_begin_alike),
        cmocka_unit_test(test_many_lists),
        cmocka_unit_test(test_group_files),
        cmocka_unit_test(test_bad_group_files),
        cmocka_unit_test(test_gzip),
        cmocka_unit_test(test_gzip_of_many_chunks),
        cmocka_unit_test(test_reading_in_pieces),
        cmocka_unit_test(test_threads_change_nothing),
        cmocka_unit_test(test_the_first_error_is_told),
        cmocka_unit_test(test_reading_that_fails_late),
        cmocka_unit_test(test_memory_that_fails),
        cmocka_unit_test(test_cancelled),
        cmocka_unit_test(test_precision),
        cmocka_unit_test(test_precision_of_many_chunks),
        cmocka_unit_test(test_precision_in_any_order),
        cmocka_unit_test(test_real_files),
    };
    return cmocka_run_group_tests(tests, setup, teardown) != 0;
}
