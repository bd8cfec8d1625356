#include "script/scenario/scenario.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "script/matcher.h"
#include "script/names.h"
#include "script/scenario/reading.h"

/* ---- what defaults and scenarios have in common ---- */

static int read_within(struct reader *r, const struct node *value, void *into) {
    struct scenario_settings *s = into;
    return limit_read(r, value, &s->within_ms);
}

struct ignore_reading {
    const struct matcher **items;
    size_t count;
};

static int read_noise(struct reader *r, const struct node *item, void *into) {
    struct ignore_reading *x = into;
    return matcher_read(r, item, &x->items[x->count++]);
}

static int read_ignore(struct reader *r, const struct node *value, void *into) {
    struct scenario_settings *s = into;
    size_t count = value->kind == NODE_LIST ? value->count : 1;
    struct ignore_reading x = {.items = arena_alloc(r->arena, count * sizeof(struct matcher *))};
    int err = x.items != NULL ? reader_each(r, value, read_noise, &x) : TB_ENOMEM;
    s->says_ignore = true;
    s->ignore = x.items;
    s->ignore_count = x.count;
    return err;
}

#define SETTINGS_FIELDS                                                                            \
    DIAL_WISH_FIELDS, {.name = "within", .read = read_within}, {                                   \
        .name = "ignore", .read = read_ignore                                                      \
    }

static void inherit(struct scenario_settings *s, const struct scenario_settings *defaults) {
    if (s->within_ms == 0) {
        s->within_ms = defaults->within_ms;
    }
    if (!s->says_ignore) {
        s->ignore = defaults->ignore;
        s->ignore_count = defaults->ignore_count;
    }
}

static int read_defaults(struct reader *r, const struct node *map,
                         struct scenario_settings *defaults) {
    static const struct field fields[] = {SETTINGS_FIELDS, {.name = NULL}};
    int err = map != NULL ? reader_map(r, map, fields, "defaults", defaults) : TB_OK;
    if (defaults->within_ms == 0) {
        defaults->within_ms = WITHIN_DEFAULT_MS;
    }
    return err;
}

/* ---- clients ---- */

/* What is being read of a scenario. */
struct scenario_reading {
    struct scenario_settings settings; /* first: its fields take it */
    struct scenario *scenario;
    struct scenario_client *clients;
    const struct node *vars;
    const struct node *steps;
};

static int take_name(struct reader *r, const struct node *node, struct scenario_reading *x,
                     const char **names) {
    struct scenario *s = x->scenario;
    int err = reader_scalar(r, node, "a client's name");
    if (err != TB_OK) {
        return err;
    }
    if (!names_is_name(node->text, node->size)) {
        return reader_refuse(r, node,
                             "'%s' cannot be a client's name: letters, digits and _ make one, and "
                             "no digit begins it",
                             node->text);
    }
    if (names_is_reserved(node->text, node->size)) {
        return reader_refuse(
            r, node, "'%s' cannot be a client's name: in a template it means something else",
            node->text);
    }
    if (scenario_client_find(s, node->text) >= 0) {
        return reader_refuse(r, node, "the client '%s' is there twice", node->text);
    }
    names[s->client_count] = node->text;
    x->clients[s->client_count++].name = node->text;
    return TB_OK;
}

/* Names a scenario's clients, before anything of it is read: templates and steps may tell of any of
 * them. */
static int name_clients(struct reader *r, const struct node *value, struct scenario_reading *x) {
    static const struct node only = {.kind = NODE_SCALAR, .text = "client", .size = 6};
    const struct node *list = value != NULL ? value : &only;
    size_t count = list->kind == NODE_SCALAR ? 1 : list->count;
    if (count == 0 || count > SCENARIO_CLIENTS_MAX) {
        return reader_refuse(r, list, "a scenario has 1 to %d clients, and here are %zu",
                             SCENARIO_CLIENTS_MAX, count);
    }
    const char **names = arena_alloc(r->arena, (count + 1) * sizeof *names);
    x->clients = arena_alloc(r->arena, count * sizeof *x->clients);
    if (names == NULL || x->clients == NULL) {
        return TB_ENOMEM;
    }
    x->scenario->client_names = names;
    x->scenario->clients = x->clients;
    int err = list->kind == NODE_SCALAR ? take_name(r, list, x, names) : TB_OK;
    for (const struct node *n = list->first; err == TB_OK && n != NULL; n = n->next) {
        err = take_name(r, n, x, names);
    }
    return err;
}

static int read_clients(struct reader *r, const struct node *value, void *into) {
    static const struct field fields[] = {DIAL_WISH_FIELDS, {.name = NULL}};
    struct scenario_reading *x = into;
    int err = TB_OK;
    size_t i = 0;
    const struct node *key = value->kind == NODE_MAP ? value->first : NULL;
    for (; err == TB_OK && key != NULL; key = key->next) {
        struct dial_wish *wish = &x->clients[i++].wish;
        err = is_nothing(key->value) ? TB_OK : reader_map(r, key->value, fields, "a client", wish);
    }
    return err;
}

/* ---- who connects by a step of its own ---- */

static bool takes_part(const struct step *all, unsigned client) {
    bool found = all->all.actors == NULL;
    for (size_t i = 0; !found && i < all->all.actor_count; i++) {
        found = all->all.actors[i] == client;
    }
    return found;
}

/* The first of the steps that a client does. */
static const struct step *first_deed(const struct steps *steps, unsigned client) {
    for (size_t i = 0; i < steps->count; i++) {
        const struct step *step = &steps->items[i];
        const struct step *inner = NULL;
        if (step->verb == STEP_ALL && takes_part(step, client)) {
            inner = first_deed(&step->all.steps, client);
        }
        if (inner != NULL) {
            return inner;
        }
        bool is_its = step->actor == (int)client || step->actor == STEP_EACH;
        if (is_its && step_verb_is_of_client(step->verb)) {
            return step;
        }
    }
    return NULL;
}

