/* epoch.c: an epoch of training against what the machine can do at best.
 *
 *     bench_epoch FILE MODEL NORMALIZE BATCH_LISTS THREADS EPOCHS [alone]
 *
 * With "alone" there are no validation lists, and training measures its own metric in some epochs:
 * those are the series `measured`, the others `epoch`, and `mean` is one value, the mean over all.
 *
 * The one idea: after each epoch, before the next, the same features are read once by the same
 * number of threads, and for a network the bare products are multiplied; so each epoch has its own
 * measure from the same second. Prints the series epoch, read, scattered and products, and apart
 * from them first: the epoch that meets the memory for the first time. */
#include "common.h"
#include "limits.h"

#include <math.h>
#include <string.h>

struct watch {
    const rg_split *train;
    struct region regions[3];
    int n_regions, n_threads;
    bool products; /* is there something to multiply */
    double left;   /* when training went on */
    struct series first, epoch, measured, mean, read, scattered, product;
    bool alone;
    double sum;
};

/* The memory that an epoch has to read at least. */
static void find_regions(struct watch *w)
{
    const rg_split *s = w->train;
    if (s->features.data) {
        size_t size = (size_t)(s->n_rows * s->n_features) * rg_dtype_size(s->features.dtype);
        w->regions[w->n_regions++] = (struct region){s->features.data, size};
        return;
    }
    size_t n = (size_t)s->csr.indptr[s->n_rows];
    w->regions[w->n_regions++] = (struct region){s->csr.data, n * rg_dtype_size(s->csr.dtype)};
    w->regions[w->n_regions++] = (struct region){s->csr.indices, n * sizeof(int32_t)};
    w->regions[w->n_regions++] =
        (struct region){s->csr.indptr, (size_t)s->n_rows * sizeof(int64_t)};
}

static bool on_epoch(void *user, const rg_epoch *epoch)
{
    struct watch *w = user;
    w->sum += epoch->epoch > 0 ? now() - w->left : 0;
    if (w->alone && epoch->epoch == epoch->n_epochs)
        add_value(&w->mean, w->sum / (double)epoch->n_epochs);
    if (w->alone && epoch->epoch > 0 && !isnan(epoch->train_metric)) {
        add_value(&w->measured, now() - w->left);
    } else if (epoch->epoch == 1) {
        add_value(&w->first, now() - w->left);
    } else if (epoch->epoch > 1) {
        add_value(&w->epoch, now() - w->left);
        add_value(&w->read, read_once(w->regions, w->n_regions, w->n_threads));
        add_value(&w->scattered, read_scattered(w->regions, w->n_regions, w->n_threads));
        if (w->products)
            add_value(&w->product,
                      products_once(w->train->features.data, w->train->n_features,
                                    w->train->offsets, w->train->n_lists, w->n_threads));
    }
    w->left = now();
    return true;
}

int main(int n, char **arguments)
{
    static struct watch w = {.first.name = "first",
                             .epoch.name = "epoch",
                             .measured.name = "measured",
                             .mean.name = "mean",
                             .read.name = "read",
                             .scattered.name = "scattered",
                             .product.name = "products"};
    w.alone = n == 8 && strcmp(arguments[7], "alone") == 0;
    if (n != 7 && !w.alone)
        fail("usage: bench_epoch FILE MODEL NORMALIZE BATCH_LISTS THREADS EPOCHS [alone]");
    bool mlp = strcmp(arguments[2], "mlp") == 0;
    w.n_threads = (int)number(arguments[5]);
    rg_context *ctx = new_context(w.n_threads);
    rg_dataset *data;
    must(ctx, rg_dataset_open(ctx, arguments[1], NULL, &data));
    rg_train_options o = rg_train_options_default();
    o.model = model_options(arguments[2]);
    if (mlp) {
        o.optimizer.name = "adam";
        o.optimizer.lr = 1e-3;
    }
    o.normalize = arguments[3];
    o.batch_lists = number(arguments[4]);
    o.epochs = number(arguments[6]);
    o.on_epoch = on_epoch;
    o.user = &w;
    w.train = rg_dataset_find(data, "train");
    w.products = mlp && w.train->features.dtype == RG_F32;
    find_regions(&w);
    rg_model *model;
    const rg_split *vali = w.alone ? rg_no_split() : rg_dataset_find(data, "vali");
    must(ctx, rg_train(ctx, w.train, vali, &o, &model, NULL));
    print_series(&w.first, 0);
    print_series(&w.epoch, 0);
    print_series(&w.measured, 0);
    print_series(&w.mean, 0);
    print_series(&w.read, 0);
    print_series(&w.scattered, 0);
    print_series(&w.product, 0);
    rg_model_destroy(model);
    rg_dataset_close(data);
    rg_context_destroy(ctx);
    return 0;
}
