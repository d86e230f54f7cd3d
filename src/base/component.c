/* component.c: components and their parameters, and both as text; see component.h.
 *
 * A parameter's value is converted from and to text only by read_value and rg_param_print, whether
 * it comes from the text of a choice, from the command line or from a model file.
 */
#include "base/component.h"

#include "base/base.h"
#include "base/number.h"
#include "base/text_buffer.h"

#include <locale.h>
#include <math.h>
#include <string.h>

enum {
    MAX_WORD = 128 /* bytes of a word or number in a choice's text, with the final NUL */
};

const rg_component *rg_registry_at(const rg_registry *registry, int i)
{
    return registry && registry->at && i >= 0 ? registry->at(i) : NULL;
}

/* Whether two names are equal; '-' and '_' are the same. */
static bool same_name(const char *a, const char *b)
{
    while (*a && (*a == '-' ? '_' : *a) == (*b == '-' ? '_' : *b))
        a++, b++;
    return *a == *b;
}

const rg_component *rg_registry_find(const rg_registry *registry, const char *name)
{
    const rg_component *component;
    for (int i = 0; name && (component = rg_registry_at(registry, i)) != NULL; i++)
        if (same_name(component->name, name))
            return component;
    return NULL;
}

static const rg_param *find_param(const rg_component *component, const char *name)
{
    for (int i = 0; i < component->n_params; i++)
        if (same_name(component->params[i].name, name))
            return &component->params[i];
    return NULL;
}

/* ---- One value ---- */

/* Memory for the field of any parameter. */
union any_value {
    rg_integers largest;
    double alignment;
};

/* Appends a number with as many of 15 to 17 digits as are needed to read back the same double, and
 * with '.' as the decimal point in any locale. */
static void append_real(struct rg__text_buffer *buffer, double value)
{
    char text[MAX_WORD + RG__NUMBER_PAD] = "";
    double back = (double)NAN;
    const char *point = localeconv()->decimal_point;
    for (int digits = 15; digits <= 17 && back != value; digits++) {
        snprintf(text, MAX_WORD, "%.*g", digits, value);
        char *at = point[0] != '.' ? strstr(text, point) : NULL;
        if (at) {
            *at = '.';
            memmove(at + 1, at + strlen(point), strlen(at + strlen(point)) + 1);
        }
        if (!rg__read_number(text, &back))
            break;
    }
    rg__append(buffer, "%s", text);
}

static void append_integers(struct rg__text_buffer *buffer, const rg_integers *list)
{
    rg__append(buffer, "[");
    for (int64_t i = 0; i < list->n && i < RG_MAX_INTEGERS; i++)
        rg__append(buffer, "%s%lld", i ? ", " : "", (long long)list->at[i]);
    rg__append(buffer, "]");
}

static void append_value(struct rg__text_buffer *buffer, const rg_param *param, const void *field)
{
    switch (param->type) {
    case RG_PARAM_REAL: append_real(buffer, *(const double *)field); return;
    case RG_PARAM_INTEGER: rg__append(buffer, "%lld", (long long)*(const int64_t *)field); return;
    case RG_PARAM_FLAG: rg__append(buffer, "%s", *(const bool *)field ? "true" : "false"); return;
    case RG_PARAM_NAME: rg__append(buffer, "%s", param->name_at(*(const int *)field)); return;
    case RG_PARAM_INTEGERS: append_integers(buffer, field); return;
    case RG_PARAM_TYPE_COUNT: break;
    }
}

/* Reads a whole number that takes up all of [text, end). */
static bool read_integer(const char *text, const char *end, int64_t *value)
{
    bool negative = text < end && *text == '-';
    int64_t whole = 0;
    text += negative;
    if (text == end)
        return false;
    for (; text < end; text++)
        if (*text < '0' || *text > '9' || __builtin_mul_overflow(whole, 10, &whole) ||
            __builtin_add_overflow(whole, *text - '0', &whole))
            return false;
    *value = negative ? -whole : whole;
    return true;
}

