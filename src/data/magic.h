/* magic.h (internal): how the binary files of Rankgrad's own begin. */
#ifndef RG_DATA_MAGIC_H
#define RG_DATA_MAGIC_H

#include "base/file.h"

/* Of a binary model (docs/file-format.md). As in PNG, a transfer as text damages it. */
#define RG__MODEL_MAGIC "\x89RGM\r\n\x1a\n"

enum { RG__MAGIC_SIZE = 8 };

/* Whether a model written to a path gets the binary format. */
bool rg__is_binary_path(const char *path);

/* Reads as many of a file's first bytes as there are, at most `most`; *n gets their number. */
rg_status rg__read_start(rg_context *ctx, const char *path, char *to, size_t most, size_t *n);

#endif
