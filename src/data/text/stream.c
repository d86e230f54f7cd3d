/* stream.c: the bytes of a file, plain or gzip; see stream.h.
 *
 * Content decides. All raw bytes pass through one buffer; the first two tell whether
 * they are handed out as they are or inflated. A gzip file is one member or several in a row, and
 * may be padded with zeros (RFC 1952; gzip's own manual). zlib's gzread would do all of this, but
 * it opens and reads files by itself, where the tests could not let the k-th operation fail.
 */
#include "data/text/stream.h"

#include "base/file.h"

#include <errno.h>
#include <string.h>

enum { INPUT_SIZE = 1 << 18 };

static voidpf allocate(voidpf ctx, uInt count, uInt size)
{
    return rg__alloc(ctx, (int64_t)count, size, "gzip decompression");
}

static void release(voidpf ctx, voidpf block)
{
    rg__free(ctx, block);
}

const char *rg__stream_name(const char *path)
{
    return strcmp(path, "-") == 0 ? "standard input" : path;
}

/* Adds raw bytes after those not yet handed out, which move to the front. */
static rg_status fill(struct rg__stream *s)
{
    memmove(s->input, s->z.next_in, s->z.avail_in);
    s->z.next_in = s->input;
    while (!s->at_end) {
        ssize_t n = s->files->read(s->fd, s->input + s->z.avail_in, INPUT_SIZE - s->z.avail_in);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return rg__fail_errno(s->ctx, rg__stream_name(s->path), "read", errno);
        s->at_end = n == 0;
        s->z.avail_in += (uInt)n;
        return RG_OK;
    }
    return RG_OK;
}

static rg_status begin(struct rg__stream *s)
{
    s->input = rg__alloc(s->ctx, INPUT_SIZE, 1, "an input buffer");
    if (!s->input)
        return RG_LIMIT;
    s->z.next_in = s->input;
    rg_status status = RG_OK;
    while (status == RG_OK && s->z.avail_in < 2 && !s->at_end)
        status = fill(s);
    if (status != RG_OK)
        return status;
    s->gzip = s->z.avail_in >= 2 && s->input[0] == 0x1f && s->input[1] == 0x8b;
    s->member = s->gzip;
    /* 16: a gzip header is required. The only failure left is memory. */
    if (s->gzip && inflateInit2(&s->z, 16 + MAX_WBITS) != Z_OK)
        return rg__fail_memory(s->ctx, sizeof s->z, "gzip decompression");
    return RG_OK;
}

rg_status rg__stream_open(rg_context *ctx, const char *path, struct rg__stream *stream)
{
    int64_t size;
    *stream = (struct rg__stream){.ctx = ctx, .files = ctx->files, .path = path};
    stream->z.zalloc = allocate;
    stream->z.zfree = release;
    stream->z.opaque = ctx;
    if (strcmp(path, "-") != 0) {
        rg_status status = rg__open_input(ctx, path, &stream->fd, &size);
        if (status != RG_OK)
            return status;
        stream->opened = true;
    }
    rg_status status = begin(stream);
    if (status != RG_OK)
        rg__stream_close(stream);
    return status;
}

static rg_status fail_damaged(struct rg__stream *s, const char *what)
{
    return rg__fail(s->ctx, RG_DAMAGED, "%s: damaged gzip data: %s; unpack it anew",
                    rg__stream_name(s->path), what);
}

/* Between two members: the next one begins where anything but zeros is left. */
static rg_status next_member(struct rg__stream *s)
{
    for (;;) {
        while (s->z.avail_in > 0 && *s->z.next_in == 0) {
            s->z.next_in++;
            s->z.avail_in--;
        }
        if (s->z.avail_in > 0) {
            s->member = inflateReset(&s->z) == Z_OK;
            return RG_OK;
        }
        if (s->at_end)
            return RG_OK;
        rg_status status = fill(s);
        if (status != RG_OK)
            return status;
    }
}

static rg_status inflate_some(struct rg__stream *s, void *to, size_t room, size_t *n)
{
    s->z.next_out = to;
    s->z.avail_out = room < INPUT_SIZE ? (uInt)room : INPUT_SIZE;
    uInt before = s->z.avail_out;
    rg_status status = RG_OK;
    while (status == RG_OK && s->z.avail_out == before) {
        if (!s->member) {
            status = next_member(s);
            if (status != RG_OK || !s->member)
                break;
        }
        if (s->z.avail_in == 0 && !s->at_end)
            status = fill(s);
        if (status != RG_OK)
            break;
        int code = inflate(&s->z, Z_NO_FLUSH);
        if (code == Z_STREAM_END)
            s->member = false;
        else if (code == Z_BUF_ERROR && s->at_end)
            status = fail_damaged(s, "the file ends too early");
        else if (code == Z_MEM_ERROR)
            status = RG_LIMIT; /* reported by the allocation */
        else if (code != Z_OK && code != Z_BUF_ERROR)
            status = fail_damaged(s, s->z.msg ? s->z.msg : "no gzip data");
    }
    *n = before - s->z.avail_out;
    return status;
}

static rg_status copy_some(struct rg__stream *s, void *to, size_t room, size_t *n)
{
    if (s->z.avail_in == 0 && !s->at_end) {
        rg_status status = fill(s);
        if (status != RG_OK)
            return status;
    }
    *n = s->z.avail_in < room ? s->z.avail_in : room;
    memcpy(to, s->z.next_in, *n);
    s->z.next_in += *n;
    s->z.avail_in -= (uInt)*n;
    return RG_OK;
}

rg_status rg__stream_read(rg_context *ctx, struct rg__stream *s, void *to, size_t room, size_t *n)
{
    rg_context *owner = s->ctx;
    *n = 0;
    s->z.opaque = s->ctx = ctx;
    rg_status status = (s->gzip ? inflate_some : copy_some)(s, to, room, n);
    s->z.opaque = s->ctx = owner;
    return status;
}

void rg__stream_close(struct rg__stream *s)
{
    if (s->gzip)
        inflateEnd(&s->z);
    if (s->opened)
        rg__close_input(s->ctx, s->fd);
    if (s->input)
        rg__free(s->ctx, s->input);
    *s = (struct rg__stream){.ctx = s->ctx};
}
