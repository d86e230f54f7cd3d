/* train.c: trains a model on a data set. The epoch that is saved is the best one on the validation
 * lists, and the last line of the report says which one that was and why. The split test is never
 * read.
 */
#include "cli.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct train {
    struct cli_list files; /* DATA */
    struct cli_list metrics;
    const char *output, *vali, *history, *propensities;
    double most_weight;
    bool quiet, force;
    rg_dataset_options reading;
    struct cli_component loss, model, normalize, optimizer, schedule;
    struct cli_word default_metric;
    rg_train_options o;
};

/* The remedies when memory is short: for training, and for reading text. */
#define MEMORY_REMEDY                                                                              \
    "--memory SIZE sets how much training may use; features beyond it are streamed from the file"
#define TEXT_REMEDY                                                                                \
    "rankgrad convert --memory SIZE makes an HDF5 file of text that is larger than memory"

#define OPTION(kind, name, argument, member, ...)                                                  \
    CLI_OPTION(kind, name, argument, struct train, member, __VA_ARGS__)

static const struct cli_option options[] = {
    CLI_HEADING("Files:"),
    CLI_OUTPUT_OPTIONS(struct train, output, force, true, " the model (HDF5); required",
                       "an empty one, a model of Rankgrad's or, for --history, a history"),
    OPTION(CLI_TEXT, "vali", "FILE", vali,
           "Validation lists, which choose the epoch; without it DATA's split vali, if there is "
           "one. If both files have feature names, columns are matched by name"),
    OPTION(CLI_REAL, "vali-fraction", "F", o.vali_fraction,
           "If there are no validation lists: set aside this fraction of the training lists, "
           "chosen at random by --seed; 0: none, and the last epoch is kept",
           .low = 0, .high = 1, .below = true),
    OPTION(CLI_TEXT, "history", "FILE", history,
           "Write one line per epoch (TSV), as training goes on, to FILE.tmp-PID-N, which becomes "
           "FILE when the model is saved"),
    OPTION(CLI_FLAG, "quiet", NULL, quiet, "Show no progress on standard error", .letter = 'q'),
    CLI_HEADING("Clicks:"),
    OPTION(CLI_TEXT, "propensities", "FILE", propensities,
           "Inverse propensity weights: the weight of a training item with a label above 0 is "
           "multiplied by 1 / propensity of its position; FILE is a table from the command "
           "propensity. Meant for ranking_softmax and pairwise losses; docs/clicks.md has the "
           "reasons"),
    OPTION(
        CLI_REAL, "most-weight", "X", most_weight,
        "Largest 1 / propensity; a greater one is reduced to X, which bounds the variance at the "
        "price of some bias",
        .low = 1, .high = CLI_NO_LIMIT),
    CLI_HEADING("Objective:"),
    OPTION(CLI_COMPONENT, "loss", "NAME", loss,
           "Loss to minimise, listed below, or a sum such as '0.7*ranking_softmax + 0.3*NAME'. If "
           "a loss doubles when all labels are doubled, it is multiplied by 1 / (mean label sum of "
           "the lists that have one), so that the scale of the labels does not act as a learning "
           "rate",
           .registry = rg_training_losses),
    OPTION(CLI_NAME, "negative-labels", "RULE", o.negative_labels,
           "What happens to negative labels: error, because the loss has no lower bound with them, "
           "except with label_mode=softmax, which takes labels of any sign, such as "
           "log-probabilities; zero reads them as 0; keep trains on them",
           .name_at = cli_negative_labels_at),
    OPTION(CLI_REAL, "l2", "X", o.optimizer.l2,
           "Adds X * weight to the gradient; 0 because with normalised features and a schedule "
           "that ends at 0 a model hardly overfits",
           .low = 0, .high = CLI_NO_LIMIT),
    CLI_HEADING("Model:"),
    OPTION(CLI_COMPONENT, "model", "NAME", model, "How features become a score, listed below",
           .registry = rg_models),
    OPTION(CLI_COMPONENT, "normalize", "NAME", normalize,
           "How features are normalised, see below: fitted on the training rows and saved in the "
           "model, which then takes raw features. zscore, because features on scales from 1e-3 to "
           "1e6 have no common learning rate. Sparse rows stay sparse: zscore then divides by the "
           "deviation without subtracting the mean, except for features that every row stores, and "
           "minmax needs a smallest value of 0",
           .registry = rg_normalizations),
    OPTION(CLI_NAME, "dtype", "TYPE", o.model.dtype,
           "Type of parameters and arithmetic; sums over many rows are in double either way",
           .name_at = cli_dtype_at),
    CLI_HEADING("Optimisation:"),
    OPTION(CLI_COMPONENT, "optimizer", "NAME", optimizer,
           "How weights are updated from g = clip(gradient) + l2 weight, listed below. Parameters "
           "may also be given in parentheses: adam(beta1=0.95)",
           .registry = rg_optimizers),
    OPTION(CLI_REAL, "lr", "RATE", o.optimizer.lr,
           "Learning rate of the first step. With normalised features and --clip-norm 1 a step of "
           "sgd without momentum moves the weights by at most RATE; a step of adam moves each "
           "weight by about RATE and needs a smaller one: 0.001 is usual",
           .low = 0, .high = CLI_NO_LIMIT, .above = true),
    OPTION(CLI_COMPONENT, "schedule", "NAME", schedule,
           "How the learning rate changes over the steps, listed below; cosine, which ends at 0, "
           "because with a constant rate the weights never settle and the last epochs get worse",
           .registry = rg_schedules),
    OPTION(CLI_REAL, "clip-norm", "X", o.optimizer.clip_norm,
           "Largest norm of the gradient: a longer one is scaled down to it, so that no single "
           "list can ruin the model; 0: no limit",
           .low = 0, .high = CLI_NO_LIMIT),
    OPTION(CLI_INTEGER, "epochs", "N", o.epochs,
           "Passes over the training lists; 30 or 100 lead to nearly the same model", .low = 1,
           .high = CLI_NO_LIMIT),
    OPTION(CLI_INTEGER, "batch-lists", "N", o.batch_lists,
           "Lists per step (minibatch): few, for many steps, but enough for a stable direction",
           .low = 1, .high = CLI_NO_LIMIT),
    OPTION(CLI_SEED, "seed", "N", o.seed,
           "Seed of the order of lists, of --vali-fraction and of the initial weights of an mlp; "
           "the same seed, data and build give the same model, byte for byte"),
    OPTION(CLI_SIZE, "memory", "SIZE", o.memory_limit,
           "Memory for features and parameters, such as 512M or 8G (powers of 1024); features "
           "beyond it are streamed from the file, window by window. If not given: 80 % of the "
           "smallest of the machine's memory, the limits of the cgroup, and what ulimit -v leaves"),
    OPTION(CLI_SIZE, "window", "SIZE", o.window_bytes,
           "Shuffle windows of the file, each with this many bytes of features, and the lists "
           "within each window, instead of all lists: the same windows give the same model, "
           "streamed or not. If not given, all lists are one window, or, if they are streamed, a "
           "window is a quarter of the memory"),
    CLI_HEADING("Selection:"),
    CLI_METRIC_OPTION(
        struct train, metrics,
        ". The first one chooses the epoch to keep; the others are shown at the end. "
        "Without validation lists it is computed on the training lists, at every fifth "
        "epoch and the last one"),
    {0}};

