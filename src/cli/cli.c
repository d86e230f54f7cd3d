/* cli.c: errors, notes, the progress line, signals, contexts.
 *
 * Every message is printed by `print_message`: on one line, whatever a file name contains, and
 * after the progress line was erased.
 */
#include "cli.h"

#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static volatile sig_atomic_t signal_number; /* 0: none came */
static volatile sig_atomic_t cancelled;     /* the contexts' cancel flag */
static volatile sig_atomic_t uncancellable;

static const int handled[] = {SIGHUP, SIGINT, SIGTERM}; /* signals that cancel a command */
enum { N_HANDLED = sizeof handled / sizeof handled[0] };
static volatile sig_atomic_t caught[N_HANDLED];
static bool progress_shown;
int64_t cli_threads;

static const struct cli_option *flags; /* what library messages may name */

void cli_set_flags(const struct cli_option *options)
{
    flags = options;
}

/* The flag of a field, such as "vali_fraction" (n bytes); NULL: the command has none. */
static const char *flag_of(const char *field, size_t n)
{
    for (const struct cli_option *option = flags; option && option->doc; option++) {
        const char *dot = option->field ? strrchr(option->field, '.') : NULL;
        const char *name = dot ? dot + 1 : option->field;
        if (name && strlen(name) == n && memcmp(name, field, n) == 0)
            return option->name;
    }
    return NULL;
}

/* Copies a message, with the flags for the fields that it names in backquotes. */
static void copy_with_flags(const char *from, char *to, size_t room)
{
    for (size_t used = 0; *from && used + 1 < room;) {
        const char *close = *from == '`' ? strchr(from + 1, '`') : NULL;
        const char *flag = close ? flag_of(from + 1, (size_t)(close - from - 1)) : NULL;
        if (flag) {
            used += (size_t)snprintf(to + used, room - used, "--%s", flag);
            from = close + 1;
        } else {
            to[used++] = *from++;
            to[used] = '\0';
        }
    }
}

static void print_message(const char *kind, const char *format, va_list arguments)
{
    char message[2048], text[2048] = "";
    vsnprintf(message, sizeof message, format, arguments);
    copy_with_flags(message, text, sizeof text);
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
    print_message("", format, arguments);
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
    print_message("note: ", format, arguments);
    va_end(arguments);
}

static void CLI_PRINTF(2, 3) print_of_kind(const char *kind, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print_message(kind, format, arguments);
    va_end(arguments);
}

static void log_message(void *user, rg_log_level level, const char *message)
{
    (void)user;
    print_of_kind(level == RG_LOG_WARNING ? "warning: " : "note: ", "%s", message);
}

void cli_progress(const char *line)
{
    if (!progress_shown && !line[0])
        return;
    fprintf(stderr, "\r\033[K%s", line);
    fflush(stderr);
    progress_shown = line[0] != 0;
}

/* The first signal cancels the command; the second one, whichever it is, kills the process. */
static void handle_signal(int number)
{
    for (int i = 0; i < N_HANDLED; i++)
        if (caught[i])
            signal(handled[i], SIG_DFL);
    /* Two signals may reach two threads at once, before either handler has run. */
    if (__atomic_exchange_n(&signal_number, number, __ATOMIC_SEQ_CST) != 0)
        raise(number); /* delivered, and deadly, at the end of this handler */
    cancelled = !uncancellable;
}

/* A signal that is ignored, by nohup or in the background of a script, stays ignored. */
static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = handle_signal}, old;
    sigemptyset(&action.sa_mask);
    for (int i = 0; i < N_HANDLED; i++)
        sigaddset(&action.sa_mask, handled[i]); /* a second one waits until the handler returns */
    for (int i = 0; i < N_HANDLED; i++)
        if (sigaction(handled[i], NULL, &old) == 0 && old.sa_handler == SIG_DFL) {
            caught[i] = 1;
            sigaction(handled[i], &action, NULL);
        }
}

rg_status cli_interrupted(void)
{
    return signal_number ? cli_fail(RG_CANCELLED, "interrupted; no file was written") : RG_OK;
}

bool cli_ignore_signals(void)
{
    uncancellable = 1;
    cancelled = 0;
    return signal_number != 0;
}

int cli_signal_status(void)
{
    return 128 + signal_number;
}

rg_context *cli_context(void)
{
    rg_context_options options = rg_context_options_default();
    options.log = log_message;
    options.cancel = &cancelled;
    options.n_threads = (int)cli_threads;
    catch_signals();
    rg_context *ctx = rg_context_create(&options);
    if (!ctx)
        cli_fail(RG_LIMIT, "out of memory");
    return ctx;
}

void cli_add_word(char *text, size_t size, const char *separator, const char *word)
{
    size_t used = strlen(text);
    snprintf(text + used, size - used, "%s%s", used ? separator : "", word);
}

void *cli_alloc(int64_t count, size_t size)
{
    void *block = count < 0 ? NULL : calloc(count > 0 ? (size_t)count : 1, size);
    if (!block)
        cli_fail(RG_LIMIT, "out of memory: %lld elements of %zu bytes", (long long)count, size);
    return block;
}
