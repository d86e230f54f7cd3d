/* import.c: text files to splits.
 *
 * Pieces of a file are parsed side by side and joined in their order, so that rows, lists and
 * errors are those of reading line by line: the error that is reported is the first in the file,
 * whichever was found first. */
#include "data/text/import.h"

#include "base/file.h"
#include "base/pool.h"
#include "data/builder/builder.h"
#include "data/text/side_files.h"

#include <string.h>
#include <sys/stat.h>

/* ---- Pieces ---------------------------------------------------------------------------------- */

enum { PIECES_PER_WORKER = 4 };

/* What is to be read, and what was found beside it. */
struct request {
    rg_context *ctx;
    const rg_data_source *sources; /* (n_sources) */
    int n_sources;
    const rg_dataset_options *options;
    const char *width_of;
    struct rg__found found;
};

/* One split being read. */
struct reader {
    rg_context *ctx;
    const rg_dataset_options *options;
    struct rg__text_form form;
    struct rg__builder *builder;
    struct rg__place place; /* of the last line that was joined */
    /* Of the split's first row without [0] and with [1] a qid or a label. */
    struct rg__place first_qid[2], first_label[2];
    struct rg__side_files side_files;
    struct rg__precision *precision; /* (workers); NULL: not looked at */
    struct rg__place *places;        /* (n_pieces) where each piece that was joined begins */
    int64_t n_pieces, places_room;
    int64_t n_comment_lines, n_comment_rows; /* of a file */
};