static void see_who_connects(struct scenario_reading *x) {
    for (size_t i = 0; i < x->scenario->client_count; i++) {
        const struct step *first = first_deed(&x->scenario->steps, (unsigned)i);
        x->clients[i].connects_itself = first != NULL && first->verb == STEP_CONNECT;
    }
}

/* ---- a scenario ---- */

static int read_text(struct reader *r, const struct node *value, const char *what,
                     const char **text) {
    int err = reader_scalar(r, value, what);
    if (err == TB_OK && value->size == 0) {
        err = reader_refuse(r, value, "%s is missing here", what);
    }
    *text = value->text;
    return err;
}

static int read_name(struct reader *r, const struct node *value, void *into) {
    struct scenario_reading *x = into;
    x->scenario->node = value;
    return read_text(r, value, "a scenario's name", &x->scenario->name);
}

static int read_skip(struct reader *r, const struct node *value, void *into) {
    struct scenario_reading *x = into;
    int err = read_text(r, value, "the reason why it is left out", &x->scenario->skip);
    return err == TB_OK && reader_is_no(value)
               ? reader_refuse(r, value, "'skip' is a reason; leave it out")
               : err;
}

static int keep_vars(struct reader *r, const struct node *value, void *into) {
    struct scenario_reading *x = into;
    (void)r;
    x->vars = value;
    return TB_OK;
}

static int keep_steps(struct reader *r, const struct node *value, void *into) {
    struct scenario_reading *x = into;
    (void)r;
    x->steps = value;
    return TB_OK;
}

static const struct field scenario_fields[] = {
    {.name = "name", .read = read_name, .required = true},
    {.name = "skip", .read = read_skip},
    {.name = "clients", .read = read_clients},
    SETTINGS_FIELDS,
    {.name = "vars", .read = keep_vars},
    {.name = "steps", .read = keep_steps, .required = true},
    {.name = NULL},
};

static int read_whole(struct reader *r, const struct node *map, struct scenario_reading *x) {
    struct scenario *s = x->scenario;
    int err = map->kind == NODE_MAP ? name_clients(r, node_get(map, "clients"), x) : TB_OK;
    r->clients = s->client_names;
    err = err == TB_OK ? reader_map(r, map, scenario_fields, "a scenario", x) : err;
    err = err == TB_OK && x->vars != NULL ? step_values_read(r, x->vars, &s->vars) : err;
    err = err == TB_OK ? steps_read(r, x->steps, s, &s->steps) : err;
    if (err == TB_OK && s->steps.count == 0) {
        err = reader_refuse(r, x->steps, "a scenario has one step at least");
    }
    r->clients = NULL;
    return err;
}

struct suite_reading {
    const struct scenario_settings *defaults;
    struct scenario *scenarios;
    size_t count;
};

static int read_scenario(struct reader *r, const struct node *map, void *into) {
    struct suite_reading *suite = into;
    struct scenario *s = &suite->scenarios[suite->count++];
    struct scenario_reading x = {.scenario = s};
    int err = read_whole(r, map, &x);
    inherit(&x.settings, suite->defaults);
    s->settings = x.settings;
    if (err == TB_OK) {
        see_who_connects(&x);
    }
    return err;
}

/* ---- the suite ---- */

/* By name; of the same name in the order of the file. */
static int compare(const void *a, const void *b) {
    const struct scenario *x = *(const struct scenario *const *)a;
    const struct scenario *y = *(const struct scenario *const *)b;
    int order = strcmp(x->name, y->name);
    return order != 0 ? order : (x > y) - (x < y);
}

/* Reports, filters and recordings tell scenarios by their names. */
static int want_own_names(struct reader *r, const struct suite_reading *x) {
    const struct scenario **sorted = calloc(x->count + 1, sizeof(struct scenario *));
    int err = sorted != NULL ? TB_OK : TB_ENOMEM;
    for (size_t i = 0; err == TB_OK && i < x->count; i++) {
        sorted[i] = &x->scenarios[i];
    }
    if (err == TB_OK) {
        qsort(sorted, x->count, sizeof(struct scenario *), compare);
    }
    for (size_t i = 1; err == TB_OK && i < x->count; i++) {
        if (strcmp(sorted[i - 1]->name, sorted[i]->name) == 0) {
            err = reader_refuse(r, sorted[i]->node,
                                "a scenario of the name '%s' is there already, on line %u",
                                sorted[i]->name, sorted[i - 1]->node->line);
        }
    }
    free(sorted);
    return err;
}

static int read_list(struct reader *r, const struct node *list, struct suite *suite) {
    int err = reader_list(r, list, "a list of scenarios");
    if (err != TB_OK) {
        return err;
    }
    struct suite_reading x = {.defaults = &suite->defaults};
    x.scenarios = arena_alloc(r->arena, list->count * sizeof *x.scenarios);
    err = x.scenarios != NULL ? reader_each(r, list, read_scenario, &x) : TB_ENOMEM;
    err = err == TB_OK ? want_own_names(r, &x) : err;
    suite->scenarios = x.scenarios;
    suite->count = x.count;
    return err;
}

int suite_read(struct reader *r, const struct node *defaults, const struct node *scenarios,
               const struct suite **suite) {
    struct suite *made = arena_alloc(r->arena, sizeof *made);
    r->no_handshake = true;
    int err = made != NULL ? read_defaults(r, defaults, &made->defaults) : TB_ENOMEM;
    err = err == TB_OK && scenarios != NULL ? read_list(r, scenarios, made) : err;
    r->no_handshake = false;
    *suite = made;
    return err;
}
