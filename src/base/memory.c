/* memory.c: how much memory this process may use: the smallest of the machine's memory, the limits
 * of its control groups (cgroups, versions 1 and 2) and what is left of RLIMIT_AS.
 *
 * /proc/self/cgroup names the process's cgroup as a path below the root of a hierarchy, and
 * /proc/self/mountinfo gives the mount point of that hierarchy, or of the part that a container
 * sees. The limits of all enclosing groups apply, so every directory from the process's group up to
 * the mount point is read. A file that cannot be read or parsed sets no limit. */
#include "base/file.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { MOST_PATH = 4096 };

static void lower(struct rg__memory_limit *limit, int64_t bytes, const char *source)
{
    if (bytes > 0 && bytes < limit->bytes)
        *limit = (struct rg__memory_limit){bytes, source};
}

/* Reads a text file of the system line by line, without allocating memory. */
struct lines {
    rg_context *ctx;
    int fd;
    size_t begin, end; /* the part of `text` not yet returned */
    char text[2 * MOST_PATH];
};

static void open_lines(rg_context *ctx, const char *path, struct lines *l)
{
    l->ctx = ctx;
    l->begin = l->end = 0;
    l->fd = ctx->files->open(path, O_RDONLY, 0);
}

static void close_lines(struct lines *l)
{
    if (l->fd >= 0)
        l->ctx->files->close(l->fd);
}

/* The next line, valid until the next call; NULL at the end or on a read error. A line longer than
 * the buffer is returned in pieces. */
static char *next_line(struct lines *l)
{
    ssize_t more = l->fd >= 0;
    while (more > 0) {
        char *line = l->text + l->begin, *end = memchr(line, '\n', l->end - l->begin);
        if (!end && l->begin == 0 && l->end == sizeof l->text - 1)
            end = l->text + l->end;
        if (end) {
            l->begin = (size_t)(end - l->text) + (end < l->text + l->end);
            *end = '\0';
            return line;
        }
        memmove(l->text, line, l->end -= l->begin);
        l->begin = 0;
        more = l->ctx->files->read(l->fd, l->text + l->end, sizeof l->text - 1 - l->end);
        l->end += more > 0 ? (size_t)more : 0;
    }
    char *rest = l->text + l->begin;
    bool any = l->end > l->begin;
    l->text[l->end] = '\0';
    l->begin = l->end;
    return any ? rest : NULL;
}

/* The number at the beginning of a file; 0 if there is none ("max" means no limit). */
static int64_t read_number(rg_context *ctx, const char *path)
{
    struct lines l;
    open_lines(ctx, path, &l);
    const char *line = next_line(&l);
    long long number = line ? strtoll(line, NULL, 10) : 0;
    close_lines(&l);
    return number;
}

static void limit_by_file(rg_context *ctx, const char *folder, const char *file,
                          struct rg__memory_limit *limit)
{
    char path[2 * MOST_PATH + 64];
    snprintf(path, sizeof path, "%s/%s", folder, file);
    lower(limit, read_number(ctx, path), "the cgroup's limit");
}

/* ---- Control groups -------------------------------------------------------------------------- */

/* A mounted hierarchy: its mount point, and which of its directories is mounted there. */
struct mount {
    char root[MOST_PATH], point[MOST_PATH];
};

/* Whether a comma-separated list contains a word. */
static bool list_contains(const char *list, const char *word)
{
    size_t n = strlen(word);
    for (; list; list = strchr(list, ','), list = list ? list + 1 : NULL)
        if (strncmp(list, word, n) == 0 && (list[n] == ',' || list[n] == '\0'))
            return true;
    return false;
}

