/* A step as it is read: one verb, and who does it, how long it may take, what is kept of it. */
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "script/matcher.h"
#include "script/scenario/reading.h"

enum { ACTORS_TOLD = 4 /* names that a message lists */ };

const char *const step_verb_names[] = {
    [STEP_CONNECT] = "connect",
    [STEP_SEND] = "send",
    [STEP_EXPECT] = "expect",
    [STEP_AWAIT] = "await",
    [STEP_SILENCE] = "silence",
    [STEP_UNORDERED] = "unordered",
    [STEP_EXPECT_CLOSE] = "expect_close",
    [STEP_CLOSE] = "close",
    [STEP_PING] = "ping",
    [STEP_RESET] = "reset",
    [STEP_WAIT] = "wait",
    [STEP_BARRIER] = "barrier",
    [STEP_LOG] = "log",
    [STEP_SET] = "set",
    [STEP_CHECK] = "check",
    [STEP_FAULT] = "fault",
    [STEP_VERIFY] = "verify",
    [STEP_ALL] = "all",
    [STEP_VERBS] = NULL,
};

bool step_verb_is_of_client(enum step_verb verb) {
    return verb <= STEP_RESET;
}

bool step_verb_waits(enum step_verb verb) {
    switch (verb) {
    case STEP_CONNECT:
    case STEP_EXPECT:
    case STEP_AWAIT:
    case STEP_UNORDERED:
    case STEP_EXPECT_CLOSE:
    case STEP_PING:
    case STEP_BARRIER:
    case STEP_VERIFY:
        return true;
    default:
        return false;
    }
}

/* ---- modifiers ---- */

static int take_within(struct reader *r, const struct step_reading *x) {
    if (x->within == NULL) {
        return TB_OK;
    }
    if (!step_verb_waits(x->step->verb)) {
        return reader_refuse(r, x->within,
                             "'within' is a limit, and '%s' waits for nothing that could be late",
                             step_verb_names[x->step->verb]);
    }
    if (x->step->within_ms != 0) {
        return reader_refuse(r, x->within, "'within' stands in the '%s' already",
                             step_verb_names[x->step->verb]);
    }
    return limit_read(r, x->within, &x->step->within_ms);
}

static int take_save(struct reader *r, const struct step_reading *x) {
    if (x->save == NULL) {
        return TB_OK;
    }
    if (x->step->verb != STEP_EXPECT && x->step->verb != STEP_AWAIT) {
        return reader_refuse(r, x->save, "'save' goes with 'expect' and 'await'");
    }
    if (x->step->expect.save_count > 0) {
        return reader_refuse(r, x->save, "'save' stands in the '%s' already",
                             step_verb_names[x->step->verb]);
    }
    return saves_read(r, x->save, &x->step->expect);
}

/* ---- who acts ---- */

