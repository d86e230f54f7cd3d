/* parse.c: a command line against the table of its command.
 *
 * getopt_long finds the options, options.c sets their values, and argp_help prints --help from the
 * same table. Every command gets the options of common_options. An option that is given twice is an
 * error, unless it collects values: otherwise the last one would win silently.
 */
#include "cli.h"

#include <argp.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_KEY = 0x200 }; /* of options without a letter: their row is added */

/* A command line being read. */
struct parsing {
    const struct cli_command *command;
    struct cli_options options; /* all that it may have */
    char *values;               /* the command's struct */
    char *defaults;             /* a copy of it, made before parsing */
};

static int key_of(const struct cli_option *option, int row)
{
    return option->letter ? option->letter : FIRST_KEY + row;
}

/* The row of a key; NULL: none. */
static struct cli_option *option_of(const struct parsing *parsing, int key)
{
    for (int row = 0; row < parsing->options.n; row++)
        if (parsing->options.rows[row].name && key_of(&parsing->options.rows[row], row) == key)
            return &parsing->options.rows[row];
    return NULL;
}

/* ---- Help ------------------------------------------------------------------------------------ */

/* The text below the options; NULL: out of memory. */
static char *print_more(const struct cli_command *command)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    if (!stream)
        return NULL;
    command->more(stream);
    fclose(stream);
    return text;
}

static const struct parsing *shown; /* argp_help gives its filter no argument */

/* argp's hook: adds an option's range and default to its description; prints the text below all
 * options. */
static char *help_filter(int key, const char *text, void *input)
{
    (void)input;
    if (key == ARGP_KEY_HELP_POST_DOC && shown->command->more)
        return print_more(shown->command);
    const struct cli_option *option = option_of(shown, key);
    char *more = option ? cli_option_help(option, text, shown->defaults) : NULL;
    return more ? more : (char *)(uintptr_t)text; /* argp's signature: the text means unchanged */
}

/* Prints help on standard output and ends the program. */
static void show_help(const struct parsing *parsing, char *program, unsigned flags)
{
    struct argp_option *rows = cli_alloc(parsing->options.n + 1, sizeof *rows);
    if (!rows)
        exit(RG_LIMIT);
    for (int row = 0; row < parsing->options.n; row++) {
        rows[row].doc = parsing->options.rows[row].doc;
        if (!parsing->options.rows[row].name)
            continue;
        rows[row].name = parsing->options.rows[row].name;
        rows[row].key = key_of(&parsing->options.rows[row], row);
        rows[row].arg = parsing->options.rows[row].argument;
    }
    const struct argp argp = {.options = rows,
                              .args_doc = parsing->command->arguments,
                              .doc = parsing->command->doc,
                              .help_filter = help_filter};
    shown = parsing;
    setenv("ARGP_HELP_FMT", "no-dup-args-note", 0); /* where argp reads its settings */
    argp_help(&argp, stdout, flags, program);
    free(rows);
    if (fflush(stdout) != 0 || ferror(stdout))
        exit((int)cli_fail(RG_IO, "standard output: cannot write"));
    exit(RG_OK);
}

/* ---- Errors ---------------------------------------------------------------------------------- */

static const char *name_at(const void *of, int i)
{
    const struct parsing *parsing = of;
    const char *name = parsing->options.rows[i].name;
    return name ? name : "";
}

/* "--name" of the word "--name=value", without the dashes. */
static struct cli_word bare_name(const char *word)
{
    struct cli_word name;
    word += strspn(word, "-");
    snprintf(name.text, sizeof name.text, "%.*s", (int)strcspn(word, "="), word);
    return name;
}

/* The options that a shortened name may stand for: "vali, --vali-fraction"; "" for fewer than
 * two. */
static struct cli_hint candidates(const struct parsing *parsing, const char *start)
{
    struct cli_hint list = {""};
    int n = 0;
    for (int row = 0; start[0] && row < parsing->options.n; row++) {
        const char *name = name_at(parsing, row);
        if (strncmp(name, start, strlen(start)) == 0)
            cli_add_word(list.text, sizeof list.text, n++ ? ", --" : "", name);
    }
    return n > 1 ? list : (struct cli_hint){""};
}

static rg_status fail_unknown(const struct parsing *parsing, const char *word)
{
    const char *command = parsing->command->name;
    struct cli_word name = bare_name(word);
    struct cli_names known = {.n = parsing->options.n,
                              .name_at = name_at,
                              .of = parsing,
                              .arguments = parsing->command->arguments,
                              .prefix = "--"};
    int shown_length = (int)strcspn(word, "=");
    struct cli_hint several = candidates(parsing, name.text);
    if (strncmp(word, "--", 2) == 0 && several.text[0])
        return cli_fail(RG_USAGE, "%s: option %.*s may be one of --%s; expected its whole name",
                        command, shown_length, word, several.text);
    return cli_fail(RG_USAGE, "%s: there is no option %.*s%s rankgrad %s --help", command,
                    shown_length, word, cli_suggest(&known, name.text).text, command);
}

/* What getopt_long did not understand; `key` is of the option, where it found one. */
static rg_status fail_option(const struct parsing *parsing, int found, int key, const char *word)
{
    const struct cli_option *option = key ? option_of(parsing, key) : NULL;
    if (!option)
        return fail_unknown(parsing, word);
    if (found == ':')
        return cli_fail(RG_USAGE, "%s: --%s needs a value; expected --%s %s",
                        parsing->command->name, option->name, option->name, option->argument);
    return cli_fail(RG_USAGE, "%s: '%s' has a value, but --%s takes none", parsing->command->name,
                    word, option->name);
}