/* Pieces of one file that are parsed together, while the next are read. */
struct batch {
    struct reader *reader;
    struct rg__lines lines;
    struct rg__parsed *pieces; /* (most) */
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

/* Joins the rows of a piece to those before it. */
static rg_status join(struct reader *r, struct rg__parsed *piece)
{
    int64_t first_row = r->builder->n_rows;
    if (!RG__ROOM(r->ctx, r, places, r->n_pieces + 1))
        return RG_LIMIT;
    r->places[r->n_pieces++] = r->place;
    for (int64_t i = 0; i < piece->n_queries; i++) {
        struct rg__query_rows *query = &piece->queries[i];
        struct rg__place place = {r->place.file, r->place.line + query->line};
        bool has_qid = query->qid != NULL;
        rg_status status = check_alike(r, r->first_label, "a label", place, query->has_labels);
        if (status == RG_OK)
            status = check_alike(r, r->first_qid, "qid", place, has_qid);
        r->builder->has_labels = query->has_labels;
        if (status == RG_OK && has_qid)
            status = rg__builder_add_query(r->builder, query, first_row + query->first_row, place,
                                           r->options->regroup);
        if (status != RG_OK)
            return status;
    }
    return rg__builder_reserve(r->builder, piece);
}

/* Joins the pieces of a batch until one has failed. In a file whose rows begin at first_row. */
static rg_status join_all(struct batch *b, int64_t first_row)
{
    struct reader *r = b->reader;
    rg_status status = rg__builder_make_room(r->builder, b->pieces, b->n);
    for (int i = 0; i < b->n && status == RG_OK; i++) {
        struct rg__parsed *piece = &b->pieces[i];
        rg_status parsed = piece->status;
        status = join(r, piece);
        if (status == RG_OK &&
            parsed == RG_BAD_DATA) /* again, for an error message with its place */
            parsed =
                rg__parse(r->ctx, &r->form, r->place, r->builder->n_rows == first_row, NULL, piece);
        if (status == RG_OK)
            status = parsed;
        r->place.line += piece->n_lines;
        r->n_comment_lines += piece->n_comment_lines;
        r->n_comment_rows += piece->n_comment_rows;
    }
    return status;
}

/* Task 0 reads the next pieces, task i + 1 parses piece i. */
static rg_status read_or_parse(rg_context *ctx, void *user, int worker, int64_t i)
{
    struct batch *b = user;
    const struct reader *r = b->reader;
    const struct rg__place nowhere = {r->place.file, 0};
    if (i > 0)
        return rg__parse(ctx, &r->form, nowhere, false, r->precision ? &r->precision[worker] : NULL,
                         &b->pieces[i - 1]);
    rg__lines_read(ctx, &b->lines);
    return RG_OK;
}

static rg_status copy(rg_context *ctx, void *user, int worker, int64_t i)
{
    (void)ctx, (void)worker;
    const struct batch *b = user;
    rg__builder_copy(b->reader->builder, &b->pieces[i]);
    return RG_OK;
}

/* The rows of a file, which begin at first_row. */
static rg_status read_rows(struct batch *b, struct rg__pool *pool, int64_t first_row)
{
    rg_status status = RG_OK;
    while (status == RG_OK && !rg__lines_done(&b->lines)) {
        status = rg__lines_turn(&b->lines);
        for (b->n = 0; b->n < b->most; b->n++) {
            if (!rg__lines_cut(&b->lines, &b->pieces[b->n].piece))
                break;
            b->pieces[b->n].status = RG_INTERNAL; /* until it is parsed */
            b->pieces[b->n].number = b->reader->n_pieces + b->n;
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

/* Lists the comments of a file, which are not used. */
static void list_comments(const struct reader *r)
{
    struct rg__listing *unused = &r->side_files.found->unused;
    if (r->n_comment_lines > 0)
        rg__listing_add(unused, "%lld comment line%s of %s", (long long)r->n_comment_lines,
                        r->n_comment_lines == 1 ? "" : "s", r->place.file);
    if (r->n_comment_rows > 0)
        rg__listing_add(unused, "words after the document id in %lld row%s of %s",
                        (long long)r->n_comment_rows, r->n_comment_rows == 1 ? "" : "s",
                        r->place.file);
}

/* Chooses the format of the file that was opened, by its first line. */
static rg_status detect(struct reader *r, const struct rg__lines *lines)
{
    size_t n;
    const char *line = rg__lines_first(lines, &n);
    r->form.format = rg__detect_text(line, n);
    if (r->form.format->has_header) {
        r->form.header = rg__alloc(r->ctx, (int64_t)n + 1, 1, "the header of a text");
        if (!r->form.header)
            return RG_LIMIT;
        memcpy(r->form.header, line, n);
        r->form.header[n] = '\0';
    }
    return rg__check_format_options(r->ctx, r->form.format, r->place.file, r->options);
}

/* Reads the rows of a file into the builder. */
static rg_status add_file(struct reader *r, const char *path, int64_t first_row)
{
    struct rg__pool *pool = rg__pool(r->ctx);
    struct batch batch = {.reader = r};
    if (!pool)
        return RG_LIMIT;
    batch.most = PIECES_PER_WORKER * rg__pool_size(pool);
    batch.pieces = rg__alloc(r->ctx, batch.most, sizeof *batch.pieces, "pieces of text");
    if (!batch.pieces)
        return RG_LIMIT;
    r->place = (struct rg__place){rg__stream_name(path), 0};
    r->n_comment_lines = r->n_comment_rows = 0;
    rg_status status = rg__lines_open(r->ctx, path, batch.most, &batch.lines);
    if (status == RG_OK) {
        status = detect(r, &batch.lines);
        if (status == RG_OK)
            status = read_rows(&batch, pool, first_row);
        rg__lines_close(&batch.lines);
    }
    list_comments(r);
    for (int i = 0; i < batch.most; i++)
        rg__parsed_free(r->ctx, &batch.pieces[i]);
    rg__free(r->ctx, batch.pieces);
    rg__free(r->ctx, r->form.header);
    r->form.header = NULL;
    return status;
}

/* ---- Files ----------------------------------------------------------------------------------- */

static rg_status read_file(struct reader *r, const char *path)
{
    int64_t first_row = r->builder->n_rows, first_list = r->builder->n_lists;
    rg_status status = add_file(r, path, first_row);
    if (status != RG_OK)
        return status;
    if (r->builder->n_rows == first_row)
        return rg__fail(r->ctx, RG_BAD_DATA, "%s: no rows; expected lines \"%s\"", r->place.file,
                        r->form.format->component.formula);
    rg__builder_end_list(r->builder);
    return rg__side_files_read(&r->side_files, path, first_row, first_list,
                               r->first_qid[1].line > 0);
}

/* ---- Splits ---------------------------------------------------------------------------------- */

static struct reader reader_of(struct request *q, struct rg__builder *builder)
{
    const rg_dataset_options *o = q->options;
    struct reader r = {.ctx = q->ctx, .options = o, .builder = builder};
    r.side_files = (struct rg__side_files){
        .ctx = q->ctx, .options = o, .builder = builder, .found = &q->found};
    r.form.first_index = !o->zero_based;
    r.form.is_limited = o->n_features > 0;
    r.form.last_index =
        r.form.is_limited ? o->n_features - 1 + r.form.first_index : RG__LARGEST_INDEX;
    r.form.width_of = q->width_of;
    r.form.f32 = o->dtype == RG_TEXT_F32;
    return r;
}

/* Reads the sources of one split, in order. */
static rg_status read_files(struct reader *r, const struct request *q, const char *split)
{
    rg_status status = RG_OK;
    for (int i = 0; i < q->n_sources && status == RG_OK; i++)
        if (strcmp(q->sources[i].split, split) == 0)
            status = read_file(r, q->sources[i].path);
    if (r->side_files.lists_missing)
        r->builder->n_lists = r->builder->n_parts = 0;
    return status;
}

/* Finds what f32 loses of the values that were read, and reports it. */
static rg_status report_loss(struct reader *r, int n_workers, struct rg__loss *loss)
{
    struct rg__precision all = {.n_spans = 0};
    bool merged = true;
    for (int i = 0; i < n_workers && merged; i++)
        merged = rg__precision_merge(r->ctx, &all, &r->precision[i]);
    *loss = rg__precision_loss(&all, r->builder->n_rows);
    rg__precision_free(r->ctx, &all);
    if (!merged || !loss->found)
        return merged ? RG_OK : RG_LIMIT;
    const struct rg__place *place = &r->places[loss->place >> RG__LINE_BITS];
    long long line = (long long)place->line + (loss->place & ((1 << RG__LINE_BITS) - 1));
    bool kept = r->options->dtype == RG_TEXT_AUTO;
    rg__log(r->ctx, kept ? RG_LOG_INFO : RG_LOG_WARNING, "%s:%lld: feature %lld %s; %s",
            place->file, line, (long long)(loss->column + r->form.first_index),
            rg__loss_text(loss).text,
            kept ? "features are kept in f64" : "this is lost, as f32 is asked for");
    return RG_OK;
}

/* Reads a split into the builder. *loss gets what f32 loses of it; NULL: not looked for. */
static rg_status read_once(struct reader *r, const struct request *q, const char *split,
                           struct rg__loss *loss)
{
    struct rg__pool *pool = rg__pool(r->ctx);
    int n_workers = pool ? rg__pool_size(pool) : 0;
    if (loss && pool)
        r->precision = rg__alloc(r->ctx, n_workers, sizeof *r->precision, "the spans of columns");
    rg_status status = pool && (r->precision || !loss) ? RG_OK : RG_LIMIT;
    if (status == RG_OK)
        status = read_files(r, q, split);
    if (status == RG_OK && loss)
        status = report_loss(r, n_workers, loss);
    for (int i = 0; i < n_workers && r->precision; i++)
        rg__precision_free(r->ctx, &r->precision[i]);
    rg__free(r->ctx, r->precision);
    rg__free(r->ctx, r->places);
    return status;
}

/* Whether all sources of a split are regular files, which can be read twice. */
static rg_status are_files(const struct request *q, const char *split, bool *files)
{
    rg_status status = RG_OK;
    *files = true;
    for (int i = 0; i < q->n_sources && status == RG_OK; i++) {
        struct stat st;
        bool there = false, is_input = strcmp(q->sources[i].path, "-") == 0;
        if (strcmp(q->sources[i].split, split) != 0)
            continue;
        if (!is_input)
            status = rg__stat_path(q->ctx, q->sources[i].path, &there, &st);
        *files &= there && S_ISREG(st.st_mode);
    }
    return status;
}

/* A file that was read last and its format, for messages. */
struct last {
    const char *file;
    const struct rg__format *format;
};

/* Reads a split: in f32 at first, where it can be read again in f64 if need be. *last gets the last
 * of its files. */
static rg_status read_split(struct request *q, const char *split, struct rg__builder *builder,
                            struct last *last)
{
    const struct rg__found found_before = q->found;
    rg_text_dtype dtype = q->options->dtype;
    bool is_auto = dtype == RG_TEXT_AUTO, wide = dtype == RG_TEXT_F64, files;
    struct rg__loss loss = {.found = false};
    rg_status status = are_files(q, split, &files);
    if (status != RG_OK)
        return status;
    builder->rows.dtype = wide || (is_auto && !files) ? RG_F64 : RG_F32;
    struct reader reader = reader_of(q, builder);
    status = read_once(&reader, q, split, wide ? NULL : &loss);
    *last = (struct last){reader.place.file, reader.form.format};
    wide |= is_auto && loss.found;
    if (status == RG_OK && wide && builder->rows.dtype == RG_F32) {
        q->found = found_before;
        rg__builder_restart(builder, RG_F64);
        reader = reader_of(q, builder);
        status = read_once(&reader, q, split, NULL);
    }
    builder->dtype = wide ? RG_F64 : RG_F32;
    return status;
}

/* How many sources a split has; *path is the last one's. */
static int count_sources(const struct request *q, const char *split, const char **path)
{
    int n = 0;
    for (int i = 0; i < q->n_sources; i++)
        if (strcmp(q->sources[i].split, split) == 0) {
            *path = q->sources[i].path;
            n++;
        }
    return n;
}

/* A split that is given more features than the largest index in it has columns of zeros, which is
 * reported; where that is most of them, these are hardly the same features. */
static rg_status check_absent(rg_context *ctx, const struct rg__builder *g, int64_t n_features,
                              const char *file, const rg_dataset_options *options)
{
    int64_t first = g->n_columns + !options->zero_based;
    int64_t last = n_features - options->zero_based;
    if (g->n_columns >= n_features)
        return RG_OK;
    if (g->n_columns < n_features - g->n_columns && !options->allow_absent)
        return rg__fail(ctx, RG_BAD_DATA,
                        "%s: features %lld to %lld never occur, which is most of the %lld that are "
                        "expected; if they are all 0, `n_features` %lld says so",
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

/* All splits have as many features as the widest. `last` has the last file of each. */
static rg_status finish(struct rg__builder *builders, int n, const struct last *last,
                        const rg_dataset_options *options, rg_dataset *dataset)
{
    int64_t n_features = options->n_features;
    for (int i = 0; i < n; i++)
        if (builders[i].n_columns > n_features)
            n_features = builders[i].n_columns;
    if (n_features == 0)
        return rg__fail(dataset->ctx, RG_BAD_DATA,
                        "%s: no row has a feature; expected lines \"%s\"", last[0].file,
                        last[0].format->component.formula);
    dataset->format = last[0].format->component.name;
    for (int i = 0; i < n; i++) {
        rg_status status =
            check_absent(dataset->ctx, &builders[i], n_features, last[i].file, options);
        if (status != RG_OK)
            return status;
    }
    return rg__build_splits(builders, n, n_features, options->sparse, dataset);
}

rg_status rg__import_text(const rg_data_source *sources, int n_sources,
                          const rg_dataset_options *options, const char *width_of,
                          rg_dataset *dataset)
{
    rg_context *ctx = dataset->ctx;
    struct request q = {ctx, sources, n_sources, options, width_of, {.used = {.n = 0}}};
    struct rg__row_limit limit = {.bytes = options->memory_limit, .path = options->spool_path};
    struct rg__builder builders[RG__MAX_SPLITS];
    struct last last[RG__MAX_SPLITS];
    int n = 0;
    rg_status status = RG_OK;
    for (int i = -1; i < RG__MAX_SPLITS && status == RG_OK; i++) {
        const char *name = i < 0 ? "" : rg__split_names[i], *path = NULL;
        int n_files = count_sources(&q, name, &path);
        rg_split *split = &dataset->splits[dataset->n_splits + n];
        if (n_files == 0)
            continue;
        builders[n] = (struct rg__builder){.ctx = ctx, .limit = &limit};
        *split = (rg_split){.name = name};
        if (n_files == 1 && !(split->path = rg__own(dataset, rg__strdup(ctx, path))))
            status = RG_LIMIT;
        if (status == RG_OK)
            status = read_split(&q, name, &builders[n], &last[n]);
        n++;
    }
    if (status == RG_OK)
        status = finish(builders, n, last, options, dataset);
    if (status == RG_OK && q.found.used.n > 0)
        rg__log(ctx, RG_LOG_INFO, "also read: %s", rg__listing_end(&q.found.used));
    if (status == RG_OK && q.found.unused.n > 0)
        rg__log(ctx, RG_LOG_INFO, "found but not used: %s", rg__listing_end(&q.found.unused));
    for (int i = 0; i < n; i++)
        rg__builder_free(&builders[i]);
    rg__row_limit_free(ctx, &limit);
    return status;
}
