/* A route at work on one loop. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "script/mock/state.h"

struct run *run_new(struct mock_loop *l, const struct plan_route *route) {
    struct run *run = calloc(1, sizeof *run);
    char *path = strdup(route_text(route->path));
    if (run == NULL || path == NULL) {
        free(run);
        free(path);
        return NULL;
    }
    run->loop = l;
    run->route = route;
    run->path = path;
    list_init(&run->hook);
    list_init(&run->members);
    list_init(&run->parted);
    list_init(&run->clocks);
    room_init(&run->room, l->ep);
    return run;
}

void run_forget_parted(struct run *run) {
    for (struct list *hook = run->parted.next, *next; hook != &run->parted; hook = next) {
        next = hook->next;
        member_free(LIST_ENTRY(hook, struct member, hook));
    }
}

void run_free(struct run *run) {
    list_remove(&run->hook);
    run_forget_parted(run);
    alarms_stop(&run->clocks);
    room_release(&run->room);
    free(run->path);
    free(run);
}

void run_free_if_gone(struct run *run) {
    if (run->route == NULL && list_is_empty(&run->members) && list_is_empty(&run->parted) &&
        list_is_empty(&run->clocks)) {
        run_free(run);
    }
}

struct run *run_named(struct mock_loop *l, const char *path) {
    for (struct list *hook = l->runs.next; hook != &l->runs; hook = hook->next) {
        struct run *run = LIST_ENTRY(hook, struct run, hook);
        if (strcmp(run->path, path) == 0) {
            return run;
        }
    }
    return NULL;
}

struct run *run_for(struct mock_loop *l, struct http1_str target, struct route_parts *parts,
                    bool *nomem) {
    *nomem = false;
    for (size_t i = 0; i < l->plan->route_count && !*nomem; i++) {
        const struct plan_route *route = &l->plan->routes[i];
        if (route_takes(route->path, target, parts, nomem)) {
            return run_named(l, route_text(route->path));
        }
    }
    return NULL;
}

/* ---- clocks ---- */

/* The time from one firing to the next. */
static uint64_t next_time(struct mock_loop *l, const struct rule *rule) {
    const struct mock_config *config = &l->mock->config;
    bool is_set = config->has_every && rule->trigger == TRIGGER_EVERY;
    return is_set ? config->every_ms : alarm_time(l, &rule->time);
}

/* Nobody is there for whom to close it is said already. */
static bool has_audience(const struct run *run) {
    const struct mock_loop *l = run->loop;
    return atomic_load_explicit(&l->tally->open[run->route->index], memory_order_relaxed) > 0 &&
           atomic_load_explicit(&l->ep->shared->open, memory_order_relaxed) > 0;
}

static void on_route_clock(struct alarm *a) {
    struct run *run = a->run;
    struct mock_loop *l = run->loop;
    alarm_again(a, next_time(l, a->rule));
    if (has_audience(run)) {
        fire(run, NULL, a->rule);
    }
}

static void on_member_clock(struct alarm *a) {
    const struct rule *rule = a->rule;
    struct member *m = a->member;
    struct run *run = a->run;
    if (rule->trigger == TRIGGER_EVERY) {
        alarm_again(a, next_time(run->loop, rule));
    } else {
        alarm_stop(a);
    }
    if (m->conn != NULL && rule_is_for(rule, m)) {
        fire(run, m, rule);
    }
}

static int start_clock(struct run *run, struct member *m, const struct rule *rule, uint64_t ms) {
    struct alarm *a = alarm_set(run, m, ms, m == NULL ? on_route_clock : on_member_clock);
    if (a == NULL) {
        return TB_ENOMEM;
    }
    a->rule = rule;
    return TB_OK;
}

static int start_every(struct run *run, struct member *m, const struct rule *rule) {
    const struct mock_config *config = &run->loop->mock->config;
    bool is_silent = config->has_every && config->every_ms == 0;
    return is_silent ? TB_OK : start_clock(run, m, rule, next_time(run->loop, rule));
}

/* The time of the member's nth `after`: of a range always the same one, for a file that changes
 * must not draw again what has rung already. */
static uint64_t after_time(const struct member *m, const struct rule *rule, unsigned nth) {
    const struct span *span = &rule->time;
    uint64_t seed = m->run->loop->mock->config.seed;
    struct chance own;
    if (span->min_ms == span->max_ms) {
        return span->min_ms;
    }
    chance_init(&own, seed + (m->peer.id << 16) + nth);
    return chance_between(&own, span->min_ms, span->max_ms);
}

/* What is over has rung, but for a member that has only come: member_ring_due(). */
static int start_after(struct member *m, const struct rule *rule, unsigned nth, bool is_new) {
    uint64_t passed_ms = uv_now(&m->run->loop->ep->loop->uv) - m->since_ms;
    uint64_t ms = after_time(m, rule, nth);
    if (is_new) {
        return start_clock(m->run, m, rule, ms);
    }
    return ms <= passed_ms ? TB_OK : start_clock(m->run, m, rule, ms - passed_ms);
}

/* A route's clock ticks on one loop for all of them. */
int run_start_clocks(struct run *run) {
    int err = TB_OK;
    const struct mock_loop *l = run->loop;
    bool is_first = l == &l->mock->loops[0] && !l->has_ended;
    for (size_t i = 0; is_first && run->route != NULL && i < run->route->rule_count; i++) {
        const struct rule *rule = &run->route->rules[i];
        if (err == TB_OK && rule->trigger == TRIGGER_EVERY && rule->everyone) {
            err = start_every(run, NULL, rule);
        }
    }
    return err;
}

int member_start_clocks(struct member *m, bool is_new) {
    const struct plan_route *route = m->run->route;
    unsigned nth = 0;
    int err = TB_OK;
    for (size_t i = 0; route != NULL && i < route->rule_count && err == TB_OK; i++) {
        const struct rule *rule = &route->rules[i];
        if (rule->trigger == TRIGGER_AFTER) {
            err = start_after(m, rule, nth++, is_new);
        } else if (rule->trigger == TRIGGER_EVERY && !rule->everyone) {
            err = start_every(m->run, m, rule);
        }
    }
    return err;
}

void member_ring_due(struct member *m) {
    for (struct list *hook = m->alarms.next, *next; hook != &m->alarms; hook = next) {
        struct alarm *a = LIST_ENTRY(hook, struct alarm, hook);
        next = hook->next;
        if (a->ring == on_member_clock && a->rule->trigger == TRIGGER_AFTER &&
            uv_timer_get_due_in(&a->timer) == 0) {
            a->ring(a);
        }
    }
}
