/* options.c: the values of options, and their ranges and defaults in --help.
 *
 * The command's struct holds the defaults when parsing starts; --help prints a copy taken then, so
 * that it agrees with the library's *_default() functions. parse.c reads the command line.
 */
#include "cli.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* Room for a range, a default or a list of names. */
enum { PHRASE = 2048 };

/* Names are stored through this type, whatever the enum is called. */
_Static_assert(sizeof(rg_gain) == sizeof(int) && sizeof(rg_ties) == sizeof(int),
               "an enum has the size of an int");

#define OPTION(kind, name, argument, member, ...)                                                  \
    CLI_OPTION(kind, name, argument, rg_dataset_options, member, __VA_ARGS__)

/* The options of every command that reads a data set. */
static const struct cli_option reading_options[] = {
    CLI_HEADING("Reading text (SVMlight / LETOR), plain or gzip:"),
    OPTION(CLI_INTEGER, "features", "N", n_features,
           "Number of features. A larger index is an error; a feature that does not occur in the "
           "text is 0. 0: the largest index, or the number of features of the model or of the "
           "other splits. If most of these do not occur, that is an error unless this option gives "
           "the number",
           .high = 2147483646),
    OPTION(CLI_FLAG, "zero-based", NULL, zero_based,
           "Index i is column i; without it, column i - 1, and index 0 is an error"),
    OPTION(CLI_TEXT, "group", "FILE", group_path,
           "List sizes, one per line, for text without qid; without it DATA.query or DATA.group is "
           "read, if it exists. DATA.weight (one per row, or else one per list) and DATA.position "
           "(one per row) are always read; a note names such files that are found and not used"),
    CLI_HEADING("Reading any data:"),
    OPTION(CLI_FLAG, "regroup", NULL, regroup,
           "Bring the rows of each list together if they are scattered (their order within a list "
           "stays)"),
    OPTION(CLI_FLAG, "no-map", NULL, no_map,
           "Read features into memory instead of memory-mapping the file"),
    {0}};

/* The options of every command. */
static const struct cli_option common_options[] = {
    CLI_HEADING("All commands:"),
    {.name = "threads",
     .argument = "N",
     .kind = CLI_INTEGER,
     .global = &cli_threads,
     .high = 256,
     .doc = "Number of threads; 0: one per CPU. Results have the same bits for any number"},
    {.name = "help", .letter = 'h', .kind = CLI_HELP, .doc = "Show this help"},
    {.name = "usage", .kind = CLI_USAGE, .doc = "Show a short list of the options"},
    {.name = "version",
     .letter = 'V',
     .kind = CLI_VERSION,
     .doc = "Show versions, of libraries too"},
    {0}};

/* ---- Phrases -------------------------------------------------------------------------------- */

static void CLI_PRINTF(2, 3) append(char phrase[PHRASE], const char *format, ...)
{
    size_t used = strlen(phrase);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(phrase + used, PHRASE - used, format, arguments);
    va_end(arguments);
}

/* "one of a, b, c", "> 0", ">= 0 and < 1", or "" where anything will do. */
static void append_range(char phrase[PHRASE], const struct cli_option *option)
{
    if (option->kind == CLI_COMPONENT) {
        append(phrase, "one of ");
        const rg_component *component;
        for (int i = 0; (component = rg_registry_at(option->registry(), i)) != NULL; i++)
            append(phrase, "%s%s", i ? ", " : "", component->name);
        const rg_alias *alias = option->registry()->aliases;
        for (; alias && alias->name; alias++)
            append(phrase, ", %s", alias->name);
        return;
    }
    if (option->name_at) {
        append(phrase, "one of ");
        for (int i = 0; option->name_at(i); i++)
            append(phrase, "%s%s", i ? ", " : "", option->name_at(i));
        return;
    }
    if (!(option->low < option->high))
        return;
    append(phrase, "%s %.15g", option->above ? ">" : ">=", option->low);
    if (isfinite(option->high))
        append(phrase, " and %s %.15g", option->below ? "<" : "<=", option->high);
}

