/* side_files.c: list sizes, weights and positions that stand beside a text file; see side_files.h.
 *
 * Each file has one value a line; blank lines are skipped. It may be gzip, like the text. */
#define _GNU_SOURCE /* O_PATH */

#include "data/text/side_files.h"

#include "base/file.h"
#include "base/number.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const side_names[RG__N_SIDES] = {"weights of rows", "weights of lists",
                                                    "positions"};

/* ---- List sizes ------------------------------------------------------------------------------ */

/* The sizes of the lists of a split's rows from first_row on. */
struct sizes {
    struct rg__side_files *side;
    int64_t first_row, expected;
    int64_t n_rows, n_lists;
};

/* A whole number that ends the line; its end, or NULL. */
static const char *read_size(const char *at, int64_t *size)
{
    const char *first = at;
    for (*size = 0; (unsigned)(*at - '0') < 10u && *size < INT64_MAX / 100; at++)
        *size = 10 * *size + (*at - '0');
    at = at > first ? rg__skip_blanks(at) : first;
    return *at == '\n' ? at : NULL;
}

static rg_status add_size(void *user, struct rg__place place, const char *line, const char *at)
{
    struct sizes *s = user;
    int64_t size = 0;
    rg_status status = RG_OK;
    if (!read_size(at, &size))
        return rg__fail_word(s->side->ctx, place, line, at, "the number of rows of a list");
    if (s->n_rows <= s->expected && size <= s->expected) /* beyond, only the sum matters */
        status = rg__builder_add_list(s->side->builder, s->first_row + s->n_rows, size);
    s->n_lists++;
    s->n_rows = s->n_rows > INT64_MAX - size ? INT64_MAX : s->n_rows + size;
    return status;
}

static rg_status read_sizes(struct rg__side_files *side, const char *text, const char *path,
                            int64_t first_row)
{
    struct sizes sizes = {side, first_row, side->builder->n_rows - first_row, 0, 0};
    rg_status status = rg__read_lines(side->ctx, path, "number", add_size, &sizes);
    if (status == RG_OK && sizes.n_rows != sizes.expected)
        return rg__fail(side->ctx, RG_BAD_DATA,
                        "%s: %s with %s, but %s has %lld; expected equal numbers", path,
                        rg__counted(sizes.n_lists, "list").text,
                        rg__counted(sizes.n_rows, "row").text, text, (long long)sizes.expected);
    return status;
}

/* ---- Numbers --------------------------------------------------------------------------------- */

struct numbers {
    rg_context *ctx;
    bool whole; /* whole numbers from 0 on */
    double *values;
    int64_t n, values_room;
};

static rg_status add_number(void *user, struct rg__place place, const char *line, const char *at)
{
    struct numbers *n = user;
    double value = 0;
    const char *end = rg__read_number(at, &value);
    bool sound = end && *rg__skip_blanks(end) == '\n' && isfinite(value) &&
                 (value != 0 || !rg__underflows(at, end));
    if (n->whole)
        sound = sound && value >= 0 && value < 0x1p53 && value == floor(value);
    if (!sound)
        return rg__fail_word(n->ctx, place, line, at,
                             n->whole ? "a position, a whole number from 0 or 1 on"
                                      : "a weight, a finite number");
    if (!RG__ROOM(n->ctx, n, values, n->n + 1))
        return RG_LIMIT;
    n->values[n->n++] = value;
    return RG_OK;
}

/* Appends weights to those of the files before; there are `before` of them, or none. */
static rg_status add_weights(rg_context *ctx, struct rg__weights *to, int64_t before,
                             const struct numbers *n)
{
    if (!RG__ROOM(ctx, to, values, before + n->n))
        return RG_LIMIT;
    memcpy(to->values + before, n->values, (size_t)n->n * sizeof *to->values);
    return RG_OK;
}

