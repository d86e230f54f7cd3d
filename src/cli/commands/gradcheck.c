/* gradcheck.c: the gradient check of every built-in operator and loss, a line a sample. */
#include "cli.h"

struct gradcheck {
    struct cli_list names;
};

static const struct cli_option options[] = {{0}};

/* The criterion, with the library's own numbers. */
static char *explain(void)
{
    rg_gradcheck_options o = rg_gradcheck_options_default();
    char *text;
    int n = asprintf(&text,
                     "In float64, element by element, under a random cotangent: passes where "
                     "|a - n| <= %g + %g |n|, a from backward, n = (f(x + h) - f(x - h)) / 2h, "
                     "h = %g max(1, |x|). Gradients are pre-filled and must be added to, inputs "
                     "stay as they are, and a second run must give the same bits. The same is done "
                     "in float32, whose values and gradients must be within %g of the number and "
                     "of the largest one from those in float64. The exit status is 1 when a sample "
                     "fails.",
                     o.atol, o.rtol, o.step, o.rtol_f32);
    return n < 0 ? NULL : text;
}

static const struct cli_command command = {
    .name = "gradcheck",
    .arguments = "[NAME...]",
    .most = 1 << 20,
    .size = sizeof(struct gradcheck),
    .list = offsetof(struct gradcheck, names),
    .options = options,
    .doc =
        "Compare the gradients of operators and losses with central differences: all of them, or "
        "those named.",
    .more = explain};

struct tally {
    int samples, failed;
};

static void show(void *user, const char *name, const char *sample,
                 const rg_gradcheck_report *report)
{
    struct tally *tally = user;
    if (tally->samples++ == 0)
        printf("%-6s  %-20s  %-28s  %8s  %9s  %s\n", "", "operator", "sample", "elements", "worst",
               "finding");
    tally->failed += !report->passed;
    printf("%-6s  %-20s  %-28s  %8lld  %9.2g  %s\n", report->passed ? "ok" : "FAILED", name, sample,
           (long long)report->n_elements, report->worst, report->message);
}

int rg_cmd_gradcheck(int argc, char **argv)
{
    struct gradcheck g = {0};
    struct tally tally = {0};
    rg_context *ctx = NULL;
    rg_status status = cli_parse(&command, argc, argv, &g);
    if (status == RG_OK)
        status = (ctx = cli_context()) ? RG_OK : RG_LIMIT;
    for (int i = 0; status == RG_OK && i < (g.names.count ? g.names.count : 1); i++) {
        const char *name = g.names.count ? g.names.items[i] : NULL;
        rg_status found = rg_gradcheck_builtin(ctx, name, show, &tally);
        if (found != RG_OK && !(found == RG_INTERNAL && tally.failed))
            status = cli_report(ctx);
    }
    if (status == RG_OK)
        printf("%s, %d failed; worst is |a - n| as a part of what is allowed\n",
               cli_count(tally.samples, "sample").text, tally.failed);
    if (status == RG_OK && tally.failed)
        status = cli_fail(RG_INTERNAL, "a wrong gradient in %d of %s", tally.failed,
                          cli_count(tally.samples, "sample").text);
    rg_context_destroy(ctx);
    cli_list_free(&g.names);
    return (int)status;
}
