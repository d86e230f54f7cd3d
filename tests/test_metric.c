/* test_metric.c: metrics: known values, ties compared with all orders, selection compared with
 * sorting, special cases, errors. */
#include "check.h"

#include "base/base.h"
#include "base/random.h"
#include "metric/dcg.h"
#include "ranking/gain.h"

static const double NOT_A_NUMBER = (double)NAN, INFINITE = (double)INFINITY;

/* The warnings in the log. */
struct notes {
    int count;
    char last[512];
};

static void take_note(void *user, rg_log_level level, const char *message)
{
    struct notes *notes = user;
    assert_int_equal(level, RG_LOG_WARNING);
    notes->count++;
    snprintf(notes->last, sizeof notes->last, "%s", message);
}

static rg_context *new_context(struct notes *notes)
{
    rg_context_options options = rg_context_options_default();
    options.log = notes ? take_note : NULL;
    options.log_user = notes;
    rg_context *ctx = rg_context_create(&options);
    assert_non_null(ctx);
    return ctx;
}

static rg_metric parsed(rg_context *ctx, const char *text)
{
    rg_metric metric;
    assert_ok(ctx, rg_metric_parse(ctx, text, &metric));
    return metric;
}

/* The value of one list of n items. */
static double value_of(rg_context *ctx, rg_metric metric, int64_t n, const double *scores,
                       const double *labels)
{
    int64_t offsets[] = {0, n};
    rg_ranking ranking = {.n_lists = 1, .offsets = offsets, .scores = scores, .labels = labels};
    rg_metric_result result;
    double per_list;
    int64_t n_unscored = 0;
    for (int64_t i = 0; i < n; i++)
        n_unscored += isnan(scores[i]);
    if (n > 0 && n_unscored == n) /* an error, but per_list is set */
        assert_fails(ctx, RG_BAD_DATA, "no row has a score",
                     rg_metric_evaluate(ctx, &metric, &ranking, &result, &per_list));
    else
        assert_ok(ctx, rg_metric_evaluate(ctx, &metric, &ranking, &result, &per_list));
    assert_close(result.value, per_list, 0, 0);
    assert_int_equal(result.n_unscored, n_unscored);
    return result.value;
}

static void known_values(void **state)
{
    (void)state;
    rg_context *ctx = new_context(NULL);
    const double inf = INFINITE;
    const double scores[][5] = {{0, 3, 1, 2}, {1, 4, 3, 2}, {-inf, 5, 2, -inf, 1}};
    const double labels[][5] = {{0, 0, 1, 1}, {2, 0, 0, 1}, {1, 0, 1, 0, 0}};
    const int64_t n[] = {4, 4, 5};
    static const struct {
        const char *metric;
        double value[3];
    } cases[] = {
        {"mrr", {.5, 1. / 3, .5}},
        {"precision@3", {2. / 3, 1. / 3, 1. / 3}},
        {"map", {7. / 12, 5. / 12, .25}},
        {"dcg", {1.1309297535714573, 1.7920296742201787, .6309297535714574}},
        {"ndcg", {.6934264036172708, .4935456744811715, .38685280723454163}},
        {"precision", {.5, .5, 1. / 3}}, /* of the ranked items */
    };
    for (int c = 0; c < RG__COUNT(cases); c++)
        for (int q = 0; q < 3; q++)
            assert_close(value_of(ctx, parsed(ctx, cases[c].metric), n[q], scores[q], labels[q]),
                         cases[c].value[q], 1e-12, 0);
    rg_context_destroy(ctx);
}

/* ---- The definitions, for one order of the ranked items ------------------------------------- */

struct sample {
    int n, n_ranked;
    double scores[6], labels[6];
    int order[6]; /* of the ranked items */
};

static double plain_gain(const rg_metric *m, double y)
{
    return y <= 0 ? 0 : m->gain == RG_GAIN_LINEAR ? y : pow(2, y) - 1;
}

static int cut(const rg_metric *m, int n)
{
    return m->k && m->k < n ? (int)m->k : n;
}

static double plain_dcg(const rg_metric *m, const struct sample *s)
{
    double sum = 0;
    for (int i = 0; i < cut(m, s->n_ranked); i++)
        sum += plain_gain(m, s->labels[s->order[i]]) * log(2) / log(2 + i);
    return sum;
}

static double plain_ndcg(const rg_metric *m, const struct sample *s)
{
    double sorted[6], ideal = 0;
    memcpy(sorted, s->labels, sizeof sorted);
    for (int i = 0; i < s->n; i++)
        for (int j = i + 1; j < s->n; j++)
            if (sorted[j] > sorted[i]) {
                double t = sorted[i];
                sorted[i] = sorted[j];
                sorted[j] = t;
            }
    for (int i = 0; i < cut(m, s->n); i++)
        ideal += plain_gain(m, sorted[i]) * log(2) / log(2 + i);
    return ideal > 0 ? plain_dcg(m, s) / ideal : 0;
}

static double plain_precision(const rg_metric *m, const struct sample *s)
{
    double sum = 0;
    for (int i = 0; i < cut(m, s->n_ranked); i++)
        sum += s->labels[s->order[i]] >= m->threshold;
    return sum == 0 ? 0 : sum / (double)(m->k ? m->k : s->n_ranked);
}

static double plain_mrr(const rg_metric *m, const struct sample *s)
{
    for (int i = 0; i < cut(m, s->n_ranked); i++)
        if (s->labels[s->order[i]] >= m->threshold)
            return 1. / (i + 1);
    return 0;
}

static double plain_map(const rg_metric *m, const struct sample *s)
{
    int relevant = 0, hits = 0;
    double sum = 0;
    for (int i = 0; i < s->n; i++)
        relevant += s->labels[i] >= m->threshold;
    for (int i = 0; i < cut(m, s->n_ranked); i++)
        if (s->labels[s->order[i]] >= m->threshold)
            sum += (double)++hits / (i + 1);
    return relevant ? sum / cut(m, relevant) : 0;
}

static int n_relevant(const rg_metric *m, const struct sample *s)
{
    int n = 0;
    for (int i = 0; i < s->n; i++)
        n += s->labels[i] >= m->threshold;
    return n;
}

/* Relevant items among the first `cut` ranks. */
static int hits(const rg_metric *m, const struct sample *s, int ranks)
{
    int n = 0;
    for (int i = 0; i < ranks && i < s->n_ranked; i++)
        n += s->labels[s->order[i]] >= m->threshold;
    return n;
}

static double plain_recall(const rg_metric *m, const struct sample *s)
{
    int R = n_relevant(m, s);
    return R ? (double)hits(m, s, cut(m, s->n_ranked)) / R : 0;
}

static double plain_hit(const rg_metric *m, const struct sample *s)
{
    return hits(m, s, cut(m, s->n_ranked)) > 0;
}

