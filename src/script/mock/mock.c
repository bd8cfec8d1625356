#include "script/mock/mock.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "conn/trace.h"
#include "script/mock/state.h"

enum { NOTES_MAX = 10, NOTES_MS = 1000 };

/* ---- notes ---- */

/* A new second: tells how many were left out in the last one. */
static void begin_notes(struct mock_loop *l, uint64_t now_ms) {
    char text[64];
    if (l->notes_left_out > 0) {
        snprintf(text, sizeof text, "%u more such lines were left out", l->notes_left_out);
        trace_log(l->mock->config.trace, text);
    }
    l->notes_at_ms = now_ms;
    l->notes = 0;
    l->notes_left_out = 0;
}

static int write_note(const struct script *script, const struct node *at, struct bytes *line,
                      const char *fmt, va_list ap) {
    struct bytes text = BYTES_INIT;
    int err = TB_OK;
    if (at != NULL) {
        err = bytes_appendf(&text, "%s:%u: ", document_name(script->doc), at->line);
    }
    err = err == TB_OK ? bytes_appendv(&text, fmt, ap) : err;
    err = err == TB_OK ? text_escape(line, text.data, text.len, TEXT_ONE_LINE) : err;
    bytes_release(&text);
    return err == TB_OK ? bytes_append(line, "", 1) : err;
}

bool mock_may_note(struct mock_loop *l) {
    uint64_t now_ms = uv_now(&l->ep->loop->uv);
    if (now_ms - l->notes_at_ms >= NOTES_MS) {
        begin_notes(l, now_ms);
    }
    l->notes_left_out += l->notes == NOTES_MAX;
    return l->notes < NOTES_MAX;
}

void mock_note(struct mock_loop *l, const struct script *script, const struct node *at,
               const char *fmt, ...) {
    if (!mock_may_note(l)) {
        return;
    }
    l->notes++;
    struct bytes line = BYTES_INIT;
    va_list ap;
    va_start(ap, fmt);
    if (write_note(script, at, &line, fmt, ap) == TB_OK) {
        trace_log(l->mock->config.trace, (const char *)line.data);
    }
    va_end(ap);
    bytes_release(&line);
}

/* ---- the outermost call ---- */

void mock_enter(struct mock_loop *l) {
    l->depth++;
}

void mock_leave(struct mock_loop *l) {
    while (l->depth == 1 && !list_is_empty(&l->leaving)) {
        member_part(LIST_ENTRY(l->leaving.next, struct member, leaving));
    }
    l->depth--;
}

struct mock_loop *mock_loop_of(const struct endpoint *ep) {
    struct mock *mock = ep->config->ctx;
    for (size_t i = 0; i < mock->count; i++) {
        if (mock->loops[i].ep == ep) {
            return &mock->loops[i];
        }
    }
    return NULL;
}

/* ---- life ---- */

static void init_loop(struct mock *mock, struct mock_loop *l) {
    l->mock = mock;
    list_init(&l->runs);
    list_init(&l->leaving);
    list_init(&l->received);
}

struct mock *mock_new(const struct mock_config *config, size_t loops) {
    struct mock *mock = calloc(1, sizeof *mock);
    struct mock_loop *made = calloc(loops, sizeof *made);
    if (mock == NULL || made == NULL || uv_mutex_init(&mock->mutex) != 0) {
        free(mock);
        free(made);
        return NULL;
    }
    mock->config = *config;
    mock->loops = made;
    mock->count = loops;
    for (size_t i = 0; i < loops; i++) {
        init_loop(mock, &made[i]);
    }
    return mock;
}

static void release_loop(struct mock_loop *l) {
    received_forget(l);
    candidates_release(&l->candidates);
    match_release(&l->match);
    match_release(&l->fault_match);
    message_release(&l->message);
    made_release(&l->made);
    bytes_release(&l->text);
    free(l->crowd);
    while (!list_is_empty(&l->runs)) {
        run_free(LIST_ENTRY(l->runs.next, struct run, hook));
    }
    tally_drop(l->mock, l->tally);
    script_unref(l->script);
}

