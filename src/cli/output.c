/* output.c: text files that appear whole or not at all.
 *
 * The one idea: write a temporary beside the target and rename it. A link is followed first, so
 * that what it leads to is checked and replaced; a device or a pipe is written to as it is
 * (`-o /dev/null` by root must not turn it into a file).
 */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Whether the path leads to something that is neither a regular file nor a folder. */
static bool is_special(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
}

char *cli_resolve(const char *path)
{
    char *whole = realpath(path, NULL), *joined = NULL;
    if (whole)
        return whole;
    const char *slash = strrchr(path, '/');
    char *folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
    whole = folder ? realpath(folder, NULL) : NULL;
    if (!whole || asprintf(&joined, "%s/%s", whole, slash ? slash + 1 : path) < 0)
        joined = strdup(path);
    free(folder);
    free(whole);
    return joined;
}

static bool begins_with(const char *path, const char *text)
{
    char start[64];
    size_t n = strlen(text);
    FILE *stream = fopen(path, "r");
    if (!stream)
        return false;
    bool same = n <= sizeof start && fread(start, 1, n, stream) == n && memcmp(start, text, n) == 0;
    fclose(stream);
    return same;
}

rg_status cli_output_check(rg_context *ctx, const char *path, bool force, const char *ours,
                           const char *const *inputs, int n_inputs)
{
    struct stat st;
    if (is_special(path))
        return RG_OK;
    if (rg_output_check(ctx, path, true, inputs, n_inputs) != RG_OK)
        return cli_report(ctx);
    if (force || stat(path, &st) != 0 || (ours && begins_with(path, ours)))
        return RG_OK;
    return cli_fail(RG_USAGE, "%s: exists already; --force replaces it", path);
}

rg_status cli_output_begin(const char *path, struct cli_output *out)
{
    *out = (struct cli_output){.stream = stdout, .path = path};
    if (!path)
        return RG_OK;
    int fd = -1;
    out->target = cli_resolve(path);
    if (is_special(path))
        fd = open(path, O_WRONLY | O_CLOEXEC);
    else if (out->target &&
             asprintf(&out->temporary, "%s.tmp-%ld", out->target, (long)getpid()) >= 0)
        fd = open(out->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    else
        out->temporary = NULL;
    out->stream = fd < 0 ? NULL : fdopen(fd, "w");
    if (out->stream)
        return RG_OK;
    int error = errno;
    if (fd >= 0)
        close(fd);
    if (fd < 0) { /* the temporary is not ours to remove */
        free(out->temporary);
        out->temporary = NULL;
    }
    cli_output_abandon(out);
    return cli_fail(RG_IO, "%s: cannot write: %s", path, strerror(error));
}

static rg_status fail_write(struct cli_output *out, int error)
{
    cli_output_abandon(out);
    return cli_fail(RG_IO, "%s: cannot write: %s", out->path,
                    error ? strerror(error) : "an earlier write failed");
}

rg_status cli_output_finish(struct cli_output *out)
{
    if (!out->path || !out->stream)
        return RG_OK; /* main looks at standard output */
    errno = 0;
    bool failed = fflush(out->stream) != 0 || ferror(out->stream);
    if (!failed && out->temporary)
        failed = fsync(fileno(out->stream)) != 0;
    int error = errno;
    if (fclose(out->stream) != 0 && !failed) {
        failed = true;
        error = errno;
    }
    out->stream = NULL;
    return failed ? fail_write(out, error) : RG_OK;
}

rg_status cli_output_commit(struct cli_output *out)
{
    rg_status status = cli_output_finish(out);
    if (status != RG_OK || !out->temporary)
        return status;
    if (rename(out->temporary, out->target) != 0)
        return fail_write(out, errno);
    free(out->temporary);
    out->temporary = NULL;
    return RG_OK;
}

void cli_output_abandon(struct cli_output *out)
{
    if (out->path && out->stream)
        fclose(out->stream);
    out->stream = NULL;
    if (out->temporary)
        unlink(out->temporary);
    free(out->temporary);
    free(out->target);
    out->temporary = out->target = NULL;
}
