/* cli.h: what the commands of the program share: the table of commands, options, error messages,
 * signals, data and outputs.
 *
 * A command is a descriptor: its name, what --help says, its table of options and the function that
 * runs it. An option is a row of a table (name, kind, where its value goes, range, description),
 * from which its parsing, its error messages, and its range and default in --help follow. The
 * program includes <rankgrad/...> alone: what it does, any C program can do.
 */
#ifndef RG_CLI_H
#define RG_CLI_H

#include <rankgrad/rankgrad.h>

#include <math.h>
#include <stdio.h>

#define CLI_PRINTF(text, first) __attribute__((format(printf, text, first)))

/* ---- Error messages, notes, signals (cli.c) -------------------------------------------------- */

/* Prints `rankgrad: MESSAGE` on standard error, on one line, and returns the status. Like every
 * message of the program it shows a field that is named in backquotes as the flag of the option
 * that sets it: `vali_fraction` as --vali-fraction. So the library, whose messages name fields of
 * its structs and parameters of components, need not know flags. What is no field of the running
 * command's options is printed as it is. */
rg_status cli_fail(rg_status status, const char *format, ...) CLI_PRINTF(2, 3);

/* Prints the context's last error in the same way and returns its status. */
rg_status cli_report(const rg_context *ctx);

/* The same; where memory or another limit is exceeded, `remedy` is added, such as the option that
 * sets the limit. */
rg_status cli_report_limit(const rg_context *ctx, const char *remedy);

/* Prints `rankgrad: note: MESSAGE`. */
void cli_note(const char *format, ...) CLI_PRINTF(1, 2);

/* Sets the options of the running command, whose flags messages name. They are not copied and are
 * never released. */
struct cli_option;
void cli_set_flags(const struct cli_option *options);

/* The value of --threads. */
extern int64_t cli_threads;

/* A context of --threads threads that prints its notes on standard error and whose long calls are
 * cancelled by SIGHUP, SIGINT and SIGTERM; destroyed by rg_context_destroy. NULL: out of memory,
 * reported. */
rg_context *cli_context(void);

/* RG_CANCELLED, reported, after such a signal; RG_OK before. */
rg_status cli_interrupted(void);

/* The exit status for the signal that arrived. */
int cli_signal_status(void);

/* From this call on such a signal no longer cancels calls, so that results can be saved. Returns
 * whether one arrived before. */
bool cli_ignore_signals(void);

/* Replaces the progress line on the terminal; "" erases it. Every message erases it first. */
void cli_progress(const char *line);

/* Appends a word to a list in `text` (size bytes): "a, b"; what does not fit is cut. */
void cli_add_word(char *text, size_t size, const char *separator, const char *word);

/* count * size zeroed bytes from calloc, released by free; never NULL on success, even for 0 bytes.
 * NULL: out of memory, reported. */
void *cli_alloc(int64_t count, size_t size);

/* ---- Options (options.c) -------------------------------------------------------------------- */

/* The upper end of a range without one. */
#define CLI_NO_LIMIT ((double)INFINITY)

/* The values of an option that may be repeated, or the arguments; the strings are argv's. */
struct cli_list {
    const char *fallback; /* the default that --help shows; NULL: none. The command applies it */
    int count;
    const char **items; /* released by the program's main function */
};

enum cli_kind {
    CLI_NO_OPTION, /* a heading above the options that follow */
    CLI_FLAG,      /* bool */
    CLI_TEXT,      /* const char * */
    CLI_LIST,      /* struct cli_list */
    CLI_INTEGER,   /* int64_t, low <= value <= high */
    CLI_SEED,      /* uint64_t */
    CLI_SIZE,      /* int64_t > 0, bytes: 512M; the default is 0 */
    CLI_REAL,      /* double, finite, in the range */
    CLI_NAME,      /* an enum or int: the index of one of the names */
    CLI_COMPONENT, /* struct cli_component: one of `registry`, and an option for each parameter */
    CLI_PARAM,     /* the same struct: such an option, added by options.c */
    CLI_HELP,      /* --help, --usage and --version end the program */
    CLI_USAGE,
    CLI_VERSION
};

/* A component such as an optimizer, and the options for its parameters. */
struct cli_component {
    const char *text; /* the name, perhaps with parameters: "adam(beta1=0.95)"; a sum of losses */
    int n_given;
    struct {
        const char *option, *value;
    } given[16];     /* parameters given as options: --beta1 0.95 */
    char full[2048]; /* after parsing: with the values of all parameters */
};

