/* import.c: SVMlight / LETOR text:  [label] [qid:ID] index:value ... [# comment]
 *
 * The one idea: chunks of a file are parsed beside each other and joined in their order, so that
 * rows, lists and errors are those of reading line by line: what is found wrong first in the file
 * is told, whatever was found first in time.
 */
#include "data/text/import.h"

#include "base/file.h"
#include "base/pool.h"
#include "data/builder/builder.h"
#include "data/builder/precision.h"
#include "data/text/comments.h"
#include "data/text/side_files.h"

#include <string.h>
#include <sys/stat.h>

#define LARGEST_INDEX (((int64_t)1 << 31) - 2)

/* ---- Chunks ---------------------------------------------------------------------------------- */

enum { CHUNKS_A_WORKER = 4 };

/* One split being read. */
struct reader {
    rg_context *ctx;
    const rg_dataset_options *options;
    struct rg__text_form form;
    struct rg__gather *gather;
    struct rg__place place; /* of the last line that was joined */
    /* Of the split's first row without [0] and with [1] a qid or a label. */
    struct rg__place first_qid[2], first_label[2];
    struct rg__side_files side_files;
    struct rg__precision *precision; /* (workers); NULL: not looked at */
    struct rg__place *places;        /* (n_chunks) where each chunk that was joined begins */
    int64_t n_chunks, places_room;
};

/* Chunks of one file that are parsed together, while the next are read. */
struct batch {
    struct reader *reader;
    struct rg__lines lines;
    struct rg__chunk *chunks;      /* (most) */
    struct rg__comments *comments; /* (most) those of each chunk */
    int n, most;
};

/* Notes a row with or without `what`, a qid or a label: all rows of a split have it, or none. */
static rg_status check_alike(struct reader *r, struct rg__place first[2], const char *what,
                             struct rg__place place, bool has)
{
    const struct rg__place *other = &first[!has];
    if (!first[has].line)
        first[has] = place;
    if (!other->line)
        return RG_OK;
    return rg__fail(
        r->ctx, RG_BAD_DATA,
        "%s:%lld: found a row with%s %s, but %s:%lld is one with%s; expected all rows of a "
        "split to have one, or none",
        place.file, (long long)place.line, has ? "" : "out", what, other->file,
        (long long)other->line, has ? "out" : "");
}

/* Joins the rows of a chunk to those before it. */
static rg_status join(struct reader *r, struct rg__chunk *chunk)
{
    int64_t first_row = r->gather->n_rows;
    if (!RG__ROOM(r->ctx, r, places, r->n_chunks + 1))
        return RG_LIMIT;
    r->places[r->n_chunks++] = r->place;
    for (int64_t i = 0; i < chunk->n_runs; i++) {
        struct rg__run *run = &chunk->runs[i];
        struct rg__place place = {r->place.file, r->place.line + run->line};
        bool has_qid = run->qid != NULL;
        rg_status status = check_alike(r, r->first_label, "a label", place, run->has_labels);
        if (status == RG_OK)
            status = check_alike(r, r->first_qid, "qid", place, has_qid);
        r->gather->has_labels = run->has_labels;
        if (status == RG_OK && has_qid)
            status = rg__gather_run(r->gather, run, first_row + run->first_row, place,
                                    r->options->regroup);
        if (status != RG_OK)
            return status;
    }
    return rg__gather_place(r->gather, chunk);
}

/* Joins the chunks of a batch until one has failed. In a file whose rows begin at first_row. */
static rg_status join_all(struct batch *b, int64_t first_row)
{
    struct reader *r = b->reader;
    rg_status status = rg__gather_room(r->gather, b->chunks, b->n);
    for (int i = 0; i < b->n && status == RG_OK; i++) {
        struct rg__chunk *chunk = &b->chunks[i];
        rg_status parsed = chunk->status;
        status = join(r, chunk);
        if (status == RG_OK && parsed == RG_BAD_DATA) /* again, for a sentence with its place */
            parsed = rg__chunk_parse(r->ctx, &r->form, r->place, r->gather->n_rows == first_row,
                                     NULL, chunk);
        if (status == RG_OK)
            status = parsed;
        r->place.line += chunk->n_lines;
    }
    return status;
}

/* Task 0 reads the next chunks, task i + 1 parses chunk i. */
static rg_status read_or_parse(rg_context *ctx, void *user, int worker, int64_t i)
{
    struct batch *b = user;
    const struct reader *r = b->reader;
    const struct rg__place nowhere = {r->place.file, 0};
    if (i > 0) {
        rg__count_comments(&b->chunks[i - 1].piece, &b->comments[i - 1]);
        return rg__chunk_parse(ctx, &r->form, nowhere, false,
                               r->precision ? &r->precision[worker] : NULL, &b->chunks[i - 1]);
    }
    rg__lines_read(ctx, &b->lines);
    return RG_OK;
}

