/* gradcheck.c: the gradient check of every built-in operator and loss, one line per sample. */
#include "cli.h"

/* The criterion, with the library's own numbers. */
static void explain(FILE *to)
{
    rg_gradcheck_options o = rg_gradcheck_options_default();
    fprintf(
        to,
        "Each element of each gradient is checked in float64 under a random cotangent. It "
        "passes if |a - n| <= %g + %g |n|, where a is what backward computes and "
        "n = (f(x + h) - f(x - h)) / 2h with h = %g max(1, |x|). Gradients are pre-filled and must "
        "be added to, inputs must stay as they are, and a second run must give the same bits. "
        "Values "
        "and gradients in float32 must differ from those in float64 by at most %g times "
        "(|x| + the largest |x|). The exit status is 1 if a sample fails.",
        o.atol, o.rtol, o.step, o.rtol_f32);
}

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

static rg_status run(rg_context *ctx, void *values)
{
    const struct cli_list *names = values;
    struct tally tally = {0};
    for (int i = 0; i < (names->count ? names->count : 1); i++) {
        const char *name = names->count ? names->items[i] : NULL;
        rg_status found = rg_gradcheck_builtin(ctx, name, show, &tally);
        if (found != RG_OK && !(found == RG_INTERNAL && tally.failed))
            return cli_report(ctx);
    }
    printf("%s, %d failed; worst is |a - n| relative to what is allowed\n",
           cli_count(tally.samples, "sample").text, tally.failed);
    if (tally.failed)
        return cli_fail(RG_INTERNAL, "a wrong gradient in %d of %s", tally.failed,
                        cli_count(tally.samples, "sample").text);
    return RG_OK;
}

const struct cli_command cli_command_gradcheck = {
    .name = "gradcheck",
    .summary = "check every gradient against central differences",
    .aliases = "check grad-check check-gradients gradients",
    .arguments = "[NAME...]",
    .most = CLI_MANY,
    .size = sizeof(struct cli_list),
    .doc =
        "Compare the gradients of operators and losses with central differences: all of them, or "
        "those named.",
    .more = explain,
    .run = run};