static void explain(FILE *to)
{
    cli_show_registry(to, "Losses", rg_training_losses());
    cli_show_registry(to, "Models", rg_models());
    cli_show_registry(to, "Normalisations", rg_normalizations());
    cli_show_registry(to, "Optimizers", rg_optimizers());
    cli_show_registry(to, "Schedules", rg_schedules());
    fprintf(to, "\n");
    cli_metric_help(to);
}

/* ---- Progress ------------------------------------------------------------------------------- */

static const char history_header[] = "epoch\tloss\ttrain_metric\tvali_metric\tlr\tgrad_norm\t"
                                     "seconds\tbest\n";

struct progress {
    bool quiet, terminal;
    struct cli_word metric;
    struct cli_output history; /* stream NULL: none */
    FILE *report;              /* of the end */
    double first_seconds;      /* when epoch 0 was measured */
    rg_epoch best;             /* the one that would be kept */
    rg_epoch measured;         /* the last one whose metric is known */
};

static void show_line(const struct progress *p, const rg_epoch *e)
{
    double left = e->epoch > 0 ? (e->seconds - p->first_seconds) / (double)e->epoch *
                                     (double)(e->n_epochs - e->epoch)
                               : (double)NAN;
    char line[512];
    int used = snprintf(line, sizeof line, "epoch %lld/%lld  loss %s  %s ", (long long)e->epoch,
                        (long long)e->n_epochs, cli_number(e->loss, 4, 12).text, p->metric.text);
    if (!isnan(e->vali_metric))
        used += snprintf(line + used, sizeof line - (size_t)used, "vali %s (best %s at %lld)",
                         cli_number(e->vali_metric, 4, 12).text,
                         cli_number(p->best.vali_metric, 4, 12).text, (long long)p->best.epoch);
    else
        used += snprintf(line + used, sizeof line - (size_t)used, "train %s (epoch %lld)",
                         cli_number(p->measured.train_metric, 4, 12).text,
                         (long long)p->measured.epoch);
    snprintf(line + used, sizeof line - (size_t)used, "  ETA %s s", cli_number(left, 0, 9).text);
    cli_progress(line);
}