/* ---- Options and arguments ------------------------------------------------------------------- */

static rg_status take_option(struct parsing *parsing, struct cli_option *option, const char *text,
                             const char *word, char *program)
{
    switch (option->kind) {
    case CLI_HELP: show_help(parsing, program, ARGP_HELP_STD_HELP); break;
    case CLI_USAGE: show_help(parsing, program, ARGP_HELP_USAGE); break;
    case CLI_VERSION: cli_show_version(stdout); exit(fflush(stdout) ? RG_IO : RG_OK);
    default: break;
    }
    if (word[0] == '-' && word[1] != '-') /* -output is no -o utput */
        for (int row = 0; row < parsing->options.n; row++)
            if (word[2] && strcmp(name_at(parsing, row), bare_name(word).text) == 0)
                return fail_unknown(parsing, word);
    if (option->given && option->kind != CLI_LIST)
        return cli_fail(RG_USAGE, "%s: --%s is given twice; expected once", parsing->command->name,
                        option->name);
    option->given = true;
    return cli_option_set(option, text, parsing->values);
}

static rg_status take_argument(const struct parsing *parsing, const char *text)
{
    const struct cli_command *command = parsing->command;
    struct cli_list *list = (void *)parsing->values;
    if (!text[0])
        return cli_fail(RG_USAGE, "%s: expected %s, found an empty word", command->name,
                        command->arguments);
    return cli_list_add(list, text);
}

/* Checks, once the line is read, that nothing is missing. */
static rg_status check_complete(const struct parsing *parsing)
{
    const struct cli_command *command = parsing->command;
    const struct cli_list *list = (void *)parsing->values;
    if (list->count > command->most)
        return cli_fail(RG_USAGE, "%s: '%s' is one argument too many; expected %s", command->name,
                        list->items[command->most],
                        command->most ? command->arguments : "options only");
    if (list->count < command->least)
        return cli_fail(RG_USAGE, "%s: %d of %s given; expected %s; see rankgrad %s --help",
                        command->name, list->count, cli_count(command->least, "argument").text,
                        command->arguments, command->name);
    for (const struct cli_option *option = parsing->options.rows; option->doc; option++) {
        const char *text;
        char *at = cli_option_at(option, parsing->values);
        if (option->kind == CLI_COMPONENT && cli_component_finish(option, (void *)at) != RG_OK)
            return RG_USAGE;
        if (!option->required)
            continue;
        memcpy(&text, at, sizeof text);
        if (!text)
            return cli_fail(RG_USAGE, "%s: expected --%s %s; see rankgrad %s --help", command->name,
                            option->name, option->argument, command->name);
    }
    return RG_OK;
}

static rg_status take_all(struct parsing *parsing, int argc, char **argv, const char *letters,
                          const struct option *names)
{
    rg_status status = RG_OK;
    opterr = 0;
    while (status == RG_OK) {
        const char *word = optind < argc ? argv[optind] : NULL;
        int key = getopt_long(argc, argv, letters, names, NULL);
        if (key == -1)
            break;
        if (key == 1) /* not an option: the letters begin with '-' */
            status = take_argument(parsing, optarg);
        else if (key == '?' || key == ':')
            status = fail_option(parsing, key, optopt, word);
        else
            status = take_option(parsing, option_of(parsing, key), optarg, word, argv[0]);
    }
    for (; status == RG_OK && optind < argc; optind++) /* after "--" */
        status = take_argument(parsing, argv[optind]);
    return status == RG_OK ? check_complete(parsing) : status;
}

/* Reads the line, with the table as getopt_long wants it. */
static rg_status read_line(struct parsing *parsing, int argc, char **argv)
{
    struct option *names = cli_alloc(parsing->options.n + 1, sizeof *names);
    char *letters = names ? cli_alloc(2 * parsing->options.n + 3, 1) : NULL;
    rg_status status = letters ? RG_OK : RG_LIMIT;
    int n_names = 0;
    if (status == RG_OK)
        strcpy(letters, "-:");
    for (int row = 0; status == RG_OK && row < parsing->options.n; row++) {
        const struct cli_option *option = &parsing->options.rows[row];
        if (!option->name)
            continue;
        names[n_names++] =
            (struct option){option->name, option->argument ? required_argument : no_argument, NULL,
                            key_of(option, row)};
        char letter[3] = {(char)option->letter, option->argument ? ':' : 0, 0};
        strcat(letters, letter);
    }
    if (status == RG_OK)
        status = take_all(parsing, argc, argv, letters, names);
    free(names);
    free(letters);
    return status;
}

/* Most features of text may be absent if the user has given their number. */
static void allow_absent(const struct cli_command *command, void *values)
{
    if (!command->reading)
        return;
    rg_dataset_options *reading = (void *)((char *)values + command->reading);
    reading->allow_absent = reading->n_features > 0;
}

rg_status cli_parse(const struct cli_command *command, int argc, char **argv, void *values)
{
    struct parsing parsing = {.command = command, .values = values};
    if (!cli_all_options(command, &parsing.options))
        return RG_LIMIT;
    cli_set_flags(parsing.options.rows);
    parsing.defaults = cli_alloc((int64_t)command->size, 1);
    if (!parsing.defaults)
        return RG_LIMIT;
    memcpy(parsing.defaults, values, command->size);
    rg_status status = read_line(&parsing, argc, argv);
    allow_absent(command, values);
    free(parsing.defaults);
    return status;
}
