/* text.c: SVMlight / LETOR text:  label [qid:ID] index:value ... [# comment]
 *
 * The one idea: a line is parsed where it lies in the input buffer, by a pointer that only moves
 * forward; every line ends in '\n', which belongs to no token, so that nothing asks how much is
 * left. What a line is wrong about is found out only when it is wrong.
 */
#include "data/text.h"

#include "base/file.h"
#include "data/gather.h"
#include "data/number.h"
#include "data/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CHUNK = 1 << 18,           /* bytes read at once */
    LINES_BETWEEN_LOOKS = 4096 /* at the caller's cancel flag */
};

#define LARGEST_INDEX (((int64_t)1 << 31) - 2)
#define LINE_FORMAT   "\"label [qid:ID] index:value ... [# comment]\""

/* ---- Lines ----------------------------------------------------------------------------------- */

struct lines {
    struct rg__stream stream;
    char *buffer;
    int64_t room, begin, end; /* buffer[begin .. end) is read and not yet handed out */
    bool at_end;
    struct rg__place place; /* of the line handed out last */
};

static rg_status fail_binary(struct lines *l, const char *nul)
{
    static const char hdf5[] = "\x89HDF\r\n\x1a\n";
    int64_t line = l->place.line + 1;
    if (line == 1 && nul - (l->buffer + l->begin) >= 8 &&
        memcmp(l->buffer + l->begin, hdf5, 8) == 0)
        return rg__fail(l->stream.ctx, RG_BAD_DATA,
                        "%s: is HDF5 behind a pipe or gzip, where only text can be read; give the "
                        "HDF5 file itself",
                        l->place.file);
    for (const char *at = l->buffer + l->begin; at < nul; at++)
        line += *at == '\n';
    return rg__fail(l->stream.ctx, RG_BAD_DATA,
                    "%s:%lld: found a NUL byte, so this is no text; expected an HDF5 data set or "
                    "lines " LINE_FORMAT,
                    l->place.file, (long long)line);
}

static rg_status lines_open(rg_context *ctx, const char *path, struct lines *l)
{
    *l = (struct lines){.place = {rg__stream_name(path), 0}};
    return rg__stream_open(ctx, path, &l->stream);
}

static void lines_close(struct lines *l)
{
    rg_context *ctx = l->stream.ctx;
    rg__stream_close(&l->stream);
    rg__free(ctx, l->buffer);
}

/* Reads on behind what is there; what is there moves to the front. A last line without an end gets
 * one, for which a byte is kept. */
static rg_status fill(struct lines *l)
{
    size_t n;
    void *block = l->buffer;
    l->end -= l->begin;
    if (l->begin > 0) /* a long line that is still growing stays where it is */
        memmove(l->buffer, l->buffer + l->begin, (size_t)l->end);
    l->begin = 0;
    if (!rg__grow(l->stream.ctx, &block, &l->room, l->end + CHUNK + 1, 1, "a line of text"))
        return RG_LIMIT;
    l->buffer = block;
    rg_status status =
        rg__stream_read(&l->stream, l->buffer + l->end, (size_t)(l->room - l->end - 1), &n);
    if (status != RG_OK)
        return status;
    const char *nul = memchr(l->buffer + l->end, '\0', n);
    if (nul)
        return fail_binary(l, nul);
    l->end += (int64_t)n;
    l->at_end = n == 0;
    if (l->at_end && l->end > 0)
        l->buffer[l->end++] = '\n';
    return RG_OK;
}

