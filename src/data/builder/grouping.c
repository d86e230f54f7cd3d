/* grouping.c: lists from the ids of rows; see grouping.h.
 *
 * Cut the rows into runs of one id and sort the runs, not the rows. Equal ids are
 * then neighbours: each run learns the first run of its list, and a second sort by (first run of
 * the list, run) is the order in which rows come together. */
#include "data/builder/grouping.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct run {
    int64_t start, length; /* rows */
    int64_t leader;        /* where the list's first run starts */
    int64_t number;        /* the id, one of the two */
    const char *text;
};

const char *rg__id_text(const struct rg__ids *ids, int64_t row, char buffer[RG__ID_TEXT])
{
    if (ids->texts)
        return ids->texts[row];
    if (ids->is_unsigned)
        snprintf(buffer, RG__ID_TEXT, "%" PRIu64, (uint64_t)ids->numbers[row]);
    else
        snprintf(buffer, RG__ID_TEXT, "%" PRId64, ids->numbers[row]);
    return buffer;
}

char **rg__id_texts(rg_context *ctx, const struct rg__ids *ids, const int64_t *rows, int64_t n)
{
    char buffer[RG__ID_TEXT];
    size_t bytes = (size_t)n * sizeof(char *);
    for (int64_t i = 0; i < n; i++) {
        int64_t row = rows ? rows[i] : i;
        bytes += row < 0 ? 1 : strlen(rg__id_text(ids, row, buffer)) + 1;
    }
    char **texts = rg__alloc(ctx, (int64_t)bytes, 1, "ids");
    char *at = texts ? (char *)(texts + n) : NULL;
    for (int64_t i = 0; texts && i < n; i++) {
        int64_t row = rows ? rows[i] : i;
        const char *text = row < 0 ? "" : rg__id_text(ids, row, buffer);
        size_t size = strlen(text) + 1;
        texts[i] = memcpy(at, text, size);
        at += size;
    }
    return texts;
}

static bool same_id(const struct rg__ids *ids, int64_t a, int64_t b)
{
    return ids->texts ? strcmp(ids->texts[a], ids->texts[b]) == 0
                      : ids->numbers[a] == ids->numbers[b];
}

static int compare(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int compare_ids(const struct run *a, const struct run *b)
{
    return a->text ? strcmp(a->text, b->text) : compare(a->number, b->number);
}

static int by_id(const void *left, const void *right)
{
    const struct run *a = left, *b = right;
    int order = compare_ids(a, b);
    return order ? order : compare(a->start, b->start);
}

static int by_leader(const void *left, const void *right)
{
    const struct run *a = left, *b = right;
    int order = compare(a->leader, b->leader);
    return order ? order : compare(a->start, b->start);
}

/* The caller frees *runs. */
static rg_status cut_into_runs(rg_context *ctx, const struct rg__ids *ids, struct run **runs,
                               int64_t *n_runs)
{
    void *block = NULL;
    int64_t room = 0, n = 0;
    for (int64_t row = 0; row < ids->n; row++) {
        struct run *all = block;
        if (row > 0 && same_id(ids, row - 1, row)) {
            all[n - 1].length++;
            continue;
        }
        if (!rg__grow(ctx, &block, &room, n + 1, sizeof(struct run), "lists")) {
            rg__free(ctx, block);
            return RG_LIMIT;
        }
        all = block;
        all[n++] = (struct run){.start = row,
                                .length = 1,
                                .number = ids->texts ? 0 : ids->numbers[row],
                                .text = ids->texts ? ids->texts[row] : NULL};
    }
    *runs = block;
    *n_runs = n;
    return RG_OK;
}

/* Finds each run's leader; the run that comes back first in the file is *second, after *first;
 * NULL: none does. Leaves the runs in the order of their ids. */
static void find_leaders(struct run *runs, int64_t n, struct run **first, struct run **second)
{
    *first = *second = NULL;
    if (n > 0)
        qsort(runs, (size_t)n, sizeof *runs, by_id);
    for (int64_t i = 0; i < n; i++) {
        bool again = i > 0 && compare_ids(&runs[i - 1], &runs[i]) == 0;
        runs[i].leader = again ? runs[i - 1].leader : runs[i].start;
        if (again && (!*second || runs[i].start < (*second)->start)) {
            *first = &runs[i - 1];
            *second = &runs[i];
        }
    }
}

/* Offsets, and the order where there is one, from runs sorted by leader. */
static rg_status lay_out(rg_context *ctx, const struct run *runs, int64_t n, int64_t n_rows,
                         bool scattered, struct rg__lists *lists)
{
    lists->offsets = rg__alloc(ctx, n + 1, sizeof *lists->offsets, "lists");
    if (lists->offsets && scattered)
        lists->order = rg__alloc(ctx, n_rows, sizeof *lists->order, "the order of rows");
    if (!lists->offsets || (scattered && !lists->order))
        return RG_LIMIT;
    int64_t row = 0;
    for (int64_t i = 0; i < n; i++) {
        if (i == 0 || runs[i].leader != runs[i - 1].leader)
            lists->offsets[lists->n_lists++] = row;
        for (int64_t k = 0; k < runs[i].length && scattered; k++)
            lists->order[row + k] = runs[i].start + k;
        row += runs[i].length;
    }
    lists->offsets[lists->n_lists] = row;
    return RG_OK;
}

rg_status rg__find_lists(rg_context *ctx, const char *path, const char *name,
                         const struct rg__ids *ids, bool regroup, struct rg__lists *lists)
{
    char buffer[RG__ID_TEXT];
    struct run *runs = NULL, *first, *second;
    int64_t n = 0;
    *lists = (struct rg__lists){0};
    rg_status status = cut_into_runs(ctx, ids, &runs, &n);
    if (status != RG_OK)
        return status;
    find_leaders(runs, n, &first, &second);
    if (second && !regroup) {
        status = rg__fail(
            ctx, RG_BAD_DATA,
            "%s: %s: row %lld (from 1): list %.40s comes back, after it ended with row "
            "%lld; the rows of a list must follow each other: `regroup` brings them "
            "together",
            path, name, (long long)second->start + 1, rg__id_text(ids, second->start, buffer),
            (long long)(first->start + first->length));
    } else {
        if (n > 0)
            qsort(runs, (size_t)n, sizeof *runs, by_leader);
        status = lay_out(ctx, runs, n, ids->n, second != NULL, lists);
    }
    rg__free(ctx, runs);
    if (status != RG_OK) {
        rg__free(ctx, lists->offsets);
        rg__free(ctx, lists->order);
        *lists = (struct rg__lists){0};
    }
    return status;
}

rg_status rg__check_agreement(rg_context *ctx, const char *path, const char *name,
                              const struct rg__ids *ids, const int64_t *offsets, int64_t n_lists)
{
    for (int64_t list = 0; list < n_lists; list++)
        for (int64_t row = offsets[list]; row < offsets[list + 1]; row++) {
            bool begins = row == offsets[list];
            if (row == 0 || same_id(ids, row - 1, row) != begins)
                continue;
            return rg__fail(ctx, RG_BAD_DATA,
                            "%s: %s: row %lld (from 1) and the row before it are %s list, but by "
                            "the offsets or group sizes they are %s; drop one of the two data sets",
                            path, name, (long long)row + 1, begins ? "one" : "not one",
                            begins ? "not" : "one");
        }
    return RG_OK;
}
