/* A route's `rules`: what triggers each, under which conditions, and what it does. */
#include <string.h>

#include "base/err.h"
#include "script/mock/mock_plan.h"

struct rule_reader {
    struct action_reader actions; /* first: the fields of actions take it */
    struct rule *rule;
    const struct node *trigger; /* NULL: none yet */
};

/* ---- triggers ---- */

static int begin_trigger(struct reader *r, struct rule_reader *rr, const struct node *value,
                         enum trigger trigger) {
    if (rr->trigger != NULL) {
        return reader_refuse(r, value,
                             "a rule has one trigger at most (when, at, every, after): line %u has "
                             "one already",
                             rr->trigger->line);
    }
    rr->trigger = value;
    rr->rule->trigger = trigger;
    return TB_OK;
}

static int read_when(struct reader *r, const struct node *value, void *into) {
    struct rule_reader *rr = into;
    int err = begin_trigger(r, rr, value, TRIGGER_MESSAGE);
    return err == TB_OK ? matcher_read(r, value, &rr->rule->when) : err;
}

static int read_at(struct reader *r, const struct node *value, void *into) {
    static const char *const words[] = {"connect", "close", NULL};
    unsigned index = 0;
    int err = reader_choice(r, value, words, &index);
    return err == TB_OK
               ? begin_trigger(r, into, value, index == 0 ? TRIGGER_CONNECT : TRIGGER_CLOSE)
               : err;
}

static int read_every(struct reader *r, const struct node *value, void *into) {
    struct rule_reader *rr = into;
    int err = begin_trigger(r, rr, value, TRIGGER_EVERY);
    err = err == TB_OK ? reader_span(r, value, &rr->rule->time) : err;
    if (err == TB_OK && rr->rule->time.min_ms == 0) {
        err = reader_refuse(r, value, "'every' needs a time of 1ms at least");
    }
    return err;
}

static int read_after(struct reader *r, const struct node *value, void *into) {
    struct rule_reader *rr = into;
    int err = begin_trigger(r, rr, value, TRIGGER_AFTER);
    return err == TB_OK ? reader_span(r, value, &rr->rule->time) : err;
}

/* ---- conditions ---- */

static int read_state(struct reader *r, const struct node *value, void *into) {
    struct rule_reader *rr = into;
    unsigned state = 0;
    int err = plan_state(rr->actions.p, value, false, &state);
    (void)r;
    rr->rule->states |= UINT64_C(1) << state;
    return err;
}

static int read_in(struct reader *r, const struct node *value, void *into) {
    if (value->kind == NODE_LIST && value->count == 0) {
        return reader_refuse(r, value,
                             "'in' names no state: without it, a rule is for all of them");
    }
    return reader_each(r, value, read_state, into);
}

static int read_continue(struct reader *r, const struct node *value, void *into) {
    struct rule_reader *rr = into;
    return reader_bool(r, value, &rr->rule->goes_on);
}

/* ---- actions ---- */

static int read_do_item(struct reader *r, const struct node *item, void *into) {
    static const struct field fields[] = {ACTION_FIELDS, {.name = NULL}};
    struct rule_reader *rr = into;
    size_t before = rr->actions.count;
    int err = reader_map(r, item, fields, "an action", into);
    err = err == TB_OK ? actions_finish(&rr->actions) : err;
    if (err == TB_OK && rr->actions.count != before + 1) {
        err = reader_refuse(r, item, "an item of 'do' is one action");
    }
    return err;
}

static int read_do(struct reader *r, const struct node *value, void *into) {
    return reader_each(r, value, read_do_item, into);
}

/* ---- a rule ---- */

static int read_nothing(struct reader *r, const struct node *value, void *into) {
    (void)r;
    (void)value;
    (void)into;
    return TB_OK;
}

static const struct field fields[] = {
    {.name = "when", .read = read_when},
    {.name = "at", .read = read_at},
    {.name = "every", .read = read_every},
    {.name = "after", .read = read_after},
    {.name = "in", .read = read_in},
    {.name = "continue", .read = read_continue},
    {.name = "do", .read = read_do},
    {.name = "name", .read = read_nothing},
    ACTION_FIELDS,
    {.name = NULL},
};

static int check_close(struct reader *r, const struct rule *rule) {
    for (size_t i = 0; i < rule->action_count; i++) {
        const struct action *a = &rule->actions[i];
        if (action_needs_open(a)) {
            return reader_refuse(r, a->node,
                                 "'%s' needs the connection, which has gone at: close ('broadcast' "
                                 "and 'send' reach the others)",
                                 action_name(a));
        }
        if (a->verb == VERB_WAIT) {
            return reader_refuse(r, a->node,
                                 "nothing waits at: close: the connection has gone, and what "
                                 "belongs to it goes, too");
        }
    }
    return TB_OK;
}

static int check_rule(struct reader *r, const struct node *node, struct rule *rule) {
    bool is_message = rule->trigger == TRIGGER_MESSAGE;
    if (rule->goes_on && !is_message) {
        return reader_refuse(r, node_get(node, "continue"),
                             "'continue' is for rules that messages trigger");
    }
    bool has_waiter = false;
    for (size_t i = 0; i < rule->action_count; i++) {
        has_waiter = has_waiter || action_needs_member(&rule->actions[i]);
    }
    rule->everyone = rule->states == 0 && !has_waiter;
    return rule->trigger == TRIGGER_CLOSE ? check_close(r, rule) : TB_OK;
}

/* Every key may be one, until it is known that it is not. */
static size_t most_actions(const struct node *map) {
    const struct node *actions = map->kind == NODE_MAP ? node_get(map, "do") : NULL;
    size_t most = map->count;
    if (actions != NULL && actions->kind == NODE_LIST) {
        for (const struct node *item = actions->first; item != NULL; item = item->next) {
            most += item->count;
        }
    } else if (actions != NULL) {
        most += actions->count;
    }
    return most;
}

static size_t count_listed(const struct node *actions) {
    return actions->kind == NODE_LIST ? actions->count : 1;
}

static int read_rule(struct reader *r, const struct node *item, void *into) {
    struct plan_reader *p = into;
    struct plan_route *route = p->route;
    struct rule *rule = (struct rule *)route->rules + route->rule_count;
    struct rule_reader rr = {.actions = {.p = p}, .rule = rule};
    rr.actions.items = arena_alloc(r->arena, (most_actions(item) + 1) * sizeof *rr.actions.items);
    if (rr.actions.items == NULL) {
        return TB_ENOMEM;
    }
    *rule = (struct rule){.node = item, .number = p->plan->rule_count};
    int err = reader_map(r, item, fields, "a rule", &rr);
    err = err == TB_OK ? actions_finish(&rr.actions) : err;
    const struct node *listed = err == TB_OK ? node_get(item, "do") : NULL;
    if (listed != NULL && rr.actions.count > count_listed(listed)) {
        err =
            reader_refuse(r, item, "a rule has its actions either as keys or as a list under 'do'");
    }
    rule->actions = rr.actions.items;
    rule->action_count = rr.actions.count;
    route->rule_count++;
    p->plan->rule_count++;
    return err == TB_OK ? check_rule(r, item, rule) : err;
}

int plan_read_rules(struct plan_reader *p, const struct node *list) {
    struct plan_route *route = p->route;
    int err = reader_list(p->r, list, "a list of rules");
    if (err != TB_OK) {
        return err;
    }
    route->rules = arena_alloc(p->r->arena, (list->count + 1) * sizeof *route->rules);
    return route->rules == NULL ? TB_ENOMEM : reader_each(p->r, list, read_rule, p);
}
