/* test_component.c: choices from text and from structs, choices as text, and their errors. */
#include "check.h"

#include "base/base.h"
#include "base/component.h"

static const char *mode_at(int i)
{
    static const char *const names[] = {"raw", "normalized", "softmax"};
    return i >= 0 && i < 3 ? names[i] : NULL;
}

struct every {
    double rate;
    int64_t count;
    bool flag;
    int label_mode;
    rg_integers hidden, widths;
};

static const rg_param params[] = {
    RG__REAL(struct every, rate, 0.9, 0, 1, .below = true, .help = "a rate", .training = "0.5"),
    RG__INTEGER(struct every, count, 3, 1, 100, .help = "a count"),
    RG__FLAG(struct every, flag, false, .help = "a flag"),
    RG__NAME(struct every, label_mode, 1, mode_at, .help = "a name", .training = "raw"),
    RG__INTEGERS(struct every, hidden, 1, 2048, .help = "units"),
    RG__INTEGERS(struct every, widths, 1, 9, .list = "3,2", .least = 1, .help = "widths"),
};

static const rg_component every = {.name = "every", RG__PARAMS(struct every, params)};
static const rg_component plain = {.name = "plain"};

static const rg_component *at(int i)
{
    return i == 0 ? &plain : i == 1 ? &every : NULL;
}

static const rg_alias aliases[] = {
    {"often", "every(rate=0.25, flag=true)"}, {"just_plain", "plain"}, {NULL, NULL}};

static const rg_registry registry = {.what = "thing", .at = at, .aliases = aliases};
static const rg_registry in_training = {
    .what = "thing", .at = at, .aliases = aliases, .training = true};

static struct {
    rg_context *ctx;
    rg_choice choice;
} f;

static const char *printed(void)
{
    static char text[512];
    assert_true(rg_choice_print(&f.choice, text, sizeof text) < sizeof text);
    return text;
}

#define FULL "every(rate=%s, count=%s, flag=%s, label_mode=%s, hidden=%s, widths=[3, 2])"

