// consumer.cc: the same in C++11, where handles end by themselves.
#include "lists.h"

#include <rankgrad/rankgrad.h>

#include <cstdio>
#include <memory>
#include <stdexcept>
#include <vector>

namespace {

struct end {
    void operator()(rg_context *ctx) const { rg_context_destroy(ctx); }
    void operator()(rg_model *model) const { rg_model_destroy(model); }
};

void check(const rg_context *ctx, rg_status status)
{
    if (status != RG_OK)
        throw std::runtime_error(rg_last_error(ctx));
}

float train_and_score()
{
    std::unique_ptr<rg_context, end> ctx(rg_context_create(nullptr));
    std::vector<float> features(rows, rows + N_ROWS * N_FEATURES), scores(N_ROWS);
    rg_split train = rg_split();
    train.name = "train";
    train.n_rows = N_ROWS;
    train.n_features = N_FEATURES;
    train.n_lists = N_LISTS;
    train.features = rg_tensor{RG_F32, 2, {N_ROWS, N_FEATURES}, features.data()};
    train.labels = labels;
    train.offsets = offsets;
    rg_train_options options = rg_train_options_default();
    options.model.dtype = RG_F64;
    rg_train_result result;
    rg_model *trained = nullptr;
    check(ctx.get(), rg_train(ctx.get(), &train, rg_no_split(), &options, &trained, &result));
    std::unique_ptr<rg_model, end> model(trained);
    check(ctx.get(), rg_model_score(model.get(), features.data(), N_ROWS, scores.data()));
    return scores[0];
}

} // namespace

int main()
try {
    std::printf("%s %.9g\n", RG_VERSION, static_cast<double>(train_and_score()));
    return 0;
} catch (const std::exception &error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
}
