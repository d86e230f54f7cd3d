/* options.c: one table of options, read three ways: by argp, by the parser of values, by --help.
 *
 * The one idea: the command's struct holds the defaults when parsing starts; --help prints a copy
 * taken then, so what it says is what the library's *_default() functions say.
 */
#include "cli.h"

#include <argp.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_KEY = 0x200 }; /* of options without a letter: their row is added */

/* The longest phrase made here: a range, a default, a list of names. */
enum { PHRASE = 512 };

struct parsing {
    const struct cli_command *command;
    const struct cli_option *options; /* the command's and, where it reads data, those below */
    char *values;
    const char *defaults; /* what `values` was before the first option */
};

/* Names are stored through this type, whatever the enum is called. */
_Static_assert(sizeof(rg_normalize) == sizeof(int) && sizeof(rg_ties) == sizeof(int),
               "an enum has the size of an int");

#define AT(member) offsetof(rg_dataset_options, member)

/* What every command that reads a data set understands. */
static const struct cli_option reading_options[] = {
    {.kind = CLI_HEADING, .doc = "Reading text (SVMlight / LETOR), plain or gzip:"},
    {.name = "features",
     .argument = "N",
     .kind = CLI_INTEGER,
     .offset = AT(n_features),
     .high = 2147483646,
     .doc =
         "Columns: a larger index is an error, columns that never occur are zero; 0: the largest "
         "index, or the model's number of features"},
    {.name = "zero-based",
     .kind = CLI_FLAG,
     .offset = AT(zero_based),
     .doc = "Index i is column i; without it column i - 1, and index 0 is an error"},
    {.name = "group",
     .argument = "FILE",
     .kind = CLI_TEXT,
     .offset = AT(group_path),
     .doc = "List sizes, one a line, of text without qid; without it DATA.query is looked for"},
    {.kind = CLI_HEADING, .doc = "Reading any data:"},
    {.name = "regroup",
     .kind = CLI_FLAG,
     .offset = AT(regroup),
     .doc = "Bring together lists whose rows are scattered (the order within a list stays)"},
    {.name = "no-map",
     .kind = CLI_FLAG,
     .offset = AT(no_map),
     .doc = "Read features into memory instead of mapping the file"},
    {0}};

static int key_of(const struct cli_option *option, int row)
{
    return option->letter ? option->letter : FIRST_KEY + row;
}

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

/* "default 0.1", or "" where there is none to tell. */
static void append_default(char phrase[PHRASE], const struct cli_option *option, const char *values)
{
    const char *at = values + option->offset;
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
        append(phrase, "default %.15g", real);
        return;
    case CLI_NAME:
        memcpy(&index, at, sizeof index);
        append(phrase, "default %s", option->name_at(index));
        return;
    case CLI_CHOICE:
    case CLI_TEXT:
    case CLI_COMPONENT: /* whose struct begins with the name */
        memcpy(&text, at, sizeof text);
        if (text)
            append(phrase, "default %s", text);
        return;
    default: return;
    }
}

/* argp's hook: adds range and default to an option's words, and the text below the options. */
static char *help_filter(int key, const char *text, void *input)
{
    const struct parsing *parsing = input;
    if (key == ARGP_KEY_HELP_POST_DOC && parsing && parsing->command->more)
        return parsing->command->more();
    const struct cli_option *options = parsing ? parsing->options : NULL;
    for (int row = 0; options && options[row].doc; row++) {
        if (options[row].kind == CLI_HEADING || key_of(&options[row], row) != key)
            continue;
        char phrase[PHRASE] = "", value[PHRASE] = "", *all;
        append_range(phrase, &options[row]);
        append_default(value, &options[row], parsing->defaults);
        if (!phrase[0] && !value[0])
            break;
        const char *comma = phrase[0] && value[0] ? "; " : "";
        if (asprintf(&all, "%s [%s%s%s]", text, phrase, comma, value) >= 0)
            return all;
    }
    return (char *)(uintptr_t)text; /* argp's signature: the text itself means unchanged */
}

/* ---- Values --------------------------------------------------------------------------------- */

static rg_status reject(const struct cli_option *option, const char *text, const char *kind)
{
    char phrase[PHRASE] = "";
    append_range(phrase, option);
    return cli_fail(RG_USAGE, "--%s '%s': expected %s%s%s", option->name, text, kind,
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
        const char *name = option->name_at(i);
        if (strcmp(name, text) != 0)
            continue;
        if (option->kind == CLI_NAME)
            memcpy(at, &i, sizeof i);
        else
            memcpy(at, &name, sizeof name);
        return RG_OK;
    }
    return reject(option, text, "");
}

static rg_status add_to_list(struct cli_list *list, const char *text)
{
    const char **items = realloc(list->items, ((size_t)list->count + 1) * sizeof *items);
    if (!items)
        return cli_fail(RG_LIMIT, "out of memory");
    list->items = items;
    items[list->count++] = text;
    return RG_OK;
}

void cli_list_free(struct cli_list *list)
{
    free(list->items);
    *list = (struct cli_list){0};
}

static rg_status set_param(const struct cli_option *option, const char *text,
                           struct cli_component *component)
{
    const int most = (int)(sizeof component->given / sizeof component->given[0]);
    if (component->n_given == most)
        return cli_fail(RG_USAGE, "--%s: more than %d parameters are given", option->name, most);
    component->given[component->n_given].option = option->name;
    component->given[component->n_given++].value = text;
    return RG_OK;
}