void mock_free(struct mock *mock) {
    if (mock == NULL) {
        return;
    }
    for (size_t i = 0; i < mock->count; i++) {
        release_loop(&mock->loops[i]);
    }
    uv_mutex_destroy(&mock->mutex);
    free(mock->loops);
    free(mock);
}

/* ---- the plan of a loop ---- */

static struct run *run_of_path(struct mock_loop *l, const struct plan_route *route) {
    return run_named(l, route_text(route->path));
}

/* A run for every route of the plan, those that are there already included; the new ones wait in
 * *fresh. TB_OK or TB_ENOMEM: nothing has changed. */
static int prepare_runs(struct mock_loop *l, const struct mock_plan *plan, struct list *fresh) {
    for (size_t i = 0; i < plan->route_count; i++) {
        if (run_of_path(l, &plan->routes[i]) != NULL) {
            continue;
        }
        struct run *run = run_new(l, &plan->routes[i]);
        if (run == NULL) {
            return TB_ENOMEM;
        }
        list_append(fresh, &run->hook);
    }
    return TB_OK;
}

/* Room for what the selector of any route may find. */
static int prepare_candidates(struct mock_loop *l, const struct mock_plan *plan) {
    size_t rules = 0;
    size_t literals = 0;
    for (size_t i = 0; i < plan->route_count; i++) {
        const struct plan_route *route = &plan->routes[i];
        size_t sought = selector_literals(route->selector);
        rules = route->rule_count > rules ? route->rule_count : rules;
        literals = sought > literals ? sought : literals;
    }
    struct candidates made;
    if (candidates_init(&made, rules, literals) != TB_OK) {
        return TB_ENOMEM;
    }
    candidates_release(&l->candidates);
    l->candidates = made;
    return TB_OK;
}

static const struct plan_route *route_of(const struct mock_plan *plan, const char *path) {
    for (size_t i = 0; i < plan->route_count; i++) {
        if (strcmp(route_text(plan->routes[i].path), path) == 0) {
            return &plan->routes[i];
        }
    }
    return NULL;
}

/* The state of that name in another version of the route; the first one if there is none. */
static unsigned state_in(const struct plan_route *route, const char *name) {
    for (unsigned i = 0; route != NULL && i < route->state_count; i++) {
        if (strcmp(route->states[i], name) == 0) {
            return i;
        }
    }
    return 0;
}

/* A member's place in the new version of its route: variables move by their names. */
static void move_member(struct member *m, const struct script *before, const struct script *after,
                        const struct plan_route *old, const struct plan_route *route) {
    struct store moved = {.values = NULL};
    m->state = old == NULL ? 0 : state_in(route, old->states[m->state]);
    free(m->seen);
    m->seen = NULL;
    alarms_stop_clocks(&m->alarms);
    for (unsigned slot = 0; m->store != NULL && slot < m->store->count; slot++) {
        const struct bytes *value = store_get(m->store, slot);
        int to = value == NULL ? -1 : names_find(after->names, names_text(before->names, slot));
        if (to >= 0) {
            (void)store_set(&moved, (unsigned)to, value->data, value->len);
        }
    }
    if (m->store != NULL) {
        store_release(m->store);
        *m->store = moved;
    }
}

static void move_run(struct run *run, const struct script *before, const struct script *after) {
    const struct plan_route *old = run->route;
    run->route = route_of(after->server, run->path);
    alarms_stop_clocks(&run->clocks);
    for (struct list *hook = run->members.next; hook != &run->members; hook = hook->next) {
        struct member *m = LIST_ENTRY(hook, struct member, hook);
        move_member(m, before, after, old, run->route);
        if (run->route != NULL) {
            atomic_fetch_add(&run->loop->tally->open[run->route->index], 1);
        }
    }
}

