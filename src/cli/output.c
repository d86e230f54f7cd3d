/* output.c: text outputs: a stdio stream over the library's rg_output, which follows paths, decides
 * what may be replaced, and writes files whole or not at all.
 */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

rg_status cli_output_check(rg_context *ctx, const char *path, const rg_output_options *options)
{
    return rg_output_check(ctx, path, options) == RG_OK ? RG_OK : cli_report(ctx);
}

/* rg_output keeps errors; cli_output_commit reports them. */
static ssize_t write_to(void *out, const char *from, size_t size)
{
    rg_output_write(out, from, size);
    return (ssize_t)size;
}

rg_status cli_output_begin(rg_context *ctx, const char *path, struct cli_output *out)
{
    *out = (struct cli_output){.ctx = ctx};
    if (rg_output_begin(ctx, path ? path : "-", &out->out) != RG_OK)
        return cli_report(ctx);
    out->stream = fopencookie(out->out, "w", (cookie_io_functions_t){.write = write_to});
    if (out->stream)
        return RG_OK;
    cli_output_abandon(out);
    return cli_fail(RG_LIMIT, "out of memory");
}

/* Flushes the stream into the output. */
static void close_stream(struct cli_output *out)
{
    if (out->stream)
        fclose(out->stream);
    out->stream = NULL;
}

rg_status cli_output_commit(struct cli_output *out, rg_output *last)
{
    rg_output *outs[2];
    int n = 0;
    close_stream(out);
    if (out->out)
        outs[n++] = out->out;
    if (last)
        outs[n++] = last;
    rg_context *ctx = out->ctx;
    return rg_output_commit(outs, n) == RG_OK ? RG_OK : cli_report(ctx);
}

void cli_output_abandon(struct cli_output *out)
{
    close_stream(out);
    rg_output_destroy(out->out);
    out->out = NULL;
}

FILE *cli_report_stream(rg_context *ctx, const char *output)
{
    return rg_output_is_stdout(ctx, output) ? stderr : stdout;
}