/* "64,32", "[64, 32]" or "[]". */
static bool read_integers(const char *text, rg_integers *list)
{
    const char *end = text + strlen(text);
    *list = (rg_integers){0};
    if (text < end && *text == '[') {
        if (end[-1] != ']')
            return false;
        text++, end--;
    }
    while (text < end) {
        const char *comma = memchr(text, ',', (size_t)(end - text));
        const char *stop = comma ? comma : end;
        text += strspn(text, " ");
        if (list->n == RG_MAX_INTEGERS || !read_integer(text, stop, &list->at[list->n++]))
            return false;
        text = comma ? comma + 1 : end;
        if (comma && text == end)
            return false;
    }
    return true;
}

static void set_initial(const rg_param *param, void *field)
{
    switch (param->type) {
    case RG_PARAM_REAL: *(double *)field = param->initial; return;
    case RG_PARAM_INTEGER: *(int64_t *)field = (int64_t)param->initial; return;
    case RG_PARAM_FLAG: *(bool *)field = param->initial != 0; return;
    case RG_PARAM_NAME: *(int *)field = (int)param->initial; return;
    case RG_PARAM_INTEGERS: read_integers(param->list ? param->list : "", field); return;
    case RG_PARAM_TYPE_COUNT: break;
    }
}

size_t rg_param_print(const rg_param *param, const void *params, char *text, size_t size)
{
    struct rg__text_buffer buffer = {text, text ? size : 0, 0};
    union any_value initial;
    if (!param)
        return 0;
    rg__append(&buffer, "%s", "");
    if (params) {
        append_value(&buffer, param, (const char *)params + param->offset);
    } else {
        set_initial(param, &initial);
        append_value(&buffer, param, &initial);
    }
    return buffer.length;
}

static void append_limits(struct rg__text_buffer *buffer, const rg_param *param)
{
    if (param->low == 0 && param->high == 0)
        return;
    rg__append(buffer, " %s ", param->above ? ">" : ">=");
    append_real(buffer, param->low);
    if (!isfinite(param->high))
        return;
    rg__append(buffer, " and %s ", param->below ? "<" : "<=");
    append_real(buffer, param->high);
}

size_t rg_param_range(const rg_param *param, char *text, size_t size)
{
    static const char *const kinds[] = {
        [RG_PARAM_REAL] = "a number",          [RG_PARAM_INTEGER] = "a whole number",
        [RG_PARAM_FLAG] = "true or false",     [RG_PARAM_NAME] = "one of ",
        [RG_PARAM_INTEGERS] = "whole numbers",
    };
    struct rg__text_buffer buffer = {text, text ? size : 0, 0};
    if (!param)
        return 0;
    rg__append(&buffer, "%s", kinds[param->type]);
    if (param->type == RG_PARAM_NAME)
        rg__append_names(&buffer, param->name_at);
    else if (param->type != RG_PARAM_FLAG)
        append_limits(&buffer, param);
    if (param->type == RG_PARAM_INTEGERS)
        rg__append(&buffer, ", %d to %d of them", param->least, RG_MAX_INTEGERS);
    return buffer.length;
}

static bool in_range(const rg_param *param, double value)
{
    if (!isfinite(value))
        return false;
    if (param->low == 0 && param->high == 0)
        return true;
    return (param->above ? value > param->low : value >= param->low) &&
           (param->below ? value < param->high : value <= param->high);
}

/* Whether the value of a field is in the parameter's range. */
static bool is_valid(const rg_param *param, const void *field)
{
    const rg_integers *list = field;
    switch (param->type) {
    case RG_PARAM_REAL: return in_range(param, *(const double *)field);
    case RG_PARAM_INTEGER: return in_range(param, (double)*(const int64_t *)field);
    case RG_PARAM_NAME:
        return *(const int *)field >= 0 && param->name_at(*(const int *)field) != NULL;
    case RG_PARAM_INTEGERS:
        for (int64_t i = 0; i < list->n && list->n <= RG_MAX_INTEGERS; i++)
            if (!in_range(param, (double)list->at[i]))
                return false;
        return list->n >= param->least && list->n <= RG_MAX_INTEGERS;
    default: return true;
    }
}

/* ---- From text ---- */