static rg_status copy(rg_context *ctx, void *user, int worker, int64_t i)
{
    (void)ctx, (void)worker;
    const struct batch *b = user;
    rg__gather_copy(b->reader->gather, &b->chunks[i]);
    return RG_OK;
}

/* The rows of a file, which begin at first_row. */
static rg_status read_rows(struct batch *b, struct rg__pool *pool, int64_t first_row)
{
    rg_status status = RG_OK;
    while (status == RG_OK && !rg__lines_done(&b->lines)) {
        status = rg__lines_turn(&b->lines);
        for (b->n = 0; b->n < b->most; b->n++) {
            if (!rg__lines_cut(&b->lines, &b->chunks[b->n].piece))
                break;
            b->chunks[b->n].status = RG_INTERNAL; /* until it is parsed */
            b->chunks[b->n].number = b->reader->n_chunks + b->n;
        }
        if (status != RG_OK)
            break;
        rg_status parsed = rg__pool_run(pool, b->n + 1, read_or_parse, b);
        status = join_all(b, first_row);
        if (status == RG_OK)
            status = parsed;
        if (status == RG_OK)
            status = rg__pool_run(pool, b->n, copy, b);
    }
    return status;
}

/* Comments of a file that are not used. */
static void list_comments(const struct batch *b)
{
    struct rg__listing *unused = &b->reader->side_files.found->unused;
    struct rg__comments sum = {0};
    for (int i = 0; i < b->most; i++) {
        sum.n_lines += b->comments[i].n_lines;
        sum.n_rows += b->comments[i].n_rows;
    }
    if (sum.n_lines > 0)
        rg__listing_add(unused, "%lld comment line%s of %s", (long long)sum.n_lines,
                        sum.n_lines == 1 ? "" : "s", b->reader->place.file);
    if (sum.n_rows > 0)
        rg__listing_add(unused, "words behind the document id in %lld row%s of %s",
                        (long long)sum.n_rows, sum.n_rows == 1 ? "" : "s", b->reader->place.file);
}

/* Reads the rows of a file into the gatherer. */
static rg_status gather_file(struct reader *r, const char *path, int64_t first_row)
{
    struct rg__pool *pool = rg__pool(r->ctx);
    struct batch batch = {.reader = r};
    if (!pool)
        return RG_LIMIT;
    batch.most = CHUNKS_A_WORKER * rg__pool_size(pool);
    batch.chunks = rg__alloc(r->ctx, batch.most, sizeof *batch.chunks, "chunks of text");
    batch.comments = rg__alloc(r->ctx, batch.most, sizeof *batch.comments, "chunks of text");
    if (!batch.chunks || !batch.comments) {
        rg__free(r->ctx, batch.chunks);
        rg__free(r->ctx, batch.comments);
        return RG_LIMIT;
    }
    r->place = (struct rg__place){rg__stream_name(path), 0};
    rg_status status = rg__lines_open(r->ctx, path, batch.most, &batch.lines);
    if (status == RG_OK) {
        status = read_rows(&batch, pool, first_row);
        rg__lines_close(&batch.lines);
    }
    list_comments(&batch);
    for (int i = 0; i < batch.most; i++)
        rg__chunk_free(r->ctx, &batch.chunks[i]);
    rg__free(r->ctx, batch.chunks);
    rg__free(r->ctx, batch.comments);
    return status;
}

/* ---- Files ----------------------------------------------------------------------------------- */

static rg_status read_file(struct reader *r, const char *path)
{
    int64_t first_row = r->gather->n_rows, first_list = r->gather->n_lists;
    rg_status status = gather_file(r, path, first_row);
    if (status != RG_OK)
        return status;
    if (r->gather->n_rows == first_row)
        return rg__fail(r->ctx, RG_BAD_DATA, "%s: no rows; expected lines " RG__LINE_FORMAT,
                        r->place.file);
    rg__gather_end_list(r->gather);
    return rg__side_files_read(&r->side_files, path, first_row, first_list,
                               r->first_qid[1].line > 0);
}

/* ---- Splits ---------------------------------------------------------------------------------- */

static struct reader reader_of(rg_context *ctx, const rg_dataset_options *options,
                               struct rg__gather *gather, struct rg__found *found)
{
    struct reader r = {.ctx = ctx, .options = options, .gather = gather};
    r.side_files =
        (struct rg__side_files){.ctx = ctx, .options = options, .gather = gather, .found = found};
    bool told = options->n_features > 0;
    r.form.first_index = !options->zero_based;
    r.form.last_index = told ? options->n_features - 1 + r.form.first_index : LARGEST_INDEX;
    r.form.told = told;
    r.form.f32 = options->dtype == RG_TEXT_F32;
    return r;
}

