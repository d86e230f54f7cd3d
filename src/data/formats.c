/* formats.c: the table of formats, and opening data sets: each file by the format that its content
 * shows. */
#include "data/formats.h"

#include "base/file.h"
#include "data/text/import.h"

#include <string.h>

static const struct rg__format *const formats[] = {
#define RG_FORMAT(id, passes) &rg__format_##id,
#include "data/formats.def"
#undef RG_FORMAT
};

static const rg_component *format_at(int i)
{
    return i < RG__COUNT(formats) ? &formats[i]->component : NULL;
}

const rg_registry *rg_formats(void)
{
    static const rg_registry registry = {.what = "format", .at = format_at};
    return &registry;
}

const struct rg__format *rg__detect_text(const char *line, size_t n)
{
    const struct rg__format *fallback = NULL;
    for (int i = 0; i < RG__COUNT(formats); i++) {
        if (formats[i]->detect_text && formats[i]->detect_text(line, n))
            return formats[i];
        if (formats[i]->read_line && !formats[i]->detect_text)
            fallback = formats[i];
    }
    return fallback;
}

rg_status rg__check_format_options(rg_context *ctx, const struct rg__format *format,
                                   const char *path, const rg_dataset_options *options)
{
    const struct {
        const char *field;
        bool set;
        unsigned option;
    } all[] = {{"group_path", options->group_path, RG__TAKES_GROUP_PATH},
               {"zero_based", options->zero_based, RG__TAKES_ZERO_BASED},
               {"dtype", options->dtype != RG_TEXT_AUTO, RG__TAKES_DTYPE}};
    for (int i = 0; i < RG__COUNT(all); i++)
        if (all[i].set && !(format->takes & all[i].option))
            return rg__fail(ctx, RG_USAGE, "%s: is %s, which has no use for `%s`; leave it out",
                            path, format->component.name, all[i].field);
    return RG_OK;
}

rg_status rg__detect_file(rg_context *ctx, const char *path, const struct rg__format **format)
{
    bool there, yes = false;
    struct stat st;
    *format = NULL;
    if (strcmp(path, "-") == 0)
        return RG_OK;
    rg_status status = rg__stat_path(ctx, path, &there, &st);
    bool is_file = status == RG_OK && (!there || S_ISREG(st.st_mode));
    for (int i = 0; i < RG__COUNT(formats) && is_file && status == RG_OK && !yes; i++) {
        if (formats[i]->detect_file)
            status = formats[i]->detect_file(ctx, path, &yes);
        *format = yes ? formats[i] : NULL;
    }
    return status;
}

static rg_status check_options(rg_context *ctx, int n_sources, const rg_dataset_options *options)
{
    if (options->n_features < 0 || options->n_features > RG__LARGEST_INDEX)
        return rg__fail(ctx, RG_USAGE, "`n_features` is %lld; expected 0 to 2147483646",
                        (long long)options->n_features);
    if (options->memory_limit < 0 || (options->memory_limit > 0 && !options->spool_path))
        return rg__fail(
            ctx, RG_USAGE,
            "`memory_limit` is %lld; expected 0, or more and a `spool_path`, beside which "
            "rows can be spooled",
            (long long)options->memory_limit);
    if (!rg_text_dtype_name(options->dtype))
        return rg__fail(ctx, RG_USAGE, "dtype of text: %d is none of rg_text_dtype",
                        (int)options->dtype);
    if (options->group_path && n_sources > 1)
        return rg__fail(
            ctx, RG_USAGE,
            "`group_path` %s: holds the lists of one text file, but %d were given; name "
            "each file's group file X.query beside the file X",
            options->group_path, n_sources);
    return RG_OK;
}

/* Sources and what is read of them. */
struct sources {
    const rg_data_source *all; /* (n) */
    int n;
    const struct rg__format **formats; /* (n) of whole files; NULL: text */
    rg_data_source *texts;             /* (n_texts) */
    int n_texts;
};

static rg_status detect_all(rg_context *ctx, struct sources *s)
{
    s->formats = rg__alloc(ctx, s->n, sizeof *s->formats, "data sets");
    s->texts = rg__alloc(ctx, s->n, sizeof *s->texts, "data sets");
    rg_status status = s->formats && s->texts ? RG_OK : RG_LIMIT;
    for (int i = 0; i < s->n && status == RG_OK; i++) {
        status = rg__detect_file(ctx, s->all[i].path, &s->formats[i]);
        if (status == RG_OK && !s->formats[i])
            s->texts[s->n_texts++] = s->all[i];
    }
    return status;
}

/* A whole file stands for a split alone; other files' rows are not added to it. */
static rg_status check_splits(rg_context *ctx, const struct sources *s)
{
    bool only = false;
    for (int i = 0; i < s->n; i++)
        only |= !*s->all[i].split;
    for (int i = 0; i < s->n; i++) {
        const rg_data_source *one = &s->all[i];
        if (only ? *one->split : rg__find_name(rg__split_names, one->split) < 0)
            return rg__fail(ctx, RG_USAGE,
                            "%s: found split \"%s\", expected train, vali or test, or \"\" for all "
                            "files",
                            one->path, one->split);
        for (int k = 0; k < s->n && s->formats[i]; k++)
            if (k != i && strcmp(one->split, s->all[k].split) == 0)
                return rg__fail(ctx, RG_USAGE,
                                "%s: is %s, of which one file makes a split, but %s is given for "
                                "it too; expected text files, which are joined, or one file",
                                one->path, s->formats[i]->component.name, s->all[k].path);
    }
    return RG_OK;
}

