/* pairs.h (internal to src/metric): pairs of items by score and label, which opa, auc and
 * kendall_tau compare. */
#ifndef RG_METRIC_PAIRS_H
#define RG_METRIC_PAIRS_H

#include "metric/metric.h"

/* Pairs of items whose labels differ, by what their scores say. Unranked items stand behind all
 * others, tied with each other. */
struct rg__pairs {
    double concordant; /* the item with the higher label stands first */
    double tied;       /* equal scores, under RG_TIES_AVERAGE, or both unranked */
    double unequal;    /* all of them */
};

/* Counts them in n log n. Reorders the items. */
struct rg__pairs rg__count_pairs(struct rg__ranked_list *list);

#endif
