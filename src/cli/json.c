/* json.c: JSON lines; numbers and tensors from JSON and back.
 *
 * Nested lists are read twice, first for their shape and the kinds of numbers they hold, then into
 * memory of exactly that size. An error names the place: labels[1][0].
 */
#include "json.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

bool cli_json_fail(struct cli_json_error *error, rg_status status, const char *format, ...)
{
    if (error->status != RG_OK)
        return false;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    error->status = status;
    return false;
}

bool cli_json_fail_last(struct cli_json_error *error, const rg_context *ctx)
{
    return cli_json_fail(error, rg_last_status(ctx), "%s", rg_last_error(ctx));
}

/* What was found: "a list", "null", or the string itself. */
struct found {
    char text[64];
};

static struct found found(const json_t *value)
{
    static const char *const kinds[] = {
        [JSON_OBJECT] = "an object", [JSON_ARRAY] = "a list", [JSON_INTEGER] = "a number",
        [JSON_REAL] = "a number",    [JSON_TRUE] = "true",    [JSON_FALSE] = "false",
        [JSON_NULL] = "null",
    };
    struct found found;
    if (json_is_string(value))
        snprintf(found.text, sizeof found.text, "\"%.50s\"", json_string_value(value));
    else
        snprintf(found.text, sizeof found.text, "%s", kinds[json_typeof(value)]);
    return found;
}

/* ---- One number ----------------------------------------------------------------------------- */

static const struct {
    const char *text;
    double value;
} specials[] = {
    {"NaN", (double)NAN}, {"Infinity", (double)INFINITY}, {"-Infinity", (double)-INFINITY}};
enum { N_SPECIALS = sizeof specials / sizeof specials[0] };

static bool read_number(const json_t *value, double *number)
{
    const char *text = json_string_value(value);
    for (int i = 0; text && i < N_SPECIALS; i++)
        if (strcmp(text, specials[i].text) == 0) {
            *number = specials[i].value;
            return true;
        }
    *number = json_number_value(value);
    return json_is_number(value);
}

json_t *cli_json_of_number(double number)
{
    if (isfinite(number))
        return json_real(number);
    return json_string(isnan(number) ? "NaN" : number > 0 ? "Infinity" : "-Infinity");
}

#define A_NUMBER "a number, \"NaN\", \"Infinity\" or \"-Infinity\""

bool cli_json_number(const json_t *input, const char *key, double *value,
                     struct cli_json_error *error)
{
    const json_t *number = json_object_get(input, key);
    if (!number || read_number(number, value))
        return true;
    return cli_json_fail(error, RG_BAD_DATA, "%s is %s; expected " A_NUMBER, key,
                         found(number).text);
}

/* ---- Strings and names ---------------------------------------------------------------------- */

json_t *cli_json_of_text(const char *text)
{
    json_t *string = json_string(text);
    char *copy = string ? NULL : strdup(text);
    for (char *c = copy; c && *c; c++)
        if ((unsigned char)*c > 126)
            *c = '?';
    if (copy)
        string = json_string(copy);
    free(copy);
    return string;
}

bool cli_json_text(const json_t *input, const char *key, const char **text,
                   struct cli_json_error *error)
{
    const json_t *string = json_object_get(input, key);
    if (!string && !*text)
        return cli_json_fail(error, RG_BAD_DATA, "%s is missing", key);
    if (!string)
        return true;
    if (!json_is_string(string))
        return cli_json_fail(error, RG_BAD_DATA, "%s is %s; expected a string", key,
                             found(string).text);
    *text = json_string_value(string);
    return true;
}

bool cli_json_name(const json_t *input, const char *key, const char *(*name_at)(int i), int *value,
                   struct cli_json_error *error)
{
    const char *text = *value < 0 ? NULL : name_at(*value);
    if (!cli_json_text(input, key, &text, error))
        return false;
    char known[256] = "";
    for (int i = 0; name_at(i); i++) {
        if (strcmp(text, name_at(i)) == 0) {
            *value = i;
            return true;
        }
        cli_add_word(known, sizeof known, ", ", name_at(i));
    }
    return cli_json_fail(error, RG_BAD_DATA, "%s is \"%.100s\"%s; expected one of %s", key, text,
                         cli_name_hint(name_at, text).text, known);
}

static bool has_param(const rg_component *component, const char *name)
{
    for (int k = 0; k < component->n_params; k++)
        if (strcmp(component->params[k].name, name) == 0)
            return true;
    return false;
}