/* The next line, up to and with its '\n'; NULL at the end, or on failure, which *status tells. */
static const char *next_line(struct lines *l, rg_status *status)
{
    int64_t searched = l->begin;
    *status = RG_OK;
    for (;;) {
        size_t rest = (size_t)(l->end - searched);
        char *end = rest > 0 ? memchr(l->buffer + searched, '\n', rest) : NULL;
        if (end) {
            const char *line = l->buffer + l->begin;
            l->begin = end + 1 - l->buffer;
            if (++l->place.line == 1 && strncmp(line, "\xEF\xBB\xBF", 3) == 0)
                line += 3; /* the byte order mark of UTF-8 */
            if (l->place.line % LINES_BETWEEN_LOOKS == 0)
                *status = rg__cancelled(l->stream.ctx);
            return *status == RG_OK ? line : NULL;
        }
        searched = l->end - l->begin;
        if (!l->at_end)
            *status = fill(l);
        else
            return NULL;
        if (*status != RG_OK)
            return NULL;
    }
}

/* ---- Tokens ---------------------------------------------------------------------------------- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

static bool is_digit(char c)
{
    return (unsigned)(c - '0') < 10u;
}

static const char *skip_blanks(const char *at)
{
    while (is_blank(*at))
        at++;
    return at;
}

/* The end of the word at `at`: the next blank or the line's end. */
static const char *word_end(const char *at)
{
    while (*at != '\n' && !is_blank(*at))
        at++;
    return at;
}

/* Whether a number may end here: at a blank, a comment, the line's end. */
static bool is_end(char c)
{
    return c == ' ' || c == '\n' || c == '#' || is_blank(c);
}

/* A word, quoted for a message: printable ASCII, shortened. */
enum { QUOTED = 48 };

static const char *quote(const char *word, char text[QUOTED])
{
    const char *end = word_end(word);
    if (end == word)
        return "the end of the line";
    bool whole = end - word <= QUOTED - 6;
    int n = whole ? (int)(end - word) : QUOTED - 6, k = 0;
    text[k++] = '"';
    for (int i = 0; i < n; i++)
        text[k++] = word[i] >= ' ' && word[i] <= '~' ? word[i] : '?';
    snprintf(text + k, (size_t)(QUOTED - k), "%s", whole ? "\"" : "...\"");
    return text;
}

/* ---- Rows ------------------------------------------------------------------------------------ */

/* One split being read. */
struct reader {
    rg_context *ctx;
    const rg_dataset_options *options;
    struct rg__gather gather;
    struct rg__place place;          /* of the line being parsed */
    struct rg__place first[2];       /* of the split's first row without [0] and with [1] a qid */
    bool lists_missing;              /* a file had neither qid nor list sizes */
    int64_t first_index, last_index; /* that a feature may have */
    struct rg__entry *entries;       /* of the line being parsed */
    int64_t n_entries, room;
    bool ascending;
};

static rg_status fail_word(struct reader *r, const char *word, const char *expected)
{
    char text[QUOTED];
    return rg__fail(r->ctx, RG_BAD_DATA, "%s:%lld: found %s, expected %s", r->place.file,
                    (long long)r->place.line, quote(word, text), expected);
}

/* What is wrong with the index of the feature at `word`. Always NULL. */
static const char *fail_index(struct reader *r, const char *word)
{
    char most[64];
    const char *digits = word, *expected = most;
    while (is_digit(*digits))
        digits++;
    snprintf(most, sizeof most, "an index of at most %lld%s", (long long)r->last_index,
             r->options->n_features > 0 ? " (--features)" : "");
    bool has_index = digits > word && *digits == ':';
    long long index = has_index ? strtoll(word, NULL, 10) : 0; /* digits mean the same anywhere */
    if (strncmp(word, "qid:", 4) == 0)
        expected = "index:value; qid:ID stands once, right behind the label";
    else if (!has_index)
        expected = "index:value, an index being a whole number";
    else if (index < r->first_index)
        expected = "an index of at least 1; --zero-based if the first column has index 0";
    fail_word(r, word, expected);
    return NULL;
}

/* What is wrong with the value of feature `index` at `word`; `value` is what was read, NULL for
 * nothing. Always NULL. */