static double plain_f1(const rg_metric *m, const struct sample *s)
{
    double p = plain_precision(m, s), r = plain_recall(m, s);
    return p + r > 0 ? 2 * p * r / (p + r) : 0;
}

static double plain_r_precision(const rg_metric *m, const struct sample *s)
{
    int R = n_relevant(m, s);
    return R ? (double)hits(m, s, R) / R : 0;
}

static double plain_err(const rg_metric *m, const struct sample *s)
{
    double sum = 0, reached = 1;
    for (int i = 0; i < cut(m, s->n_ranked); i++) {
        double y = s->labels[s->order[i]], stop = y > 0 ? (pow(2, y) - 1) / 16 : 0;
        sum += reached * stop / (i + 1);
        reached *= 1 - stop;
    }
    return sum;
}

static double plain_nerr(const rg_metric *m, const struct sample *s)
{
    struct sample best = *s;
    best.n_ranked = s->n;
    for (int i = 0; i < s->n; i++)
        best.order[i] = i;
    for (int i = 0; i < s->n; i++)
        for (int j = i + 1; j < s->n; j++)
            if (s->labels[best.order[j]] > s->labels[best.order[i]]) {
                int t = best.order[i];
                best.order[i] = best.order[j];
                best.order[j] = t;
            }
    double ideal = plain_err(m, &best);
    return ideal > 0 ? plain_err(m, s) / ideal : 0;
}

static double plain_rbp(const rg_metric *m, const struct sample *s)
{
    double sum = 0;
    for (int i = 0; i < cut(m, s->n_ranked); i++)
        sum += pow(0.8, i) * (s->labels[s->order[i]] >= m->threshold) / 5;
    return sum;
}

static double plain_bpref(const rg_metric *m, const struct sample *s)
{
    int R = n_relevant(m, s), N = s->n - R, others = 0;
    double sum = 0;
    for (int i = 0; i < s->n_ranked; i++)
        if (s->labels[s->order[i]] < m->threshold)
            others++;
        else
            sum += others ? 1 - fmin(others, R) / fmin(R, N) : 1;
    return R ? sum / R : 0;
}

/* The place of an item, unranked ones behind all others at the same place. */
static double place(const struct sample *s, int item)
{
    for (int i = 0; i < s->n_ranked; i++)
        if (s->order[i] == item)
            return i + 1;
    return (s->n_ranked + 1 + s->n) / 2.;
}

static double plain_arp(const rg_metric *m, const struct sample *s)
{
    (void)m;
    double labels = 0, ranks = 0;
    for (int i = 0; i < s->n; i++) {
        labels += fmax(s->labels[i], 0);
        ranks += fmax(s->labels[i], 0) * place(s, i);
    }
    return labels > 0 ? ranks / labels : 0;
}

/* Over the pairs with a above b by label: 1 where a stands first, 1/2 where both are unranked. */
static double ordered(const struct sample *s, const double *labels, double *n_pairs)
{
    double sum = 0;
    *n_pairs = 0;
    for (int a = 0; a < s->n; a++)
        for (int b = 0; b < s->n; b++)
            if (labels[a] > labels[b]) {
                double pa = place(s, a), pb = place(s, b);
                sum += pa < pb ? 1 : pa == pb ? .5 : 0;
                ++*n_pairs;
            }
    return sum;
}

static double plain_opa(const rg_metric *m, const struct sample *s)
{
    (void)m;
    double n, sum = ordered(s, s->labels, &n);
    return n > 0 ? sum / n : 0;
}

static double plain_auc(const rg_metric *m, const struct sample *s)
{
    double relevant[6], n;
    for (int i = 0; i < s->n; i++)
        relevant[i] = s->labels[i] >= m->threshold;
    double sum = ordered(s, relevant, &n);
    return n > 0 ? sum / n : 0;
}

static double plain_kendall_tau(const rg_metric *m, const struct sample *s)
{
    (void)m;
    double n, sum = ordered(s, s->labels, &n);
    return n > 0 ? (2 * sum - n) / sqrt(s->n * (s->n - 1) / 2. * n) : 0;
}

static double plain_spearman(const rg_metric *m, const struct sample *s)
{
    (void)m;
    double product = 0, places = 0, ranks = 0, middle = (s->n + 1) / 2.;
    for (int i = 0; i < s->n; i++) {
        double rank = 0.5;
        for (int j = 0; j < s->n; j++)
            rank += s->labels[j] > s->labels[i] ? 1 : s->labels[j] == s->labels[i] ? .5 : 0;
        product += (rank - middle) * (place(s, i) - middle);
        ranks += (rank - middle) * (rank - middle);
        places += (i + 1 - middle) * (i + 1 - middle);
    }
    return ranks > 0 ? product / sqrt(ranks * places) : 0;
}

typedef double plain(const rg_metric *m, const struct sample *s);
static const struct {
    const char *name;
    plain *value;
    bool whole_list;
} definitions[] = {{"ndcg", plain_ndcg, false},
                   {"dcg", plain_dcg, false},
                   {"map", plain_map, false},
                   {"mrr", plain_mrr, false},
                   {"precision", plain_precision, false},
                   {"recall", plain_recall, false},
                   {"hit", plain_hit, false},
                   {"f1", plain_f1, false},
                   {"r_precision", plain_r_precision, true},
                   {"err", plain_err, false},
                   {"nerr", plain_nerr, false},
                   {"rbp", plain_rbp, false},
                   {"bpref", plain_bpref, true},
                   {"arp", plain_arp, true},
                   {"opa", plain_opa, true},
                   {"auc", plain_auc, true},
                   {"kendall_tau", plain_kendall_tau, true},
                   {"spearman", plain_spearman, true}};

/* Whether an item of score a may precede one of score b. */
static bool can_precede(double a, double b)
{
    return isnan(b) || a >= b;
}

/* Enumerates all orders of the items from `at` on; adds the values of those that the scores
 * allow. */
static void all_orders(plain *value, const rg_metric *m, struct sample *s, int at, double *sum,
                       int *count)
{
    if (at == s->n_ranked) {
        *sum += value(m, s);
        ++*count;
        return;
    }
    for (int i = at; i < s->n_ranked; i++) {
        int chosen = s->order[i];
        s->order[i] = s->order[at];
        s->order[at] = chosen;
        if (at == 0 || can_precede(s->scores[s->order[at - 1]], s->scores[chosen]))
            all_orders(value, m, s, at + 1, sum, count);
        s->order[at] = s->order[i];
        s->order[i] = chosen;
    }
}

