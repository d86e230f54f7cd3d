/* novelty.h (internal to src/metric): gains that shrink as a subtopic is repeated, which alpha_ndcg
 * and err_ia share. */
#ifndef RG_METRIC_NOVELTY_H
#define RG_METRIC_NOVELTY_H

#include "base/component.h"
#include "metric/metric.h"
#include "ranking/gain.h"

struct rg__novelty {
    double alpha;
};

/* Of both metrics: alpha. */
extern const rg_param rg__novelty_params[1];

/* Whether an item covers a subtopic: its grade reaches the threshold. */
bool rg__covers(const struct rg__ranked_list *list, const struct rg__item *item, int64_t subtopic);

/* The number of subtopics that an item of the list covers. */
int64_t rg__count_subtopics(const struct rg__ranked_list *list);

/* Whether there is one. */
bool rg__has_subtopic(const struct rg__ranked_list *list);

/* The expected sum, over the first k ranks i and the subtopics that the item covers, of
 * (1 - alpha)^(items before it that cover the subtopic) discount(i). Uses `spare`. */
double rg__novelty(const struct rg__ranked_list *list, enum rg__discount discount);

#endif