static const char *fail_value(struct reader *r, int64_t index, const char *word,
                              const double *value)
{
    char text[QUOTED];
    rg__fail(r->ctx, RG_BAD_DATA, "%s:%lld: feature %lld: found %s, expected %s", r->place.file,
             (long long)r->place.line, (long long)index, quote(word, text),
             !value          ? "a decimal number"
             : isinf(*value) ? "a finite number, or nan where it is missing"
                             : "a number that 32-bit floats hold, below 3.4e38 in magnitude");
    return NULL;
}

/* Some rows have a qid and some have none. Always NULL. */
static const char *fail_mixed(struct reader *r, bool has_qid)
{
    const struct rg__place *other = &r->first[!has_qid];
    rg__fail(r->ctx, RG_BAD_DATA,
             "%s:%lld: found a row with%s qid, but %s:%lld is one with%s; expected all rows of a "
             "split to have one, or none",
             r->place.file, (long long)r->place.line, has_qid ? "" : "out", other->file,
             (long long)other->line, has_qid ? "out" : "");
    return NULL;
}

/* "index:value" at `at`; its end, or NULL: error recorded. */
static const char *read_feature(struct reader *r, const char *at)
{
    int64_t index = 0;
    const char *p = at;
    for (; is_digit(*p) && index <= LARGEST_INDEX; p++)
        index = 10 * index + (*p - '0');
    if (p == at || *p != ':' || index < r->first_index || index > r->last_index)
        return fail_index(r, at);
    const char *word = p + 1;
    double value;
    p = rg__read_number(word, &value);
    if (!p || !is_end(*p))
        return fail_value(r, index, word, NULL);
    float rounded = (float)value;
    if (isinf(rounded))
        return fail_value(r, index, word, &value);
    if (r->n_entries == r->room) {
        void *block = r->entries;
        if (!rg__grow(r->ctx, &block, &r->room, r->room + 1, sizeof *r->entries, "a row of text"))
            return NULL;
        r->entries = block;
    }
    struct rg__entry *entry = &r->entries[r->n_entries++];
    *entry = (struct rg__entry){(int32_t)(index - r->first_index), rounded};
    r->ascending &= r->n_entries == 1 || entry[-1].column < entry->column;
    return p;
}

static int by_column(const void *a, const void *b)
{
    int32_t x = ((const struct rg__entry *)a)->column, y = ((const struct rg__entry *)b)->column;
    return (x > y) - (x < y);
}

static rg_status sort_row(struct reader *r)
{
    qsort(r->entries, (size_t)r->n_entries, sizeof *r->entries, by_column);
    for (int64_t i = 1; i < r->n_entries; i++)
        if (r->entries[i].column == r->entries[i - 1].column)
            return rg__fail(r->ctx, RG_BAD_DATA,
                            "%s:%lld: feature index %lld is there twice, expected each once a row",
                            r->place.file, (long long)r->place.line,
                            (long long)(r->entries[i].column + r->first_index));
    return RG_OK;
}

/* The doc id in a comment, which starts behind its '#': the word behind "docid =", else the first
 * word; NULL when there is none. *n gets its length. */
static const char *find_doc_id(const char *comment, size_t *n)
{
    const char *word = skip_blanks(comment);
    for (const char *at = word; *at != '\n'; at++) {
        if (*at != 'd' || strncmp(at, "docid", 5) != 0)
            continue;
        const char *equals = skip_blanks(at + 5);
        if (*equals != '=')
            continue;
        word = skip_blanks(equals + 1);
        break;
    }
    *n = (size_t)(word_end(word) - word);
    return *n > 0 ? word : NULL;
}