static struct sample random_sample(uint64_t number)
{
    const double scores[] = {0, -0., 1, NOT_A_NUMBER, -INFINITE, INFINITE};
    struct sample s = {0};
    uint64_t draw = 0;
    s.n = 1 + (int)(rg_random(7, RG__STREAM_SAMPLES, number, draw++) % 6);
    int n_scores = 2 + (int)(number % 5); /* from mostly tied scores to all kinds */
    for (int i = 0; i < s.n; i++) {
        uint64_t score = rg_random(7, RG__STREAM_SAMPLES, number, draw++);
        s.scores[i] = scores[score % (uint64_t)n_scores];
        s.labels[i] = (double)(rg_random(7, RG__STREAM_SAMPLES, number, draw++) % 4) - .5;
        if (s.scores[i] != -INFINITE)
            s.order[s.n_ranked++] = i;
    }
    return s;
}

static void ties_are_the_mean_over_all_orders(void **state)
{
    (void)state;
    rg_context *ctx = new_context(NULL);
    for (int d = 0; d < RG__COUNT(definitions); d++) {
        for (uint64_t number = 0; number < 400; number++) {
            struct sample s = random_sample(number);
            rg_metric m = parsed(ctx, definitions[d].name);
            m.k = definitions[d].whole_list ? 0 : (int64_t)(number / 5 % 8);
            m.gain = number % 2 ? RG_GAIN_LINEAR : RG_GAIN_EXP;
            m.threshold = number % 3 ? 1 : 2;
            double sum = 0, got = value_of(ctx, m, s.n, s.scores, s.labels);
            int count = 0;
            all_orders(definitions[d].value, &m, &s, 0, &sum, &count);
            assert_true(count > 0);
            if (fabs(got - sum / count) > 1e-12)
                print_error("%s, sample %d\n", m.name, (int)number);
            assert_close(got, sum / count, 1e-12, 1e-15);
        }
    }
    rg_context_destroy(ctx);
}

/* ---- Selecting the first k against sorting all ---------------------------------------------- */

enum { LONGEST = 300, N_SHAPES = 12 };

/* A random list, as passed to rg_metric_evaluate. */
struct random_list {
    int n;
    double scores[LONGEST], labels[LONGEST];
    uint8_t where[LONGEST];
    char ids[LONGEST][8];
    const char *doc_ids[LONGEST];
};

/* Scores of different kinds: distinct, few values, all equal, rising, falling, ... */
static double score_of_shape(int shape, int i, int n, uint64_t draw)
{
    const double special[] = {0, -0., 1, NOT_A_NUMBER, -INFINITE, INFINITE, -NOT_A_NUMBER, 2};
    switch (shape) {
    case 0: return (double)(draw >> 11);
    case 1: return (double)(draw % 2);
    case 2: return (double)(draw % 7);
    case 3: return 1;
    case 4: return i;
    case 5: return -i;
    case 6: return i < n / 2 ? i : n - i; /* rising, then falling */
    case 7: return special[draw % 8];
    case 8: return NOT_A_NUMBER;
    case 9: return -INFINITE;
    case 10: return draw % 4 ? (double)(draw % 50) : special[draw / 4 % 8];
    default: return i % 16 ? (double)(i * 7 % 31) : NOT_A_NUMBER;
    }
}

static void draw_list(struct random_list *d, int shape, int n, uint64_t number)
{
    uint64_t at = 0;
    d->n = n;
    for (int i = 0; i < n; i++) {
        uint64_t draw = rg_random(9, RG__STREAM_SAMPLES, number, at++);
        d->scores[i] = score_of_shape(shape, i, n, draw);
        draw = rg_random(9, RG__STREAM_SAMPLES, number, at++);
        d->labels[i] = draw % 3 ? (double)(draw % 5) : (double)(draw % 1000) / 300 - .5;
        d->where[i] = number % 2 || draw / 5 % 4 > 0;
        snprintf(d->ids[i], sizeof d->ids[i], "d%d", (int)(draw / 7 % 40)); /* some are equal */
        d->doc_ids[i] = d->ids[i];
    }
}

/* Whether item a precedes b, as metric.h defines it; otherwise by row. */
static bool comes_before(const struct random_list *d, rg_ties ties, const struct rg__item *a,
                         const struct rg__item *b)
{
    bool equal = a->score == b->score || (isnan(a->score) && isnan(b->score));
    if (!equal)
        return isnan(b->score) || a->score > b->score;
    int ids = strcmp(d->ids[a->row], d->ids[b->row]);
    if (ties == RG_TIES_DOCID)
        return ids ? ids > 0 : a->row > b->row;
    if (ties != RG_TIES_INPUT && a->label != b->label)
        return a->label < b->label;
    return a->row < b->row;
}

/* The list's ideal DCG from all labels in order, divided by 2^exponent. */
static double sorted_ideal(const struct rg__ranked_list *list, int exponent)
{
    double labels[LONGEST], dcg = 0;
    for (int64_t i = 0; i < list->n; i++) {
        int64_t at = i;
        for (; at > 0 && labels[at - 1] < list->items[i].label; at--)
            labels[at] = labels[at - 1];
        labels[at] = list->items[i].label;
    }
    for (int64_t i = 0; i < rg__cut(list, list->n) && labels[i] > 0; i++)
        dcg += rg__scaled_gain(list->metric->gain, labels[i], exponent) * rg__discounts(i, i + 1);
    return dcg;
}

/* The metric of a list whose items are all sorted. */
static double sorted_value(rg_context *ctx, const rg_metric *metric, const struct random_list *d)
{
    struct rg__item items[LONGEST], spare[LONGEST / 2 + 1];
    rg_choice own;
    const struct rg__metric_kind *kind = rg__metric_kind_of(ctx, metric, &own);
    double ideal = NOT_A_NUMBER;
    rg_ranking ranking = {.scores = d->scores, .labels = d->labels, .doc_ids = d->doc_ids};
    struct rg__ranked_list list = {.metric = metric,
                                   .ranking = &ranking,
                                   .params = &own.params,
                                   .items = items,
                                   .spare = spare,
                                   .largest_label = -INFINITE,
                                   .ideal = &ideal};
    for (int pass = 0; pass < 2; pass++) /* ranked items, then unranked ones */
        for (int row = 0; row < d->n; row++) {
            struct rg__item item = {d->scores[row], d->labels[row], row};
            if (!d->where[row] || (item.score == -INFINITE) != (pass == 1))
                continue;
            int64_t at = list.n++;
            for (; pass == 0 && at > 0 && comes_before(d, metric->ties, &item, &items[at - 1]);
                 at--)
                items[at] = items[at - 1];
            items[at] = item;
            list.n_ranked += pass == 0;
            list.largest_label = fmax(list.largest_label, item.label);
        }
    if (list.n == 0)
        return 0;
    if (!kind->has_relevant(&list))
        return 0;
    if (strcmp(metric->name, "ndcg") == 0) {
        int exponent = rg__gain_exponent(metric->gain, list.largest_label);
        return rg__scaled_dcg(&list, exponent) / sorted_ideal(&list, exponent);
    }
    return kind->value(&list);
}