static rg_status set_value(const struct cli_option *option, const char *text, char *values)
{
    char *at = values + option->offset;
    switch (option->kind) {
    case CLI_PARAM: return set_param(option, text, (void *)at);
    case CLI_FLAG: *(bool *)at = true; return RG_OK;
    case CLI_LIST:
    case CLI_TEXT:
    case CLI_COMPONENT: /* whose struct begins with the name */
        if (!text[0])
            return cli_fail(RG_USAGE, "--%s: expected %s, found an empty word", option->name,
                            option->argument);
        if (option->kind == CLI_LIST)
            return add_to_list((void *)at, text);
        memcpy(at, &text, sizeof text);
        return RG_OK;
    case CLI_NAME:
    case CLI_CHOICE: return set_name(option, text, at);
    case CLI_SIZE: return set_size(option, text, at);
    default: return set_number(option, text, at);
    }
}

/* ---- argp ----------------------------------------------------------------------------------- */

static rg_status take_argument(const struct parsing *parsing, const char *text)
{
    const struct cli_command *command = parsing->command;
    struct cli_list *list = (void *)(parsing->values + command->list);
    if (list->count == command->most)
        return cli_fail(RG_USAGE, "%s: '%s' is one argument too many; expected %s", command->name,
                        text, command->most ? command->arguments : "options only");
    if (!text[0])
        return cli_fail(RG_USAGE, "%s: expected %s, found an empty word", command->name,
                        command->arguments);
    return add_to_list(list, text);
}

/* At the end of the line: is everything there? */
static error_t check_complete(const struct parsing *parsing)
{
    const struct cli_command *command = parsing->command;
    const struct cli_list *list = (void *)(parsing->values + command->list);
    if (list->count < command->least) {
        cli_fail(RG_USAGE, "%s: %d of %d arguments given; expected %s; see rankgrad %s --help",
                 command->name, list->count, command->least, command->arguments, command->name);
        return EINVAL;
    }
    for (const struct cli_option *option = parsing->options; option->doc; option++) {
        const char *text;
        if (option->kind == CLI_COMPONENT &&
            cli_component_finish(option, (void *)(parsing->values + option->offset)) != RG_OK)
            return EINVAL;
        if (!option->needed)
            continue;
        memcpy(&text, parsing->values + option->offset, sizeof text);
        if (text)
            continue;
        cli_fail(RG_USAGE, "%s: expected --%s %s; see rankgrad %s --help", command->name,
                 option->name, option->argument, command->name);
        return EINVAL;
    }
    return 0;
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct parsing *parsing = state->input;
    if (key == ARGP_KEY_ARG)
        return take_argument(parsing, text) == RG_OK ? 0 : EINVAL;
    if (key == ARGP_KEY_END)
        return check_complete(parsing);
    for (int row = 0; parsing->options[row].doc; row++) {
        const struct cli_option *option = &parsing->options[row];
        if (option->kind != CLI_HEADING && key_of(option, row) == key)
            return set_value(option, text, parsing->values) == RG_OK ? 0 : EINVAL;
    }
    return ARGP_ERR_UNKNOWN;
}

static void as_argp(const struct cli_option *options, struct argp_option *to)
{
    for (int row = 0; options[row].doc; row++) {
        to[row].doc = options[row].doc;
        if (options[row].kind == CLI_HEADING)
            continue;
        to[row].name = options[row].name;
        to[row].key = key_of(&options[row], row);
        to[row].arg = options[row].argument;
    }
}

static int count(const struct cli_option *options)
{
    int n = 0;
    while (options[n].doc)
        n++;
    return n;
}

/* Appends a table of options, each component followed by its parameters; returns the end, NULL
 * when out of memory. */
static struct cli_option *append_options(struct cli_option *to, const struct cli_option *from,
                                         size_t offset)
{
    for (; from->doc; from++) {
        *to = *from;
        to->offset += offset;
        if (from->kind == CLI_COMPONENT) {
            if (!cli_params_options(to, to + 1))
                return NULL;
            to += cli_params_count(from->registry());
        }
        to++;
    }
    return to;
}

static int count_all(const struct cli_option *options)
{
    int n = count(options);
    for (; options->doc; options++)
        if (options->kind == CLI_COMPONENT)
            n += cli_params_count(options->registry());
    return n;
}

/* The command's options and those of reading, in one array, released by cli_params_free, free. */
static struct cli_option *gather(const struct cli_command *command)
{
    static const struct cli_option none = {0};
    const struct cli_option *reading = command->reading ? reading_options : &none;
    int n = count_all(command->options) + count_all(reading);
    struct cli_option *all = cli_alloc(n + 1, sizeof *all), *end = all;
    if (end)
        end = append_options(end, command->options, 0);
    if (end)
        end = append_options(end, reading, command->reading);
    return end ? all : NULL; /* a process without memory for its options ends here */
}

rg_status cli_parse(const struct cli_command *command, int argc, char **argv, void *values)
{
    struct cli_option *all = gather(command);
    struct argp_option *options = all ? cli_alloc(count(all) + 1, sizeof *options) : NULL;
    char *defaults = options ? cli_alloc((int64_t)command->size, 1) : NULL;
    rg_status status = defaults ? RG_OK : RG_LIMIT;
    if (status == RG_OK) {
        memcpy(defaults, values, command->size);
        as_argp(all, options);
        /* glibc's --help loses two bytes over a table without an option. */
        struct argp argp = {.options = count(all) ? options : NULL,
                            .parser = parse_option,
                            .args_doc = command->arguments,
                            .doc = command->doc,
                            .help_filter = help_filter};
        struct parsing parsing = {command, all, values, defaults};
        status = argp_parse(&argp, argc, argv, 0, NULL, &parsing) == 0 ? RG_OK : RG_USAGE;
    }
    cli_params_free(all);
    free(all);
    free(options);
    free(defaults);
    return status;
}