struct cli_option {
    const char *name;     /* --name */
    int letter;           /* -letter; 0: none */
    const char *argument; /* the argument's name in --help; NULL for a flag */
    enum cli_kind kind;
    size_t offset;                        /* of the value in the command's struct */
    const char *field;                    /* the path of that member: "o.vali_fraction" */
    void *global;                         /* or of this variable, whose default is 0 */
    double low, high;                     /* of numbers; both 0: any */
    bool above, below;                    /* the end itself is excluded */
    bool given;                           /* set when the option is read */
    bool required;                        /* CLI_TEXT: the option must be given */
    const char *(*name_at)(int i);        /* of names; NULL past the last */
    const rg_registry *(*registry)(void); /* of CLI_COMPONENT */
    const char *doc;                      /* NULL ends the table */
};

/* A row of a table of options: enum cli_kind, name, the argument's name, the command's struct and
 * its member that gets the value, the description, and what else the kind needs:
 * `.low = 0, .high = 1`. */
#define CLI_OPTION(kind_, name_, argument_, type, member, ...)                                     \
    {                                                                                              \
        .kind = kind_, .name = name_, .argument = argument_, .offset = offsetof(type, member),     \
        .field = #member, .doc = __VA_ARGS__                                                       \
    }
#define CLI_HEADING(text)                                                                          \
    {                                                                                              \
        .kind = CLI_NO_OPTION, .doc = text                                                         \
    }

/* The options of a command that writes a file: its struct, the members; whether -o is required;
 * "Where to write THIS"; "Replace any file, not only THAT". */
#define CLI_OUTPUT_OPTIONS(type, output, force, is_required, this, that)                           \
    CLI_OPTION(CLI_TEXT, "output", "FILE", type, output, "Where to write" this, .letter = 'o',     \
               .required = is_required),                                                           \
        CLI_OPTION(CLI_FLAG, "force", NULL, type, force,                                           \
                   "Replace any file, not only " that " (docs/outputs.md)")

/* --metric, whose description may say more. */
#define CLI_METRIC_OPTION(type, metrics, more)                                                     \
    CLI_OPTION(CLI_LIST, "metric", "LIST", type, metrics,                                          \
               "Metrics, separated by commas, listed below; ndcg@1,5,10 is short for "             \
               "ndcg@1,ndcg@5,ndcg@10. If repeated, the lists are joined" more)

/* --split of a command that reads one split: "The split to THIS". */
#define CLI_SPLIT_OPTION(type, split, this)                                                        \
    CLI_OPTION(CLI_TEXT, "split", "NAME", type, split,                                             \
               "The split to " this "; without it test, or the only one")

/* A command. Its struct of values begins with a struct cli_list, which gets the arguments. */
struct cli_command {
    const char *name;
    const char *summary;                /* for `rankgrad help` */
    const char *aliases;                /* other programs' names for it, separated by blanks */
    bool makes_file;                    /* its result is a file; what it prints describes that */
    const char *arguments;              /* "MODEL DATA"; NULL: none */
    int least, most;                    /* how many arguments there may be */
    size_t size;                        /* of the struct of values */
    size_t reading;                     /* offset of its rg_dataset_options; 0: it has none */
    void (*set_defaults)(void *values); /* where zeros are not; NULL: none */
    const struct cli_option *options;   /* NULL: only the common ones */
    const char *doc;                    /* what it does, above the options */
    void (*more)(FILE *to);             /* prints what --help says below them; may be NULL */
    rg_status (*run)(rg_context *ctx, void *values); /* returns the exit status, reported */
};

/* The commands of commands.def, in order; NULL past the last. (main.c) */
const struct cli_command *cli_command_at(int i);

#define RG_COMMAND(name, passes) extern const struct cli_command cli_command_##name;
#include "commands.def"
#undef RG_COMMAND

/* For commands with any number of arguments. */
#define CLI_MANY (1 << 20)

/* Reads argv into `values`, the command's struct, which holds the defaults on entry; ends the
 * program for --help. RG_USAGE: reported. (parse.c) */
rg_status cli_parse(const struct cli_command *command, int argc, char **argv, void *values);

/* Prints the version of the program and of what it uses. (version.c) */
void cli_show_version(FILE *to);

/* A table of options that grows; its last row, which n does not count, has no doc. */
struct cli_options {
    int n;
    struct cli_option *rows;
};

/* Adds a row. False: out of memory (also when its doc could not be made: NULL), reported. */
bool cli_options_add(struct cli_options *to, const struct cli_option *row);

/* The row of that name; NULL: none. */
struct cli_option *cli_options_find(const struct cli_options *options, const char *name);

