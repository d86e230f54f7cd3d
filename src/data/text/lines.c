/* lines.c: a file cut into pieces of whole lines; see lines.h. */
#include "data/text/lines.h"

#include "base/number.h"

#include <string.h>

enum {
    PIECE = (1 << 18) - 16,  /* bytes; arrays grow to powers of two. A longer line is one alone */
    PAD = 1 + RG__NUMBER_PAD /* after the text: a last line's end, and what is looked at */
};

rg_status rg__lines_open(rg_context *ctx, const char *path, int n_pieces, struct rg__lines *lines)
{
    *lines = (struct rg__lines){.ctx = ctx, .size = (int64_t)n_pieces * PIECE - PAD};
    rg_status status = rg__stream_open(ctx, path, &lines->stream);
    if (status == RG_OK)
        rg__lines_read(ctx, lines);
    return status;
}

static void stop(rg_context *ctx, struct rg__lines *l, rg_status status)
{
    l->at_end = true;
    l->status = status;
    if (status != RG_OK)
        memcpy(l->error, ctx->error, sizeof l->error);
}

/* The last line gets an end; or, where reading failed, is not known to be whole and is dropped. */
static int64_t end_last_line(const struct rg__lines *l, char *text, int64_t n)
{
    if (l->status == RG_OK && n > 0 && text[n - 1] != '\n')
        text[n++] = '\n';
    while (n > 0 && text[n - 1] != '\n')
        n--;
    return n;
}

void rg__lines_read(rg_context *ctx, struct rg__lines *l)
{
    int now = l->current, next = !now;
    int64_t rest = l->blocks[now].end - l->blocks[now].begin, n = rest;
    /* A line that is longer than a piece may fill a block, and doubles it. */
    int64_t most = 2 * rest > l->size ? 2 * rest : l->size;
    void *block = l->blocks[next].text;
    if (l->at_end && rest == 0)
        return;
    if (!rg__grow(ctx, &block, &l->blocks[next].room, most + PAD, 1, "lines of text")) {
        stop(ctx, l, RG_LIMIT);
        return;
    }
    char *text = l->blocks[next].text = block;
    if (rest > 0)
        memcpy(text, l->blocks[now].text + l->blocks[now].begin, (size_t)rest);
    while (!l->at_end && n < most) {
        size_t some;
        rg_status status = rg__stream_read(ctx, &l->stream, text + n, (size_t)(most - n), &some);
        n += (int64_t)some;
        if (status != RG_OK || some == 0)
            stop(ctx, l, status);
    }
    l->blocks[next].begin = 0;
    l->blocks[next].end = l->at_end ? end_last_line(l, text, n) : n;
}

static bool is_used_up(const struct rg__lines *l)
{
    return l->at_end && l->blocks[0].begin == l->blocks[0].end &&
           l->blocks[1].begin == l->blocks[1].end;
}

bool rg__lines_done(const struct rg__lines *l)
{
    return l->status == RG_OK && is_used_up(l);
}

rg_status rg__lines_turn(struct rg__lines *l)
{
    l->blocks[l->current].begin = l->blocks[l->current].end;
    l->current = !l->current;
    if (l->status == RG_OK || !is_used_up(l))
        return RG_OK;
    return rg__fail(l->ctx, l->status, "%s", l->error);
}

bool rg__lines_cut(struct rg__lines *l, struct rg__piece *piece)
{
    int64_t left = l->blocks[l->current].end - l->blocks[l->current].begin, n = PIECE;
    const char *text = l->blocks[l->current].text + l->blocks[l->current].begin;
    if (left == 0 || (left < PIECE && !l->at_end))
        return false;
    if (left <= PIECE)
        n = left;
    while (n > 0 && text[n - 1] != '\n')
        n--;
    if (n == 0) {
        const char *end = memchr(text, '\n', (size_t)left);
        if (!end)
            return false;
        n = end + 1 - text;
    }
    *piece = (struct rg__piece){text, text + n, !l->begun};
    l->begun = true;
    l->blocks[l->current].begin += n;
    return true;
}

const char *rg__skip_mark(const struct rg__piece *piece)
{
    static const char mark[] = "\xEF\xBB\xBF";
    bool marked =
        piece->first && piece->end - piece->begin >= 3 && memcmp(piece->begin, mark, 3) == 0;
    return piece->begin + (marked ? 3 : 0);
}

const char *rg__lines_first(const struct rg__lines *l, size_t *n)
{
    const char *text = l->blocks[!l->current].text;
    *n = 0;
    if (!text)
        return "";
    struct rg__piece piece = {text, text + l->blocks[!l->current].end, true};
    const char *begin = rg__skip_mark(&piece);
    const char *end = memchr(begin, '\n', (size_t)(piece.end - begin));
    *n = (size_t)((end ? end : piece.end) - begin);
    return begin;
}

static bool is_hdf5(const struct rg__piece *piece)
{
    static const char magic[] = "\x89HDF\r\n\x1a\n";
    return piece->first && piece->end - piece->begin >= 8 && memcmp(piece->begin, magic, 8) == 0;
}

rg_status rg__lines_check(rg_context *ctx, const struct rg__piece *piece, struct rg__place before,
                          const char *expected)
{
    const char *nul = memchr(piece->begin, '\0', (size_t)(piece->end - piece->begin));
    if (!nul)
        return RG_OK;
    if (is_hdf5(piece))
        return rg__fail(ctx, RG_BAD_DATA,
                        "%s: is HDF5 behind a pipe or gzip, where only text can be read; give the "
                        "HDF5 file itself",
                        before.file);
    int64_t line = before.line + 1;
    for (const char *at = piece->begin; at < nul; at++)
        line += *at == '\n';
    return rg__fail(ctx, RG_BAD_DATA,
                    "%s:%lld: found a NUL byte, so this is no text; expected lines \"%s\"",
                    before.file, (long long)line, expected);
}

void rg__lines_close(struct rg__lines *l)
{
    rg__stream_close(&l->stream);
    for (int i = 0; i < 2; i++)
        rg__free(l->ctx, l->blocks[i].text);
    *l = (struct rg__lines){.ctx = l->ctx};
}

static rg_status read_piece(rg_context *ctx, const struct rg__piece *piece, struct rg__place *place,
                            const char *expected, rg__line_function *read_line, void *user)
{
    if (is_hdf5(piece))
        return rg__fail(ctx, RG_BAD_DATA, "%s: is HDF5; expected text, lines \"%s\"", place->file,
                        expected);
    rg_status status = rg__cancelled(ctx);
    if (status == RG_OK)
        status = rg__lines_check(ctx, piece, *place, expected);
    for (const char *at = rg__skip_mark(piece); at < piece->end && status == RG_OK; at++) {
        const char *line = at;
        place->line++;
        at = rg__skip_blanks(at);
        if (*at != '\n')
            status = read_line(user, *place, line, at);
        at = strchr(at, '\n');
    }
    return status;
}

rg_status rg__read_lines(rg_context *ctx, const char *path, const char *expected,
                         rg__line_function *read_line, void *user)
{
    struct rg__lines lines;
    struct rg__piece piece;
    struct rg__place place = {rg__stream_name(path), 0};
    rg_status status = rg__lines_open(ctx, path, 1, &lines);
    if (status != RG_OK)
        return status;
    while (status == RG_OK && !rg__lines_done(&lines)) {
        status = rg__lines_turn(&lines);
        while (status == RG_OK && rg__lines_cut(&lines, &piece))
            status = read_piece(ctx, &piece, &place, expected, read_line, user);
        rg__lines_read(ctx, &lines);
    }
    rg__lines_close(&lines);
    return status;
}