static void show_row(const struct progress *p, const rg_epoch *e)
{
    if (e->epoch == 0)
        fprintf(stderr, "%7s %10s %15s train %15s vali %10s %10s %9s\n", "epoch", "loss",
                p->metric.text, p->metric.text, "lr", "gradient", "seconds");
    struct cli_word lr = {"-"}, gradient = {"-"};
    if (e->epoch > 0) {
        snprintf(lr.text, sizeof lr.text, "%.3g", e->lr);
        snprintf(gradient.text, sizeof gradient.text, "%.3g", e->grad_norm);
    }
    fprintf(stderr, "%7lld %10s %21s %20s %10s %10s %9s%s\n", (long long)e->epoch,
            cli_number(e->loss, 5, 10).text, cli_number(e->train_metric, 5, 10).text,
            cli_number(e->vali_metric, 5, 10).text, lr.text, gradient.text,
            cli_number(e->seconds, 2, 9).text, e->best ? " *" : "");
}

static bool on_epoch(void *user, const rg_epoch *e)
{
    struct progress *p = user;
    if (e->epoch == 0)
        p->first_seconds = e->seconds;
    if (e->best || e->epoch == 0)
        p->best = *e;
    if (e->epoch == 0 || !isnan(e->train_metric))
        p->measured = *e;
    if (p->history.stream) {
        fprintf(p->history.stream, "%lld\t%.9g\t%.9g\t%.9g\t%.9g\t%.9g\t%.3f\t%d\n",
                (long long)e->epoch, cli_plain(e->loss), cli_plain(e->train_metric),
                cli_plain(e->vali_metric), e->lr, e->grad_norm, e->seconds, e->best);
        fflush(p->history.stream);
    }
    if (!p->quiet)
        (p->terminal ? show_line : show_row)(p, e);
    return true;
}

/* ---- Data ----------------------------------------------------------------------------------- */

/* The data that training reads. */
struct input {
    rg_dataset *data;
    const rg_split *train, *vali;
    rg_split weighted; /* the training split with inverse propensity weights */
    double *weights;
};

/* Several files, read together, so that text gets the same columns everywhere, as convert does. */
static rg_status open_files(rg_context *ctx, const struct train *t, struct input *in)
{
    int n = t->files.count;
    rg_data_source *sources = cli_alloc(n + 1, sizeof *sources);
    if (!sources)
        return RG_LIMIT;
    for (int i = 0; i < n; i++)
        sources[i] = (rg_data_source){t->files.items[i], "train"};
    sources[n] = (rg_data_source){t->vali, "vali"};
    rg_status status = rg_dataset_import(ctx, sources, n + !!t->vali, &t->reading, &in->data);
    free(sources);
    if (status != RG_OK)
        return cli_report_limit(ctx, TEXT_REMEDY);
    in->train = rg_dataset_find(in->data, "train");
    in->vali = t->vali ? rg_dataset_find(in->data, "vali") : NULL;
    return RG_OK;
}

