/* component.c: the options that come from a component's table of parameters.
 *
 * An option such as --optimizer chooses a component; the row of the table for it is followed by one
 * option for each parameter that any component of that registry has: --beta1 for beta1 of adam.
 * Names, ranges, defaults and help are the library's. The values are checked at the end of the
 * command line, when the component is known. A name that several registries have is one option: it
 * sets the parameter of the first chosen component that has it. A parameter with the name of an
 * option of the command, such as --seed, has no option and is given in parentheses.
 */
#include "cli.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* The k-th parameter of all components of a registry, in order; NULL past the last one. */
static const rg_param *param_at(const rg_registry *registry, int k, const rg_component **owner)
{
    for (int i = 0; (*owner = rg_registry_at(registry, i)) != NULL; i++) {
        if (k < (*owner)->n_params)
            return &(*owner)->params[k];
        k -= (*owner)->n_params;
    }
    return NULL;
}

/* Whether a parameter before the k-th has the same name. */
static bool is_repeated(const rg_registry *registry, int k, const char *name)
{
    const rg_component *owner;
    for (int i = 0; i < k; i++)
        if (strcmp(param_at(registry, i, &owner)->name, name) == 0)
            return true;
    return false;
}

/* "label_mode" as an option's name, from malloc; NULL: out of memory. */
static char *option_name(const char *name)
{
    char *copy = strdup(name);
    for (char *c = copy; c && *c; c++)
        if (*c == '_')
            *c = '-';
    return copy;
}

/* "Decay rate ... [a number >= 0 and < 1; default 0.9]", and the default in training where it
 * differs. */
static void describe(const rg_param *param, char *text, size_t size)
{
    char range[512], initial[128];
    rg_param_range(param, range, sizeof range);
    rg_param_print(param, NULL, initial, sizeof initial);
    snprintf(text, size, "%s [%s; default %s%s%s%s%s]", param->help, range, initial,
             param->training ? "; in training " : "", param->training ? param->training : "",
             param->training ? ", because " : "", param->training ? param->training_reason : "");
}

static bool are_the_same(const rg_param *a, const rg_param *b)
{
    char text[2][1024];
    if (strcmp(a->name, b->name) != 0)
        return false;
    describe(a, text[0], sizeof text[0]);
    describe(b, text[1], sizeof text[1]);
    return strcmp(text[0], text[1]) == 0;
}

/* Whether a parameter before the k-th is the same. */
static bool has_the_same_before(const rg_registry *registry, int k, const rg_param *param)
{
    const rg_component *owner;
    for (int i = 0; i < k; i++)
        if (are_the_same(param_at(registry, i, &owner), param))
            return true;
    return false;
}

/* ", NAME" for each component that has the same parameter after the k-th. */
static void print_later_owners(FILE *stream, const rg_registry *registry, int k,
                               const rg_param *param)
{
    const rg_component *owner;
    const rg_param *other;
    while ((other = param_at(registry, ++k, &owner)) != NULL)
        if (are_the_same(other, param))
            fprintf(stream, ", %s", owner->name);
}

/* "For adam: decay rate ... [a number >= 0 and < 1; default 0.9]", for each component that has a
 * parameter of this name. From malloc; NULL: out of memory. */
static char *option_doc(const rg_registry *registry, const char *name)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    const rg_component *owner;
    const rg_param *param;
    bool first = true;
    for (int k = 0; stream && (param = param_at(registry, k, &owner)) != NULL; k++) {
        if (strcmp(param->name, name) != 0 || has_the_same_before(registry, k, param))
            continue;
        char help[1024];
        describe(param, help, sizeof help);
        help[0] = (char)tolower((unsigned char)help[0]);
        fprintf(stream, "%s %s", first ? "For" : "; for", owner->name);
        print_later_owners(stream, registry, k, param);
        fprintf(stream, ": %s", help);
        first = false;
    }
    return stream && fclose(stream) == 0 ? text : NULL;
}

void cli_free_param(struct cli_option *option)
{
    free((void *)(uintptr_t)option->name);
    free((void *)(uintptr_t)option->doc);
}

/* Adds to the help of an option that a registry before this one has too. */
static bool extend_doc(struct cli_option *option, const char *doc)
{
    char *both = NULL;
    if (!doc || asprintf(&both, "%s; f%s", option->doc, doc + 1) < 0)
        return false;
    free((void *)(uintptr_t)option->doc);
    option->doc = both;
    return true;
}

bool cli_params_add(struct cli_options *to, const struct cli_option *row)
{
    static const char *const arguments[] = {
        [RG_PARAM_REAL] = "X",    [RG_PARAM_INTEGER] = "N",     [RG_PARAM_FLAG] = NULL,
        [RG_PARAM_NAME] = "NAME", [RG_PARAM_INTEGERS] = "N,..",
    };
    const rg_registry *registry = row->registry();
    const rg_component *owner;
    const rg_param *param;
    for (int k = 0; (param = param_at(registry, k, &owner)) != NULL; k++) {
        if (is_repeated(registry, k, param->name))
            continue;
        struct cli_option option = {.name = option_name(param->name),
                                    .argument = arguments[param->type],
                                    .kind = CLI_PARAM,
                                    .offset = row->offset,
                                    .field = param->name,
                                    .doc = option_doc(registry, param->name)};
        struct cli_option *same = option.name ? cli_options_find(to, option.name) : NULL;
        bool ok = true;
        if (!same)
            ok = cli_options_add(to, &option);
        else if (same->kind == CLI_PARAM)
            ok = extend_doc(same, option.doc);
        if (same || !ok)
            cli_free_param(&option);
        if (!ok)
            return false;
    }
    return true;
}