static void start_clocks(struct mock_loop *l) {
    for (struct list *hook = l->runs.next; hook != &l->runs; hook = hook->next) {
        struct run *run = LIST_ENTRY(hook, struct run, hook);
        int err = run_start_clocks(run);
        for (struct list *m = run->members.next; m != &run->members; m = m->next) {
            int failed = member_start_clocks(LIST_ENTRY(m, struct member, hook), false);
            err = err == TB_OK ? failed : err;
        }
        if (err != TB_OK) {
            mock_note(l, NULL, NULL, "a clock could not be started (out of memory)");
        }
    }
}

static void free_runs(struct list *fresh) {
    while (!list_is_empty(fresh)) {
        run_free(LIST_ENTRY(fresh->next, struct run, hook));
    }
}

/* The script, which is the loop's from now on, in the place of the one that is there. */
static int put_in_force(struct mock_loop *l, unsigned version, struct script *script) {
    struct list fresh;
    list_init(&fresh);
    struct tally *tally = tally_use(l->mock, script, version);
    int err = tally == NULL ? TB_ENOMEM : prepare_candidates(l, script->server);
    err = err == TB_OK ? prepare_runs(l, script->server, &fresh) : err;
    if (err != TB_OK) {
        free_runs(&fresh);
        tally_drop(l->mock, tally);
        return err;
    }
    struct script *before = l->script;
    tally_drop(l->mock, l->tally);
    l->tally = tally;
    l->script = script;
    l->plan = script->server;
    for (struct list *hook = l->runs.next, *next; hook != &l->runs; hook = next) {
        struct run *run = LIST_ENTRY(hook, struct run, hook);
        next = hook->next;
        move_run(run, before, script);
        run_free_if_gone(run);
    }
    list_splice(&l->runs, &fresh);
    start_clocks(l);
    script_unref(before);
    return TB_OK;
}

int mock_begin(struct mock *mock, size_t i, struct endpoint *ep, struct script *script) {
    struct mock_loop *l = &mock->loops[i];
    l->ep = ep;
    chance_init(&l->chance, mock->config.seed + i);
    int err = put_in_force(l, 0, script_ref(script));
    if (err != TB_OK) {
        l->ep = NULL;
        script_unref(script);
    }
    return err;
}

/* What is due rings by the file that it is due by: the new one takes it for over. */
static void ring_due(struct mock_loop *l) {
    for (struct list *hook = l->runs.next; hook != &l->runs; hook = hook->next) {
        struct run *run = LIST_ENTRY(hook, struct run, hook);
        for (struct list *m = run->members.next; m != &run->members; m = m->next) {
            member_ring_due(LIST_ENTRY(m, struct member, hook));
        }
    }
}

int mock_change(struct mock *mock, size_t i, unsigned version, struct script *script) {
    struct mock_loop *l = &mock->loops[i];
    mock_enter(l);
    ring_due(l);
    int err = put_in_force(l, version, script_ref(script));
    if (err != TB_OK) {
        script_unref(script);
    }
    mock_leave(l);
    return err;
}

void mock_end(struct mock *mock, size_t i) {
    struct mock_loop *l = &mock->loops[i];
    l->has_ended = true;
    if (l->notes_left_out > 0) {
        begin_notes(l, l->notes_at_ms);
    }
    for (struct list *hook = l->runs.next; hook != &l->runs; hook = hook->next) {
        struct run *run = LIST_ENTRY(hook, struct run, hook);
        alarms_stop(&run->clocks);
        run_forget_parted(run);
    }
}

/* ---- faults by their names ---- */

bool mock_switch(struct mock_loop *l, const char *id, bool on) {
    for (size_t i = 0; i < l->plan->route_count; i++) {
        for (size_t k = 0; k < l->plan->routes[i].fault_count; k++) {
            const struct fault *fault = &l->plan->routes[i].faults[k];
            if (strcmp(fault->id, id) == 0) {
                atomic_store(&l->tally->on[fault->index], on);
                return true;
            }
        }
    }
    return false;
}

bool mock_fault(struct mock *mock, const char *id, bool on) {
    return mock_switch(&mock->loops[0], id, on);
}
