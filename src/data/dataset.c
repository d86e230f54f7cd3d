/* dataset.c: data sets as handles: who owns what. formats.c opens them. */

#include "data/dataset.h"

#include "base/file.h"

#include <stdio.h>
#include <string.h>

const char *const rg__split_names[RG__MAX_SPLITS + 1] = {"train", "vali", "test", NULL};

rg_dataset_options rg_dataset_options_default(void)
{
    return (rg_dataset_options){.needs_lists = true};
}

const char *rg_text_dtype_name(rg_text_dtype dtype)
{
    static const char *const names[] = {"auto", "f32", "f64"};
    return (int)dtype >= 0 && (int)dtype < RG__COUNT(names) ? names[dtype] : NULL;
}

rg_write_options rg_write_options_default(void)
{
    return (rg_write_options){0};
}

rg_dataset *rg__dataset_new(rg_context *ctx, const char *path)
{
    rg_dataset *dataset = rg__alloc(ctx, 1, sizeof *dataset, "a data set");
    if (!dataset)
        return NULL;
    dataset->ctx = ctx;
    dataset->path = rg__strdup(ctx, path);
    if (dataset->path)
        return dataset;
    rg_dataset_close(dataset);
    return NULL;
}

void *rg__own(rg_dataset *dataset, void *block)
{
    if (!block)
        return NULL;
    void *blocks = dataset->blocks;
    if (!rg__grow(dataset->ctx, &blocks, &dataset->room, dataset->n_blocks + 1, sizeof(void *),
                  "a data set")) {
        rg__free(dataset->ctx, block);
        return NULL;
    }
    dataset->blocks = blocks;
    dataset->blocks[dataset->n_blocks++] = block;
    return block;
}

void *rg__own_new(rg_dataset *dataset, int64_t count, size_t size, const char *what)
{
    return rg__own(dataset, rg__alloc(dataset->ctx, count, size, what));
}

void rg_dataset_close(rg_dataset *dataset)
{
    if (!dataset)
        return;
    rg_context *ctx = dataset->ctx;
    if (dataset->map)
        ctx->files->munmap(dataset->map, dataset->map_size);
    for (int64_t i = 0; i < dataset->n_blocks; i++)
        rg__free(ctx, dataset->blocks[i]);
    for (int i = 0; i < dataset->n_parts; i++)
        rg_dataset_close(dataset->parts[i]);
    rg__free(ctx, dataset->blocks);
    rg__free(ctx, dataset->path);
    rg__free(ctx, dataset);
}

const rg_split *rg_dataset_split_at(const rg_dataset *dataset, int i)
{
    return dataset && i >= 0 && i < dataset->n_splits ? &dataset->splits[i] : NULL;
}

const rg_split *rg_dataset_find(const rg_dataset *dataset, const char *name)
{
    char known[64] = "";
    if (!dataset || rg__require(dataset->ctx, "rg_dataset_find", "name", name, NULL) != RG_OK)
        return NULL;
    for (int i = 0; i < dataset->n_splits; i++) {
        const rg_split *split = &dataset->splits[i];
        if (strcmp(split->name, name) == 0)
            return split;
        size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s\"%s\"", i ? ", " : "", split->name);
    }
    rg__fail(dataset->ctx, RG_USAGE, "%s: has no split \"%s\"; it has %s", dataset->path, name,
             known);
    return NULL;
}

const rg_split *rg_no_split(void)
{
    static const rg_split none = {.name = "no split"};
    return &none;
}

const char *rg_dataset_path(const rg_dataset *dataset)
{
    return dataset ? dataset->path : NULL;
}

const char *rg_dataset_format(const rg_dataset *dataset)
{
    return dataset ? dataset->format : NULL;
}
