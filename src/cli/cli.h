/* cli.h: what every command of the program shares: options, errors, notes, signals, outputs.
 *
 * The one idea: an option is a row of a table (name, kind, where its value goes, range, words), and
 * from the row come its parsing, its error sentence, and the range and default in --help, so that
 * none of them is written twice. The program uses include/rankgrad alone: what it does, any C
 * program can do.
 */
#ifndef RG_CLI_H
#define RG_CLI_H

#include <rankgrad/rankgrad.h>

#include <math.h>
#include <stdio.h>

#define CLI_PRINTF(text, first) __attribute__((format(printf, text, first)))

/* The commands, one file each. They return the program's exit status: an rg_status. */
int rg_cmd_generate(int argc, char **argv);
int rg_cmd_convert(int argc, char **argv);
int rg_cmd_inspect(int argc, char **argv);
int rg_cmd_train(int argc, char **argv);
int rg_cmd_evaluate(int argc, char **argv);
int rg_cmd_predict(int argc, char **argv);
int rg_cmd_loss(int argc, char **argv);
int rg_cmd_metric(int argc, char **argv);
int rg_cmd_gradcheck(int argc, char **argv);

/* ---- Errors, notes, signals (cli.c) --------------------------------------------------------- */

/* Takes the options of the command that runs, which stay.
 * From then on a library message's `vali_fraction` is printed as --vali-fraction: a word in
 * backquotes is the name of a member of an options struct or of a component's parameter, and the
 * row with that field names the flag. Others are printed as they are. */
struct cli_option;
void cli_name_flags(const struct cli_option *options);

/* Prints `rankgrad: SENTENCE` on standard error, one line, and returns the status. */
rg_status cli_fail(rg_status status, const char *format, ...) CLI_PRINTF(2, 3);

/* Prints the context's last error in that way and returns its status. */
rg_status cli_report(const rg_context *ctx);

/* The same; a message about memory or a limit ends with the remedy, such as the option that sets
 * the limit. */
rg_status cli_report_limit(const rg_context *ctx, const char *remedy);

/* Prints `rankgrad: note: SENTENCE`. */
void cli_note(const char *format, ...) CLI_PRINTF(1, 2);

/* Takes the values of the options that all commands share. */
struct cli_shared;
void cli_set_shared(const struct cli_shared *shared);

/* A context of --threads threads whose notes go to standard error and whose long calls end at
 * SIGINT and SIGTERM; destroyed by rg_context_destroy. NULL: out of memory, reported. */
rg_context *cli_context(void);

/* RG_OK, or RG_CANCELLED, said, once SIGINT or SIGTERM came; and the exit status that tells which
 * of them. */
rg_status cli_interrupted(void);
int cli_signal_status(void);

/* From here on such a signal no longer cancels calls, so that what there is can be saved. Whether
 * one came before. */
bool cli_keep_going(void);

/* Rewrites the progress line on the terminal; "" ends it. Every other message clears it first. */
void cli_progress(const char *line);

/* count * size zeroed bytes from calloc, released by free; NULL, and said, when they cannot be had.
 * Never NULL on success. */
void *cli_alloc(int64_t count, size_t size);

/* ---- Options (options.c) -------------------------------------------------------------------- */

/* The upper end of a range that has none. */
#define CLI_NO_LIMIT ((double)INFINITY)

/* Arguments that may come several times; the strings are argv's. */
struct cli_list {
    const char *usual; /* what --help calls the default; NULL: none. For the command to use */
    int count;
    const char **items; /* released by cli_list_free */
};

enum cli_kind {
    CLI_HEADING,   /* no option: a line above those that follow */
    CLI_FLAG,      /* bool */
    CLI_TEXT,      /* const char * */
    CLI_LIST,      /* struct cli_list */
    CLI_INTEGER,   /* int64_t, low <= value <= high */
    CLI_SEED,      /* uint64_t */
    CLI_SIZE,      /* int64_t > 0, bytes: 512M; 0 is what stands where it is not given */
    CLI_REAL,      /* double, finite, in the range */
    CLI_NAME,      /* an enum: the index of one of the names */
    CLI_CHOICE,    /* const char *: one of the names */
    CLI_COMPONENT, /* struct cli_component: one of `registry`, and an option for each parameter */
    CLI_PARAM,     /* the same struct: such an option, added by the table */
    CLI_HELP,      /* --help, --usage and --version end the program */
    CLI_USAGE,
    CLI_VERSION
};

/* A component such as an optimizer, and the options of its parameters. */
struct cli_component {
    const char *text; /* the name, perhaps with parameters: "adam(beta1=0.95)" */
    int n_given;
    struct {
        const char *option, *value;
    } given[16];    /* by options of their own: --beta1 0.95 */
    char full[512]; /* after parsing: the name with the values of all parameters */
};