/* Adds all options that a command understands. False: reported. */
bool cli_all_options(const struct cli_command *command, struct cli_options *to);

/* Sets the value of an option from its text (NULL for a flag). RG_USAGE: reported. */
rg_status cli_option_set(const struct cli_option *option, const char *text, char *values);

/* The address of an option's value. */
char *cli_option_at(const struct cli_option *option, char *values);

/* An option's description with its range and its default, from a copy of the command's struct made
 * before parsing; from malloc; NULL if it has neither. */
char *cli_option_help(const struct cli_option *option, const char *text, const char *defaults);

/* Appends to a list; RG_LIMIT: reported. */
rg_status cli_list_add(struct cli_list *list, const char *text);

/* Releases the lists in a command's struct of values. */
void cli_free_lists(const struct cli_command *command, void *values);

/* Other programs' names for an option or a command, separated by blanks, and ours; instead of "did
 * you mean OURS?" a note may be given. */
struct cli_alias {
    const char *theirs, *ours, *note;
};

/* The names that an unknown word may have been meant to be. */
struct cli_names {
    int n;
    rg_name_at *name_at;
    const void *of;
    const char *arguments;           /* the command's arguments, "MODEL DATA"; may be NULL */
    const char *prefix;              /* "--" */
    const struct cli_alias *aliases; /* ended by an entry of NULL; NULL: those of options */
};

struct cli_hint {
    char text[256];
};

/* What an unknown word was probably meant to be: "; did you mean --epochs? See", "; NOTE; see", or
 * "; see" when no name is near. The caller adds what to see. (suggest.c) */
struct cli_hint cli_suggest(const struct cli_names *known, const char *word);

/* ---- Components (component.c) --------------------------------------------------------------- */

/* Adds an option for each parameter of the components that the option `row` chooses from, unless
 * there is one of that name. False: reported. */
bool cli_params_add(struct cli_options *to, const struct cli_option *row);

/* Frees the texts of an option that cli_params_add made. */
void cli_free_param(struct cli_option *option);

/* Prints a component: its name, formula and parameters. */
void cli_show_component(FILE *stream, const rg_component *component);

/* Prints the aliases of a registry, and what they stand for. */
void cli_show_aliases(FILE *stream, const rg_registry *registry);

/* Prints a heading, the names and formulas of a registry's components and its aliases; their
 * parameters are described where they are options. */
void cli_show_registry(FILE *stream, const char *heading, const rg_registry *registry);

/* Notes a parameter that was given. RG_USAGE: reported. */
rg_status cli_component_give(struct cli_component *component, const char *option,
                             const char *value);

/* Combines a component's name with the parameters that were given, once all are known. */
rg_status cli_component_finish(const struct cli_option *row, struct cli_component *component);

/* " (did you mean NAME?)" for a word that is none of the names, or "". (names.c) */
struct cli_hint cli_name_hint(const char *(*name_at)(int i), const char *word);

/* The library's names as a `name_at` (names.c). */
const char *cli_gain_at(int i);
const char *cli_ties_at(int i);
const char *cli_no_relevant_at(int i);
const char *cli_negatives_at(int i);
const char *cli_score_type_at(int i); /* f64, f32: its index is rg_metric's f32_scores */
const char *cli_tool_at(int i);       /* "rankgrad", then those of rg_metric_tool_at */
const char *cli_negative_labels_at(int i);
const char *cli_text_dtype_at(int i);
const char *cli_dtype_at(int i); /* those that a model can have */

/* ---- Data (splits.c) ------------------------------------------------------------------------ */

/* The split called `wanted`; if that is NULL, the one called `preferred`, or else the only one.
 * NULL: reported, with the splits there are. */
const rg_split *cli_choose_split(const rg_dataset *data, const char *wanted, const char *preferred);

/* Prints what was written to a path, one line per split. */
void cli_show_splits(FILE *to, const char *path, const rg_split *const *splits, int n_splits);

/* Whether a row is not masked: the numbers of a masked row must not be read. */
static inline bool cli_row_is_there(const rg_split *split, int64_t row)
{
    return !split->mask || split->mask[row];
}

/* A model, a split of a data set, and the split's scores. */
struct cli_scored {
    rg_model *model;
    rg_dataset *data;
    const rg_split *split;
    double *scores; /* (n_rows) */
};

/* Loads the model paths[0] and opens the data paths[1], text with the model's number of features,
 * and with lists if the model's normalisation needs them; chooses the split `wanted`, or test, or
 * the only one. Errors are reported; if the two arguments are swapped, the message says so. */
