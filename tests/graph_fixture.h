/* graph_fixture.h: a context and a graph for each test of a program. */
#ifndef RG_TESTS_GRAPH_FIXTURE_H
#define RG_TESTS_GRAPH_FIXTURE_H

#include "check.h"

static struct {
    rg_context *ctx;
    rg_graph *graph;
} f;

static int set_up(void **state)
{
    (void)state;
    f.ctx = rg_context_create(NULL);
    f.graph = rg_graph_create(f.ctx);
    return f.graph ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    rg_graph_destroy(f.graph);
    rg_context_destroy(f.ctx);
    return 0;
}

#endif
