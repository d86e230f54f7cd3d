/* suggest.c: guesses what an unknown command or option was meant to be: by a table of other
 * programs' names, which differ from ours in every letter (--eta for --lr), or else by the least
 * edit distance.
 */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

/* Other programs' names for options. Upper case in `ours` is a word of the command's arguments.
 * A line counts only for a command that has such an option or argument. */
static const struct cli_alias option_aliases[] = {
    {"batch-size batch minibatch mini-batch mini-batch-size", "batch-lists",
     "did you mean --batch-lists, which counts lists, not rows?"},
    {"per-query per-topic per-group q", "per-list", NULL},
    {"baseline versus against compare-with significance", "compare", NULL},
    {"predictions prediction preds pred", "scores", NULL},
    {"judgements judgments qrel relevance-judgements", "qrels", NULL},
    {"c complete-rel-info all-queries", "complete", NULL},
    {"ci resamples n-bootstrap bootstrap-samples n-resamples", "bootstrap", NULL},
    {"alpha ci-level confidence-level", "confidence", NULL},
    {"early-stopping early-stopping-rounds early-stop early-stopping-round patience estop "
     "stopping-rounds save-best best-model",
     "vali-fraction",
     "training always keeps the epoch that is best on validation lists; --vali and --vali-fraction "
     "provide these"},
    {"learning-rate eta step-size shrinkage rate alpha lrate learn-rate initial-lr", "lr", NULL},
    {"num-epochs n-epochs max-epochs nepochs epoch iterations num-iterations n-iter max-iter "
     "num-round num-rounds n-estimators num-boost-round rounds passes e",
     "epochs", NULL},
    {"out out-file output-file outfile output-model model-out save save-model save-to destination "
     "output-path predictions-file",
     "output", NULL},
    {"validation valid validate val valid-data val-data validation-data validation-file eval-set "
     "eval-file dev test-data",
     "vali", NULL},
    {"validation-split validation-fraction val-split val-fraction vali-split tvs holdout "
     "test-size",
     "vali-fraction", NULL},
    {"random-state random-seed randomseed rng-seed", "seed", NULL},
    {"num-threads n-threads nthreads nthread thread jobs n-jobs num-jobs thread-count num-workers "
     "workers cpus j",
     "threads", NULL},
    {"metrics eval-metric eval-metrics measure measures metric2t metric2T custom-metric m",
     "metric", NULL},
    {"objective loss-function criterion application", "loss", NULL},
    {"weight-decay reg-lambda l2-reg lambda-l2 reg l2-leaf-reg regularization "
     "regularisation l2-regularization",
     "l2", NULL},
    {"hidden-units hidden-layers hidden-layer-sizes hidden-size hidden-sizes layers units",
     "hidden", NULL},
    {"norm normalization normalisation normalise scale scaler scaling standardize standardise",
     "normalize", NULL},
    {"clip grad-clip gradient-clip max-norm max-grad-norm clipnorm clip-grad-norm "
     "clip-gradient grad-clip-norm",
     "clip-norm", NULL},
    {"scheduler lr-schedule lr-scheduler decay lr-decay", "schedule", NULL},
    {"optim opt solver", "optimizer", NULL},
    {"eps adam-epsilon", "epsilon", NULL},
    {"adam-beta1 b1", "beta1", NULL},
    {"adam-beta2 b2", "beta2", NULL},
    {"datatype data-type precision float fp", "dtype", NULL},
    {"intercept fit-intercept", "bias", NULL},
    {"ranker architecture arch net network model-type booster", "model", NULL},
    {"log log-file logfile tsv history-file csv-log", "history", NULL},
    {"silent verbosity verbose v", "quiet", "progress is shown unless --quiet is given"},
    {"overwrite replace clobber yes f", "force", NULL},
    {"mem max-memory memory-limit ram", "memory", NULL},
    {"num-features n-features nfeatures dim dims dimension columns", "features", NULL},
    {"num-lists n-lists queries num-queries n-queries", "lists", NULL},
    {"gzip gz compression deflate", "compress", NULL},
    {"csr sparsity", "sparse", NULL},
    {"group-file query-file groups query qid", "group", NULL},
    {"fmt output-format", "format", NULL},
    {"json", "format", "did you mean --format json?"},
    {"trec trec-run", "format", "did you mean --format trec?"},
    {"tie tie-breaking tie-break", "ties", NULL},
    {"threshold relevance-level level-for-rel rel-threshold min-relevance l", "relevance-threshold",
     NULL},
    {"weights weight use-weights", "weighted", NULL},
    {"check checksum checksums", "verify", NULL},
    {"zero-index zero-indexed index-base", "zero-based", NULL},
    {"gpu gpus device cuda", "threads", "computations run on CPUs; --threads says on how many"},
    {"model model-file model-path load load-model ranker input-model", "MODEL",
     "MODEL is an argument without an option, the first one"},
    {"test test-file", "vali", "training never reads test lists; rankgrad evaluate measures them"},
    {"train train-file train-data training-data data data-file dataset input input-file i", "DATA",
     "DATA is an argument without an option"},
    {"input input-file data data-file i", "FILE", "FILE is an argument without an option"},
    {NULL, NULL, NULL}};

enum { LONGEST_WORD = 64 };

/* Converts to lower case (ASCII), with '-' for '_', as in our names; cuts what does not fit. */
static void plain_word(const char *word, char to[LONGEST_WORD])
{
    size_t n = 0;
    for (; word[n] && n + 1 < LONGEST_WORD; n++)
        to[n] = word[n] == '_'                     ? '-'
                : word[n] >= 'A' && word[n] <= 'Z' ? (char)(word[n] - 'A' + 'a')
                                                   : word[n];
    to[n] = 0;
}

/* Whether a blank-separated list holds the word. */
static bool holds(const char *words, const char *word)
{
    size_t n = strlen(word);
    for (const char *at = words; n > 0 && (at = strstr(at, word)) != NULL; at += n)
        if ((at == words || at[-1] == ' ') && (at[n] == ' ' || !at[n]))
            return true;
    return false;
}

static bool is_known(const struct cli_names *known, const char *name)
{
    for (int i = 0; i < known->n; i++)
        if (strcmp(known->name_at(known->of, i), name) == 0)
            return true;
    return known->arguments && strstr(known->arguments, name) && name[0] < 'a';
}

struct cli_hint cli_suggest(const struct cli_names *known, const char *word)
{
    struct cli_hint hint = {"; see"};
    char plain[LONGEST_WORD];
    plain_word(word, plain);
    const struct cli_alias *aliases = known->aliases ? known->aliases : option_aliases;
    const char *name = is_known(known, plain) ? plain : NULL;
    for (; !name && aliases->theirs; aliases++) {
        if (!(holds(aliases->theirs, plain) || holds(aliases->theirs, word)) ||
            !is_known(known, aliases->ours))
            continue;
        if (aliases->note) {
            snprintf(hint.text, sizeof hint.text, "; %s%s", aliases->note,
                     aliases->note[strlen(aliases->note) - 1] == '?' ? " See" : "; see");
            return hint;
        }
        name = aliases->ours;
    }
    if (!name)
        name = rg_nearest_name(plain, known->name_at, known->of, known->n);
    if (name)
        snprintf(hint.text, sizeof hint.text, "; did you mean %s%s? See", known->prefix, name);
    return hint;
}