struct cli_option {
    const char *name;     /* --name */
    int letter;           /* -letter; 0: none */
    const char *argument; /* what --help calls it; NULL for a flag */
    enum cli_kind kind;
    size_t offset;                        /* of the value in the command's struct, and ... */
    const char *field;                    /* ... the member's name, "o.vali_fraction", by CLI_AT */
    bool shared;                          /* ... or in struct cli_shared */
    double low, high;                     /* of numbers; both 0: any */
    bool above, below;                    /* the end itself is excluded */
    bool needed;                          /* CLI_TEXT: its absence is an error */
    const char *(*name_at)(int i);        /* of names; NULL past the last */
    const rg_registry *(*registry)(void); /* of CLI_COMPONENT */
    const char *doc;                      /* NULL ends the table */
};

/* The offset and the name of a struct's member. */
#define CLI_AT(type, member) .offset = offsetof(type, member), .field = #member

/* The two options of a command that writes a file: where their values go, by CLI_AT; whether -o is
 * needed; "Where to write THIS"; what is replaced without --force. */
/* clang-format off */
#define CLI_OUTPUT_OPTIONS(output_at, force_at, is_needed, this, that)                             \
    {.name = "output",                                                                             \
     .letter = 'o',                                                                                \
     .argument = "FILE",                                                                           \
     .kind = CLI_TEXT,                                                                             \
     output_at,                                                                                    \
     .needed = (is_needed),                                                                        \
     .doc = "Where to write" this},                                                                \
    {.name = "force",                                                                              \
     .kind = CLI_FLAG,                                                                             \
     force_at,                                                                                     \
     .doc = "Replace any file, not only " that " (docs/outputs.md)"}
/* clang-format on */

/* The row of --metric. */
/* clang-format off */
#define CLI_METRIC_OPTION(metrics_at, more)                                                        \
    {.name = "metric",                                                                             \
     .argument = "LIST",                                                                           \
     .kind = CLI_LIST,                                                                             \
     metrics_at,                                                                                   \
     .doc = "Metrics, separated by commas, see below; ndcg@1,5,10 stands for ndcg@1,ndcg@5,"       \
            "ndcg@10. Given again, it adds more" more}
/* clang-format on */

struct cli_command {
    const char *name;
    const char *arguments; /* "MODEL DATA" */
    int least, most;       /* how many arguments there may be */
    size_t list;           /* offset of the struct cli_list that gets them */
    size_t size;           /* of the command's struct */
    const struct cli_option *options;
    size_t reading;      /* offset of an rg_dataset_options, whose options are added; 0: none */
    const char *doc;     /* what it does, before the options */
    char *(*more)(void); /* text for below the options, from malloc; may be NULL */
};

/* Options of every command. */
struct cli_shared {
    int64_t threads;
};

/* Where the values of options are, and copies of what they were before the first option. */
struct cli_values {
    char *own; /* the command's struct */
    const char *own_usual;
    struct cli_shared *shared;
    const struct cli_shared *shared_usual;
};

/* Reads argv into `values`, the command's struct, which holds the defaults on entry, and puts the
 * shared options into effect; ends the program for --help. RG_USAGE: reported. (parse.c) */
rg_status cli_parse(const struct cli_command *command, int argc, char **argv, void *values);

/* All options that a command understands, *n of them, in one array that lives until the program
 * ends; NULL: out of memory, reported. */
struct cli_option *cli_all_options(const struct cli_command *command, int *n);

/* Sets the value of an option from its text (NULL for a flag). RG_USAGE: reported. */
rg_status cli_option_set(const struct cli_option *option, const char *text,
                         const struct cli_values *values);
char *cli_option_at(const struct cli_option *option, const struct cli_values *values);

/* An option's words with its range and default, from malloc; NULL where they have neither. */
char *cli_option_words(const struct cli_option *option, const char *text,
                       const struct cli_values *values);

/* Appends to a list; RG_LIMIT: reported. */
rg_status cli_list_add(struct cli_list *list, const char *text);
void cli_list_free(struct cli_list *list);

/* Other programs' names for something, separated by blanks, and ours; instead of asking "did you
 * mean OURS?" an explanation may be given. */
struct cli_alias {
    const char *theirs, *ours, *note;
};

/* The names that a word may stand for. */
struct cli_names {
    int n;
    const char *(*name_at)(const void *of, int i);
    const void *of;
    const char *arguments;           /* the command's arguments, "MODEL DATA"; may be NULL */
    const char *prefix;              /* "--" */
    const struct cli_alias *aliases; /* ended by an entry of NULL; NULL: those of options */
};

struct cli_hint {
    char text[256];
};

/* What an unknown word may have been meant to be: "; did you mean --epochs? See", "; EXPLANATION;
 * see", or "; see" when nothing is near. The caller adds what to see. (suggest.c) */
struct cli_hint cli_suggest(const struct cli_names *known, const char *word);

/* How many options the parameters of a registry's components have together, and those options, for
 * the component that `row` chooses. False: out of memory, reported. (component.c) */
int cli_params_count(const rg_registry *registry);
bool cli_params_options(const struct cli_option *row, struct cli_option *to);

/* Prints a component: its name, formula and parameters. */
void cli_show_component(FILE *stream, const rg_component *component);