/* "default 0.1", or "" where there is none. */
static void append_default(char phrase[PHRASE], const struct cli_option *option, const char *at)
{
    int64_t whole;
    uint64_t seed;
    double real;
    int index;
    const char *text;
    switch (option->kind) {
    case CLI_INTEGER:
        memcpy(&whole, at, sizeof whole);
        append(phrase, "default %lld", (long long)whole);
        return;
    case CLI_SEED:
        memcpy(&seed, at, sizeof seed);
        append(phrase, "default %llu", (unsigned long long)seed);
        return;
    case CLI_REAL:
        memcpy(&real, at, sizeof real);
        if (!isnan(real))
            append(phrase, "default %.15g", real);
        return;
    case CLI_NAME:
        memcpy(&index, at, sizeof index);
        append(phrase, "default %s", option->name_at(index < 0 ? 0 : index)); /* -1: not given */
        return;
    case CLI_TEXT:
    case CLI_LIST:      /* whose struct begins with the default */
    case CLI_COMPONENT: /* whose struct begins with the name */
        memcpy(&text, at, sizeof text);
        if (text)
            append(phrase, "default %s", text);
        return;
    default: return;
    }
}

char *cli_option_help(const struct cli_option *option, const char *text, const char *defaults)
{
    static const int64_t zero;
    char phrase[PHRASE] = "", value[PHRASE] = "", *all;
    append_range(phrase, option);
    append_default(value, option, option->global ? (const char *)&zero : defaults + option->offset);
    if (!phrase[0] && !value[0])
        return NULL;
    const char *separator = phrase[0] && value[0] ? "; " : "";
    return asprintf(&all, "%s [%s%s%s]", text, phrase, separator, value) >= 0 ? all : NULL;
}

/* ---- Values --------------------------------------------------------------------------------- */

static rg_status reject(const struct cli_option *option, const char *text, const char *kind)
{
    char phrase[PHRASE] = "";
    append_range(phrase, option);
    struct cli_hint hint = {""};
    if (option->name_at)
        hint = cli_name_hint(option->name_at, text);
    return cli_fail(RG_USAGE, "--%s '%s'%s: expected %s%s%s", option->name, text, hint.text, kind,
                    kind[0] && phrase[0] ? " " : "", phrase);
}

static bool in_range(const struct cli_option *option, double value)
{
    if (!(option->low < option->high))
        return true;
    return (option->above ? value > option->low : value >= option->low) &&
           (option->below ? value < option->high : value <= option->high);
}

/* A number fills the whole text, without the blanks, NaN, infinities and hexadecimal digits that
 * the C library's functions would take. */
static bool is_plain(const char *text, const char *alphabet)
{
    return text[0] && strspn(text, alphabet) == strlen(text);
}

/* "8G" in bytes. */
static rg_status set_size(const struct cli_option *option, const char *text, char *at)
{
    static const char units[] = "KMGT";
    char *end = NULL;
    errno = 0;
    int64_t size = is_plain(text, "0123456789KMGT") ? strtoll(text, &end, 10) : 0;
    const char *unit = size > 0 && *end ? strchr(units, *end) : NULL;
    int shift = unit ? 10 * (int)(unit - units + 1) : 0;
    if (size <= 0 || errno || end[unit ? 1 : 0] || size > INT64_MAX >> shift)
        return reject(option, text, "a size such as 512M or 8G");
    size <<= shift;
    memcpy(at, &size, sizeof size);
    return RG_OK;
}

static rg_status set_number(const struct cli_option *option, const char *text, char *at)
{
    char *end = NULL;
    errno = 0;
    if (option->kind == CLI_REAL) {
        double value = is_plain(text, "0123456789+-.eE") ? strtod(text, &end) : 0;
        if (!end || *end || !isfinite(value) || !in_range(option, value))
            return reject(option, text, "a number");
        memcpy(at, &value, sizeof value);
        return RG_OK;
    }
    if (option->kind == CLI_SEED) {
        uint64_t value = is_plain(text, "0123456789") ? strtoull(text, &end, 10) : 0;
        if (!end || *end || errno)
            return reject(option, text, "a whole number from 0 to 2^64 - 1");
        memcpy(at, &value, sizeof value);
        return RG_OK;
    }
    int64_t value = is_plain(text, "0123456789+-") ? strtoll(text, &end, 10) : 0;
    if (!end || *end || errno || !in_range(option, (double)value))
        return reject(option, text, "a whole number");
    memcpy(at, &value, sizeof value);
    return RG_OK;
}