/* Every k of short lists, some of long ones. */
static void compare_selection(rg_context *ctx, struct random_list *d, const char *name,
                              bool whole_list, rg_ties ties)
{
    int64_t offsets[] = {0, d->n};
    rg_ranking ranking = {.n_lists = 1,
                          .offsets = offsets,
                          .scores = d->scores,
                          .labels = d->labels,
                          .where = d->where,
                          .doc_ids = d->doc_ids};
    rg_metric m = parsed(ctx, name);
    m.ties = ties;
    int n_valid = 0, n_scored = 0;
    for (int i = 0; i < d->n; i++) {
        n_valid += d->where[i];
        n_scored += d->where[i] && !isnan(d->scores[i]);
    }
    rg_status all_nan = n_valid && !n_scored ? RG_BAD_DATA : RG_OK; /* the value is there */
    double kept = NOT_A_NUMBER;
    for (m.k = 0; m.k <= (whole_list ? 0 : d->n + 1);
         m.k += d->n > 40 && m.k > 20 ? 1 + m.k / 3 : 1) {
        double once, again, expected = sorted_value(ctx, &m, d);
        rg_metric_result result;
        kept = NOT_A_NUMBER;
        for (int time = 0; time < 2; time++)
            assert_int_equal(
                rg__metrics_evaluate(ctx, &m, 1, &ranking, &kept, &result, time ? &again : &once),
                all_nan);
        if (memcmp(&once, &expected, sizeof once) != 0)
            print_error("%s@%d, ties %s, %d items: %.17g, sorted %.17g\n", name, (int)m.k,
                        rg_ties_name(ties), d->n, once, expected);
        assert_memory_equal(&once, &expected, sizeof once);
        assert_memory_equal(&again, &expected, sizeof again);
    }
}

static void selection_equals_sorting(void **state)
{
    (void)state;
    rg_context *ctx = new_context(NULL);
    static struct random_list d;
    static const int lengths[] = {1, 2, 3, 12, 13, 14, 27, 40, 100, LONGEST};
    for (int shape = 0; shape < N_SHAPES; shape++)
        for (int l = 0; l < RG__COUNT(lengths); l++) {
            draw_list(&d, shape, lengths[l], (uint64_t)(shape * 100 + l));
            for (int ties = RG_TIES_AVERAGE; ties <= RG_TIES_PESSIMISTIC; ties++)
                for (int i = 0; i < RG__COUNT(definitions); i++)
                    compare_selection(ctx, &d, definitions[i].name, definitions[i].whole_list,
                                      (rg_ties)ties);
        }
    rg_context_destroy(ctx);
}

/* ---- Threads -------------------------------------------------------------------------------- */

/* Lists of very different lengths, with rows for several blocks; the error is that of the first
 * list. */
static void threads_do_not_change_bits(void **state)
{
    (void)state;
    enum { N_LISTS = 400, N_ROWS = 60000 };
    static double scores[N_ROWS], labels[N_ROWS], per_list[2][N_LISTS], ideals[N_LISTS];
    int64_t offsets[N_LISTS + 1] = {0};
    for (int q = 1; q < N_LISTS; q++)
        offsets[q] = offsets[q - 1] + q * q % 293;
    offsets[N_LISTS] = N_ROWS;
    for (int i = 0; i < N_ROWS; i++) {
        scores[i] = (double)(rg_random(5, RG__STREAM_SAMPLES, 0, (uint64_t)i) % 1000);
        labels[i] = (double)(rg_random(5, RG__STREAM_SAMPLES, 1, (uint64_t)i) % 35);
    }
    rg_ranking ranking = {
        .n_lists = N_LISTS, .offsets = offsets, .scores = scores, .labels = labels};
    rg_metric_result results[2], failed;
    struct notes notes[2] = {0};
    char errors[2][512];
    for (int t = 0; t < 2; t++) {
        rg_context_options options = rg_context_options_default();
        options.n_threads = t ? 3 : 1;
        options.log = take_note;
        options.log_user = &notes[t];
        rg_context *ctx = rg_context_create(&options);
        rg_metric m = parsed(ctx, "ndcg@10");
        labels[50000] = labels[N_ROWS - 1] = 1;
        for (int q = 0; q < N_LISTS; q++)
            ideals[q] = NOT_A_NUMBER;
        for (int time = 0; time < 1 + t; time++) /* the second time with the kept ideals */
            assert_ok(ctx, rg__metrics_evaluate(ctx, &m, 1, &ranking, t ? ideals : NULL,
                                                &results[t], per_list[t]));
        labels[50000] = labels[N_ROWS - 1] = NOT_A_NUMBER;
        assert_fails(ctx, RG_BAD_DATA, "label of row 50001 ",
                     rg_metric_evaluate(ctx, &m, &ranking, &failed, NULL));
        snprintf(errors[t], sizeof errors[t], "%s", rg_last_error(ctx));
        rg_context_destroy(ctx);
    }
    assert_memory_equal(&results[0], &results[1], sizeof results[0]);
    assert_memory_equal(per_list[0], per_list[1], sizeof per_list[0]);
    assert_int_equal(notes[0].count, 1);
    assert_int_equal(notes[1].count, 1); /* a repeated note is dropped */
    assert_string_equal(notes[0].last, notes[1].last);
    assert_string_equal(errors[0], errors[1]);
}

static void row_order_does_not_matter(void **state)
{
    (void)state;
    rg_context *ctx = new_context(NULL);
    double scores[40], labels[40], shuffled_scores[40], shuffled_labels[40];
    int64_t order[40];
    for (int i = 0; i < 40; i++) {
        scores[i] = i % 7 == 0 ? NOT_A_NUMBER : i % 5;
        labels[i] = .1 * (i * i % 23) + .3;
        order[i] = i;
    }
    for (int d = 0; d < RG__COUNT(definitions); d++) {
        rg_metric m = parsed(ctx, definitions[d].name);
        m.k = definitions[d].whole_list ? 0 : 17;
        double value = value_of(ctx, m, 40, scores, labels);
        for (uint64_t round = 0; round < 50; round++) {
            rg_shuffle(order, 40, 3, RG__STREAM_SHUFFLE, round);
            for (int i = 0; i < 40; i++) {
                shuffled_scores[i] = scores[order[i]];
                shuffled_labels[i] = labels[order[i]];
            }
            assert_close(value_of(ctx, m, 40, shuffled_scores, shuffled_labels), value, 0, 0);
        }
    }
    rg_context_destroy(ctx);
}