/* One file of training lists, which may have validation lists too. */
static rg_status open_file(rg_context *ctx, const struct train *t, struct input *in)
{
    const char *path = t->files.items[0];
    if (rg_dataset_open(ctx, path, &t->reading, &in->data) != RG_OK)
        return cli_report_limit(ctx, TEXT_REMEDY);
    in->train = cli_choose_split(in->data, NULL, "train");
    in->vali = rg_dataset_find(in->data, "vali");
    if (!in->train)
        return RG_USAGE;
    if (in->vali == in->train)
        in->vali = NULL; /* a file whose only split is called vali */
    if (in->vali && t->o.vali_fraction > 0)
        return cli_fail(RG_USAGE,
                        "--vali-fraction sets training lists aside, but %s has a split "
                        "vali; leave one of them out",
                        path);
    return RG_OK;
}

/* Replaces the weights of the training items by inverse propensity weights. */
static rg_status weight_clicks(rg_context *ctx, const struct train *t, struct input *in)
{
    rg_propensities p;
    int64_t n_clipped = 0;
    if (rg_propensities_read(ctx, t->propensities, &p) != RG_OK)
        return cli_report(ctx);
    in->weights = cli_alloc(in->train->n_rows, sizeof *in->weights);
    rg_status status = RG_LIMIT;
    if (in->weights)
        status = rg_propensity_weights(ctx, in->train, &p, t->most_weight, in->weights, &n_clipped);
    if (in->weights && status != RG_OK)
        cli_fail(status, "%s, with the propensities %s: %s", t->files.items[0], t->propensities,
                 rg_last_error(ctx));
    if (n_clipped > 0)
        cli_note("%s: 1 / propensity is above --most-weight %g and is reduced to it",
                 cli_count(n_clipped, "clicked item").text, t->most_weight);
    in->weighted = *in->train;
    in->weighted.weights = in->weights;
    in->train = &in->weighted;
    rg_propensities_free(ctx, &p);
    return status;
}

/* All files that are read, an array of N_OTHERS more than there are files, with NULL for what is
 * not given, released by free. */
enum { N_OTHERS = 3 };

static const char **list_inputs(const struct train *t)
{
    const char **inputs = cli_alloc(t->files.count + N_OTHERS, sizeof *inputs);
    if (!inputs)
        return NULL;
    memcpy(inputs, t->files.items, (size_t)t->files.count * sizeof *inputs);
    inputs[t->files.count] = t->vali;
    inputs[t->files.count + 1] = t->reading.group_path;
    inputs[t->files.count + 2] = t->propensities;
    return inputs;
}

/* What can be checked before data are read. */
static rg_status check(rg_context *ctx, const struct train *t, const char *const *inputs)
{
    if (t->vali && t->o.vali_fraction > 0)
        return cli_fail(RG_USAGE,
                        "--vali-fraction sets training lists aside, but --vali %s gives "
                        "the validation lists; choose one",
                        t->vali);
    rg_output_options replacing = {.format = "rankgrad-model",
                                   .force = t->force,
                                   .inputs = inputs,
                                   .n_inputs = t->files.count + N_OTHERS};
    rg_status status = cli_output_check(ctx, t->output, &replacing);
    if (status != RG_OK || !t->history)
        return status;
    bool same;
    if (rg_output_same(ctx, t->history, t->output, &same) != RG_OK)
        return cli_report(ctx);
    if (same)
        return cli_fail(RG_USAGE, "--history %s: that is the model's file", t->history);
    replacing.format = NULL;
    replacing.header = history_header;
    return cli_output_check(ctx, t->history, &replacing);
}

static rg_status check_files(rg_context *ctx, const struct train *t)
{
    const char **inputs = list_inputs(t);
    rg_status status = inputs ? check(ctx, t, inputs) : RG_LIMIT;
    free(inputs);
    return status;
}

/* ---- After training ------------------------------------------------------------------------- */

/* The other metrics of --metric, of the kept model on its validation lists or else on all of the
 * training data. */