/* Reads the sources of one split, in order. */
static rg_status read_files(struct reader *r, const rg_text_source *sources, int n_sources,
                            const char *split)
{
    rg_status status = RG_OK;
    for (int i = 0; i < n_sources && status == RG_OK; i++)
        if (strcmp(sources[i].split, split) == 0)
            status = read_file(r, sources[i].path);
    if (r->side_files.lists_missing)
        r->gather->n_lists = r->gather->n_runs = 0;
    return status;
}

/* Finds what f32 loses of the values that were read, and reports it. */
static rg_status report_loss(struct reader *r, int n_workers, struct rg__loss *loss)
{
    struct rg__precision all = {.n_spans = 0};
    bool merged = true;
    for (int i = 0; i < n_workers && merged; i++)
        merged = rg__precision_merge(r->ctx, &all, &r->precision[i]);
    *loss = rg__precision_loss(&all, r->gather->n_rows);
    rg__precision_free(r->ctx, &all);
    if (!merged || !loss->found)
        return merged ? RG_OK : RG_LIMIT;
    const struct rg__place *place = &r->places[loss->place >> RG__CHUNK_LINE_BITS];
    long long line = (long long)place->line + (loss->place & ((1 << RG__CHUNK_LINE_BITS) - 1));
    bool kept = r->options->dtype == RG_TEXT_AUTO;
    rg__log(r->ctx, kept ? RG_LOG_INFO : RG_LOG_WARNING, "%s:%lld: feature %lld %s; %s",
            place->file, line, (long long)(loss->column + r->form.first_index),
            rg__loss_text(loss).text,
            kept ? "features are kept in f64" : "this is lost, as f32 is asked for");
    return RG_OK;
}

/* Reads a split into the gatherer. *loss gets what f32 loses of it; NULL: not looked for. */
static rg_status read_once(struct reader *r, const rg_text_source *sources, int n_sources,
                           const char *split, struct rg__loss *loss)
{
    struct rg__pool *pool = rg__pool(r->ctx);
    int n_workers = pool ? rg__pool_size(pool) : 0;
    if (loss && pool)
        r->precision = rg__alloc(r->ctx, n_workers, sizeof *r->precision, "the spans of columns");
    rg_status status = pool && (r->precision || !loss) ? RG_OK : RG_LIMIT;
    if (status == RG_OK)
        status = read_files(r, sources, n_sources, split);
    if (status == RG_OK && loss)
        status = report_loss(r, n_workers, loss);
    for (int i = 0; i < n_workers && r->precision; i++)
        rg__precision_free(r->ctx, &r->precision[i]);
    rg__free(r->ctx, r->precision);
    rg__free(r->ctx, r->places);
    return status;
}

/* Whether all sources of a split are regular files, which can be read twice. */
static rg_status are_files(rg_context *ctx, const rg_text_source *sources, int n_sources,
                           const char *split, bool *files)
{
    rg_status status = RG_OK;
    *files = true;
    for (int i = 0; i < n_sources && status == RG_OK; i++) {
        struct stat st;
        bool there = false, is_input = strcmp(sources[i].path, "-") == 0;
        if (strcmp(sources[i].split, split) != 0)
            continue;
        if (!is_input)
            status = rg__stat_path(ctx, sources[i].path, &there, &st);
        *files &= there && S_ISREG(st.st_mode);
    }
    return status;
}

/* Reads a split: in f32 at first, where it can be read again in f64 if need be. *file is one of its
 * files, for messages. */
