/* lines.h (internal): text in pieces of whole lines, to be parsed beside each other.
 *
 * Where the text is cut depends on the text alone, not on how many read it or how it
 * arrives. While a block is parsed the next one is read, also by another thread; a failing read is
 * reported when everything before it has been handed out. */
#ifndef RG_DATA_TEXT_LINES_H
#define RG_DATA_TEXT_LINES_H

#include "data/text/stream.h"

static inline bool rg__is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

/* The first byte at or after `at` that is no blank; '\n' is none. */
static inline const char *rg__skip_blanks(const char *at)
{
    while (rg__is_blank(*at))
        at++;
    return at;
}

/* The end of the word at `at`: the next blank or the line's end. */
static inline const char *rg__word_end(const char *at)
{
    while (*at != '\n' && !rg__is_blank(*at))
        at++;
    return at;
}

/* Where something stood: for messages. */
struct rg__place {
    const char *file;
    int64_t line; /* from 1; 0: nowhere */
};

/* Whole lines, each ended by '\n'. */
struct rg__piece {
    const char *begin, *end;
    bool first; /* of the file */
};

/* A file being read. Closed by rg__lines_close in any state. */
struct rg__lines {
    rg_context *ctx;
    struct rg__stream stream;
    struct {
        char *text; /* [begin, end) is not yet handed out */
        int64_t room, begin, end;
    } blocks[2];
    int current;
    int64_t size;     /* of a block, where no line is longer */
    bool begun;       /* something has been handed out */
    bool at_end;      /* nothing more can be read */
    rg_status status; /* of the read that failed; its message */
    char error[sizeof((rg_context *)0)->error];
};

/* Opens a file whose blocks hold about n_pieces pieces and reads the first. RG_IO when it cannot be
 * opened. */
rg_status rg__lines_open(rg_context *ctx, const char *path, int n_pieces, struct rg__lines *lines);

/* Reads the next block, which begins with what is left of the current one. What has been handed out
 * stays as it is, so that this may run beside its parsing, on a worker's context. */
void rg__lines_read(rg_context *ctx, struct rg__lines *lines);

/* Makes the block that was read the current one. The read's failure, if it left nothing. */
rg_status rg__lines_turn(struct rg__lines *lines);

/* The next piece of the current block; false when it has none left. */
bool rg__lines_cut(struct rg__lines *lines, struct rg__piece *piece);

/* Whether all of the file has been handed out. */
bool rg__lines_done(const struct rg__lines *lines);

/* The first line of a file that was just opened, n bytes without a byte order mark and the line's
 * end; as much of it as one block holds. */
const char *rg__lines_first(const struct rg__lines *lines, size_t *n);

/* Where the text of a piece begins: after the byte order mark of UTF-8, if it is the first. */
const char *rg__skip_mark(const struct rg__piece *piece);

/* Whether a piece is text, without a NUL byte; RG_BAD_DATA. `before` is the line before it,
 * `expected` what a line should look like. */
rg_status rg__lines_check(rg_context *ctx, const struct rg__piece *piece, struct rg__place before,
                          const char *expected);

void rg__lines_close(struct rg__lines *lines);

/* Reads a line from its first word `at` on; it begins at `line` and ends with '\n'. */
typedef rg_status rg__line_function(void *user, struct rg__place place, const char *line,
                                    const char *at);

/* Calls a function for each line of a file that is not blank, in order, until it fails. `expected`
 * is what a line should look like, for messages. */
rg_status rg__read_lines(rg_context *ctx, const char *path, const char *expected,
                         rg__line_function *read_line, void *user);

#endif
