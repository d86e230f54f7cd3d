/* version.c: what --version says. */
#include "cli.h"

void cli_show_version(FILE *to)
{
    fprintf(to, "rankgrad %s\n", RG_VERSION);
}
