/* outputs.h (internal; for files compiled twice): rows with several scores.
 *
 * A loss may take several scores per row (rg_loss_properties.columns); a model for it has a
 * parameter `outputs`. Such rows are ranked by the sum of the sigmoids of their scores, which is
 * the expected label where scores are the log odds of a label above 0, above 1, ... */
#ifndef RG_MODEL_OUTPUTS_H
#define RG_MODEL_OUTPUTS_H

#include "base/base.h"
#include "base/component.h"
#include "tensor/real.h"

#include <rankgrad/tensor.h>

/* The parameter of an architecture; `type` is its struct of parameters. */
#define RG__OUTPUTS(type)                                                                          \
    RG__INTEGER(type, outputs, 1, 1, 65536,                                                        \
                .help =                                                                            \
                    "Scores per row, for a loss that takes several; training sets it. Several "    \
                    "have a constant each, and a row ranks by the sum of their sigmoids")

/* The last layer: scores x W + b for W (inputs,outputs) and, right behind it, b (outputs). */
struct F(outputs) {
    const real *w;
    int64_t inputs, outputs;
};

/* The sums of the sigmoids of the scores of n rows x (n,inputs). Sums are in double, input after
 * input, so that the score of a row depends on this row alone. */
void F(rg__score_outputs)(const struct F(outputs) * o, const real *x, int64_t n, real *scores);

/* The same of sparse rows. */
void F(rg__score_sparse_outputs)(const struct F(outputs) * o, const rg_csr *rows, real *scores);

#endif