static bool read_name(const rg_param *param, const char *text, int *index)
{
    for (int i = 0; param->name_at(i); i++)
        if (strcmp(param->name_at(i), text) == 0) {
            *index = i;
            return true;
        }
    return false;
}

/* Converts text to a field of the parameter's type; false if it is malformed. */
static bool read_value(const rg_param *param, const char *text, void *field)
{
    char padded[MAX_WORD + RG__NUMBER_PAD] = "";
    const char *end = NULL;
    switch (param->type) {
    case RG_PARAM_REAL:
        if (strlen(text) < MAX_WORD)
            end = rg__read_number(strcpy(padded, text), field);
        return end && *end == '\0';
    case RG_PARAM_INTEGER: return read_integer(text, text + strlen(text), field);
    case RG_PARAM_FLAG:
        *(bool *)field = strcmp(text, "true") == 0;
        return *(bool *)field || strcmp(text, "false") == 0;
    case RG_PARAM_NAME: return read_name(param, text, field);
    case RG_PARAM_INTEGERS: return read_integers(text, field);
    case RG_PARAM_TYPE_COUNT: break;
    }
    return false;
}

/* " (did you mean NAME?)", or "". */
struct hint {
    char text[96];
};

static struct hint hint_of(const char *word, rg_name_at *name_at, const void *of, int n)
{
    struct hint hint = {""};
    const char *name = rg_nearest_name(word, name_at, of, n);
    if (name)
        snprintf(hint.text, sizeof hint.text, " (did you mean %s?)", name);
    return hint;
}

static const char *value_name(const void *param, int i)
{
    return ((const rg_param *)param)->name_at(i);
}

static const char *param_name(const void *component, int i)
{
    return ((const rg_component *)component)->params[i].name;
}

static rg_status reject(rg_context *ctx, const rg_component *component, const rg_param *param,
                        const char *value)
{
    char range[512];
    struct hint hint = {""};
    int n = 0;
    while (param->type == RG_PARAM_NAME && param->name_at(n))
        n++;
    if (n > 0)
        hint = hint_of(value, value_name, param, n);
    rg_param_range(param, range, sizeof range);
    return rg__fail(ctx, RG_USAGE, "%s: %s is %s%s; expected %s", component->name, param->name,
                    value, hint.text, range);
}

static rg_status unknown_param(rg_context *ctx, const rg_component *component, const char *name)
{
    char known[512] = "";
    struct hint hint = hint_of(name, param_name, component, component->n_params);
    struct rg__text_buffer buffer = {known, sizeof known, 0};
    for (int i = 0; i < component->n_params; i++)
        rg__append(&buffer, "%s%s", i ? ", " : "", component->params[i].name);
    return rg__fail(ctx, RG_USAGE, "%s: has no parameter %s%s; expected %s%s", component->name,
                    name, hint.text, component->n_params ? "one of " : "no parameters", known);
}

/* ---- Choices ---- */

/* The size of a field of each type. */
static const size_t field_sizes[RG_PARAM_TYPE_COUNT] = {
    [RG_PARAM_REAL] = sizeof(double),
    [RG_PARAM_INTEGER] = sizeof(int64_t),
    [RG_PARAM_FLAG] = sizeof(bool),
    [RG_PARAM_NAME] = sizeof(int),
    [RG_PARAM_INTEGERS] = sizeof(rg_integers),
};

/* RG_USAGE if the struct of parameters is too large or a field is outside of it. */
static rg_status check_table(rg_context *ctx, const rg_component *component)
{
    bool fits = component->params_size <= RG_PARAMS_SIZE;
    for (int i = 0; i < component->n_params && fits; i++) {
        const rg_param *param = &component->params[i];
        fits = (unsigned)param->type < RG_PARAM_TYPE_COUNT &&
               param->offset <= component->params_size &&
               field_sizes[param->type] <= component->params_size - param->offset;
    }
    return fits ? RG_OK
                : rg__fail(ctx, RG_USAGE,
                           "%s: invalid table of parameters; expected known types, fields within "
                           "params_size, and params_size at most %d (RG_PARAMS_SIZE)",
                           component->name ? component->name : "component", RG_PARAMS_SIZE);
}