/* Whether a component of the registry has a parameter of this name. */
static bool is_param(const rg_registry *registry, const char *name)
{
    const rg_component *component;
    for (int i = 0; (component = rg_registry_at(registry, i)) != NULL; i++)
        if (has_param(component, name))
            return true;
    return false;
}

/* One parameter from the value of its key (a string as it stands, anything else as JSON text), for
 * each term whose loss has it, or else for the first one, which reports that it has not. */
static bool set_param(rg_context *ctx, rg_objective *objective, const char *key,
                      const json_t *value)
{
    char *text = json_is_string(value)
                     ? strdup(json_string_value(value))
                     : json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(17));
    bool set = text != NULL, any = false;
    for (int t = 0; set && t < objective->n_terms; t++)
        if (has_param(objective->terms[t].loss.component, key)) {
            any = true;
            set = rg_choice_set(ctx, &objective->terms[t].loss, key, text) == RG_OK;
        }
    if (set && !any)
        set = rg_choice_set(ctx, &objective->terms[0].loss, key, text) == RG_OK;
    free(text);
    return set;
}

bool cli_json_objective(rg_context *ctx, const json_t *input, const char *key,
                        rg_objective *objective, struct cli_json_error *error)
{
    const char *text = NULL;
    if (!cli_json_text(input, key, &text, error))
        return false;
    if (rg_objective_parse(ctx, rg_losses(), text, objective) != RG_OK)
        return cli_json_fail(error, RG_BAD_DATA, "%s", rg_last_error(ctx));
    json_t *object = (json_t *)(uintptr_t)input; /* the iterator's type; nothing is changed */
    for (void *at = json_object_iter(object); at; at = json_object_iter_next(object, at)) {
        const char *name = json_object_iter_key(at);
        if (is_param(rg_losses(), name) &&
            !set_param(ctx, objective, name, json_object_iter_value(at)))
            return cli_json_fail(error, RG_BAD_DATA, "%s", rg_last_error(ctx));
    }
    return true;
}

/* ---- Tensors -------------------------------------------------------------------------------- */

struct reader {
    const char *key;
    rg_tensor *tensor;
    int64_t at[RG_MAX_DIMS]; /* where in the nested lists the walk is */
    int64_t n_filled;
    bool any_bool, any_number, any_real;
    struct cli_json_error *error;
};

/* "labels[1][0]", the first `depth` indices. */
struct place {
    char text[64 + RG_MAX_DIMS * 23];
};

static struct place place_of(const struct reader *r, int depth)
{
    struct place place;
    int used = snprintf(place.text, sizeof place.text, "%.60s", r->key);
    for (int i = 0; i < depth; i++)
        used += snprintf(place.text + used, sizeof place.text - (size_t)used, "[%lld]",
                         (long long)r->at[i]);
    return place;
}

/* The shape that the first element of each list promises. */
static bool read_shape(struct reader *r, const json_t *value)
{
    rg_tensor *t = r->tensor;
    for (t->ndim = 0; json_is_array(value); value = json_array_get(value, 0)) {
        if (t->ndim == RG_MAX_DIMS)
            return cli_json_fail(r->error, RG_BAD_DATA, "%s: lists are nested deeper than %d",
                                 r->key, RG_MAX_DIMS);
        t->dims[t->ndim++] = (int64_t)json_array_size(value);
    }
    return true;
}

static bool check_element(struct reader *r, const json_t *value, int depth)
{
    double number;
    if (depth < r->tensor->ndim)
        return cli_json_fail(r->error, RG_BAD_DATA,
                             "%s is %s beside a list; lists must be nested equally deep",
                             place_of(r, depth).text, found(value).text);
    if (json_is_boolean(value)) {
        r->any_bool = true;
        return true;
    }
    if (!read_number(value, &number))
        return cli_json_fail(r->error, RG_BAD_DATA, "%s is %s; expected " A_NUMBER,
                             place_of(r, depth).text, found(value).text);
    r->any_number = true;
    r->any_real |= !json_is_integer(value);
    return true;
}

