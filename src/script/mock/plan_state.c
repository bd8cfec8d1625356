/* The states of a route's connections. */
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "script/mock/mock_plan.h"

static const char first_state[] = "start";

static struct state_use *find(struct plan_reader *p, const char *name) {
    for (size_t i = 0; i < p->state_count; i++) {
        if (strcmp(p->states[i].name, name) == 0) {
            return &p->states[i];
        }
    }
    return NULL;
}

static struct state_use *add(struct plan_reader *p, const char *name, const struct node *node) {
    struct state_use *use = &p->states[p->state_count++];
    *use = (struct state_use){.name = name, .node = node};
    return use;
}

int plan_state(struct plan_reader *p, const struct node *node, bool is_target, unsigned *state) {
    int err = reader_scalar(p->r, node, "a state's name");
    if (err != TB_OK) {
        return err;
    }
    if (p->state_count == 0) {
        add(p, first_state, node)->is_target = true;
    }
    struct state_use *use = find(p, node->text);
    if (use == NULL && p->state_count == PLAN_STATES_MAX) {
        return reader_refuse(p->r, node, "a route has %d states at most", PLAN_STATES_MAX);
    }
    use = use == NULL ? add(p, node->text, node) : use;
    use->is_target = use->is_target || is_target;
    *state = (unsigned)(use - p->states);
    return TB_OK;
}

static int refuse(struct plan_reader *p, const struct state_use *lost) {
    const char *targets[PLAN_STATES_MAX];
    size_t count = 0;
    for (size_t i = 0; i < p->state_count; i++) {
        if (p->states[i].is_target) {
            targets[count++] = p->states[i].name;
        }
    }
    const char *near = text_nearest(lost->name, targets, count);
    if (near != NULL) {
        return reader_refuse(p->r, lost->node,
                             "no rule goes to the state '%s' (did you mean '%s'?)", lost->name,
                             near);
    }
    return reader_refuse(p->r, lost->node,
                         "no rule goes to the state '%s' (goto: %s; the first one is 'start')",
                         lost->name, lost->name);
}

int plan_check_states(struct plan_reader *p) {
    const char **names = arena_alloc(p->r->arena, (p->state_count + 1) * sizeof *names);
    if (names == NULL) {
        return TB_ENOMEM;
    }
    for (size_t i = 0; i < p->state_count; i++) {
        if (!p->states[i].is_target) {
            return refuse(p, &p->states[i]);
        }
        names[i] = p->states[i].name;
    }
    if (p->state_count == 0) {
        names[0] = first_state;
    }
    p->route->states = names;
    p->route->state_count = p->state_count > 0 ? p->state_count : 1;
    return TB_OK;
}