static void other_ties(void **state)
{
    (void)state;
    rg_context *ctx = new_context(NULL);
    const double scores[] = {1, 1, NOT_A_NUMBER, 1, NOT_A_NUMBER}, labels[] = {0, 3, 1, 2, 0};
    const char *const ids[] = {"d10", "d9", "a", "d1", "b"};
    int64_t offsets[] = {0, 5};
    rg_ranking ranking = {.n_lists = 1, .offsets = offsets, .scores = scores, .labels = labels};
    rg_metric m = parsed(ctx, "dcg");
    m.gain = RG_GAIN_LINEAR;
    /* the rows in the order of each policy */
    static const struct {
        rg_ties ties;
        bool ids;
        int order[5];
    } cases[] = {{RG_TIES_INPUT, true, {0, 1, 3, 2, 4}},
                 {RG_TIES_DOCID, false, {3, 1, 0, 4, 2}},
                 {RG_TIES_DOCID, true, {1, 0, 3, 4, 2}},
                 {RG_TIES_PESSIMISTIC, true, {0, 3, 1, 4, 2}}};
    for (int c = 0; c < RG__COUNT(cases); c++) {
        m.ties = cases[c].ties;
        ranking.doc_ids = cases[c].ids ? ids : NULL;
        double expected = 0;
        rg_metric_result result;
        for (int i = 0; i < 5; i++)
            expected += labels[cases[c].order[i]] / log2(2 + i);
        assert_ok(ctx, rg_metric_evaluate(ctx, &m, &ranking, &result, NULL));
        assert_close(result.value, expected, 1e-14, 0);
    }
    rg_context_destroy(ctx);
}

/* Compares with a quadratic sort, for lengths around the thresholds of the sort. */
static void sorting(void **state)
{
    (void)state;
    rg_context *ctx = new_context(NULL);
    enum { N = 400 };
    double scores[N], labels[N];
    rg_metric m = parsed(ctx, "dcg");
    m.ties = RG_TIES_INPUT;
    for (int n = 1; n <= N; n = n < 40 ? n + 1 : n * 2) {
        double expected = 0;
        for (int i = 0; i < n; i++) {
            scores[i] = (double)(rg_random(5, RG__STREAM_SAMPLES, (uint64_t)n, (uint64_t)i) % 50);
            labels[i] = i % 5;
        }
        for (int i = 0; i < n; i++) {
            int rank = 1;
            for (int j = 0; j < n; j++)
                rank += scores[j] > scores[i] || (scores[j] == scores[i] && j < i);
            expected += (exp2(labels[i]) - 1) / log2(1 + rank);
        }
        assert_close(value_of(ctx, m, n, scores, labels), expected, 1e-12, 0);
    }
    rg_context_destroy(ctx);
}

/* ---- Lists: masks, empty, no relevant item, weights ----------------------------------------- */

/* Five lists: two masked items; no item; all masked; no relevant item; one item. */
static const int64_t five_offsets[] = {2, 6, 6, 8, 10, 11};
static const uint8_t five_where[] = {0, 0, 1, 0, 1, 0, 0, 0, 1, 1, 1};

static rg_ranking five_lists(double *scores, double *labels)
{
    const double nan = NOT_A_NUMBER;
    const double s[] = {nan, nan, 1, nan, 2, 9, 4, nan, 1, 2, nan};
    const double y[] = {nan, nan, 1, nan, 0, 8, nan, 5, 0, -1, 3};
    memcpy(scores, s, sizeof s);
    memcpy(labels, y, sizeof y);
    return (rg_ranking){.n_lists = 5,
                        .offsets = five_offsets,
                        .scores = scores,
                        .labels = labels,
                        .where = five_where};
}

static void lists(void **state)
{
    (void)state;
    rg_context *ctx = new_context(NULL);
    double scores[11], labels[11], per_list[5];
    rg_ranking ranking = five_lists(scores, labels);
    rg_metric_result r;
    const double values[] = {0, 1, NOT_A_NUMBER}; /* of a list without a relevant item */
    for (int d = 0; d < RG__COUNT(definitions); d++) {
        if (definitions[d].whole_list)
            continue; /* what makes a list relevant differs */
        rg_metric m = parsed(ctx, definitions[d].name);
        for (int policy = RG_NO_RELEVANT_ZERO; policy <= RG_NO_RELEVANT_SKIP; policy++) {
            m.no_relevant = (rg_no_relevant)policy;
            assert_ok(ctx, rg_metric_evaluate(ctx, &m, &ranking, &r, per_list));
            assert_int_equal(r.n_lists, 5);
            assert_int_equal(r.n_empty, 2);
            assert_int_equal(r.n_no_relevant, 1);
            assert_close(r.largest_label, 3, 0, 0);
            assert_close(per_list[1], 0, 0, 0);
            assert_close(per_list[2], 0, 0, 0);
            assert_close(per_list[3], values[policy], 0, 0);
            double sum =
                per_list[0] + (policy == RG_NO_RELEVANT_SKIP ? 0 : per_list[3]) + per_list[4];
            assert_close(r.value, sum / (policy == RG_NO_RELEVANT_SKIP ? 2 : 3), 1e-15, 0);
        }
    }
    rg_metric m = parsed(ctx, "mrr");
    assert_ok(ctx, rg_metric_evaluate(ctx, &m, &ranking, &r, per_list));
    assert_close(per_list[0], .5, 0, 0);
    assert_close(per_list[4], 1, 0, 0);
    m.threshold = 3.5;
    assert_ok(ctx, rg_metric_evaluate(ctx, &m, &ranking, &r, NULL));
    assert_int_equal(r.n_no_relevant, 3);
    assert_close(r.value, 0, 0, 0);
    rg_context_destroy(ctx);
}

static void weights(void **state)
{
    (void)state;
    rg_context *ctx = new_context(NULL);
    double scores[11], labels[11], w[5] = {1, 100, 100, 4, 2};
    rg_ranking ranking = five_lists(scores, labels);
    ranking.list_weights = w;
    rg_metric m = parsed(ctx, "mrr");
    rg_metric_result r;
    assert_ok(ctx, rg_metric_evaluate(ctx, &m, &ranking, &r, NULL));
    assert_close(r.value, (.5 + 2) / 7, 1e-15, 0);
    m.no_relevant = RG_NO_RELEVANT_SKIP;
    assert_ok(ctx, rg_metric_evaluate(ctx, &m, &ranking, &r, NULL));
    assert_close(r.value, 2.5 / 3, 1e-15, 0);
    w[0] = w[4] = 1.5e308; /* their sum overflows */
    assert_ok(ctx, rg_metric_evaluate(ctx, &m, &ranking, &r, NULL));
    assert_close(r.value, .75, 1e-15, 0);
    memset(w, 0, sizeof w);
    assert_ok(ctx, rg_metric_evaluate(ctx, &m, &ranking, &r, NULL));
    assert_close(r.value, NOT_A_NUMBER, 0, 0);
    const double bad[] = {-1, NOT_A_NUMBER, INFINITE};
    for (int i = 0; i < 3; i++) {
        w[1] = bad[i];
        assert_fails(ctx, RG_BAD_DATA, "weight of list 2",
                     rg_metric_evaluate(ctx, &m, &ranking, &r, NULL));
    }
    rg_context_destroy(ctx);
}

