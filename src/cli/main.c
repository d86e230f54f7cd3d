/* main.c: the program `rankgrad`: a table of commands. A command is a function that returns an
 * rg_status, and that is the exit status. */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* OpenBLAS has one thread count a process; the order of its sums depends on it. */
extern void openblas_set_num_threads(int n_threads);

static const struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
    bool makes_file; /* what it prints is only about the file that it made */
} commands[] = {
    {"generate", rg_cmd_generate, "make a data set whose truth is known", true},
    {"convert", rg_cmd_convert, "turn SVMlight / LETOR text into one HDF5 file", true},
    {"inspect", rg_cmd_inspect, "show what is in a data set or a model", false},
    {"train", rg_cmd_train, "learn a model from a data set", true},
    {"evaluate", rg_cmd_evaluate, "measure a model on a data set", false},
    {"predict", rg_cmd_predict, "score the rows of a data set", false},
    {"loss", rg_cmd_loss, "losses and their gradients of JSON lines", false},
    {"metric", rg_cmd_metric, "metrics of JSON lines", false},
    {"gradcheck", rg_cmd_gradcheck, "check every gradient against central differences", false},
};
enum { N_COMMANDS = sizeof commands / sizeof commands[0] };

/* Other programs' names for commands. */
static const struct cli_alias command_aliases[] = {
    {"fit learn training build", "train", NULL},
    {"eval test measure validate bench benchmark", "evaluate", NULL},
    {"score rank infer inference apply transform run predictions scores", "predict", NULL},
    {"import load export to-hdf5 pack", "convert", NULL},
    {"info show describe dump cat ls view stats", "inspect", NULL},
    {"synth synthesize make simulate gen create sample", "generate", NULL},
    {"check grad-check check-gradients gradients", "gradcheck", NULL},
    {"metrics ndcg", "metric", NULL},
    {"losses", "loss", NULL},
    {NULL, NULL, NULL}};

static int show_help(void)
{
    printf("Usage: rankgrad COMMAND [OPTION...] [FILE...]\n"
           "Learning to rank: train models on lists of items, measure them, use them.\n\n"
           "Commands (rankgrad help COMMAND shows options, defaults and reasons):\n");
    for (int i = 0; i < N_COMMANDS; i++)
        printf("  %-10s %s\n", commands[i].name, commands[i].summary);
    printf("\nExample:\n"
           "  rankgrad generate -o data.h5\n"
           "  rankgrad train data.h5 -o model.h5\n"
           "  rankgrad evaluate model.h5 data.h5 --metric ndcg@10,map\n"
           "  rankgrad predict model.h5 data.h5 -o scores.txt\n"
           "\nOutputs:\n"
           "  A file appears whole or not at all, in the place of a file of the same kind;\n"
           "  another needs --force. -, /dev/stdout, pipes and devices are streams, which\n"
           "  are written to and never replaced. docs/outputs.md has the whole rule.\n"
           "\nExit status:\n");
#define SHOW(name, value, meaning)                                                                 \
    if (value < RG_CANCELLED)                                                                      \
        printf("  %d  %s\n", value, meaning);
    RG_STATUS_MAP(SHOW)
#undef SHOW
    printf("  129, 130, 143  interrupted by SIGHUP, SIGINT, SIGTERM\n");
    return RG_OK;
}

static const char *command_name_at(const void *of, int i)
{
    (void)of;
    return commands[i].name;
}

static int unknown_command(const char *name)
{
    const struct cli_names known = {
        .n = N_COMMANDS, .name_at = command_name_at, .prefix = "", .aliases = command_aliases};
    char list[256] = "";
    for (int i = 0; i < N_COMMANDS; i++) {
        size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", commands[i].name);
    }
    if (!name)
        return (int)cli_fail(RG_USAGE, "no command given; expected one of %s; see rankgrad --help",
                             list);
    if (name[0] == '-')
        return (int)cli_fail(
            RG_USAGE, "%s: options follow the command; expected one of %s before it", name, list);
    struct cli_hint hint = cli_suggest(&known, name);
    if (strcmp(hint.text, "; see") == 0)
        return (int)cli_fail(
            RG_USAGE, "no command is called '%.100s'; expected one of %s; see rankgrad --help",
            name, list);
    return (int)cli_fail(RG_USAGE, "no command is called '%.100s'%s rankgrad --help", name,
                         hint.text);
}

static int run(int argc, char **argv, bool *makes_file)
{
    static char help[] = "--help";
    if (argc < 2)
        return unknown_command(NULL);
    bool wants_help = strcmp(argv[1], "help") == 0;
    if ((wants_help && argc == 2) || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return show_help();
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
        printf("rankgrad %s\n", RG_VERSION);
        return RG_OK;
    }
    if (wants_help) { /* "help CMD" is "CMD --help" */
        argv[1] = argv[2];
        argv[2] = help;
        argc = 3;
    }
    for (int i = 0; i < N_COMMANDS; i++)
        if (strcmp(argv[1], commands[i].name) == 0) {
            char name[32]; /* what --help calls the program */
            snprintf(name, sizeof name, "rankgrad %s", commands[i].name);
            argv[1] = name;
            *makes_file = commands[i].makes_file;
            return commands[i].run(argc - 1, argv + 1);
        }
    return unknown_command(argv[1]);
}

/* Says that standard output could not be written. Where a command made a file, that file is there
 * and whole, and this is no failure. */
static int finish_output(int status, bool makes_file)
{
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    const char *why = errno ? strerror(errno) : "an earlier write failed";
    if (status != RG_OK)
        return status;
    if (!makes_file)
        return (int)cli_fail(RG_IO, "standard output: cannot write: %s", why);
    cli_note("standard output: cannot write: %s", why);
    return status;
}

/* A closed descriptor 0, 1 or 2 would be given to the next file that is opened. What fills it can
 * be used neither to read nor to write, so that its use is still an error. */
static void fill_standard_descriptors(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
            open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

int main(int argc, char **argv)
{
    bool makes_file = false;
    fill_standard_descriptors();
    openblas_set_num_threads(1);
    signal(SIGXFSZ, SIG_IGN); /* a file-size limit is an error to tell, not a death */
    int status = run(argc, argv, &makes_file);
    if (status == RG_CANCELLED)
        status = cli_signal_status();
    else
        status = finish_output(status, makes_file);
    /* libhdf5 1.10.8 forgets memory of its own when a file is damaged, and complains at exit */
    if (status == RG_DAMAGED || status == RG_IO) {
        fflush(NULL);
        _exit(status);
    }
    return status;
}