static rg_status show_others(rg_context *ctx, FILE *to, const struct train *t,
                             const struct input *in, const rg_model *model, rg_gain gain,
                             rg_metric *metrics, int n_metrics)
{
    const rg_split *split = in->vali ? in->vali : in->train;
    const char *path = in->vali && t->vali ? t->vali : t->files.items[0];
    double *scores = NULL;
    if (n_metrics < 2)
        return RG_OK;
    rg_status status = cli_score(ctx, model, path, split, &scores);
    rg_ranking ranking = cli_ranking(split, scores, false);
    rg_metric_result *results = cli_alloc(n_metrics, sizeof *results);
    if (status == RG_OK && !results)
        status = RG_LIMIT;
    for (int i = 0; i < n_metrics; i++)
        metrics[i].gain = gain;
    if (status == RG_OK &&
        rg_metrics_evaluate(ctx, metrics, n_metrics, &ranking, results, NULL) != RG_OK)
        status = cli_report(ctx);
    if (status == RG_OK) {
        fprintf(to, "on the %s lists:", in->vali ? "validation" : "training");
        for (int i = 0; i < n_metrics; i++)
            fprintf(to, " %s %.5f", cli_metric_text(&metrics[i]).text, cli_plain(results[i].value));
        fprintf(to, "; %s without a score\n", cli_count(results[0].n_unscored, "row").text);
    }
    free(results);
    free(scores);
    return status;
}

/* The last line: which epoch was kept, why, and where it is. */
static void show_kept(const struct train *t, const struct progress *p, const rg_train_result *r)
{
    fprintf(p->report, "%s (%lld without a relevant item), %s; label scale %.9g\n",
            cli_count(r->n_train_lists, "training list").text, (long long)r->n_no_relevant,
            cli_count(r->n_vali_lists, "validation list").text, r->label_scale);
    fprintf(p->report, "kept epoch %lld of %lld, ", (long long)r->kept_epoch,
            (long long)t->o.epochs);
    if (r->n_vali_lists == 0)
        fprintf(p->report,
                "the last, as there are no validation lists: %s %.5f on the training lists after "
                "epoch %lld",
                p->metric.text, p->measured.train_metric, (long long)p->measured.epoch);
    else if (r->kept_last)
        fprintf(p->report, "the last, as no validation list has a relevant item");
    else
        fprintf(p->report, "the best %s on the validation lists: %.5f", p->metric.text,
                r->vali_metric);
    fprintf(p->report, "; wrote %s\n", t->output);
}

/* ---- The command ---------------------------------------------------------------------------- */

static rg_status fit(rg_context *ctx, struct train *t, const struct input *in, struct progress *p,
                     rg_model **model, rg_train_result *result)
{
    t->o.on_epoch = on_epoch;
    t->o.user = p;
    rg_status status =
        rg_train(ctx, in->train, in->vali ? in->vali : rg_no_split(), &t->o, model, result);
    cli_progress("");
    if (*model)
        return status;
    if (status == RG_CANCELLED)
        return cli_fail(status, "interrupted before the first epoch ended; there is no model yet");
    if (status == RG_BAD_DATA)
        return cli_fail(status, "%s%s%s%s: %s", t->files.items[0],
                        t->files.count > 1 ? " and the files after it" : "",
                        t->vali ? ", validation " : "", t->vali ? t->vali : "", rg_last_error(ctx));
    return cli_report_limit(ctx, MEMORY_REMEDY);
}

/* Saves the model and the history, also after a signal. */
static rg_status save(rg_context *ctx, const struct train *t, struct progress *p,
                      const rg_model *model)
{
    rg_output *out;
    const rg_output_options replacing = {.format = "rankgrad-model", .force = t->force};
    rg_status status = cli_output_check(ctx, t->output, &replacing); /* hours may have passed */
    if (status != RG_OK)
        return status;
    if (rg_output_begin(ctx, t->output, &out) != RG_OK)
        return cli_report(ctx);
    status =
        rg_model_write(model, out) == RG_OK ? cli_output_commit(&p->history, out) : cli_report(ctx);
    rg_output_destroy(out);
    return status;
}