static void no_list_in_the_mean(void **state)
{
    (void)state;
    rg_context *ctx = new_context(NULL);
    const int64_t offsets[] = {0, 0, 2, 2};
    const double scores[] = {1, 2}, labels[] = {0, 0};
    rg_ranking ranking = {.n_lists = 3, .offsets = offsets, .scores = scores, .labels = labels};
    rg_metric m = parsed(ctx, "ndcg@10");
    rg_metric_result r;
    m.no_relevant = RG_NO_RELEVANT_SKIP;
    assert_ok(ctx, rg_metric_evaluate(ctx, &m, &ranking, &r, NULL));
    assert_close(r.value, NOT_A_NUMBER, 0, 0);
    assert_int_equal(r.n_empty, 2);
    ranking.n_lists = 1;
    assert_ok(ctx, rg_metric_evaluate(ctx, &m, &ranking, &r, NULL));
    assert_close(r.value, NOT_A_NUMBER, 0, 0);
    assert_close(r.largest_label, NOT_A_NUMBER, 0, 0);
    ranking = (rg_ranking){0};
    assert_ok(ctx, rg_metric_evaluate(ctx, &m, &ranking, &r, NULL));
    assert_close(r.value, NOT_A_NUMBER, 0, 0);
    assert_int_equal(r.n_lists, 0);
    rg_context_destroy(ctx);
}

/* A list with relevant items, none of them ranked, counts 0 and is not "without a relevant item".
 */
static void no_ranked_relevant_item(void **state)
{
    (void)state;
    rg_context *ctx = new_context(NULL);
    const int64_t offsets[] = {0, 2};
    const double scores[] = {-INFINITE, -INFINITE}, labels[] = {1, 2};
    rg_ranking ranking = {.n_lists = 1, .offsets = offsets, .scores = scores, .labels = labels};
    rg_metric_result r;
    for (int d = 0; d < RG__COUNT(definitions); d++) {
        if (definitions[d].whole_list)
            continue; /* items that are not ranked count there */
        rg_metric m = parsed(ctx, definitions[d].name);
        m.no_relevant = RG_NO_RELEVANT_ONE;
        assert_ok(ctx, rg_metric_evaluate(ctx, &m, &ranking, &r, NULL));
        assert_close(r.value, 0, 0, 0);
        assert_int_equal(r.n_no_relevant, 0);
    }
    rg_context_destroy(ctx);
}

/* ---- Labels --------------------------------------------------------------------------------- */

static void large_labels(void **state)
{
    (void)state;
    struct notes notes = {0};
    rg_context *ctx = new_context(&notes);
    const int64_t offsets[] = {0, 2, 4};
    const double scores[] = {2, 1, 1, 2};
    double labels[] = {1, 31, 1, 0};
    rg_ranking ranking = {.n_lists = 2, .offsets = offsets, .scores = scores, .labels = labels};
    rg_metric m = parsed(ctx, "ndcg");
    rg_metric_result r;
    assert_ok(ctx, rg_metric_evaluate(ctx, &m, &ranking, &r, NULL));
    assert_int_equal(notes.count, 0);
    labels[1] = labels[2] = 31.5;
    assert_ok(ctx, rg_metric_evaluate(ctx, &m, &ranking, &r, NULL));
    assert_int_equal(notes.count, 1);
    assert_non_null(strstr(notes.last, "row 2 "));
    assert_non_null(strstr(notes.last, "`gain` linear"));
    labels[2] = 1023;
    assert_ok(ctx, rg_metric_evaluate(ctx, &m, &ranking, &r, NULL));
    labels[2] = 1023.5;
    assert_fails(ctx, RG_BAD_DATA, "row 3 ", rg_metric_evaluate(ctx, &m, &ranking, &r, NULL));
    assert_non_null(strstr(rg_last_error(ctx), "1023.5"));
    assert_non_null(strstr(rg_last_error(ctx), "`gain` linear"));
    notes.count = 0;
    m.gain = RG_GAIN_LINEAR;
    assert_ok(ctx, rg_metric_evaluate(ctx, &m, &ranking, &r, NULL));
    labels[2] = INFINITE;
    assert_fails(ctx, RG_BAD_DATA, "row 3 ", rg_metric_evaluate(ctx, &m, &ranking, &r, NULL));
    m = parsed(ctx, "map"); /* does not use gains */
    assert_ok(ctx, rg_metric_evaluate(ctx, &m, &ranking, &r, NULL));
    labels[3] = NOT_A_NUMBER;
    assert_fails(ctx, RG_BAD_DATA, "row 4 ", rg_metric_evaluate(ctx, &m, &ranking, &r, NULL));
    assert_int_equal(notes.count, 0);
    rg_context_destroy(ctx);
}

static void huge_gains_stay_finite(void **state)
{
    (void)state;
    rg_context *ctx = new_context(NULL);
    const double up[] = {3, 2, 1}, down[] = {1, 2, 3}, huge[] = {1023, 1023, 1};
    const double discounts[] = {1, 1 / log2(3), .5};
    rg_metric m = parsed(ctx, "ndcg");
    assert_close(value_of(ctx, m, 3, up, huge), 1, 0, 0);
    assert_close(value_of(ctx, m, 3, down, huge),
                 (discounts[1] + discounts[2]) / (discounts[0] + discounts[1]), 1e-14, 0);
    m.gain = RG_GAIN_LINEAR;
    const double largest[] = {1.7e308, 1.7e308, -INFINITE}, smallest[] = {5e-324, 0, 0};
    assert_close(value_of(ctx, m, 3, up, largest), 1, 0, 0);
    assert_close(value_of(ctx, m, 3, down, smallest), .5, 0, 0);
    m = parsed(ctx, "dcg@1");
    const int64_t offsets[] = {0, 1, 2, 3};
    const double scores[] = {0, 0, 0}, labels[] = {1023, 1023, 1023};
    rg_ranking ranking = {.n_lists = 3, .offsets = offsets, .scores = scores, .labels = labels};
    rg_metric_result r;
    assert_ok(ctx, rg_metric_evaluate(ctx, &m, &ranking, &r, NULL));
    assert_close(r.value, 0x1p1023, 1e-15, 0); /* the sum of the three overflows */
    const double equal[] = {0, 0, 0}, most[] = {1e308, 1e308, 1e308};
    m.gain = RG_GAIN_LINEAR;
    assert_close(value_of(ctx, m, 3, equal, most), 1e308, 1e-15, 0);
    rg_context_destroy(ctx);
}

static void small_labels_lose_no_digits(void **state)
{
    (void)state;
    rg_context *ctx = new_context(NULL);
    const double score = 0, label = 1e-20;
    assert_close(value_of(ctx, parsed(ctx, "dcg"), 1, &score, &label), 1e-20 * log(2), 1e-15, 0);
    rg_context_destroy(ctx);
}