/* Every list as long as its first neighbour promised, every element a number or a bool. */
static bool check_lists(struct reader *r, const json_t *value, int depth)
{
    if (!json_is_array(value))
        return check_element(r, value, depth);
    if (depth == r->tensor->ndim)
        return cli_json_fail(r->error, RG_BAD_DATA,
                             "%s is a list beside a number; lists must be nested equally deep",
                             place_of(r, depth).text);
    int64_t n = (int64_t)json_array_size(value);
    if (n != r->tensor->dims[depth])
        return cli_json_fail(r->error, RG_BAD_DATA,
                             "%s has %s, lists before it %lld; nested lists must be "
                             "equally long: pad them and mask with where, or use offsets",
                             place_of(r, depth).text, cli_count(n, "element").text,
                             (long long)r->tensor->dims[depth]);
    for (r->at[depth] = 0; r->at[depth] < n; r->at[depth]++)
        if (!check_lists(r, json_array_get(value, (size_t)r->at[depth]), depth + 1))
            return false;
    return true;
}

static bool choose_type(struct reader *r, enum cli_json_types types, rg_dtype floating)
{
    if (r->any_bool && (r->any_number || types == CLI_JSON_REAL))
        return cli_json_fail(r->error, RG_BAD_DATA,
                             "%s holds true or false where numbers were expected", r->key);
    r->tensor->dtype = r->any_bool                             ? RG_BOOL
                       : types == CLI_JSON_REAL || r->any_real ? floating
                       : r->any_number                         ? RG_I64
                                                               : floating;
    return true;
}

static void fill(struct reader *r, const json_t *value)
{
    if (json_is_array(value)) {
        for (size_t i = 0; i < json_array_size(value); i++)
            fill(r, json_array_get(value, i));
        return;
    }
    int64_t i = r->n_filled++;
    void *data = r->tensor->data;
    double number;
    read_number(value, &number);
    if (r->tensor->dtype == RG_BOOL)
        ((uint8_t *)data)[i] = json_is_true(value);
    else if (r->tensor->dtype == RG_I64)
        ((int64_t *)data)[i] = json_integer_value(value);
    else if (r->tensor->dtype == RG_F32)
        ((float *)data)[i] = (float)number;
    else
        ((double *)data)[i] = number;
}

bool cli_json_tensor(const json_t *input, const char *key, enum cli_json_types types,
                     rg_dtype floating, rg_tensor *tensor, struct cli_json_error *error)
{
    const json_t *value = json_object_get(input, key);
    if (!value)
        return true;
    rg_tensor read = {0};
    struct reader r = {.key = key, .tensor = &read, .error = error};
    if (!read_shape(&r, value) || !check_lists(&r, value, 0) || !choose_type(&r, types, floating))
        return false;
    read.data = cli_alloc(rg_tensor_count(&read), rg_dtype_size(read.dtype));
    if (!read.data)
        return cli_json_fail(error, RG_LIMIT, "out of memory for %s", key);
    fill(&r, value);
    *tensor = read;
    return true;
}

struct cli_json_shape cli_json_shape(const rg_tensor *tensor)
{
    struct cli_json_shape shape = {"("};
    size_t used = 1;
    for (int i = 0; i < tensor->ndim; i++)
        used += (size_t)snprintf(shape.text + used, sizeof shape.text - used, "%s%lld",
                                 i ? "," : "", (long long)tensor->dims[i]);
    snprintf(shape.text + used, sizeof shape.text - used, ")");
    return shape;
}

bool cli_json_offsets(const json_t *input, rg_tensor *tensor, struct cli_json_error *error)
{
    if (!cli_json_tensor(input, "offsets", CLI_JSON_AS_WRITTEN, RG_F64, tensor, error))
        return false;
    if (!tensor->data || (tensor->dtype == RG_I64 && tensor->ndim == 1))
        return true;
    return cli_json_fail(error, RG_BAD_DATA,
                         "offsets must be a list of integers, one more than there are lists");
}

static json_t *nested(const rg_tensor *t, int depth, int64_t *at)
{
    if (depth == t->ndim) {
        int64_t i = (*at)++;
        double number = !t->data             ? 0
                        : t->dtype == RG_F32 ? (double)((const float *)t->data)[i]
                                             : ((const double *)t->data)[i];
        return cli_json_of_number(number);
    }
    json_t *list = json_array();
    for (int64_t i = 0; list && i < t->dims[depth]; i++)
        if (json_array_append_new(list, nested(t, depth + 1, at)) != 0) {
            json_decref(list);
            return NULL;
        }
    return list;
}

json_t *cli_json_of_tensor(const rg_tensor *tensor)
{
    int64_t at = 0;
    return nested(tensor, 0, &at);
}

/* ---- Lines ---------------------------------------------------------------------------------- */