/* Prints "NAME: TEXT" in lines of at most 78 columns, indented by `indent` and then by 4 more. */
static void print_entry(FILE *stream, int indent, const char *name, const char *text)
{
    int column = fprintf(stream, "%*s%s:", indent, "", name);
    while (*text) {
        int n = (int)strcspn(text, " ");
        if (column + 1 + n > 78)
            column = fprintf(stream, "\n%*s", indent + 3, "") - 1;
        column += fprintf(stream, " %.*s", n, text);
        text += n + (text[n] == ' ');
    }
    fprintf(stream, "\n");
}

void cli_show_component(FILE *stream, const rg_component *component)
{
    print_entry(stream, 2, component->name, component->formula);
    for (int i = 0; i < component->n_params; i++) {
        char text[1024];
        describe(&component->params[i], text, sizeof text);
        print_entry(stream, 4, component->params[i].name, text);
    }
}

void cli_show_aliases(FILE *stream, const rg_registry *registry)
{
    for (const rg_alias *alias = registry->aliases; alias && alias->name; alias++)
        print_entry(stream, 2, alias->name, alias->text);
}

void cli_show_registry(FILE *stream, const char *heading, const rg_registry *registry)
{
    const rg_component *component;
    fprintf(stream, "\n%s:\n", heading);
    for (int i = 0; (component = rg_registry_at(registry, i)) != NULL; i++)
        print_entry(stream, 2, component->name, component->formula);
    cli_show_aliases(stream, registry);
}

/* "adam or rmsprop": the components that have a parameter. */
static struct cli_word owners_of(const rg_registry *registry, const char *name)
{
    struct cli_word word = {""};
    const rg_component *owner;
    const rg_param *param;
    for (int k = 0; (param = param_at(registry, k, &owner)) != NULL; k++)
        if (strcmp(param->name, name) == 0)
            cli_add_word(word.text, sizeof word.text, " or ", owner->name);
    return word;
}

/* The range of a component's parameter; false: it has none of that name. */
static bool find_param(const rg_component *component, const char *name, char *range, size_t size)
{
    for (int i = 0; i < component->n_params; i++)
        if (strcmp(component->params[i].name, name) == 0) {
            rg_param_range(&component->params[i], range, size);
            return true;
        }
    return false;
}

/* The next component option behind `row` whose registry has the parameter; NULL: none. */
static const struct cli_option *next_owner(const struct cli_option *row, const char *name)
{
    for (row++; row->doc; row++)
        if (row->kind == CLI_COMPONENT && owners_of(row->registry(), name).text[0])
            return row;
    return NULL;
}

/* Hands a parameter that nothing chosen for `row` has to the component of `next`. */
static rg_status hand_on(const struct cli_option *row, const struct cli_option *next,
                         struct cli_component *component, const char *option, const char *value)
{
    struct cli_component *other =
        (void *)((char *)component - row->offset + next->offset); /* in the same struct */
    return cli_component_give(other, option, value);
}

/* One parameter given by an option of its own, for each term that has it. Where none has, it may
 * be meant for the component of a later option. */
static rg_status set_given(rg_context *ctx, const struct cli_option *row,
                           struct cli_component *component, rg_objective *objective,
                           const char *option, const char *value)
{
    char name[64], range[512];
    int n_set = 0;
    snprintf(name, sizeof name, "%s", option);
    for (char *c = name; *c; c++)
        if (*c == '-')
            *c = '_';
    for (int t = 0; t < objective->n_terms; t++) {
        rg_choice *choice = &objective->terms[t].loss;
        if (!find_param(choice->component, name, range, sizeof range))
            continue;
        if (rg_choice_set(ctx, choice, name, value ? value : "true") != RG_OK)
            return cli_fail(RG_USAGE, "--%s '%s': expected %s", option, value ? value : "", range);
        n_set++;
    }
    const struct cli_option *next = n_set ? NULL : next_owner(row, name);
    if (n_set > 0)
        return RG_OK;
    if (next)
        return hand_on(row, next, component, option, value);
    return cli_fail(RG_USAGE, "--%s is a parameter of %s, but --%s is %s; expected --%s %s", option,
                    owners_of(row->registry(), name).text, row->name,
                    objective->terms[0].loss.component->name, row->name,
                    owners_of(row->registry(), name).text);
}

/* The component's text: a sum for losses, else a single choice, which is a sum of one term. */
static rg_status parse_text(rg_context *ctx, const struct cli_option *row, const char *text,
                            rg_objective *objective)
{
    if (row->registry == rg_training_losses)
        return rg_objective_parse(ctx, rg_training_losses(), text, objective);
    *objective = (rg_objective){.n_terms = 1, .terms[0].factor = 1};
    return rg_choice_parse(ctx, row->registry(), text, &objective->terms[0].loss);
}

rg_status cli_component_finish(const struct cli_option *row, struct cli_component *component)
{
    rg_context *ctx = rg_context_create(NULL);
    rg_objective chosen;
    if (!ctx)
        return cli_fail(RG_LIMIT, "out of memory");
    rg_status status = parse_text(ctx, row, component->text, &chosen);
    if (status != RG_OK)
        cli_fail(status, "--%s: %s", row->name, rg_last_error(ctx));
    for (int i = 0; i < component->n_given && status == RG_OK; i++)
        status = set_given(ctx, row, component, &chosen, component->given[i].option,
                           component->given[i].value);
    if (status == RG_OK && rg_objective_print(&chosen, component->full, sizeof component->full) >=
                               sizeof component->full)
        status = cli_fail(RG_USAGE, "--%s: the parameters are too long", row->name);
    component->n_given = 0; /* all are set */
    rg_context_destroy(ctx);
    return status;
}