/* A million equal scores: expected values in closed form, computed in bounded time. */
static void many_ties(void **state)
{
    (void)state;
    rg_context *ctx = new_context(NULL);
    enum { N = 1000000 };
    double *scores = calloc(N, sizeof *scores), *labels = calloc(N, sizeof *labels);
    assert_true(scores && labels);
    double harmonic = 0, discounts = 0;
    for (int i = N; i >= 1; i--) {
        harmonic += 1. / i;
        discounts += 1 / log2(1. + i);
    }
    labels[N / 3] = 1;
    double start = rg__seconds();
    assert_close(value_of(ctx, parsed(ctx, "mrr"), N, scores, labels), harmonic / N, 1e-9, 0);
    assert_close(value_of(ctx, parsed(ctx, "map"), N, scores, labels), harmonic / N, 1e-9, 0);
    assert_close(value_of(ctx, parsed(ctx, "ndcg"), N, scores, labels), discounts / N, 1e-9, 0);
    assert_close(value_of(ctx, parsed(ctx, "precision@10"), N, scores, labels), 1. / N, 1e-12, 0);
    for (int i = 0; i < N; i++)
        labels[i] = i % 2;
    /* P(first relevant item is the j-th) -> 2^-j for a large group: sum 2^-j / j = ln 2 */
    assert_close(value_of(ctx, parsed(ctx, "mrr"), N, scores, labels), log(2), 1e-5, 0);
    for (int i = 0; i < N; i++)
        scores[i] =
            (double)(i ^ 0x55555); /* no two halves are in order: the sort never stops early */
    value_of(ctx, parsed(ctx, "ndcg"), N, scores, labels);
    assert_true(rg__seconds() - start < 60); /* measured: below 1 s; quadratic would take hours */
    free(scores);
    free(labels);
    rg_context_destroy(ctx);
}

/* ---- Names and errors ----------------------------------------------------------------------- */

static void parsing(void **state)
{
    (void)state;
    rg_context *ctx = new_context(NULL);
    static const struct {
        const char *text, *name;
        int64_t k;
    } good[] = {{"ndcg@10", "ndcg", 10},
                {"NDCG", "ndcg", 0},
                {"rr", "mrr", 0},
                {"Ap@3", "map", 3},
                {"p@5", "precision", 5},
                {"success@1", "hit", 1},
                {"dcg@0", "dcg", 0},
                {"mrr@9223372036854775807", "mrr", INT64_MAX}};
    static const char *const bad[] = {
        "ndcg@", "ndcg@x", "ndcg@-1", "ndcg@1.5", "ndcg@10 ", "map@@1", "mrr@9223372036854775808"};
    static const char *const unknown[] = {"", "@10", "ndc", "ndcgg@1", " ndcg", "n\xc3\xa4"};
    for (int i = 0; i < RG__COUNT(good); i++) {
        rg_metric m = parsed(ctx, good[i].text);
        assert_string_equal(m.name, good[i].name);
        assert_int_equal(m.k, good[i].k);
        assert_true(m.gain == RG_GAIN_EXP && m.ties == RG_TIES_AVERAGE &&
                    m.no_relevant == RG_NO_RELEVANT_ZERO && m.threshold == 1);
    }
    rg_metric m;
    for (int i = 0; i < RG__COUNT(bad); i++)
        assert_fails(ctx, RG_USAGE, "expected a whole number after @",
                     rg_metric_parse(ctx, bad[i], &m));
    for (int i = 0; i < RG__COUNT(unknown); i++)
        assert_fails(ctx, RG_USAGE, "known: ndcg, dcg, map (ap), mrr (rr), precision (p)",
                     rg_metric_parse(ctx, unknown[i], &m));
    static const char *const of_subtopics[] = {"alpha_ndcg", "err_ia"}; /* see test_novelty.c */
    for (int i = 0; i < RG__COUNT(definitions); i++) {
        const rg_component *metric = rg_registry_at(rg_metrics(), i);
        assert_string_equal(metric->name, definitions[i].name);
        assert_true(strlen(metric->formula) > 10);
    }
    for (int i = 0; i < RG__COUNT(of_subtopics); i++)
        assert_string_equal(rg_registry_at(rg_metrics(), RG__COUNT(definitions) + i)->name,
                            of_subtopics[i]);
    assert_null(rg_registry_at(rg_metrics(), RG__COUNT(definitions) + RG__COUNT(of_subtopics)));
    assert_fails(ctx, RG_USAGE, "ndcg: has no parameter p",
                 rg_metric_parse(ctx, "ndcg(p=1)@3", &m));
    assert_ok(ctx, rg_metric_parse(ctx, "Ndcg()@3", &m));
    assert_int_equal(m.k, 3);
    rg_context_destroy(ctx);
}

/* What a misspelt metric, parameter, value or tool was meant to be. */
static void nearest_names(void **state)
{
    (void)state;
    rg_context *ctx = new_context(NULL);
    rg_metric m;
    static const char *const near[][2] = {{"ndgc@5", "did you mean ndcg?"},
                                          {"mapp", "did you mean map?"},
                                          {"alpha-ndgc", "did you mean alpha_ndcg?"},
                                          {"err_is@3", "did you mean err_ia?"},
                                          {"recal@2", "did you mean recall?"},
                                          {"precison@2", "did you mean precision?"},
                                          {"kendal", "did you mean kendall?"},
                                          {"spearmann", "did you mean spearman?"},
                                          {"sucess@1", "did you mean success?"},
                                          {"bprefs", "did you mean bpref?"},
                                          {"ndcg(discount=leter)", "did you mean letor?"},
                                          {"ndcg(short-zeros=true)", "did you mean short_zero?"},
                                          {"map(divisr=min)", "did you mean divisor?"}};
    for (int i = 0; i < RG__COUNT(near); i++)
        assert_fails(ctx, RG_USAGE, near[i][1], rg_metric_parse(ctx, near[i][0], &m));
    assert_fails(ctx, RG_USAGE,
                 "unknown tool \"lightgmb\" (did you mean lightgbm?); expected one of",
                 rg_metric_like(ctx, "lightgmb", "ndcg", &m));
    rg_context_destroy(ctx);
}

/* A cut-off where there can be none, and which way is better. */
static void whole_lists(void **state)
{
    (void)state;
    rg_context *ctx = new_context(NULL);
    const int64_t offsets[] = {0, 2};
    const double scores[] = {1, 2}, labels[] = {1, 2};
    const rg_ranking ranking = {
        .n_lists = 1, .offsets = offsets, .scores = scores, .labels = labels};
    for (int d = 0; d < RG__COUNT(definitions); d++) {
        rg_metric m = parsed(ctx, definitions[d].name);
        rg_metric_result r;
        m.k = 2;
        rg_status status = rg_metric_evaluate(ctx, &m, &ranking, &r, NULL);
        assert_int_equal(status, definitions[d].whole_list ? RG_USAGE : RG_OK);
        if (status != RG_OK)
            assert_non_null(strstr(rg_last_error(ctx), "is defined for whole lists"));
        assert_true(rg_metric_lower_is_better(&m) == (strcmp(m.name, "arp") == 0));
    }
    rg_context_destroy(ctx);
}