static rg_status read_split(rg_context *ctx, const rg_text_source *sources, int n_sources,
                            const rg_dataset_options *options, const char *split,
                            struct rg__gather *gather, struct rg__found *found, const char **file)
{
    const struct rg__found found_before = *found;
    bool is_auto = options->dtype == RG_TEXT_AUTO, wide = options->dtype == RG_TEXT_F64, files;
    struct rg__loss loss = {.found = false};
    rg_status status = are_files(ctx, sources, n_sources, split, &files);
    if (status != RG_OK)
        return status;
    gather->rows.dtype = wide || (is_auto && !files) ? RG_F64 : RG_F32;
    struct reader reader = reader_of(ctx, options, gather, found);
    status = read_once(&reader, sources, n_sources, split, wide ? NULL : &loss);
    *file = reader.place.file;
    wide |= is_auto && loss.found;
    if (status == RG_OK && wide && gather->rows.dtype == RG_F32) {
        *found = found_before;
        rg__gather_restart(gather, RG_F64);
        reader = reader_of(ctx, options, gather, found);
        status = read_once(&reader, sources, n_sources, split, NULL);
    }
    gather->dtype = wide ? RG_F64 : RG_F32;
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
    if (options->memory_limit < 0 || (options->memory_limit > 0 && !options->spool_path))
        return rg__fail(ctx, RG_USAGE,
                        "memory limit %lld: expected 0, or more and a spool_path, beside which "
                        "rows can be spooled",
                        (long long)options->memory_limit);
    if (!rg_text_dtype_name(options->dtype))
        return rg__fail(ctx, RG_USAGE, "dtype of text: %d is none of rg_text_dtype",
                        (int)options->dtype);
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

/* A split that is given more features than the largest index in it has columns of zeros, which is
 * reported; where that is most of them, these are hardly the same features. */
static rg_status check_absent(rg_context *ctx, const struct rg__gather *g, int64_t n_features,
                              const char *file, const rg_dataset_options *options)
{
    int64_t first = g->n_columns + !options->zero_based;
    int64_t last = n_features - options->zero_based;
    if (g->n_columns >= n_features)
        return RG_OK;
    if (g->n_columns < n_features - g->n_columns && !options->allow_absent)
        return rg__fail(ctx, RG_BAD_DATA,
                        "%s: features %lld to %lld never occur, which is most of the %lld that are "
                        "expected; if they are all 0, --features %lld says so",
                        file, (long long)first, (long long)last, (long long)n_features,
                        (long long)n_features);
    if (first == last)
        rg__log(ctx, RG_LOG_INFO, "%s: feature %lld never occurs and is read as 0", file,
                (long long)last);
    else
        rg__log(ctx, RG_LOG_INFO, "%s: features %lld to %lld never occur and are read as 0", file,
                (long long)first, (long long)last);
    return RG_OK;
}

/* All splits have as many features as the widest. `files` has a file of each, for messages. */
static rg_status finish(struct rg__gather *gathers, int n, const char *const *files,
                        const rg_dataset_options *options, rg_dataset *dataset)
{
    int64_t n_features = options->n_features;
    for (int i = 0; i < n; i++)
        if (gathers[i].n_columns > n_features)
            n_features = gathers[i].n_columns;
    if (n_features == 0)
        return rg__fail(dataset->ctx, RG_BAD_DATA,
                        "%s: no row has a feature, expected lines " RG__LINE_FORMAT, files[0]);
    for (int i = 0; i < n; i++) {
        rg_status status = check_absent(dataset->ctx, &gathers[i], n_features, files[i], options);
        if (status != RG_OK)
            return status;
    }
    return rg__settle(gathers, n, n_features, options->sparse, dataset);
}

static rg_status read_sources(rg_context *ctx, const rg_text_source *sources, int n_sources,
                              const rg_dataset_options *options, rg_dataset *dataset)
{
    struct rg__bound bound = {.limit = options->memory_limit, .path = options->spool_path};
    struct rg__gather gathers[RG__MAX_SPLITS];
    struct rg__found found = {.used = {.n = 0}};
    const char *files[RG__MAX_SPLITS];
    int n = 0;
    rg_status status = check_request(ctx, sources, n_sources, options);
    for (int i = -1; i < RG__MAX_SPLITS && status == RG_OK; i++) {
        const char *name = i < 0 ? "" : rg__split_names[i];
        if (!has_split(sources, n_sources, name))
            continue;
        gathers[n] = (struct rg__gather){.ctx = ctx, .bound = &bound};
        dataset->splits[n] = (rg_split){.name = name};
        status = read_split(ctx, sources, n_sources, options, name, &gathers[n], &found, &files[n]);
        n++;
    }
    if (status == RG_OK)
        status = finish(gathers, n, files, options, dataset);
    if (status == RG_OK && found.used.n > 0)
        rg__log(ctx, RG_LOG_INFO, "also read: %s", rg__listing_end(&found.used));
    if (status == RG_OK && found.unused.n > 0)
        rg__log(ctx, RG_LOG_INFO, "found but not used: %s", rg__listing_end(&found.unused));
    for (int i = 0; i < n; i++)
        rg__gather_free(&gathers[i]);
    rg__bound_free(ctx, &bound);
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
    rg_status status = rg__require(ctx, "rg_dataset_import", "sources", sources, "out", out, NULL);
    for (int i = 0; i < n_sources && status == RG_OK; i++)
        status = rg__require(ctx, "rg_dataset_import", "sources[i].path", sources[i].path,
                             "sources[i].split", sources[i].split, NULL);
    if (status != RG_OK)
        return status;
    *out = NULL;
    rg_dataset *dataset = rg__dataset_new(ctx, n_sources > 0 ? sources[0].path : "");
    if (!dataset)
        return RG_LIMIT;
    status = read_sources(ctx, sources, n_sources, &o, dataset);
    if (status != RG_OK) {
        rg_dataset_close(dataset);
        return status;
    }
    *out = dataset;
    return RG_OK;
}
