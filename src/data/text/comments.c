/* comments.c: counts comments that hold more than a document id; see comments.h. It looks for '#'
 * only, so that text without comments costs next to nothing. */
#include "data/text/comments.h"

#include "data/text/chunk.h"

#include <string.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* Behind a word. */
static const char *skip_word(const char *at)
{
    while (*at != '\n' && !is_blank(*at))
        at++;
    return at;
}

/* Whether a comment, behind its '#', has more than "ID" or "docid = ID". */
static bool has_more(const char *at)
{
    at = rg__skip_blanks(at);
    if (strncmp(at, "docid", 5) == 0) {
        const char *equals = rg__skip_blanks(at + 5);
        at = *equals == '=' ? rg__skip_blanks(equals + 1) : at;
    }
    return *rg__skip_blanks(skip_word(at)) != '\n';
}

void rg__count_comments(const struct rg__piece *piece, struct rg__comments *comments)
{
    const char *at = piece->begin;
    while (at < piece->end && (at = memchr(at, '#', (size_t)(piece->end - at)))) {
        const char *before = at;
        while (before > piece->begin && is_blank(before[-1]))
            before--;
        bool alone = before == piece->begin || before[-1] == '\n';
        at++;
        if (!alone && before == at - 1) /* within a word */
            continue;
        comments->n_lines += alone;
        comments->n_rows += !alone && has_more(at);
        at = memchr(at, '\n', (size_t)(piece->end - at));
    }
}