static rg_status set_name(const struct cli_option *option, const char *text, char *at)
{
    for (int i = 0; option->name_at(i); i++) {
        if (strcmp(option->name_at(i), text) != 0)
            continue;
        memcpy(at, &i, sizeof i);
        return RG_OK;
    }
    return reject(option, text, "");
}

rg_status cli_list_add(struct cli_list *list, const char *text)
{
    const char **items = realloc(list->items, ((size_t)list->count + 1) * sizeof *items);
    if (!items)
        return cli_fail(RG_LIMIT, "out of memory");
    list->items = items;
    items[list->count++] = text;
    return RG_OK;
}

void cli_free_lists(const struct cli_command *command, void *values)
{
    struct cli_list *arguments = values; /* the struct begins with them */
    free(arguments->items);
    for (const struct cli_option *option = command->options; option && option->doc; option++)
        if (option->kind == CLI_LIST) {
            struct cli_list *list = (void *)((char *)values + option->offset);
            free(list->items);
        }
}

rg_status cli_component_give(struct cli_component *component, const char *option, const char *value)
{
    const int most = (int)(sizeof component->given / sizeof component->given[0]);
    if (component->n_given == most)
        return cli_fail(RG_USAGE, "--%s: more than %d parameters are given", option, most);
    component->given[component->n_given].option = option;
    component->given[component->n_given++].value = value;
    return RG_OK;
}

char *cli_option_at(const struct cli_option *option, char *values)
{
    return option->global ? option->global : values + option->offset;
}

rg_status cli_option_set(const struct cli_option *option, const char *text, char *values)
{
    char *at = cli_option_at(option, values);
    switch (option->kind) {
    case CLI_PARAM: return cli_component_give((void *)at, option->name, text);
    case CLI_FLAG: *(bool *)at = true; return RG_OK;
    case CLI_LIST:
    case CLI_TEXT:
    case CLI_COMPONENT: /* whose struct begins with the name */
        if (!text[0])
            return cli_fail(RG_USAGE, "--%s: expected %s, found an empty word", option->name,
                            option->argument);
        if (option->kind == CLI_LIST)
            return cli_list_add((void *)at, text);
        memcpy(at, &text, sizeof text);
        return RG_OK;
    case CLI_NAME: return set_name(option, text, at);
    case CLI_SIZE: return set_size(option, text, at);
    default: return set_number(option, text, at);
    }
}

/* ---- All options of a command ---------------------------------------------------------------- */

bool cli_options_add(struct cli_options *to, const struct cli_option *row)
{
    struct cli_option *rows = realloc(to->rows, ((size_t)to->n + 2) * sizeof *rows);
    if (!rows || !row->doc) {
        cli_fail(RG_LIMIT, "out of memory");
        return false;
    }
    to->rows = rows;
    rows[to->n++] = *row;
    rows[to->n] = (struct cli_option){0};
    return true;
}

struct cli_option *cli_options_find(const struct cli_options *options, const char *name)
{
    for (int i = 0; i < options->n; i++)
        if (options->rows[i].name && strcmp(options->rows[i].name, name) == 0)
            return &options->rows[i];
    return NULL;
}

/* Removes an option for a parameter. */
static void remove_param(struct cli_options *options, struct cli_option *row)
{
    cli_free_param(row);
    struct cli_option *end = options->rows + options->n--;
    memmove(row, row + 1, (size_t)(end - row) * sizeof *row);
}

/* Adds a table of options, each component followed by its parameters. A parameter gives way to an
 * option of the table that has its name. */
static bool add_table(struct cli_options *to, const struct cli_option *from, size_t offset)
{
    for (; from && from->doc; from++) {
        struct cli_option row = *from;
        struct cli_option *param = row.name ? cli_options_find(to, row.name) : NULL;
        if (param)
            remove_param(to, param);
        row.offset += offset;
        if (!cli_options_add(to, &row) || (row.kind == CLI_COMPONENT && !cli_params_add(to, &row)))
            return false;
    }
    return true;
}

bool cli_all_options(const struct cli_command *command, struct cli_options *to)
{
    return add_table(to, command->options, 0) &&
           add_table(to, command->reading ? reading_options : NULL, command->reading) &&
           add_table(to, common_options, 0);
}