/* Prints a heading and the components of a registry: names and formulas; where the parameters have
 * options of their own, these describe them. */
void cli_show_registry(FILE *stream, const char *heading, const rg_registry *registry);

/* Puts together a component's name and the parameters that were given, once all are known. */
rg_status cli_component_finish(const struct cli_option *row, struct cli_component *component);

/* The library's names as a `name_at` (names.c). */
const char *cli_gain_at(int i);
const char *cli_ties_at(int i);
const char *cli_no_relevant_at(int i);
const char *cli_normalize_at(int i);
const char *cli_negative_labels_at(int i);
const char *cli_text_dtype_at(int i);
const char *cli_dtype_at(int i); /* those that a model can have */

/* ---- Data (splits.c) ------------------------------------------------------------------------ */

/* The split called `wanted`, or, when that is NULL, the one called `usual`, or the only one. NULL:
 * said, with the splits there are. */
const rg_split *cli_choose_split(const rg_dataset *data, const char *wanted, const char *usual);

/* Says what was written to a path: a line a split. */
void cli_show_splits(FILE *to, const char *path, const rg_split *const *splits, int n_splits);

/* Whether a row is not masked: nothing may look at the numbers of one that is. */
static inline bool cli_row_is_there(const rg_split *split, int64_t row)
{
    return !split->mask || split->mask[row];
}

/* Opens data that are to be used with something that has n_features, called `kind` and `other` in
 * messages: text gets columns of zeros up to that number, unless `reading` tells one. Whether the
 * columns fit is checked by whoever uses them, by name where there are names. An error is said. */
rg_status cli_open_fitting(rg_context *ctx, const char *path, const rg_dataset_options *reading,
                           int64_t n_features, const char *kind, const char *other,
                           rg_dataset **data);

/* Loads a model and opens the data that it is to score, text with the model's number of features,
 * and with lists where the model's normalisation needs them. An error is said; when the two
 * arguments are swapped, so is that. */
rg_status cli_open_pair(rg_context *ctx, const char *const *paths, rg_dataset_options *reading,
                        rg_model **model, rg_dataset **data);

/* How the columns of a model and of data are matched, for --help. */
#define CLI_MATCHING                                                                               \
    "Where model and data both have feature names, columns are matched by name: missing ones are " \
    "an error, others are ignored with a note."

/* Scores a split of the file `path`: n_rows doubles, released by free. An error is said. */
rg_status cli_score(rg_context *ctx, const rg_model *model, const char *path, const rg_split *split,
                    double **scores);

/* A short text that is made up on the way. */
struct cli_word {
    char text[96];
};

/* The name of feature, query or document i, or, where it has none, its number from 1, which is then
 * written to `number`. */
const char *cli_name_of(const char *const *names, int64_t i, struct cli_word *number);

/* The same number, every NaN as the one that prints as "nan". */
double cli_plain(double value);

/* The metrics of --metric, with the conventions' defaults: an array released by free. Each text is
 * "ndcg@10,map"; in "ndcg@1,5,10" the numbers are further cut-offs of ndcg. RG_USAGE: reported. */
rg_status cli_parse_metrics(rg_context *ctx, const struct cli_list *texts, rg_metric **metrics,
                            int *count);

/* A number for a column of a table: so many decimals, or, where these do not fit into the width, an
 * exponent; "-" for NaN. */
struct cli_word cli_number(double value, int decimals, int width);

/* "1 list", "2 lists": a number and a noun with a regular plural. */
struct cli_word cli_count(int64_t n, const char *noun);

/* The metric as the user would write it, such as "ndcg@10". */
struct cli_word cli_metric_text(const rg_metric *metric);

/* What a metric reads of a split with these scores. */
rg_ranking cli_ranking(const rg_split *split, const double *scores, bool weighted);

/* How many rows of a list, or of all lists (list -1), are not masked and score NaN. */
int64_t cli_count_unscored(const rg_split *split, const double *scores, int64_t list);

/* "ndcg@10" and friends with their formulas, for --help. */
char *cli_metric_help(void);

/* ---- Outputs (output.c) --------------------------------------------------------------------- */

/* A text output under way; rankgrad/output.h says where it goes and how it appears. */
struct cli_output {
    FILE *stream;
    rg_output *out;
    rg_context *ctx;
};

/* rg_output_check; an error is said. */
rg_status cli_output_check(rg_context *ctx, const char *path, const rg_output_options *options);

/* Opens it; path NULL: standard output. An error is said. */
rg_status cli_output_begin(rg_context *ctx, const char *path, struct cli_output *out);

/* Makes it appear, together with `last` where that is not NULL. Without a begun output, `last`
 * alone (ctx must be set). An error is said. */
rg_status cli_output_commit(struct cli_output *out, rg_output *last);

/* Leaves nothing behind. Safe after commit and on a zeroed struct. */
void cli_output_abandon(struct cli_output *out);

/* Where a command that writes `output` prints its report: standard output, unless the output itself
 * goes there. */
FILE *cli_report_stream(rg_context *ctx, const char *output);

#endif
