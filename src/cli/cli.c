/* cli.c: errors, notes, the progress line, signals, contexts.
 *
 * The one idea: everything that reaches standard error passes through `say`, so that a message is
 * one line whatever a file name holds, and never lands in the middle of the progress line.
 */
#include "cli.h"

#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static volatile sig_atomic_t signal_number; /* 0: none came; the contexts' cancel flag */
static bool progress_shown;
static int n_threads; /* of the contexts */

static void say(const char *kind, const char *format, va_list arguments)
{
    char text[2048];
    vsnprintf(text, sizeof text, format, arguments);
    for (char *c = text; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 127)
            *c = '?';
    cli_progress("");
    fprintf(stderr, "rankgrad: %s%s\n", kind, text);
}

rg_status cli_fail(rg_status status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say("", format, arguments);
    va_end(arguments);
    return status;
}

rg_status cli_report(const rg_context *ctx)
{
    return cli_fail(rg_last_status(ctx), "%s", rg_last_error(ctx));
}

rg_status cli_report_limit(const rg_context *ctx, const char *remedy)
{
    if (rg_last_status(ctx) != RG_LIMIT)
        return cli_report(ctx);
    return cli_fail(RG_LIMIT, "%s; %s", rg_last_error(ctx), remedy);
}

void cli_note(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say("note: ", format, arguments);
    va_end(arguments);
}

static void CLI_PRINTF(2, 3) say_of_kind(const char *kind, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say(kind, format, arguments);
    va_end(arguments);
}

static void log_message(void *user, rg_log_level level, const char *message)
{
    (void)user;
    say_of_kind(level == RG_LOG_WARNING ? "warning: " : "note: ", "%s", message);
}

void cli_progress(const char *line)
{
    if (!progress_shown && !line[0])
        return;
    fprintf(stderr, "\r\033[K%s", line);
    fflush(stderr);
    progress_shown = line[0] != 0;
}

static void remember_signal(int number)
{
    signal_number = number;
}

/* The first signal asks for an orderly end, the second one is the system's. */
static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = remember_signal, .sa_flags = (int)SA_RESETHAND};
    struct sigaction old;
    sigemptyset(&action.sa_mask);
    static const int caught[] = {SIGHUP, SIGINT, SIGTERM};
    for (size_t i = 0; i < sizeof caught / sizeof caught[0]; i++)
        if (sigaction(caught[i], NULL, &old) == 0 && old.sa_handler == SIG_DFL)
            sigaction(caught[i], &action, NULL);
}

rg_status cli_interrupted(void)
{
    return signal_number ? cli_fail(RG_CANCELLED, "interrupted; nothing was written") : RG_OK;
}

int cli_signal_status(void)
{
    return 128 + signal_number;
}

void cli_set_shared(const struct cli_shared *shared)
{
    n_threads = (int)shared->threads;
}

rg_context *cli_context(void)
{
    rg_context_options options = rg_context_options_default();
    options.log = log_message;
    options.cancel = &signal_number;
    options.n_threads = n_threads;
    catch_signals();
    rg_context *ctx = rg_context_create(&options);
    if (!ctx)
        cli_fail(RG_LIMIT, "out of memory");
    return ctx;
}

void *cli_alloc(int64_t count, size_t size)
{
    void *block = count < 0 ? NULL : calloc(count > 0 ? (size_t)count : 1, size);
    if (!block)
        cli_fail(RG_LIMIT, "out of memory: %lld elements of %zu bytes", (long long)count, size);
    return block;
}
