/* evaluation.h: what `evaluate` has measured, for report.c to print. */
#ifndef RG_CLI_EVALUATION_H
#define RG_CLI_EVALUATION_H

#include "cli.h"

/* One ranking of the lists. */
struct cli_measured {
    const char *kind, *name;   /* what it comes from: "model", "scores" or "run"; the file */
    const rg_split *split;     /* both rankings have the same lists, of runs with other rows */
    const double *scores;      /* (split->n_rows) */
    rg_metric_result *results; /* (n_metrics) */
    double *per_list; /* (n_metrics, n_lists); NaN: the list is not in the mean; NULL: unknown */
};

/* Everything that a report may show. */
struct cli_evaluation {
    const char *data;      /* the file that the lists come from */
    const rg_split *split; /* that of `it` */
    int n_metrics;
    const rg_metric *metrics;
    const struct cli_word *names; /* (n_metrics) without parameters that are the tool's */
    struct cli_conventions conventions;
    bool weighted;
    struct cli_measured it, other; /* other: what it is compared with, if comparisons are there */
    rg_statistics_options statistics;
    const rg_interval *intervals;     /* (n_metrics) of the means; NULL: none */
    const rg_comparison *comparisons; /* (n_metrics) of `it` with `other`; NULL: none */
    bool with_lists;                  /* the report has the values of lists, if its format can */
};

/* Prints a report. Errors are reported. */
typedef rg_status cli_report_function(FILE *to, const struct cli_evaluation *e);
cli_report_function cli_report_text, cli_report_tsv, cli_report_json, cli_report_trec;

/* The first line of the values per list; from malloc. NULL: reported. */
char *cli_per_list_header(const struct cli_word *names, int n_metrics, bool compared);

/* Writes the values per list as TSV, with that first line. */
rg_status cli_write_per_list(FILE *to, const struct cli_evaluation *e);

/* "95 %". */
struct cli_word cli_percent(double confidence);

#endif