static void set_defaults(const rg_component *component, bool training, rg_choice *choice)
{
    memset(choice, 0, sizeof *choice);
    choice->component = component;
    for (int i = 0; i < component->n_params; i++) {
        const rg_param *param = &component->params[i];
        void *field = choice->params.bytes + param->offset;
        set_initial(param, field);
        if (training && param->training)
            read_value(param, param->training, field);
    }
}

rg_status rg_choice_make(rg_context *ctx, const rg_component *component, const void *params,
                         rg_choice *choice)
{
    rg_status status =
        rg__require(ctx, "rg_choice_make", "component", component, "choice", choice, NULL);
    if (status == RG_OK)
        status = check_table(ctx, component);
    if (status != RG_OK)
        return status;
    set_defaults(component, false, choice);
    if (!params)
        return RG_OK;
    for (int i = 0; i < component->n_params; i++) {
        const rg_param *param = &component->params[i];
        char value[MAX_WORD] = "out of range";
        if (is_valid(param, (const char *)params + param->offset))
            continue;
        if (param->type != RG_PARAM_NAME)
            rg_param_print(param, params, value, sizeof value);
        return reject(ctx, component, param, value);
    }
    memcpy(choice->params.bytes, params, component->params_size);
    return RG_OK;
}

rg_status rg_choice_set(rg_context *ctx, rg_choice *choice, const char *name, const char *value)
{
    rg_status status =
        rg__require(ctx, "rg_choice_set", "choice", choice, "choice->component",
                    choice ? choice->component : NULL, "name", name, "value", value, NULL);
    if (status != RG_OK)
        return status;
    const rg_component *component = choice->component;
    const rg_param *param = find_param(component, name);
    if (!param)
        return unknown_param(ctx, component, name);
    union any_value field;
    if (!read_value(param, value, &field) || !is_valid(param, &field))
        return reject(ctx, component, param, value[0] ? value : "empty");
    memcpy(choice->params.bytes + param->offset, &field, field_sizes[param->type]);
    return RG_OK;
}

/* The state of parsing a choice's text. */
struct parser {
    rg_context *ctx;
    const char *what; /* "optimizer", for messages */
    const char *text, *at;
};

static void skip_space(struct parser *parser)
{
    parser->at += strspn(parser->at, " \t\n");
}

/* Reads the characters up to one of `ends` outside of brackets and strips white space.
 * False if the word is too long. */
static bool parse_word(struct parser *parser, const char *ends, char word[MAX_WORD])
{
    int n = 0, depth = 0;
    skip_space(parser);
    for (; *parser->at && (depth > 0 || !strchr(ends, *parser->at)); parser->at++) {
        depth += (*parser->at == '[') - (*parser->at == ']');
        if (n + 1 == MAX_WORD)
            return false;
        word[n++] = *parser->at;
    }
    while (n > 0 && strchr(" \t\n", word[n - 1]))
        n--;
    word[n] = '\0';
    return true;
}

static rg_status malformed(const struct parser *parser)
{
    return rg__fail(parser->ctx, RG_USAGE,
                    "%s '%s': syntax error at character %d; expected NAME or NAME(PARAMETER="
                    "VALUE, ...)",
                    parser->what, parser->text, (int)(parser->at - parser->text) + 1);
}

/* Parses "name=value" and checks that ',' or ')' follows. */
static rg_status parse_param(struct parser *parser, rg_choice *choice, uint64_t *given)
{
    char name[MAX_WORD], value[MAX_WORD];
    if (!parse_word(parser, "=,()", name) || *parser->at != '=')
        return malformed(parser);
    parser->at++;
    if (!parse_word(parser, ",()", value) || !*parser->at || *parser->at == '(')
        return malformed(parser);
    rg_status status = rg_choice_set(parser->ctx, choice, name, value);
    if (status != RG_OK)
        return status;
    uint64_t bit = (uint64_t)1 << (find_param(choice->component, name) - choice->component->params);
    if (*given & bit)
        return rg__fail(parser->ctx, RG_USAGE, "%s: %s is given twice; expected once",
                        choice->component->name, name);
    *given |= bit;
    return RG_OK;
}

