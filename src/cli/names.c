/* names.c: the library's names, which are indexed by an enum, as lists for the table of options. */
#include "cli.h"

#include <limits.h>

#define NAMES(what)                                                                                \
    const char *cli_##what##_at(int i)                                                             \
    {                                                                                              \
        return rg_##what##_name((rg_##what)i);                                                     \
    }
NAMES(gain)
NAMES(ties)
NAMES(no_relevant)
NAMES(negatives)
NAMES(negative_labels)
NAMES(text_dtype)

static const char *name_of(const void *of, int i)
{
    return (*(const char *(*const *)(int))of)(i);
}

struct cli_hint cli_name_hint(const char *(*name_at)(int i), const char *word)
{
    struct cli_hint hint = {""};
    const char *near = rg_nearest_name(word, name_of, &name_at, INT_MAX);
    if (near)
        snprintf(hint.text, sizeof hint.text, " (did you mean %s?)", near);
    return hint;
}

const char *cli_score_type_at(int i)
{
    return i == 0 ? "f64" : i == 1 ? "f32" : NULL;
}

const char *cli_tool_at(int i)
{
    return i == 0 ? "rankgrad" : rg_metric_tool_at(i - 1);
}

const char *cli_dtype_at(int i)
{
    return rg_dtype_computes((rg_dtype)i) ? rg_dtype_name((rg_dtype)i) : NULL;
}