static void text_round_trips(void **state)
{
    (void)state;
    static const struct {
        const char *text, *rate, *count, *flag, *mode, *hidden;
    } rows[] = {
        {"every", "0.9", "3", "false", "normalized", "[]"},
        {"every()", "0.9", "3", "false", "normalized", "[]"},
        {" every ( ) ", "0.9", "3", "false", "normalized", "[]"},
        {"every(rate=0)", "0", "3", "false", "normalized", "[]"},
        {"every(rate=0.1,count=100)", "0.1", "100", "false", "normalized", "[]"},
        {"every(rate = 1e-300 , flag = true)", "1e-300", "3", "true", "normalized", "[]"},
        {"every(rate=0.10000000000000002)", "0.10000000000000002", "3", "false", "normalized",
         "[]"},
        {"every(label-mode=softmax)", "0.9", "3", "false", "softmax", "[]"},
        {"every(hidden=[64, 32], label_mode=raw)", "0.9", "3", "false", "raw", "[64, 32]"},
        {"every(hidden=[1])", "0.9", "3", "false", "normalized", "[1]"},
        {"every(hidden=7)", "0.9", "3", "false", "normalized", "[7]"},
        {"often", "0.25", "3", "true", "normalized", "[]"},
        {"often()", "0.25", "3", "true", "normalized", "[]"},
        {" often ( count = 5 ) ", "0.25", "5", "true", "normalized", "[]"},
        {"often(rate=0.5)", "0.5", "3", "true", "normalized", "[]"},
        {"often(flag=false, rate=0)", "0", "3", "false", "normalized", "[]"},
        {"often(label-mode=raw, hidden=[2])", "0.25", "3", "true", "raw", "[2]"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char expected[512], first[512];
        snprintf(expected, sizeof expected, FULL, rows[i].rate, rows[i].count, rows[i].flag,
                 rows[i].mode, rows[i].hidden);
        assert_ok(f.ctx, rg_choice_parse(f.ctx, &registry, rows[i].text, &f.choice));
        assert_string_equal(printed(), expected);
        strcpy(first, printed());
        assert_ok(f.ctx, rg_choice_parse(f.ctx, &registry, first, &f.choice)); /* and back */
        assert_string_equal(printed(), expected);
    }
    assert_ok(f.ctx, rg_choice_parse(f.ctx, &registry, "plain", &f.choice));
    assert_string_equal(printed(), "plain");
    assert_ok(f.ctx, rg_choice_parse(f.ctx, &registry, "just_plain", &f.choice));
    assert_string_equal(printed(), "plain");
}

static void training_has_its_own_defaults(void **state)
{
    (void)state;
    static const struct {
        const char *text, *rate, *flag, *mode;
    } rows[] = {
        {"every", "0.5", "false", "raw"},
        {"every()", "0.5", "false", "raw"},
        {"every(rate=0.9)", "0.9", "false", "raw"},
        {"every(label_mode=normalized)", "0.5", "false", "normalized"},
        {"every(flag=true)", "0.5", "true", "raw"},
        {"every(rate=0, label_mode=softmax)", "0", "false", "softmax"},
        {"often", "0.25", "true", "raw"},
        {"often(label_mode=softmax)", "0.25", "true", "softmax"},
        {"often(rate=0.75, flag=false)", "0.75", "false", "raw"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char expected[512];
        snprintf(expected, sizeof expected, FULL, rows[i].rate, "3", rows[i].flag, rows[i].mode,
                 "[]");
        assert_ok(f.ctx, rg_choice_parse(f.ctx, &in_training, rows[i].text, &f.choice));
        assert_string_equal(printed(), expected);
    }
    assert_ok(f.ctx, rg_choice_make(f.ctx, &every, NULL, &f.choice));
    assert_non_null(strstr(printed(), "rate=0.9"));
}

/* A default in training is in the parameter's range, differs from the other one, and has a reason. */
static void training_defaults_of_losses(void **state)
{
    (void)state;
    const rg_component *loss;
    int n_found = 0;
    for (int i = 0; (loss = rg_registry_at(rg_losses(), i)) != NULL; i++)
        for (int k = 0; k < loss->n_params; k++) {
            const rg_param *param = &loss->params[k];
            char initial[128];
            if (!param->training)
                continue;
            n_found++;
            assert_ok(f.ctx, rg_choice_make(f.ctx, loss, NULL, &f.choice));
            assert_ok(f.ctx, rg_choice_set(f.ctx, &f.choice, param->name, param->training));
            rg_param_print(param, NULL, initial, sizeof initial);
            assert_string_not_equal(initial, param->training);
            assert_non_null(param->training_reason);
        }
    assert_true(n_found > 0);
}

static void bad_text_is_an_error(void **state)
{
    (void)state;
    static const struct {
        const char *text, *words;
    } rows[] = {
        {"evry", "thing \"evry\" is unknown (did you mean every?); expected one of plain, every, often, "
                 "just_plain"},
        {"oft", "thing \"oft\" is unknown"},
        {"often(rate=2)", "every: rate is 2; expected a number >= 0 and < 1"},
        {"often(rate=0.5, rate=0.5)", "rate is given twice"},
        {"often(speed=1)", "every: has no parameter speed"},
        {"often)", "thing 'often)': syntax error at character 6"},
        {"often(rate=0.5) x", "syntax error"},
        {"just_plain(rate=1)", "plain: has no parameter rate"},
        {"", "expected one of plain, every"},
        {"every(", "syntax error at character 7"},
        {"every(rate", "syntax error at character 11"},
        {"every(rate)", "syntax error"},
        {"every(rate=", "syntax error"},
        {"every(rate=0.5", "syntax error"},
        {"every(rate=0.5))", "syntax error at character 16"},
        {"every(rate=0.5) x", "syntax error"},
        {"every(rate=0.5,)", "syntax error"},
        {"every(,rate=0.5)", "syntax error"},
        {"every(rate=)", "rate is empty; expected a number >= 0 and < 1"},
        {"every(rate=1)", "rate is 1; expected a number >= 0 and < 1"},
        {"every(rate=-1)", "rate is -1"},
        {"every(rate=nan)", "rate is nan"},
        {"every(rate=inf)", "rate is inf"},
        {"every(rate=0.5x)", "rate is 0.5x"},
        {"every(rate=0x1)", "rate is 0x1"},
        {"every(count=0)", "count is 0; expected a whole number >= 1 and <= 100"},
        {"every(count=1.5)", "count is 1.5"},
        {"every(count=9223372036854775808)", "count is 9223372036854775808"},
        {"every(flag=1)", "flag is 1; expected true or false"},
        {"every(label_mode=hard)", "expected one of raw, normalized, softmax"},
        {"every(hidden=[64,0])", "hidden is [64,0]; expected whole numbers >= 1 and <= 2048"},
        {"every(hidden=[64,])", "hidden is [64,]"},
        {"every(hidden=[64)", "syntax error"},
        {"every(widths=[])", "widths is []; expected whole numbers >= 1 and <= 9, 1 to 16 of them"},
        {"every(hidden=[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1])", "hidden is"},
        {"every(rate=0.1, rate=0.2)", "rate is given twice"},
        {"every(speed=1)", "has no parameter speed; expected one of rate, count, flag"},
        {"plain(rate=1)", "has no parameter rate; expected no parameters"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_fails(f.ctx, RG_USAGE, rows[i].words,
                     rg_choice_parse(f.ctx, &registry, rows[i].text, &f.choice));
    char too_long[400];
    memset(too_long, 'x', sizeof too_long - 1);
    too_long[sizeof too_long - 1] = '\0';
    assert_fails(f.ctx, RG_USAGE, "syntax error",
                 rg_choice_parse(f.ctx, &registry, too_long, &f.choice));
    assert_fails(f.ctx, RG_USAGE, "thing: text is NULL",
                 rg_choice_parse(f.ctx, &registry, NULL, &f.choice));
}

static void choices_from_structs(void **state)
{
    (void)state;
    struct every own = {0.25, 7, true, 2, {2, {8, 4}}, {1, {5}}};
    assert_ok(f.ctx, rg_choice_make(f.ctx, &every, &own, &f.choice));
    assert_string_equal(
        printed(),
        "every(rate=0.25, count=7, flag=true, label_mode=softmax, hidden=[8, 4], widths=[5])");
    assert_ok(f.ctx, rg_choice_make(f.ctx, &every, NULL, &f.choice));
    assert_string_equal(printed(),
                        "every(rate=0.9, count=3, flag=false, label_mode=normalized, hidden=[], "
                        "widths=[3, 2])");

    const struct every good = own;
    own.rate = NAN;
    assert_fails(f.ctx, RG_USAGE, "rate is nan", rg_choice_make(f.ctx, &every, &own, &f.choice));
    own = good, own.count = 101;
    assert_fails(f.ctx, RG_USAGE, "count is 101", rg_choice_make(f.ctx, &every, &own, &f.choice));
    own = good, own.label_mode = 3;
    assert_fails(f.ctx, RG_USAGE, "label_mode is", rg_choice_make(f.ctx, &every, &own, &f.choice));
    own = good, own.label_mode = -1;
    assert_fails(f.ctx, RG_USAGE, "label_mode is", rg_choice_make(f.ctx, &every, &own, &f.choice));
    own = good, own.hidden.n = RG_MAX_INTEGERS + 1;
    assert_fails(f.ctx, RG_USAGE, "hidden is", rg_choice_make(f.ctx, &every, &own, &f.choice));
    own = good, own.hidden.n = -1;
    assert_fails(f.ctx, RG_USAGE, "hidden is", rg_choice_make(f.ctx, &every, &own, &f.choice));
}

static void wrong_tables_are_an_error(void **state)
{
    (void)state;
    struct every own = {0.25, 7, true, 2, {2, {8, 4}}, {1, {5}}};
    rg_param table[RG__COUNT(params)];
    for (int fault = 0; fault < 4; fault++) {
        memcpy(table, params, sizeof table);
        rg_component wrong = every;
        wrong.params = table;
        if (fault == 0)
            wrong.params_size = RG_PARAMS_SIZE + 1;
        else if (fault == 1)
            table[1].offset = wrong.params_size - 4;
        else if (fault == 2)
            table[4].offset = SIZE_MAX;
        else
            table[0].type = RG_PARAM_TYPE_COUNT;
        assert_fails(f.ctx, RG_USAGE, "invalid table of parameters",
                     rg_choice_make(f.ctx, &wrong, &own, &f.choice));
    }
}

static void one_parameter_is_set(void **state)
{
    (void)state;
    assert_ok(f.ctx, rg_choice_parse(f.ctx, &registry, "every(count=9)", &f.choice));
    assert_ok(f.ctx, rg_choice_set(f.ctx, &f.choice, "hidden", "64,32"));
    assert_ok(f.ctx, rg_choice_set(f.ctx, &f.choice, "rate", "0.5"));
    const char *before = "every(rate=0.5, count=9, flag=false, label_mode=normalized, "
                         "hidden=[64, 32], widths=[3, 2])";
    assert_string_equal(printed(), before);
    assert_fails(f.ctx, RG_USAGE, "rate is 2", rg_choice_set(f.ctx, &f.choice, "rate", "2"));
    assert_fails(f.ctx, RG_USAGE, "no parameter", rg_choice_set(f.ctx, &f.choice, "x", "2"));
    assert_string_equal(printed(), before); /* a failure changes nothing */
}

static void long_texts_are_truncated(void **state)
{
    (void)state;
    char text[16];
    memset(text, '#', sizeof text);
    assert_ok(f.ctx, rg_choice_parse(f.ctx, &registry, "every", &f.choice));
    assert_true(rg_choice_print(&f.choice, text, 10) > 10);
    assert_string_equal(text, "every(rat");
    assert_int_equal(text[10], '#');
    assert_true(rg_param_range(&params[3], text, 8) > 8);
    assert_string_equal(text, "one of ");
    assert_int_equal(rg_param_print(&params[0], NULL, text, sizeof text), 3);
    assert_string_equal(text, "0.9");
}

static int set_up(void **state)
{
    (void)state;
    f.ctx = rg_context_create(NULL);
    return f.ctx ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    rg_context_destroy(f.ctx);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(text_round_trips, set_up, tear_down),
        cmocka_unit_test_setup_teardown(training_has_its_own_defaults, set_up, tear_down),
        cmocka_unit_test_setup_teardown(training_defaults_of_losses, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bad_text_is_an_error, set_up, tear_down),
        cmocka_unit_test_setup_teardown(choices_from_structs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(wrong_tables_are_an_error, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_parameter_is_set, set_up, tear_down),
        cmocka_unit_test_setup_teardown(long_texts_are_truncated, set_up, tear_down),
    };
    RUN_TESTS(tests);
}
