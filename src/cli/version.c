/* version.c: what --version prints. */
#include "cli.h"

void cli_show_version(FILE *to)
{
    char library[256];
    rg_context *ctx = rg_context_create(NULL);
    fprintf(to, "rankgrad %s\n", RG_VERSION);
    for (int i = 0; rg_library_version(i, library, sizeof library); i++)
        fprintf(to, "%s\n", library);
    fprintf(to, "CPU level x86-64-v%d\n", rg_context_cpu_level(ctx));
    rg_context_destroy(ctx);
}
