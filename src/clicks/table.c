/* table.c: tables of propensities: as text, and as weights of items. */
#include "base/number.h"
#include "clicks/clicks.h"
#include "data/split.h"
#include "data/text/parse.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char header[] = "position\tpropensity\tshown\tclicks\n";

const char *rg_propensities_header(void)
{
    return header;
}

rg_status rg__propensities_new(rg_context *ctx, int64_t n, rg_propensities *out)
{
    *out = (rg_propensities){.n = n,
                             .value = rg__alloc(ctx, n, sizeof(double), "propensities"),
                             .shown = rg__alloc(ctx, n, sizeof(double), "propensities"),
                             .clicks = rg__alloc(ctx, n, sizeof(double), "propensities")};
    if (!out->value || !out->shown || !out->clicks) {
        rg_propensities_free(ctx, out);
        return RG_LIMIT;
    }
    for (int64_t k = 0; k < n; k++)
        out->value[k] = (double)NAN;
    return RG_OK;
}

void rg_propensities_free(rg_context *ctx, rg_propensities *p)
{
    if (!ctx || !p)
        return;
    rg__free(ctx, p->value);
    rg__free(ctx, p->shown);
    rg__free(ctx, p->clicks);
    *p = (rg_propensities){0};
}

/* ---- Text ------------------------------------------------------------------------------------ */

rg_status rg_propensities_write(rg_context *ctx, const rg_propensities *p, rg_output *out)
{
    char line[128];
    rg_status status =
        rg__require(ctx, "rg_propensities_write", "propensities", p, "out", out, NULL);
    if (status != RG_OK)
        return status;
    rg_output_write(out, header, sizeof header - 1);
    for (int64_t k = 0; k < p->n; k++) {
        if (isnan(p->value[k]))
            continue;
        int n = snprintf(line, sizeof line, "%lld\t%.9g\t%.9g\t%.9g\n", (long long)k + 1,
                         p->value[k], p->shown ? p->shown[k] : 0, p->clicks ? p->clicks[k] : 0);
        rg_output_write(out, line, (size_t)n);
    }
    return RG_OK;
}

/* A table being read. */
struct reading {
    rg_context *ctx;
    rg_propensities *out;
    struct {
        double *values; /* by position, NaN: none */
        int64_t values_room;
    } table;
};

/* The position and the propensity of a line; what is wrong with it, or NULL. */
static const char *read_columns(const char *at, double *position, double *value, const char **word)
{
    const char *end = rg__read_number(at, position);
    *word = at;
    if (!end || !rg__is_blank(*end) || !(*position >= 1 && *position <= RG_MAX_POSITION) ||
        *position != floor(*position))
        return "a position, a whole number from 1 to 1048576, and its propensity";
    at = *word = rg__skip_blanks(end);
    end = rg__read_number(at, value);
    if (!end || !(rg__is_blank(*end) || *end == '\n') || !isfinite(*value) || *value < 0)
        return "a propensity, a finite number >= 0";
    return NULL;
}

static rg_status read_line(void *user, struct rg__place place, const char *line, const char *at)
{
    struct reading *r = user;
    double position, value;
    const char *word;
    if (place.line == 1 && strncmp(at, "position", strlen("position")) == 0)
        return RG_OK;
    const char *expected = read_columns(at, &position, &value, &word);
    if (expected)
        return rg__fail_word(r->ctx, place, line, word, expected);
    int64_t k = (int64_t)position - 1;
    if (k < r->out->n && !isnan(r->table.values[k]))
        return rg__fail(r->ctx, RG_BAD_DATA,
                        "%s:%lld: position %lld occurs a second time; expected each position once",
                        place.file, (long long)place.line, (long long)k + 1);
    if (!RG__ROOM(r->ctx, &r->table, values, k + 1))
        return RG_LIMIT;
    for (; r->out->n <= k; r->out->n++)
        r->table.values[r->out->n] = (double)NAN;
    r->table.values[k] = value;
    return RG_OK;
}

rg_status rg_propensities_read(rg_context *ctx, const char *path, rg_propensities *out)
{
    rg_status status = rg__require(ctx, "rg_propensities_read", "path", path, "out", out, NULL);
    if (status != RG_OK)
        return status;
    *out = (rg_propensities){0};
    struct reading r = {.ctx = ctx, .out = out};
    status = rg__read_lines(ctx, path, "a position and its propensity", read_line, &r);
    out->value = r.table.values;
    if (status == RG_OK && out->n == 0)
        status = rg__fail(ctx, RG_BAD_DATA,
                          "%s: there is no propensity; expected lines with a position and its "
                          "propensity, as rg_propensities_write writes them",
                          path);
    if (status != RG_OK)
        rg_propensities_free(ctx, out);
    return status;
}

/* ---- Weights --------------------------------------------------------------------------------- */

/* The propensity of a clicked row. */
static rg_status find(rg_context *ctx, const rg_split *split, const rg_propensities *p, int64_t row,
                      double *value)
{
    int64_t k = split->positions[row];
    *value = k <= p->n ? p->value[k - 1] : (double)NAN;
    if (*value > 0)
        return RG_OK;
    return rg__fail(ctx, RG_BAD_DATA,
                    "positions: row %lld (from 1), which was clicked, was shown at %lld, %s; "
                    "estimate propensities from data that have clicks there, or mask the row",
                    (long long)row + 1, (long long)k,
                    isnan(*value) ? "which has no propensity" : "whose propensity is 0");
}

rg_status rg_propensity_weights(rg_context *ctx, const rg_split *split,
                                const rg_propensities *propensities, double most_weight,
                                double *weights, int64_t *n_clipped)
{
    static const char who[] = "rg_propensity_weights";
    int64_t greatest, clipped = 0;
    rg_status status = rg__require(ctx, who, "split", split, "propensities", propensities,
                                   "weights", weights, NULL);
    if (status == RG_OK && !(most_weight >= 1))
        status = rg__fail(ctx, RG_USAGE, "%s: `most_weight` is %g; expected at least 1", who,
                          most_weight);
    if (status == RG_OK)
        status = rg__check_split(ctx, split, "the split of clicks");
    if (status == RG_OK && !split->labels)
        status = rg__fail(ctx, RG_BAD_DATA, "the split has no labels; expected clicks");
    if (status == RG_OK)
        status = rg__check_positions(ctx, split, "the split", &greatest);
    for (int64_t row = 0; status == RG_OK && row < split->n_rows; row++) {
        double value = 1;
        weights[row] = split->weights ? split->weights[row] : 1;
        if (!rg__row_is_there(split, row) || !(split->labels[row] > 0))
            continue;
        status = find(ctx, split, propensities, row, &value);
        clipped += 1 / value > most_weight;
        weights[row] *= fmin(1 / value, most_weight);
    }
    if (n_clipped)
        *n_clipped = clipped;
    return status;
}