/* The qid token at `at`, if there is one: into its list. Its end; NULL: error recorded. */
static const char *read_qid(struct reader *r, const char *at)
{
    bool has_qid = strncmp(at, "qid:", 4) == 0;
    if (r->first[!has_qid].line)
        return fail_mixed(r, has_qid);
    if (!r->first[has_qid].line)
        r->first[has_qid] = r->place;
    if (!has_qid)
        return at;
    const char *id = at + 4, *end = word_end(id);
    rg_status status =
        end > id ? rg__gather_qid(&r->gather, id, (size_t)(end - id), r->place, r->options->regroup)
                 : fail_word(r, at, "qid:ID, the ID being any word");
    return status == RG_OK ? end : NULL;
}

/* The label at `at`; its end, or NULL: error recorded. */
static const char *read_label(struct reader *r, const char *at, bool first_row, double *label)
{
    const char *end = rg__read_number(at, label);
    if (end && is_end(*end) && isfinite(*label))
        return end;
    fail_word(r, at,
              end && is_end(*end) ? "a finite label"
              : first_row ? "a label; this is neither an HDF5 data set nor lines " LINE_FORMAT
                          : "a label, a decimal number");
    return NULL;
}

/* One line; blank ones and comments are no rows. */
static rg_status read_line(struct reader *r, const char *at, bool first_row)
{
    double label;
    at = skip_blanks(at);
    if (*at == '\n' || *at == '#')
        return RG_OK;
    r->n_entries = 0;
    r->ascending = true;
    at = read_label(r, at, first_row, &label);
    if (at)
        at = read_qid(r, skip_blanks(at));
    while (at && *(at = skip_blanks(at)) != '\n' && *at != '#')
        at = read_feature(r, at);
    if (!at || (!r->ascending && sort_row(r) != RG_OK))
        return rg_last_status(r->ctx);
    size_t n = 0;
    const char *doc_id = *at == '#' ? find_doc_id(at + 1, &n) : NULL;
    return rg__gather_row(&r->gather, label, r->entries, r->n_entries, doc_id, n);
}

/* ---- Files ----------------------------------------------------------------------------------- */

/* A line of a group file, one whole number; its end, or NULL. */
static const char *read_size(const char *at, int64_t *size)
{
    const char *first = at;
    for (*size = 0; is_digit(*at) && *size < INT64_MAX / 100; at++)
        *size = 10 * *size + (*at - '0');
    return at > first && *skip_blanks(at) == '\n' ? at : NULL;
}

/* Lists of the rows from first_row on, whose sizes stand in a file, one a line. */
static rg_status read_group_file(struct reader *r, const char *path, int64_t first_row)
{
    struct lines lines;
    int64_t expected = r->gather.rows.n_rows - first_row, n_rows = 0, n_lists = 0, size;
    const struct rg__place text = r->place;
    const char *line;
    rg_status status = lines_open(r->ctx, path, &lines);
    if (status != RG_OK)
        return status;
    while ((line = next_line(&lines, &status))) {
        line = skip_blanks(line);
        if (*line == '\n')
            continue;
        r->place = lines.place;
        if (!read_size(line, &size))
            status = fail_word(r, line, "the number of rows of a list");
        else if (n_rows <= expected && size <= expected) /* beyond, only the sum matters */
            status = rg__gather_list(&r->gather, first_row + n_rows, size);
        if (status != RG_OK)
            break;
        n_lists++;
        n_rows = n_rows > INT64_MAX - size ? INT64_MAX : n_rows + size;
    }
    r->place = text;
    lines_close(&lines);
    if (status == RG_OK && n_rows != expected)
        return rg__fail(
            r->ctx, RG_BAD_DATA,
            "%s: its %lld lists hold %lld rows, but %s has %lld; expected equal numbers", path,
            (long long)n_lists, (long long)n_rows, text.file, (long long)expected);
    return status;
}

static bool exists(rg_context *ctx, const char *path)
{
    int fd = ctx->files->open(path, O_RDONLY, 0);
    bool absent = fd < 0 && (errno == ENOENT || errno == ENOTDIR);
    rg__close_input(ctx, fd);
    return !absent;
}

/* The group file of a text file: the one told, or PATH.query, or PATH.group; NULL when there is
 * none, or no memory (*status). `buffer` holds the name and is the caller's to free. */
