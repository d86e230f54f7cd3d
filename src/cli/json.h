/* json.h: commands that answer JSON lines (`loss`, `metric`). A command provides its keys and a
 * function from one object to its answer; json.c reads lines, checks keys and reports errors.
 * Numbers that JSON lacks are the strings "NaN", "Infinity" and "-Infinity", in questions and
 * answers.
 */
#ifndef RG_CLI_JSON_H
#define RG_CLI_JSON_H

#include "cli.h"

#include <jansson.h>

/* Why a line has no answer. */
struct cli_json_error {
    rg_status status;
    char text[1024];
};

/* Records the first error; returns false. */
bool cli_json_fail(struct cli_json_error *error, rg_status status, const char *format, ...)
    CLI_PRINTF(3, 4);

/* Records the context's last error; returns false. */
bool cli_json_fail_last(struct cli_json_error *error, const rg_context *ctx);

/* The answer to one object, owned by the caller of the function; NULL: the error is recorded, or
 * out of memory. */
typedef json_t *cli_json_function(rg_context *ctx, const json_t *input,
                                  struct cli_json_error *error);

/* What the lines of a command are. */
struct cli_json_protocol {
    const char *const *keys; /* NULL-terminated: the keys that an object may have, besides ... */
    const rg_registry *(*registry)(void); /* ... the parameters of these components; may be NULL */
    cli_json_function *answer;
};

/* Answers every line of the files ("-" and none: standard input) on standard output, in order, each
 * as soon as it is read; blank lines are skipped. Returns RG_OK; RG_BAD_DATA when a line had no
 * answer (RG_LIMIT, RG_INTERNAL when that was the reason); RG_USAGE, RG_IO, reported;
 * RG_CANCELLED. */
rg_status cli_json_run(rg_context *ctx, const struct cli_list *files,
                       const struct cli_json_protocol *protocol);

/* Reads a string. An absent key leaves *text as it was, unless it is NULL: an error then. */
bool cli_json_text(const json_t *input, const char *key, const char **text,
                   struct cli_json_error *error);

/* Reads a string that is one of the names, as its index. An absent key leaves *value as it was,
 * unless that is negative: an error then. */
bool cli_json_name(const json_t *input, const char *key, const char *(*name_at)(int i), int *value,
                   struct cli_json_error *error);

/* Reads a loss such as "ranking_softmax(label_mode=normalized)", or a sum of losses; parameters may
 * also stand under keys of their own, such as "label_mode". The key must be there. */
bool cli_json_objective(rg_context *ctx, const json_t *input, const char *key,
                        rg_objective *objective, struct cli_json_error *error);

/* Reads a number; an absent key leaves *value as it was. */
bool cli_json_number(const json_t *input, const char *key, double *value,
                     struct cli_json_error *error);

enum cli_json_types {
    CLI_JSON_REAL,      /* numbers, as the given floating type */
    CLI_JSON_AS_WRITTEN /* true and false: bool; integers alone: i64; else as CLI_JSON_REAL */
};

/* Reads a number or nested lists of numbers, which must not be ragged: [] has the shape (0),
 * [[],[]] (2,0). tensor->data is released by free. An absent key leaves *tensor as it was, without
 * data (data is never NULL otherwise). */
bool cli_json_tensor(const json_t *input, const char *key, enum cli_json_types types,
                     rg_dtype floating, rg_tensor *tensor, struct cli_json_error *error);

/* "(2,3)". */
struct cli_json_shape {
    char text[RG_MAX_DIMS * 21 + 3];
};
struct cli_json_shape cli_json_shape(const rg_tensor *tensor);

/* Reads list offsets: an i64 tensor (n_lists + 1), never empty, or no data where the key is absent.
 * Their order is not checked. */
bool cli_json_offsets(const json_t *input, rg_tensor *tensor, struct cli_json_error *error);

/* A number, or the string that stands for it. NULL: out of memory. */
json_t *cli_json_of_number(double number);

/* A string. If it is not UTF-8 (a name may have been cut within a letter), which JSON cannot hold,
 * all bytes beyond ASCII become '?'. NULL: out of memory. */
json_t *cli_json_of_text(const char *text);

/* The same numbers as JSON, nested as the shape says; f32 and f64. data NULL: zeros. NULL: out of
 * memory. */
json_t *cli_json_of_tensor(const rg_tensor *tensor);

#endif