/* Saves and reports, whether training was completed or interrupted. */
static rg_status finish(rg_context *ctx, const struct train *t, struct progress *p,
                        const rg_model *model, const rg_train_result *result, bool interrupted)
{
    rg_status status = save(ctx, t, p, model);
    if (status != RG_OK)
        return status;
    show_kept(t, p, result);
    if (!interrupted)
        return RG_OK;
    return cli_fail(RG_CANCELLED, "interrupted after epoch %lld of %lld; wrote epoch %lld to %s",
                    (long long)result->n_epochs, (long long)t->o.epochs,
                    (long long)result->kept_epoch, t->output);
}

static rg_status train(rg_context *ctx, struct train *t, struct input *in, rg_metric **metrics,
                       rg_model **model)
{
    int n_metrics = 0;
    rg_train_result result = {0};
    rg_status status = cli_parse_metrics(ctx, &t->metrics, NULL, metrics, &n_metrics);
    if (status == RG_OK)
        status = check_files(ctx, t);
    if (status == RG_OK)
        status = (t->vali || t->files.count > 1 ? open_files : open_file)(ctx, t, in);
    if (status == RG_OK && t->propensities)
        status = weight_clicks(ctx, t, in);
    if (status != RG_OK)
        return status;
    t->o.metric = (*metrics)[0];
    t->o.loss = t->loss.full;
    t->o.model.name = t->model.full;
    t->o.model.seed = t->o.seed; /* one seed for all that is drawn */
    t->o.optimizer.name = t->optimizer.full;
    t->o.schedule = t->schedule.full;
    t->o.normalize = t->normalize.full;
    struct progress p = {.quiet = t->quiet,
                         .terminal = isatty(STDERR_FILENO),
                         .history = {.ctx = ctx},
                         .report = cli_report_stream(ctx, t->output),
                         .metric = cli_metric_text(&t->o.metric)};
    if (t->history)
        status = cli_output_begin(ctx, t->history, &p.history);
    if (p.history.stream)
        fputs(history_header, p.history.stream);
    if (status == RG_OK)
        status = fit(ctx, t, in, &p, model, &result);
    bool interrupted = *model && cli_ignore_signals();
    if (status == RG_OK && !interrupted)
        status = show_others(ctx, p.report, t, in, *model, result.gain, *metrics, n_metrics);
    if (*model && (status == RG_OK || status == RG_CANCELLED))
        status = finish(ctx, t, &p, *model, &result, interrupted);
    cli_output_abandon(&p.history);
    return status;
}

static rg_status run(rg_context *ctx, void *values)
{
    struct input in = {0};
    rg_metric *metrics = NULL;
    rg_model *model = NULL;
    rg_status status = train(ctx, values, &in, &metrics, &model);
    free(metrics);
    rg_model_destroy(model);
    rg_dataset_close(in.data);
    free(in.weights);
    return status;
}

static void set_defaults(void *values)
{
    struct train *t = values;
    t->most_weight = 100;
    t->o = rg_train_options_default();
    t->default_metric = cli_metric_text(&t->o.metric);
    t->metrics.fallback = t->default_metric.text;
    t->loss.text = t->o.loss;
    t->model.text = t->o.model.name;
    t->optimizer.text = t->o.optimizer.name;
    t->schedule.text = t->o.schedule;
    t->normalize.text = t->o.normalize;
}

const struct cli_command cli_command_train = {
    .name = "train",
    .summary = "learn a model from a data set",
    .aliases = "fit learn training build",
    .makes_file = true,
    .arguments = "DATA...",
    .least = 1,
    .most = CLI_MANY,
    .size = sizeof(struct train),
    .options = options,
    .reading = offsetof(struct train, reading),
    .doc = "Train a ranking model on the split train of a data set (HDF5 or text), or on its only "
           "split; "
           "several text files are read as one. The epoch that is best on the validation lists is "
           "kept; the "
           "split test is never read. The defaults are meant for data that nothing is known about; "
           "the "
           "options give the reasons for them. Item weights multiply the labels, list weights the "
           "losses of "
           "lists. Data in which no two rows of a list differ both in label and in a feature are "
           "an error "
           "(exit status 3). If training fails, no model is written (exit status 7): all scores "
           "are equal; or "
           "the loss is above that of equal scores and the first metric below that of the "
           "untrained model; or "
           "the loss is more than 1000 times that of equal scores.",
    .more = explain,
    .set_defaults = set_defaults,
    .run = run};