static const char *find_group_file(struct reader *r, const char *path, char **buffer,
                                   rg_status *status)
{
    static const char *const endings[] = {RG__GROUP_ENDINGS};
    *status = RG_OK;
    if (r->options->group_path)
        return r->options->group_path;
    if (strcmp(path, "-") == 0)
        return NULL;
    size_t room = strlen(path) + sizeof ".query";
    *buffer = rg__alloc(r->ctx, (int64_t)room, 1, "a file name");
    *status = *buffer ? RG_OK : RG_LIMIT;
    for (int i = 0; *buffer && i < RG__COUNT(endings); i++) {
        snprintf(*buffer, room, "%s%s", path, endings[i]);
        if (exists(r->ctx, *buffer))
            return *buffer;
    }
    return NULL;
}

/* The lists of a file without qid, whose rows begin at first_row. */
static rg_status read_groups(struct reader *r, const char *path, int64_t first_row)
{
    char *buffer = NULL;
    rg_status status;
    const char *group_path = find_group_file(r, path, &buffer, &status);
    if (group_path)
        status = read_group_file(r, group_path, first_row);
    else if (status == RG_OK && r->options->needs_lists)
        status = rg__fail(r->ctx, RG_BAD_DATA,
                          "%s: found no qid, expected qid:ID behind each label, or the sizes of "
                          "the lists by --group FILE or in %s.query",
                          r->place.file, strcmp(path, "-") == 0 ? "X" : path);
    r->lists_missing |= !group_path;
    rg__free(r->ctx, buffer);
    return status;
}

static rg_status read_file(struct reader *r, const char *path)
{
    struct lines lines;
    const char *line;
    int64_t first_row = r->gather.rows.n_rows;
    rg_status status = lines_open(r->ctx, path, &lines);
    if (status != RG_OK)
        return status;
    while (status == RG_OK && (line = next_line(&lines, &status))) {
        r->place = lines.place;
        status = read_line(r, line, r->gather.rows.n_rows == first_row);
    }
    lines_close(&lines);
    if (status != RG_OK)
        return status;
    r->place.file = rg__stream_name(path);
    if (r->gather.rows.n_rows == first_row)
        return rg__fail(r->ctx, RG_BAD_DATA, "%s: no rows; expected lines " LINE_FORMAT,
                        r->place.file);
    rg__gather_end_list(&r->gather);
    if (!r->first[1].line)
        return read_groups(r, path, first_row);
    if (r->options->group_path)
        return rg__fail(r->ctx, RG_USAGE,
                        "%s has qid, so that --group %s contradicts it; leave one of them out",
                        r->place.file, r->options->group_path);
    return RG_OK;
}

/* ---- Splits ---------------------------------------------------------------------------------- */

static struct reader reader_of(rg_context *ctx, const rg_dataset_options *options)
{
    struct reader r = {.ctx = ctx, .options = options, .gather = {.ctx = ctx}};
    r.first_index = !options->zero_based;
    r.last_index =
        options->n_features > 0 ? options->n_features - 1 + r.first_index : LARGEST_INDEX;
    return r;
}

/* Reads the sources of one split, in order. */
static rg_status read_split(struct reader *r, const rg_text_source *sources, int n_sources,
                            const char *split)
{
    rg_status status = RG_OK;
    for (int i = 0; i < n_sources && status == RG_OK; i++)
        if (strcmp(sources[i].split, split) == 0)
            status = read_file(r, sources[i].path);
    if (r->lists_missing)
        r->gather.n_lists = r->gather.n_runs = 0;
    return status;
}

static bool has_split(const rg_text_source *sources, int n_sources, const char *split)
{
    for (int i = 0; i < n_sources; i++)
        if (strcmp(sources[i].split, split) == 0)
            return true;
    return false;
}