/* Reads a whole file as `part` of the data set, and makes its split of that name, or its only one,
 * the next split; all splits where the name is "". */
static rg_status open_whole(rg_dataset *dataset, const struct rg__format *format,
                            const rg_data_source *source, const rg_dataset_options *options)
{
    rg_context *ctx = dataset->ctx;
    rg_status status = rg__check_format_options(ctx, format, source->path, options);
    rg_dataset *part = status == RG_OK ? rg__dataset_new(ctx, source->path) : NULL;
    if (!part)
        return status == RG_OK ? RG_LIMIT : status;
    dataset->parts[dataset->n_parts++] = part;
    status = format->open(part, options);
    if (status != RG_OK)
        return status;
    dataset->format = format->component.name;
    for (int i = 0; i < part->n_splits; i++)
        part->splits[i].path = part->path;
    for (int i = 0; !*source->split && i < part->n_splits; i++)
        dataset->splits[dataset->n_splits++] = part->splits[i];
    if (!*source->split)
        return RG_OK;
    const rg_split *split =
        part->n_splits == 1 ? &part->splits[0] : rg_dataset_find(part, source->split);
    if (!split)
        return RG_USAGE;
    dataset->splits[dataset->n_splits] = *split;
    dataset->splits[dataset->n_splits++].name = source->split;
    return RG_OK;
}

/* Puts the splits into the order of rg__split_names. */
static void sort_splits(rg_dataset *dataset)
{
    for (int i = 1; i < dataset->n_splits; i++)
        for (int k = i; k > 0; k--) {
            rg_split *a = &dataset->splits[k - 1], *b = &dataset->splits[k], swapped = *a;
            if (rg__find_name(rg__split_names, a->name) <= rg__find_name(rg__split_names, b->name))
                break;
            *a = *b;
            *b = swapped;
        }
}

/* Reads whole files first: text beside them has at least as many features. */
static rg_status read_sources(rg_dataset *dataset, struct sources *s,
                              const rg_dataset_options *options)
{
    rg_dataset_options o = *options;
    const char *width_of = NULL;
    rg_status status = detect_all(dataset->ctx, s);
    if (status == RG_OK)
        status = check_splits(dataset->ctx, s);
    for (int i = 0; i < s->n && status == RG_OK; i++)
        if (s->formats[i])
            status = open_whole(dataset, s->formats[i], &s->all[i], options);
    for (int i = 0; i < dataset->n_parts && options->n_features == 0; i++)
        if (dataset->parts[i]->splits[0].n_features > o.n_features) {
            o.n_features = dataset->parts[i]->splits[0].n_features;
            width_of = dataset->parts[i]->path;
        }
    if (status == RG_OK && s->n_texts > 0)
        status = rg__import_text(s->texts, s->n_texts, &o, width_of, dataset);
    sort_splits(dataset);
    return status;
}

static rg_status open_sources(rg_context *ctx, const rg_data_source *sources, int n_sources,
                              const rg_dataset_options *options, rg_dataset **out)
{
    rg_dataset_options o = options ? *options : rg_dataset_options_default();
    struct sources s = {.all = sources, .n = n_sources};
    *out = NULL;
    if (n_sources < 1)
        return rg__fail(ctx, RG_USAGE, "no files given; expected at least one");
    rg_status status = check_options(ctx, n_sources, &o);
    if (status != RG_OK)
        return status;
    rg_dataset *dataset = rg__dataset_new(ctx, sources[0].path);
    status = dataset ? read_sources(dataset, &s, &o) : RG_LIMIT;
    rg__free(ctx, s.formats);
    rg__free(ctx, s.texts);
    if (status == RG_OK)
        *out = dataset;
    else
        rg_dataset_close(dataset);
    return status;
}

rg_status rg_dataset_open(rg_context *ctx, const char *path, const rg_dataset_options *options,
                          rg_dataset **out)
{
    const rg_data_source source = {path, ""};
    rg_status status = rg__require(ctx, "rg_dataset_open", "path", path, "out", out, NULL);
    return status == RG_OK ? open_sources(ctx, &source, 1, options, out) : status;
}

rg_status rg_dataset_import(rg_context *ctx, const rg_data_source *sources, int n_sources,
                            const rg_dataset_options *options, rg_dataset **out)
{
    rg_status status = rg__require(ctx, "rg_dataset_import", "sources", sources, "out", out, NULL);
    for (int i = 0; i < n_sources && status == RG_OK; i++)
        status = rg__require(ctx, "rg_dataset_import", "sources[i].path", sources[i].path,
                             "sources[i].split", sources[i].split, NULL);
    return status == RG_OK ? open_sources(ctx, sources, n_sources, options, out) : status;
}