/* Positions that begin with 0 are counted from 1. */
static rg_status add_positions(rg_context *ctx, struct rg__builder *g, int64_t before,
                               const struct numbers *n)
{
    int64_t first = 1;
    for (int64_t i = 0; i < n->n; i++)
        if (n->values[i] < 1)
            first = 0;
    if (!RG__ROOM(ctx, &g->positions, values, before + n->n))
        return RG_LIMIT;
    for (int64_t i = 0; i < n->n; i++)
        g->positions.values[before + i] = (int64_t)n->values[i] + 1 - first;
    return RG_OK;
}

/* ---- Files ----------------------------------------------------------------------------------- */

/* Files are not opened for reading here: that would block on a pipe. */
static bool exists(rg_context *ctx, const char *path)
{
    int fd = ctx->files->open(path, O_PATH, 0);
    bool absent = fd < 0 && (errno == ENOENT || errno == ENOTDIR);
    rg__close_input(ctx, fd);
    return !absent;
}

/* Whether both names lead to one file. */
static bool is_same_file(rg_context *ctx, const char *left, const char *right)
{
    struct stat a, b;
    int left_fd = ctx->files->open(left, O_PATH, 0);
    int right_fd = ctx->files->open(right, O_PATH, 0);
    bool same = left_fd >= 0 && right_fd >= 0 && ctx->files->fstat(left_fd, &a) == 0 &&
                ctx->files->fstat(right_fd, &b) == 0 && a.st_dev == b.st_dev &&
                a.st_ino == b.st_ino;
    rg__close_input(ctx, left_fd);
    rg__close_input(ctx, right_fd);
    return same;
}

/* A text file under way, with room for the names of the files beside it. */
struct text_file {
    struct rg__side_files *side;
    const char *path;
    int64_t first_row, first_list;
    char *name;
    size_t room;
};

/* Whether the file with this ending is there; its name is then in t->name. */
static bool find(struct text_file *t, const char *ending)
{
    snprintf(t->name, t->room, "%s%s", t->path, ending);
    return exists(t->side->ctx, t->name);
}

/* The lists of rows without qid. */
static rg_status read_lists(struct text_file *t)
{
    static const char *const endings[] = {RG__GROUP_ENDINGS};
    struct rg__side_files *side = t->side;
    const char *group_path = side->options->group_path;
    for (int i = 0; !group_path && t->name && i < RG__COUNT(endings); i++)
        if (find(t, endings[i]))
            group_path = t->name;
    side->lists_missing |= !group_path;
    if (group_path && group_path == t->name)
        rg__listing_add(&side->found->used, "%s (list sizes)", t->name);
    if (group_path)
        return read_sizes(side, rg__stream_name(t->path), group_path, t->first_row);
    if (!side->options->needs_lists)
        return RG_OK;
    return rg__fail(side->ctx, RG_BAD_DATA,
                    "%s: found no qid, expected qid:ID after each label, or the sizes of "
                    "the lists by `group_path` or in %s.query",
                    rg__stream_name(t->path), strcmp(t->path, "-") == 0 ? "X" : t->path);
}

/* Lists what is there but not read. */
static void list_unused(struct text_file *t, bool has_qid)
{
    static const char *const groups[] = {RG__GROUP_ENDINGS}, *const others[] = {".init",
                                                                                ".base_margin"};
    const char *group_path = t->side->options->group_path;
    bool used = false;
    for (int i = 0; i < RG__COUNT(groups); i++) {
        if (!find(t, groups[i]))
            continue;
        if (has_qid)
            rg__listing_add(&t->side->found->unused, "%s (its rows have qid)", t->name);
        else if (group_path && !is_same_file(t->side->ctx, group_path, t->name))
            rg__listing_add(&t->side->found->unused, "%s", t->name);
        else if (!group_path && used)
            rg__listing_add(&t->side->found->unused, "%s", t->name);
        used = true;
    }
    for (int i = 0; i < RG__COUNT(others); i++)
        if (find(t, others[i]))
            rg__listing_add(&t->side->found->unused, "%s (start scores)", t->name);
}

/* Keeps the numbers of the file in t->name, positions where they are whole, else weights; *what
 * they are. If there are as many lists as rows, they are per row. */
