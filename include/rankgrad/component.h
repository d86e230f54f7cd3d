/* component.h: losses, metrics, optimizers, schedules and models, described as data.
 *
 * A component is chosen by name and may have parameters, such as the optimizer "adam" with beta1,
 * beta2 and epsilon. The program's options and their help, range checks, error messages and the
 * record in a model file are generated from the table of its parameters. All components of one kind
 * form a registry, which can be listed and searched:
 *
 *   for (int i = 0; rg_registry_at(rg_optimizers(), i); i++)
 *       puts(rg_registry_at(rg_optimizers(), i)->name);
 *
 * A choice is a component with the values of its parameters. Its text form is the name followed, in
 * parentheses, by the parameters that differ from their defaults:
 *
 *   adam     adam(beta1=0.95)     mlp(hidden=[64, 32], bias=true)
 */
#ifndef RANKGRAD_COMPONENT_H
#define RANKGRAD_COMPONENT_H

#include <rankgrad/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The largest number of integers in an RG_PARAM_INTEGERS. */
#define RG_MAX_INTEGERS 16

/* The value of an RG_PARAM_INTEGERS: at[0] .. at[n - 1]. */
typedef struct rg_integers {
    int64_t n;
    int64_t at[RG_MAX_INTEGERS];
} rg_integers;

/* The type of a parameter, and the C type of its field. */
typedef enum rg_param_type {
    RG_PARAM_REAL,     /* double */
    RG_PARAM_INTEGER,  /* int64_t */
    RG_PARAM_FLAG,     /* bool; written true or false */
    RG_PARAM_NAME,     /* int: the index of one of the names that name_at gives */
    RG_PARAM_INTEGERS, /* rg_integers; written [64, 32] */
    RG_PARAM_TYPE_COUNT
} rg_param_type;

/* One parameter: a field of the component's struct of parameters. */
typedef struct rg_param {
    const char *name; /* as in text and in C: "label_mode" */
    rg_param_type type;
    size_t offset;                 /* of the field in the struct, in bytes */
    double initial;                /* the default */
    const char *list;              /* RG_PARAM_INTEGERS: the default, "64,32"; NULL: empty */
    int least;                     /* RG_PARAM_INTEGERS: the smallest number of integers */
    double low, high;              /* low <= value <= high; both 0: any finite number */
    bool above, below;             /* the value may not equal low; high */
    const char *(*name_at)(int i); /* RG_PARAM_NAME: the i-th name; NULL past the last */
    const char *help;              /* one sentence without a full stop */
    const char *training; /* the default in training, as text: "0.1"; NULL: `initial` there too */
    const char *training_reason; /* why it differs; continues "because" */
} rg_param;

/* The first member of the structs that describe losses, metrics, optimizers, schedules and models.
 * Those of the library are static. */
typedef struct rg_component {
    const char *name;
    const char *formula;    /* one line */
    const rg_param *params; /* (n_params); NULL when there are none */
    int n_params;
    size_t params_size; /* of the struct of parameters, at most RG_PARAMS_SIZE bytes */
} rg_component;

/* The largest struct of parameters, in bytes. */
#define RG_PARAMS_SIZE 320

/* Another name of a choice: "listnet" of "ranking_softmax(label_mode=softmax)". */
typedef struct rg_alias {
    const char *name, *text;
} rg_alias;

/* All components of one kind. */
typedef struct rg_registry {
    const char *what; /* "optimizer", for messages */
    const rg_component *(*at)(int i);
    const rg_alias *aliases; /* ends with a name that is NULL; NULL: none */
    bool training;           /* omitted parameters get their defaults in training */
} rg_registry;

/* The i-th component; NULL past the last one. */
RG_API const rg_component *rg_registry_at(const rg_registry *registry, int i);

/* The component of that name, or NULL; aliases are read by rg_choice_parse alone. */
RG_API const rg_component *rg_registry_find(const rg_registry *registry, const char *name);

/* The i-th of some names, which belong to `of`. */
typedef const char *rg_name_at(const void *of, int i);

/* The name, of n or of those before a NULL, that a misspelt word was meant to be: one that differs
 * in few letters, else one that begins with the word or is followed by '-' or '_' in it, else one
 * that contains it; NULL if there is none. Upper and lower case, and '-' and '_', are the same. */
RG_API const char *rg_nearest_name(const char *word, rg_name_at *name_at, const void *of, int n);

/* A component and the values of its parameters. */
typedef struct rg_choice {
    const rg_component *component;
    union {
        unsigned char bytes[RG_PARAMS_SIZE];
        double alignment;
    } params; /* the component's struct of parameters */
} rg_choice;

/* Parses a choice from text such as "adam(beta1=0.95)". Omitted parameters get their defaults,
 * white space between words is ignored, and '-' and '_' in a name are the same. RG_USAGE for an
 * unknown name (the message lists the known ones) and for an unknown, repeated, malformed or
 * out-of-range parameter (the message gives its range). */
RG_API rg_status rg_choice_parse(rg_context *ctx, const rg_registry *registry, const char *text,
                                 rg_choice *choice);

/* Makes a choice from a component and its struct of parameters, which is copied; NULL means the
 * defaults. RG_USAGE when a parameter is out of range. */
RG_API rg_status rg_choice_make(rg_context *ctx, const rg_component *component, const void *params,
                                rg_choice *choice);

/* Sets one parameter of a choice from text such as "0.95". RG_USAGE as for rg_choice_parse. */
RG_API rg_status rg_choice_set(rg_context *ctx, rg_choice *choice, const char *name,
                               const char *value);

/* Writes a choice as text, with the values of all its parameters; rg_choice_parse reads it back as
 * the same choice. At most `size` bytes are written, including a terminating NUL. Returns the
 * length of the complete text, as snprintf does. */
RG_API size_t rg_choice_print(const rg_choice *choice, char *text, size_t size);

/* Writes the values that a parameter may have: "a number >= 0 and < 1", "one of raw, normalized,
 * softmax". `size` and the result are as for rg_choice_print. */
RG_API size_t rg_param_range(const rg_param *param, char *text, size_t size);

/* Writes the value of a parameter in `params`, the component's struct, or its default if `params`
 * is NULL. `size` and the result are as for rg_choice_print. */
RG_API size_t rg_param_print(const rg_param *param, const void *params, char *text, size_t size);

#ifdef __cplusplus
}
#endif
#endif