/* ERR of many tied items against the mean over random orders, which it must not be far from, and
 * of a group so large that only its first ranks are summed. */
static void err_of_many_ties(void **state)
{
    (void)state;
    enum { N = 3000 };
    rg_context *ctx = new_context(NULL);
    static double scores[N], labels[N], distinct[N];
    static int64_t order[N];
    for (int i = 0; i < N; i++) {
        labels[i] = i % 5;
        order[i] = i;
    }
    double expected = value_of(ctx, parsed(ctx, "err"), N, scores, labels), mean = 0;
    for (uint64_t round = 0; round < 2000; round++) {
        rg_shuffle(order, N, 5, RG__STREAM_SHUFFLE, round);
        for (int i = 0; i < N; i++)
            distinct[order[i]] = -i;
        mean += value_of(ctx, parsed(ctx, "err@50"), N, distinct, labels) / 2000;
    }
    assert_close(expected, mean, 0.02, 0); /* the noise of the mean is about 0.01 */
    rg_context_destroy(ctx);
}

static void names(void **state)
{
    (void)state;
    assert_string_equal(rg_gain_name(RG_GAIN_EXP), "exp");
    assert_string_equal(rg_gain_name(RG_GAIN_LINEAR), "linear");
    assert_null(rg_gain_name((rg_gain)2));
    static const char *const ties[] = {"average", "input", "docid", "pessimistic"};
    for (int i = 0; i < RG__COUNT(ties); i++)
        assert_string_equal(rg_ties_name((rg_ties)i), ties[i]);
    assert_null(rg_ties_name((rg_ties)4));
    static const char *const policies[] = {"zero", "one", "skip"};
    for (int i = 0; i < RG__COUNT(policies); i++)
        assert_string_equal(rg_no_relevant_name((rg_no_relevant)i), policies[i]);
    assert_null(rg_no_relevant_name((rg_no_relevant)3));
}

static void bad_arguments(void **state)
{
    (void)state;
    rg_context *ctx = new_context(NULL);
    int64_t offsets[] = {0, 2, 1};
    const double scores[] = {1, 2}, labels[] = {0, 1};
    rg_ranking ranking = {.n_lists = 2, .offsets = offsets, .scores = scores, .labels = labels};
    rg_metric_result r;
    rg_metric m = parsed(ctx, "ndcg"), broken = m;
    assert_fails(ctx, RG_BAD_DATA, "offsets of list 2 are 2 and 1",
                 rg_metric_evaluate(ctx, &m, &ranking, &r, NULL));
    offsets[0] = -1;
    assert_fails(ctx, RG_BAD_DATA, "list 1", rg_metric_evaluate(ctx, &m, &ranking, &r, NULL));
    ranking.n_lists = -1;
    assert_fails(ctx, RG_USAGE, "-1 lists", rg_metric_evaluate(ctx, &m, &ranking, &r, NULL));
    ranking.n_lists = 0;
    broken.name = "gdcn";
    assert_fails(ctx, RG_USAGE, "gdcn", rg_metric_evaluate(ctx, &broken, &ranking, &r, NULL));
    broken = m;
    broken.k = -1;
    assert_fails(ctx, RG_USAGE, "k is -1", rg_metric_evaluate(ctx, &broken, &ranking, &r, NULL));
    broken = m;
    broken.threshold = NOT_A_NUMBER;
    assert_fails(ctx, RG_USAGE, "threshold", rg_metric_evaluate(ctx, &broken, &ranking, &r, NULL));
    broken = m;
    broken.ties = (rg_ties)9;
    assert_fails(ctx, RG_USAGE, "ties 9", rg_metric_evaluate(ctx, &broken, &ranking, &r, NULL));
    rg_context_destroy(ctx);
}

static void out_of_memory(void **state)
{
    (void)state;
    struct memory memory = {0};
    rg_context *ctx = memory_context(&memory);
    const int64_t offsets[] = {0, 2};
    const double scores[] = {1, 2}, labels[] = {0, 1};
    rg_ranking ranking = {.n_lists = 1, .offsets = offsets, .scores = scores, .labels = labels};
    rg_metric m = parsed(ctx, "ndcg");
    rg_metric_result result;
    for (int k = 0; k < 2; k++) {
        memory.refuse = memory.requests + k + 1;
        assert_fails(ctx, RG_LIMIT, "out of memory",
                     rg_metric_evaluate(ctx, &m, &ranking, &result, NULL));
        assert_int_equal(memory.live, 1); /* the context */
    }
    memory.refuse = 0;
    assert_ok(ctx, rg_metric_evaluate(ctx, &m, &ranking, &result, NULL));
    assert_int_equal(memory.live, 1);
    rg_context_destroy(ctx);
    assert_int_equal(memory.live, 0);
}

static void cancelled(void **state)
{
    (void)state;
    volatile int cancel = 1;
    rg_context_options options = rg_context_options_default();
    options.cancel = &cancel;
    rg_context *ctx = rg_context_create(&options);
    const int64_t offsets[] = {0, 0};
    rg_ranking ranking = {.n_lists = 1, .offsets = offsets};
    rg_metric m = parsed(ctx, "ndcg");
    rg_metric_result result;
    assert_fails(ctx, RG_CANCELLED, "", rg_metric_evaluate(ctx, &m, &ranking, &result, NULL));
    rg_context_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_values),
        cmocka_unit_test(ties_are_the_mean_over_all_orders),
        cmocka_unit_test(selection_equals_sorting),
        cmocka_unit_test(threads_do_not_change_bits),
        cmocka_unit_test(row_order_does_not_matter),
        cmocka_unit_test(other_ties),
        cmocka_unit_test(sorting),
        cmocka_unit_test(lists),
        cmocka_unit_test(weights),
        cmocka_unit_test(no_list_in_the_mean),
        cmocka_unit_test(no_ranked_relevant_item),
        cmocka_unit_test(large_labels),
        cmocka_unit_test(huge_gains_stay_finite),
        cmocka_unit_test(small_labels_lose_no_digits),
        cmocka_unit_test(many_ties),
        cmocka_unit_test(parsing),
        cmocka_unit_test(names),
        cmocka_unit_test(nearest_names),
        cmocka_unit_test(whole_lists),
        cmocka_unit_test(err_of_many_ties),
        cmocka_unit_test(bad_arguments),
        cmocka_unit_test(out_of_memory),
        cmocka_unit_test(cancelled),
    };
    RUN_TESTS(tests);
}