static bool known_keys(json_t *input, const struct cli_json_protocol *protocol,
                       struct cli_json_error *error)
{
    const char *const *keys = protocol->keys;
    char known[256] = "";
    for (int i = 0; keys[i]; i++)
        cli_add_word(known, sizeof known, ", ", keys[i]);
    for (void *at = json_object_iter(input); at; at = json_object_iter_next(input, at)) {
        const char *key = json_object_iter_key(at);
        int i = 0;
        while (keys[i] && strcmp(keys[i], key) != 0)
            i++;
        if (!keys[i] && !(protocol->registry && is_param(protocol->registry(), key)))
            return cli_json_fail(error, RG_BAD_DATA, "unknown key \"%.100s\"; known: %s", key,
                                 known);
    }
    return true;
}

struct lines {
    const struct cli_json_protocol *protocol;
    rg_context *ctx;
    rg_status status; /* of the first line without an answer */
};

static json_t *answer_line(struct lines *lines, const char *line, size_t n,
                           struct cli_json_error *error)
{
    json_error_t parse;
    json_t *answer = NULL,
           *input = json_loadb(line, n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &parse);
    if (!input)
        cli_json_fail(error, RG_BAD_DATA, "not JSON: %s, column %d", parse.text, parse.column);
    else if (!json_is_object(input))
        cli_json_fail(error, RG_BAD_DATA, "the line is %s; expected an object", found(input).text);
    else if (known_keys(input, lines->protocol, error))
        answer = lines->protocol->answer(lines->ctx, input, error);
    json_decref(input);
    return answer;
}

/* RG_IO if standard output cannot be written: reported. */
static rg_status put_answer(struct lines *lines, const char *file, int64_t number, const char *line,
                            size_t n)
{
    struct cli_json_error error = {0};
    json_t *answer = answer_line(lines, line, n, &error);
    if (!answer) {
        char text[sizeof error.text + 512];
        cli_json_fail(&error, RG_LIMIT, "out of memory");
        snprintf(text, sizeof text, "%.400s:%lld: %s", file, (long long)number, error.text);
        answer = json_object();
        json_object_set_new(answer, "error", cli_json_of_text(text));
        bool ours = error.status == RG_LIMIT || error.status == RG_INTERNAL;
        if (lines->status == RG_OK)
            lines->status = ours ? error.status : RG_BAD_DATA;
    }
    errno = 0;
    int failed = json_dumpf(answer, stdout, JSON_REAL_PRECISION(17) | JSON_ENSURE_ASCII);
    json_decref(answer);
    if (failed || putchar('\n') == EOF || fflush(stdout) != 0)
        return cli_fail(RG_IO, "standard output: cannot write: %s",
                        errno ? strerror(errno) : "out of memory");
    return RG_OK;
}

static bool is_blank(const char *line, size_t n)
{
    return strspn(line, " \t\r\n") >= n;
}

static rg_status answer_file(struct lines *lines, FILE *stream, const char *file)
{
    char *line = NULL;
    size_t capacity = 0;
    rg_status status = RG_OK;
    errno = 0;
    for (int64_t number = 1; status == RG_OK; number++) {
        ssize_t n = getline(&line, &capacity, stream);
        if (n < 0)
            break;
        if (line[n - 1] == '\n')
            n--;
        if (!is_blank(line, (size_t)n))
            status = put_answer(lines, file, number, line, (size_t)n);
        if (cli_interrupted())
            status = RG_CANCELLED;
    }
    int error = errno;
    free(line);
    if (cli_interrupted())
        return RG_CANCELLED;
    if (status == RG_OK && !feof(stream))
        return cli_fail(error == ENOMEM ? RG_LIMIT : RG_IO, "%s: cannot read: %s", file,
                        strerror(error));
    return status;
}

static rg_status answer_files(struct lines *lines, const struct cli_list *files)
{
    rg_status status = RG_OK;
    for (int i = 0; status == RG_OK && (i < files->count || i == 0); i++) {
        const char *file = files->count ? files->items[i] : "-";
        bool standard = strcmp(file, "-") == 0;
        FILE *stream = standard ? stdin : fopen(file, "r");
        if (!stream)
            return cli_fail(RG_IO, "%s: cannot open: %s", file, strerror(errno));
        status = answer_file(lines, stream, standard ? "standard input" : file);
        if (!standard)
            fclose(stream);
    }
    return status == RG_OK ? lines->status : status;
}

rg_status cli_json_run(rg_context *ctx, const struct cli_list *files,
                       const struct cli_json_protocol *protocol)
{
    struct lines lines = {.protocol = protocol, .ctx = ctx};
    return answer_files(&lines, files);
}
