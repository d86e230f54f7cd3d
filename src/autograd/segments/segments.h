/* segments.h (internal): ragged lists, which are consecutive rows of an operand: list q has the
 * rows from offsets[q] to offsets[q + 1] - 1. */
#ifndef RG_AUTOGRAD_SEGMENTS_SEGMENTS_H
#define RG_AUTOGRAD_SEGMENTS_SEGMENTS_H

#include <rankgrad/autograd.h>

struct rg__segments {
    int64_t n_lists;
    const int64_t *offsets; /* (n_lists + 1), in the graph's memory; NULL: there are no lists */
};

/* Copies offsets into the graph; false, with an error of the graph, if they or the number are not
 * valid, or out of memory. `who` is the function, for the message. */
bool rg__copy_lists(rg_graph *graph, const char *who, const int64_t *offsets, int64_t n_lists,
                    struct rg__segments *lists);

/* Whether the offsets divide n rows; otherwise an error of the node names the first that is wrong.
 * `rows` is what there are n of, for the message. */
bool rg__check_lists(rg_node *y, const struct rg__segments *lists, int64_t n, const char *rows);

/* Whether operand 0 is (N) or (N,F) and the offsets divide its rows; otherwise an error. */
bool rg__check_segments(rg_node *y, const struct rg__segments *lists);

/* The number of rows of the longest list; 0 if there is none. */
int64_t rg__longest_list(const struct rg__segments *lists);

#endif