/* One line of mountinfo: "31 23 0:28 ROOT POINT OPTIONS ... - TYPE SOURCE SUPER_OPTIONS". */
static bool is_mount(const char *line, int version, struct mount *mount)
{
    char type[64], super[512];
    const char *rest = strstr(line, " - ");
    if (!rest || sscanf(line, "%*s %*s %*s %4095s %4095s", mount->root, mount->point) != 2 ||
        sscanf(rest + 3, "%63s %*s %511s", type, super) != 2)
        return false;
    return version == 2 ? strcmp(type, "cgroup2") == 0
                        : strcmp(type, "cgroup") == 0 && list_contains(super, "memory");
}

static bool find_mount(rg_context *ctx, int version, struct mount *mount)
{
    struct lines l;
    bool found = false;
    open_lines(ctx, "/proc/self/mountinfo", &l);
    for (const char *line; !found && (line = next_line(&l));)
        found = is_mount(line, version, mount);
    close_lines(&l);
    return found;
}

/* The path in a line of /proc/self/cgroup, "ID:CONTROLLERS:PATH"; NULL if the line is for another
 * hierarchy. Version 2 has the id 0 and no controllers. */
static const char *path_in(char *line, int version)
{
    char *controllers = strchr(line, ':'),
         *path = controllers ? strchr(controllers + 1, ':') : NULL;
    if (!path)
        return NULL;
    *path++ = '\0';
    bool is_v2 = controllers[1] == '\0';
    bool found = version == 2 ? is_v2 : list_contains(controllers + 1, "memory");
    return found ? path : NULL;
}

/* Applies the limits of the group at `path` of the hierarchy and of all enclosing groups. */
static void limit_by_groups(rg_context *ctx, const struct mount *mount, const char *path,
                            int version, struct rg__memory_limit *limit)
{
    char folder[2 * MOST_PATH];
    size_t root = strcmp(mount->root, "/") == 0 ? 0 : strlen(mount->root);
    bool below = strncmp(path, mount->root, root) == 0;
    snprintf(folder, sizeof folder, "%s%s", mount->point, below ? path + root : "");
    for (size_t end = strlen(folder); end >= strlen(mount->point) && end > 0; end--) {
        if (folder[end] != '/' && folder[end] != '\0')
            continue;
        folder[end] = '\0';
        if (version == 1) {
            limit_by_file(ctx, folder, "memory.limit_in_bytes", limit);
        } else {
            limit_by_file(ctx, folder, "memory.max", limit);
            limit_by_file(ctx, folder, "memory.high", limit);
        }
    }
}

static void limit_by_cgroups(rg_context *ctx, struct rg__memory_limit *limit)
{
    struct lines l;
    open_lines(ctx, "/proc/self/cgroup", &l);
    for (char *line; (line = next_line(&l));) {
        int version = strncmp(line, "0::", 3) == 0 ? 2 : 1;
        const char *path = path_in(line, version);
        struct mount mount;
        if (path && find_mount(ctx, version, &mount))
            limit_by_groups(ctx, &mount, path, version, limit);
    }
    close_lines(&l);
}

/* ---- The process ----------------------------------------------------------------------------- */

/* Applies what is left of RLIMIT_AS after the address space already in use. */
static void limit_by_address_space(rg_context *ctx, struct rg__memory_limit *limit)
{
    struct rlimit as;
    if (getrlimit(RLIMIT_AS, &as) != 0 || as.rlim_cur == RLIM_INFINITY)
        return;
    int64_t used = read_number(ctx, "/proc/self/statm") * sysconf(_SC_PAGESIZE);
    int64_t bytes = as.rlim_cur < INT64_MAX ? (int64_t)as.rlim_cur : INT64_MAX;
    lower(limit, bytes > used ? bytes - used : 1, "the address space left (ulimit -v)");
}

struct rg__memory_limit rg__memory_limit(rg_context *ctx)
{
    struct rg__memory_limit limit = {INT64_MAX, "the machine's memory"};
    lower(&limit, (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE), limit.source);
    limit_by_cgroups(ctx, &limit);
    limit_by_address_space(ctx, &limit);
    return limit;
}