int scenario_client_find(const struct scenario *scenario, const char *name) {
    for (size_t i = 0; i < scenario->client_count; i++) {
        if (strcmp(scenario->client_names[i], name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

static int find_actor(struct reader *r, const struct node *node, const struct scenario *scenario,
                      int *actor) {
    int err = reader_scalar(r, node, "a client's name");
    if (err != TB_OK) {
        return err;
    }
    *actor = scenario_client_find(scenario, node->text);
    if (*actor >= 0) {
        return TB_OK;
    }
    const char *near = text_nearest(node->text, scenario->client_names, scenario->client_count);
    return reader_refuse(r, node, "the scenario has no client '%s'%s%s%s", node->text,
                         near != NULL ? "; did you mean '" : "", near != NULL ? near : "",
                         near != NULL ? "'?" : "");
}

/* Several do it, side by side: as if it stood alone in an `all` of theirs. */
static int share_step(struct reader *r, struct step_reading *x) {
    struct step *inner = arena_alloc(r->arena, sizeof *inner);
    unsigned *actors = arena_alloc(r->arena, x->as->count * sizeof *actors);
    size_t count = 0;
    int err = inner != NULL && actors != NULL ? TB_OK : TB_ENOMEM;
    for (const struct node *n = x->as->first; err == TB_OK && n != NULL; n = n->next) {
        int actor = 0;
        err = find_actor(r, n, x->scenario, &actor);
        for (size_t i = 0; err == TB_OK && i < count; i++) {
            err = actors[i] == (unsigned)actor
                      ? reader_refuse(r, n, "'%s' stands here twice", n->text)
                      : TB_OK;
        }
        if (err == TB_OK) {
            actors[count++] = (unsigned)actor;
        }
    }
    if (err != TB_OK) {
        return err;
    }
    *inner = *x->step;
    inner->actor = STEP_EACH;
    *x->step = (struct step){.verb = STEP_ALL, .node = inner->node, .actor = STEP_NOBODY};
    x->step->all.steps = (struct steps){.items = inner, .count = 1};
    x->step->all.actors = actors;
    x->step->all.actor_count = count;
    return TB_OK;
}

static int take_as(struct reader *r, struct step_reading *x) {
    if (x->in_all) {
        return reader_refuse(r, x->as,
                             "what stands in 'all' is done by everybody: 'as' has no "
                             "place here");
    }
    if (x->step->verb == STEP_ALL || x->step->verb == STEP_BARRIER) {
        return reader_refuse(r, x->as, "'%s' is everybody's: 'as' has no place here",
                             step_verb_names[x->step->verb]);
    }
    if (x->as->kind != NODE_LIST) {
        return find_actor(r, x->as, x->scenario, &x->step->actor);
    }
    return x->as->count > 0 ? share_step(r, x) : reader_refuse(r, x->as, "'as' names nobody here");
}

static int refuse_nobody(struct reader *r, const struct step_reading *x) {
    const struct scenario *s = x->scenario;
    struct bytes names = BYTES_INIT;
    int err = TB_OK;
    for (size_t i = 0; err == TB_OK && i < s->client_count && i < ACTORS_TOLD; i++) {
        err = bytes_appendf(&names, "%s%s", i > 0 ? ", " : "", s->client_names[i]);
    }
    if (err == TB_OK) {
        err = reader_refuse(
            r, x->verb, "which client? Say 'as: NAME' (%.*s%s), or put it under 'all:'",
            (int)names.len, (const char *)names.data, s->client_count > ACTORS_TOLD ? ", …" : "");
    }
    bytes_release(&names);
    return err;
}

static int take_actor(struct reader *r, struct step_reading *x) {
    if (x->as != NULL) {
        return take_as(r, x);
    }
    bool alone = x->scenario->client_count == 1 && x->step->verb != STEP_ALL;
    x->step->actor = x->in_all ? STEP_EACH : alone ? 0 : STEP_NOBODY;
    return x->step->actor == STEP_NOBODY && step_verb_is_of_client(x->step->verb)
               ? refuse_nobody(r, x)
               : TB_OK;
}

/* ---- a step, and all of them ---- */

static int refuse_idle(struct reader *r, const struct node *item) {
    struct bytes words = BYTES_INIT;
    int err = TB_OK;
    for (size_t i = 0; err == TB_OK && i < STEP_VERBS; i++) {
        err = bytes_appendf(&words, "%s%s", i > 0 ? ", " : "", step_verb_names[i]);
    }
    if (err == TB_OK) {
        err = reader_refuse(r, item, "this step does nothing: it wants one of %.*s", (int)words.len,
                            (const char *)words.data);
    }
    bytes_release(&words);
    return err;
}

static int read_step(struct reader *r, const struct node *item, struct step_reading *x) {
    int err = item->kind == NODE_SCALAR ? step_read_bare(r, item, x)
                                        : reader_map(r, item, step_fields, "a step", x);
    if (err == TB_OK && x->verb == NULL) {
        err = refuse_idle(r, item);
    }
    err = err == TB_OK ? take_within(r, x) : err;
    err = err == TB_OK ? take_save(r, x) : err;
    return err == TB_OK ? take_actor(r, x) : err;
}

int steps_read_in(struct reader *r, const struct node *list, const struct scenario *scenario,
                  bool in_all, struct steps *steps) {
    int err = reader_list(r, list, "a list of steps");
    struct step *items = err == TB_OK ? arena_alloc(r->arena, list->count * sizeof *items) : NULL;
    if (err == TB_OK && items == NULL) {
        err = TB_ENOMEM;
    }
    steps->items = items;
    for (const struct node *item = list->first; err == TB_OK && item != NULL; item = item->next) {
        struct step_reading x = {
            .step = &items[steps->count++], .scenario = scenario, .map = item, .in_all = in_all};
        x.step->node = item;
        err = read_step(r, item, &x);
    }
    return err;
}

int steps_read(struct reader *r, const struct node *list, const struct scenario *scenario,
               struct steps *steps) {
    return steps_read_in(r, list, scenario, false, steps);
}