static rg_status parse_params(struct parser *parser, rg_choice *choice)
{
    uint64_t given = 0;
    parser->at++; /* '(' */
    skip_space(parser);
    for (bool more = *parser->at != ')'; more; parser->at += more) {
        rg_status status = parse_param(parser, choice, &given);
        if (status != RG_OK)
            return status;
        more = *parser->at == ',';
    }
    parser->at++; /* ')' */
    return RG_OK;
}

/* The i-th component or alias of a registry; NULL past the last. */
static const char *component_name(const void *of, int i)
{
    const rg_registry *registry = of;
    const rg_component *component;
    int n = 0;
    for (; (component = rg_registry_at(registry, n)) != NULL; n++)
        if (n == i)
            return component->name;
    for (const rg_alias *alias = registry->aliases; alias && alias->name; alias++, n++)
        if (n == i)
            return alias->name;
    return NULL;
}

static rg_status unknown_component(rg_context *ctx, const rg_registry *registry, const char *name)
{
    char known[2048];
    struct rg__text_buffer buffer = {known, sizeof known, 0};
    int n = 0;
    for (; component_name(registry, n); n++)
        rg__append(&buffer, "%s%s", n ? ", " : "", component_name(registry, n));
    return rg__fail(ctx, RG_USAGE, "%s \"%s\" is unknown%s; expected one of %s", registry->what,
                    name, hint_of(name, component_name, registry, n).text, known);
}

/* Parses what follows the name, up to the end of the text, into a choice with defaults. */
static rg_status parse_rest(struct parser *parser, rg_choice *choice)
{
    rg_status status = *parser->at == '(' ? parse_params(parser, choice) : RG_OK;
    skip_space(parser);
    return status == RG_OK && *parser->at ? malformed(parser) : status;
}

rg_status rg__choice_parse_over(rg_context *ctx, const char *text, rg_choice *choice)
{
    char name[MAX_WORD];
    struct parser parser = {ctx, choice->component->name, text, text};
    return parse_word(&parser, "(),=", name) ? parse_rest(&parser, choice) : malformed(&parser);
}

rg_status rg__choice_parse_for(rg_context *ctx, const rg_component *component, const char *text,
                               rg_choice *choice)
{
    set_defaults(component, false, choice);
    return rg__choice_parse_over(ctx, text, choice);
}

rg_status rg_choice_parse(rg_context *ctx, const rg_registry *registry, const char *text,
                          rg_choice *choice)
{
    char name[MAX_WORD];
    rg_status status =
        rg__require(ctx, "rg_choice_parse", "registry", registry, "choice", choice, NULL);
    if (status != RG_OK)
        return status;
    if (!text)
        return rg__fail(ctx, RG_USAGE, "%s: text is NULL", registry->what);
    struct parser parser = {ctx, registry->what, text, text};
    if (!parse_word(&parser, "(),=", name))
        return malformed(&parser);
    const rg_component *component = rg_registry_find(registry, name);
    const rg_alias *alias = component ? NULL : registry->aliases;
    while (alias && alias->name && strcmp(alias->name, name) != 0)
        alias++;
    if (component)
        set_defaults(component, registry->training, choice);
    else if (!alias || !alias->name)
        return unknown_component(ctx, registry, name);
    else if ((status = rg_choice_parse(ctx, registry, alias->text, choice)) != RG_OK)
        return status;
    return parse_rest(&parser, choice);
}

size_t rg_choice_print(const rg_choice *choice, char *text, size_t size)
{
    const rg_component *component = choice ? choice->component : NULL;
    struct rg__text_buffer buffer = {text, text ? size : 0, 0};
    if (!component)
        return 0;
    rg__append(&buffer, "%s", component->name);
    for (int i = 0; i < component->n_params; i++) {
        const rg_param *param = &component->params[i];
        rg__append(&buffer, "%s%s=", i ? ", " : "(", param->name);
        append_value(&buffer, param, choice->params.bytes + param->offset);
    }
    rg__append(&buffer, "%s", component->n_params ? ")" : "");
    return buffer.length;
}
