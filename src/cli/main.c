/* main.c: the program `rankgrad`: finds the command, reads its options, runs it. The rg_status that
 * it returns is the exit status. */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* OpenBLAS has one thread count per process, on which the order of its sums depends. */
extern void openblas_set_num_threads(int n_threads);

const struct cli_command *cli_command_at(int i)
{
    static const struct cli_command *const commands[] = {
#define RG_COMMAND(name, passes) &cli_command_##name,
#include "commands.def"
#undef RG_COMMAND
    };
    return i < (int)(sizeof commands / sizeof commands[0]) ? commands[i] : NULL;
}

static int count_commands(void)
{
    int n = 0;
    while (cli_command_at(n))
        n++;
    return n;
}

static const struct cli_command *find_command(const char *name)
{
    const struct cli_command *command;
    for (int i = 0; (command = cli_command_at(i)) != NULL; i++)
        if (strcmp(command->name, name) == 0)
            return command;
    return NULL;
}

static int show_help(void)
{
    const struct cli_command *command;
    printf("Usage: rankgrad COMMAND [OPTION...] [FILE...]\n"
           "Learning to rank: train models on lists of items, measure them, use them.\n\n"
           "Commands (rankgrad help COMMAND shows options, defaults and reasons):\n");
    for (int i = 0; (command = cli_command_at(i)) != NULL; i++)
        printf("  %-10s %s\n", command->name, command->summary);
    printf("\nExample:\n"
           "  rankgrad generate -o data.h5\n"
           "  rankgrad train data.h5 -o model.h5\n"
           "  rankgrad evaluate model.h5 data.h5 --metric ndcg@10,map\n"
           "  rankgrad predict model.h5 data.h5 -o scores.txt\n"
           "\nOutputs:\n"
           "  A file appears whole or not at all, in the place of a file of the same kind;\n"
           "  another needs --force. -, /dev/stdout, pipes and devices are streams, which\n"
           "  are written to and never replaced. docs/outputs.md has the whole rule.\n"
           "\nrankgrad --version shows versions, of libraries too, and the CPU level.\n"
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
    return cli_command_at(i)->name;
}

/* ": did you mean NAME? See", from the commands' names and aliases. */
static struct cli_hint suggest_command(const char *word)
{
    int n = count_commands();
    struct cli_alias *aliases = cli_alloc(n + 1, sizeof *aliases);
    if (!aliases)
        return (struct cli_hint){"; see"};
    for (int i = 0; i < n; i++)
        aliases[i] = (struct cli_alias){cli_command_at(i)->aliases, command_name_at(NULL, i), NULL};
    const struct cli_names known = {
        .n = n, .name_at = command_name_at, .prefix = "", .aliases = aliases};
    struct cli_hint hint = cli_suggest(&known, word);
    free(aliases);
    return hint;
}

static int unknown_command(const char *name)
{
    const struct cli_command *command;
    char list[512] = "";
    for (int i = 0; (command = cli_command_at(i)) != NULL; i++)
        cli_add_word(list, sizeof list, ", ", command->name);
    if (!name)
        return (int)cli_fail(RG_USAGE, "no command given; expected one of %s; see rankgrad --help",
                             list);
    if (name[0] == '-')
        return (int)cli_fail(
            RG_USAGE, "%s: options follow the command; expected one of %s before it", name, list);
    struct cli_hint hint = suggest_command(name);
    if (strcmp(hint.text, "; see") == 0)
        return (int)cli_fail(
            RG_USAGE, "no command is called '%.100s'; expected one of %s; see rankgrad --help",
            name, list);
    return (int)cli_fail(RG_USAGE, "no command is called '%.100s'%s rankgrad --help", name,
                         hint.text);
}

static rg_status run_command(const struct cli_command *command, int argc, char **argv)
{
    char *values = cli_alloc(1, command->size);
    if (!values)
        return RG_LIMIT;
    if (command->reading)
        *(rg_dataset_options *)(void *)(values + command->reading) = rg_dataset_options_default();
    if (command->set_defaults)
        command->set_defaults(values);
    rg_context *ctx = NULL;
    rg_status status = cli_parse(command, argc, argv, values);
    if (status == RG_OK)
        status = (ctx = cli_context()) ? command->run(ctx, values) : RG_LIMIT;
    rg_context_destroy(ctx);
    cli_free_lists(command, values);
    free(values);
    return status;
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
        cli_show_version(stdout);
        return RG_OK;
    }
    if (wants_help) { /* "help CMD" is "CMD --help" */
        argv[1] = argv[2];
        argv[2] = help;
        argc = 3;
    }
    const struct cli_command *command = find_command(argv[1]);
    if (!command)
        return unknown_command(argv[1]);
    char name[32]; /* what --help calls the program */
    snprintf(name, sizeof name, "rankgrad %s", command->name);
    argv[1] = name;
    *makes_file = command->makes_file;
    return (int)run_command(command, argc - 1, argv + 1);
}

/* Reports that standard output could not be written. This is no failure of a command whose result
 * is a file, which has been written by now. */
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

/* The next file that is opened would get descriptor 0, 1 or 2 if that were closed. What is opened
 * here in its place fails when it is read (0) or written (1, 2), as a closed descriptor does. */
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
    signal(SIGXFSZ, SIG_IGN); /* exceeding a file-size limit is reported as an error */
    int status = run(argc, argv, &makes_file);
    if (status == RG_CANCELLED)
        status = cli_signal_status();
    else
        status = finish_output(status, makes_file);
    /* after a damaged file libhdf5 1.10.8 leaks memory and prints a warning at exit */
    if (status == RG_DAMAGED || status == RG_IO) {
        fflush(NULL);
        _exit(status);
    }
    return status;
}
