/* formats.h (internal): the formats that data are read from, each a line of formats.def.
 *
 * A format is either that of a whole file, which is a data set by itself (open), or that of a text
 * whose lines are rows (read_line). Files, gzip, threads, side files, lists, precision and memory
 * limits of text are the same for all formats; see text/parse.h for how a line becomes a row. */
#ifndef RG_DATA_FORMATS_H
#define RG_DATA_FORMATS_H

#include "data/dataset.h"

struct rg__line_parser;

/* The options that some formats do not know, and refuse when they are set. */
enum {
    RG__TAKES_GROUP_PATH = 1, /* rows may lack a qid, so that sizes of lists help */
    RG__TAKES_ZERO_BASED = 2, /* features have an index */
    RG__TAKES_DTYPE = 4       /* the format has no type of its own */
};

/* What a format's file defines, as rg__format_NAME. */
struct rg__format {
    rg_component component; /* the formula is what a line or a file looks like, for messages */
    unsigned takes;         /* RG__TAKES_... */

    /* A whole file: whether a regular file has this format; and its splits. */
    rg_status (*detect_file)(rg_context *ctx, const char *path, bool *yes);
    rg_status (*open)(rg_dataset *dataset, const rg_dataset_options *options);

    /* Text: whether the first line (n bytes) has this format; NULL: what no other detects. */
    bool (*detect_text)(const char *line, size_t n);
    bool has_header; /* the first line is no row, but p->form->header */
    /* Makes a row of a line that is not blank, from its first word on; returns where it stopped in
     * the line, NULL: error recorded. */
    const char *(*read_line)(struct rg__line_parser *p, const char *at);
};

/* The format of a whole file; NULL: it is text, or no regular file, such as a pipe, which is left
 * unread. RG_IO when it is missing or cannot be read. */
rg_status rg__detect_file(rg_context *ctx, const char *path, const struct rg__format **format);

/* The format of a text, by its first line. */
const struct rg__format *rg__detect_text(const char *line, size_t n);

/* RG_USAGE where an option is set that the format does not take. */
rg_status rg__check_format_options(rg_context *ctx, const struct rg__format *format,
                                   const char *path, const rg_dataset_options *options);

#define RG_FORMAT(id, passes) extern const struct rg__format rg__format_##id;
#include "data/formats.def"
#undef RG_FORMAT

#endif