static rg_status check_request(rg_context *ctx, const rg_text_source *sources, int n_sources,
                               const rg_dataset_options *options)
{
    if (n_sources < 1)
        return rg__fail(ctx, RG_USAGE, "no text files given, expected at least one");
    if (options->n_features < 0 || options->n_features > LARGEST_INDEX)
        return rg__fail(ctx, RG_USAGE, "--features %lld: expected 0 to 2147483646",
                        (long long)options->n_features);
    if (options->group_path && n_sources > 1)
        return rg__fail(ctx, RG_USAGE,
                        "--group %s: holds the lists of one text file, but %d were given; name "
                        "each file's group file X.query beside the file X",
                        options->group_path, n_sources);
    bool only = has_split(sources, n_sources, "");
    for (int i = 0; i < n_sources; i++)
        if ((only && *sources[i].split) ||
            (!only && rg__find_name(rg__split_names, sources[i].split) < 0))
            return rg__fail(ctx, RG_USAGE,
                            "%s: found split \"%s\", expected train, vali or test, or \"\" for all "
                            "files",
                            sources[i].path, sources[i].split);
    return RG_OK;
}

/* All splits have as many features as the widest. */
static rg_status finish(struct reader *readers, const char *const *names, int n,
                        const rg_dataset_options *options, rg_dataset *dataset)
{
    int64_t n_features = options->n_features;
    for (int i = 0; i < n; i++)
        if (readers[i].gather.n_columns > n_features)
            n_features = readers[i].gather.n_columns;
    if (n_features == 0)
        return rg__fail(dataset->ctx, RG_BAD_DATA,
                        "%s: no row has a feature, expected lines " LINE_FORMAT,
                        readers[0].place.file);
    for (int i = 0; i < n; i++) {
        rg_split *split = &dataset->splits[i];
        *split = (rg_split){.name = names[i]};
        rg_status status = rg__gather_finish(&readers[i].gather, n_features, dataset, split);
        if (status != RG_OK)
            return status;
        dataset->n_splits = i + 1;
    }
    return RG_OK;
}

static rg_status read_sources(rg_context *ctx, const rg_text_source *sources, int n_sources,
                              const rg_dataset_options *options, rg_dataset *dataset)
{
    struct reader readers[RG__MAX_SPLITS];
    const char *names[RG__MAX_SPLITS];
    int n = 0;
    rg_status status = check_request(ctx, sources, n_sources, options);
    for (int i = -1; i < RG__MAX_SPLITS && status == RG_OK; i++) {
        const char *name = i < 0 ? "" : rg__split_names[i];
        if (!has_split(sources, n_sources, name))
            continue;
        readers[n] = reader_of(ctx, options);
        names[n] = name;
        status = read_split(&readers[n++], sources, n_sources, name);
    }
    if (status == RG_OK)
        status = finish(readers, names, n, options, dataset);
    for (int i = 0; i < n; i++) {
        rg__gather_free(&readers[i].gather);
        rg__free(ctx, readers[i].entries);
    }
    return status;
}

rg_status rg__text_open(rg_context *ctx, const char *path, const rg_dataset_options *options,
                        rg_dataset *dataset)
{
    rg_text_source source = {path, ""};
    return read_sources(ctx, &source, 1, options, dataset);
}

rg_status rg_dataset_import(rg_context *ctx, const rg_text_source *sources, int n_sources,
                            const rg_dataset_options *options, rg_dataset **out)
{
    rg_dataset_options o = options ? *options : rg_dataset_options_default();
    *out = NULL;
    rg_dataset *dataset = rg__dataset_new(ctx, n_sources > 0 ? sources[0].path : "");
    if (!dataset)
        return RG_LIMIT;
    rg_status status = read_sources(ctx, sources, n_sources, &o, dataset);
    if (status != RG_OK) {
        rg_dataset_close(dataset);
        return status;
    }
    *out = dataset;
    return RG_OK;
}
