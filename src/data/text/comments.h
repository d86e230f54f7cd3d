/* comments.h (internal): what the comments of text hold besides document ids, which is not read. */
#ifndef RG_DATA_TEXT_COMMENTS_H
#define RG_DATA_TEXT_COMMENTS_H

#include "data/text/lines.h"

struct rg__comments {
    int64_t n_lines; /* that are a comment alone */
    int64_t n_rows;  /* whose comment has more words than the document id */
};

/* Adds those of a piece. */
void rg__count_comments(const struct rg__piece *piece, struct rg__comments *comments);

#endif