static rg_status add_numbers(struct text_file *t, const struct numbers *n, enum rg__side *what)
{
    struct rg__side_files *side = t->side;
    struct rg__builder *g = side->builder;
    int64_t n_rows = g->n_rows - t->first_row;
    int64_t n_lists = side->lists_missing ? 0 : g->n_lists - t->first_list;
    *what = n->whole ? RG__SIDE_POSITIONS : RG__SIDE_WEIGHTS;
    if (n->n == n_rows)
        return n->whole ? add_positions(side->ctx, g, t->first_row, n)
                        : add_weights(side->ctx, &g->weights, t->first_row, n);
    *what = RG__SIDE_LIST_WEIGHTS;
    if (n->n == n_lists && n_lists > 0 && !n->whole)
        return add_weights(side->ctx, &g->list_weights, t->first_list, n);
    if (n->whole)
        return rg__fail(side->ctx, RG_BAD_DATA,
                        "%s: found %lld positions, but %s has %lld rows; expected one per row",
                        t->name, (long long)n->n, t->path, (long long)n_rows);
    return rg__fail(side->ctx, RG_BAD_DATA,
                    "%s: found %lld weights, but %s has %lld rows in %lld lists; expected one per "
                    "row or one per list",
                    t->name, (long long)n->n, t->path, (long long)n_rows, (long long)n_lists);
}

/* Reads weights or positions, if they are there, and marks what was read in `found`. */
static rg_status read_numbers(struct text_file *t, const char *ending, bool *found)
{
    struct numbers n = {.ctx = t->side->ctx, .whole = strcmp(ending, ".position") == 0};
    enum rg__side what = RG__SIDE_WEIGHTS;
    if (!t->name || !find(t, ending))
        return RG_OK;
    rg_status status = rg__read_lines(t->side->ctx, t->name, "number", add_number, &n);
    if (status == RG_OK)
        status = add_numbers(t, &n, &what);
    rg__listing_add(&t->side->found->used, "%s (%s)", t->name, side_names[what]);
    found[what] = true;
    rg__free(t->side->ctx, n.values);
    return status;
}

/* All files of a split have the same side files, or a row would be without. */
static rg_status check_all_have(struct rg__side_files *side, const char *path, const bool *found)
{
    for (int i = 0; i < RG__N_SIDES; i++) {
        const char **which = found[i] ? &side->with[i] : &side->without[i];
        *which = *which ? *which : path;
        if (side->with[i] && side->without[i])
            return rg__fail(side->ctx, RG_BAD_DATA,
                            "%s: there are %s for this file, but none for %s; expected them for "
                            "all files of a split or for none",
                            side->with[i], side_names[i], rg__stream_name(side->without[i]));
    }
    return RG_OK;
}

rg_status rg__side_files_read(struct rg__side_files *side, const char *path, int64_t first_row,
                              int64_t first_list, bool has_qid)
{
    struct text_file t = {.side = side, .path = path, .first_row = first_row};
    bool found[RG__N_SIDES] = {false};
    t.first_list = first_list;
    t.room = strlen(path) + sizeof ".base_margin";
    if (has_qid && side->options->group_path)
        return rg__fail(side->ctx, RG_USAGE,
                        "%s has qid, so that `group_path` %s contradicts it; leave one of them out",
                        rg__stream_name(path), side->options->group_path);
    bool is_file = strcmp(path, "-") != 0;
    t.name = is_file ? rg__alloc(side->ctx, (int64_t)t.room, 1, "a file name") : NULL;
    rg_status status = is_file && !t.name ? RG_LIMIT : RG_OK;
    if (status == RG_OK && !has_qid)
        status = read_lists(&t);
    if (status == RG_OK)
        status = read_numbers(&t, ".weight", found);
    if (status == RG_OK)
        status = read_numbers(&t, ".position", found);
    if (status == RG_OK)
        status = check_all_have(side, path, found);
    if (status == RG_OK && t.name)
        list_unused(&t, has_qid);
    rg__free(side->ctx, t.name);
    return status;
}