rg_status cli_open_scored(rg_context *ctx, const char *const *paths, rg_dataset_options *reading,
                          const char *wanted, struct cli_scored *scored);

/* The same without a model. */
rg_status cli_open_split(rg_context *ctx, const char *path, const rg_dataset_options *reading,
                         const char *wanted, struct cli_scored *scored);

/* Destroys all of it. Safe on a zeroed struct. */
void cli_free_scored(struct cli_scored *scored);

/* How the columns of a model and of data are matched, for --help. */
#define CLI_MATCHING                                                                               \
    "Where model and data both have feature names, columns are matched by name: a missing one is " \
    "an error, others are ignored with a note."

/* Scores a split of the file `path`: n_rows doubles, released by free. Errors are reported. */
rg_status cli_score(rg_context *ctx, const rg_model *model, const char *path, const rg_split *split,
                    double **scores);

/* Reads the scores of a split's rows from the file `path`: n_rows doubles, released by free. Errors
 * of the file are the context's last error, not reported. */
rg_status cli_read_scores(rg_context *ctx, const char *path, const rg_split *split,
                          double **scores);

/* A short text. */
struct cli_word {
    char text[256];
};

/* The name of feature, query or document i, or, where it has none, its number from 1, which is then
 * written to `number`. */
const char *cli_name_of(const char *const *names, int64_t i, struct cli_word *number);

/* The same number; any NaN as the one that is printed as "nan", not "-nan". */
double cli_plain(double value);

/* The conventions of metrics as options or keys give them; -1 or NaN: not given, so that those of
 * the tool hold. */
struct cli_conventions {
    int tool;     /* of cli_tool_at */
    bool lenient; /* a metric that the tool lacks is ours, with its conventions of ndcg */
    int gain, ties, no_relevant, negative_labels, score_type;
    double threshold;
};

/* None given. */
struct cli_conventions cli_no_conventions(void);

/* Parses a metric such as "ndcg@10" with these conventions. */
rg_status cli_parse_metric(rg_context *ctx, const struct cli_conventions *conventions,
                           const char *text, rg_metric *metric);

/* A metric's conventions in words: "gain exp, ties average, ...". */
struct cli_word cli_conventions_text(const rg_metric *metric);

/* The metrics of --metric, with these conventions (NULL: ours): an array released by free. Each
 * text is "ndcg@10,map"; in "ndcg@1,5,10" the numbers are further cut-offs of ndcg. RG_USAGE:
 * reported. */
rg_status cli_parse_metrics(rg_context *ctx, const struct cli_list *texts,
                            const struct cli_conventions *conventions, rg_metric **metrics,
                            int *count);

/* A number for a column of a table: with so many decimals, or, if it does not fit into the width,
 * with an exponent; "-" for NaN. */
struct cli_word cli_number(double value, int decimals, int width);

/* "1 list", "2 lists": a number and a noun with a regular plural. */
struct cli_word cli_count(int64_t n, const char *noun);

/* The metric as a user would write it, such as "ndcg@10". */
struct cli_word cli_metric_text(const rg_metric *metric);

/* What a metric reads of a split with these scores. */
rg_ranking cli_ranking(const rg_split *split, const double *scores, bool weighted);

/* How many rows of a list, or of all lists (list -1), are not masked and score NaN. */
int64_t cli_count_unscored(const rg_split *split, const double *scores, int64_t list);

/* Prints the metrics with their formulas, for --help. */
void cli_metric_help(FILE *to);

/* Prints the tools that --like knows, and the metrics that each has, for --help. */
void cli_tool_help(FILE *to);

/* ---- Outputs (output.c) --------------------------------------------------------------------- */

/* A text output being written; rankgrad/output.h says where it goes and how it appears. */
struct cli_output {
    FILE *stream;
    rg_output *out;
    rg_context *ctx;
};

/* rg_output_check; errors are reported. */
rg_status cli_output_check(rg_context *ctx, const char *path, const rg_output_options *options);

/* Opens it; path NULL: standard output. Errors are reported. */
rg_status cli_output_begin(rg_context *ctx, const char *path, struct cli_output *out);

/* Makes it appear, together with `last` where that is not NULL. Without a begun output, `last`
 * alone (ctx must be set). Errors are reported. */
rg_status cli_output_commit(struct cli_output *out, rg_output *last);

/* Discards the output unless it was committed. Safe after commit and on a zeroed struct. */
void cli_output_abandon(struct cli_output *out);

/* Where a command that writes `output` prints its report: standard output, unless the output itself
 * goes there. */
FILE *cli_report_stream(rg_context *ctx, const char *output);

#endif
