// operator.cc: the same operator in C++, its kernels from one template.
#include <rankgrad/rankgrad.h>

#include <cmath>
#include <cstdio>

namespace {

template <class real> void forward(rg_node *y)
{
    const real *x = static_cast<const real *>(rg_operand(y, 0)->data);
    real *out = static_cast<real *>(rg_output_data(y));
    for (int64_t i = 0; i < rg_tensor_count(rg_node_value(y)); i++)
        out[i] = std::fmax(x[i], real(0)) + std::log1p(std::exp(-std::fabs(x[i])));
}

template <class real> void backward(rg_node *y)
{
    const real *x = static_cast<const real *>(rg_operand(y, 0)->data);
    const real *g = static_cast<const real *>(rg_output_grad(y));
    real *grad = static_cast<real *>(rg_operand_grad(y, 0));
    for (int64_t i = 0; grad && i < rg_tensor_count(rg_node_value(y)); i++)
        grad[i] += g[i] / (1 + std::exp(-x[i]));
}

const rg_operator softplus = rg_operator_of("softplus", nullptr, forward<float>, forward<double>,
                                            backward<float>, backward<double>);

rg_node *build(rg_graph *graph, rg_node *const *inputs, void *)
{
    return rg_apply(graph, &softplus, inputs, 1, nullptr, 0);
}

} // namespace

int main()
{
    double x[] = {0, -2, 0.5, 3};
    const rg_tensor input = {RG_F64, 1, {4}, x};
    rg_gradcheck_report report;
    rg_context *ctx = rg_context_create(nullptr);
    rg_status status = rg_gradcheck(ctx, build, nullptr, &input, 1, nullptr, &report);
    if (status == RG_OK)
        std::printf("%s, f32 %s\n", report.message, report.checked_f32 ? "too" : "not");
    rg_context_destroy(ctx);
    return status != RG_OK || !report.passed;
}
