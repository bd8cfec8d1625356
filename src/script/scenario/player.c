#include "script/scenario/player.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "conn/endpoint.h"
#include "script/mock/mock.h"
#include "script/scenario/play.h"
#include "script/template.h"

/* Before a time is judged to have passed: what our own mock has to answer, on the same loop, takes
 * more than one. */
enum { POLLS_WHEN_LATE = 4 };

static void on_kicked(uv_idle_t *idle);

/* ---- time ---- */

uint64_t play_now_us(const struct player *p) {
    return uv_hrtime() / 1000 - p->began_us;
}

uint64_t play_now_ms(const struct player *p) {
    return uv_now(&p->config->endpoint->loop->uv);
}

void play_kick(struct player *p) {
    if (p->state != PLAYER_GONE) {
        uv_idle_start(&p->idle, on_kicked);
    }
}

bool play_is_past(struct walker *c, uint64_t at_ms) {
    struct player *p = c->player;
    if (play_now_ms(p) < at_ms) {
        return false;
    }
    if (c->past_turn == 0 || c->past_ms != at_ms) {
        c->past_ms = at_ms;
        c->past_turn = p->turn;
    }
    if (p->turn >= c->past_turn + POLLS_WHEN_LATE) {
        return true;
    }
    play_kick(p);
    return false;
}

bool walker_is_late(struct walker *c) {
    return c->deadline_ms != 0 && play_is_past(c, c->deadline_ms);
}

/* ---- failing ---- */

static void set_failure(struct player *p, const struct walker *c, const struct play_client *k) {
    struct play_failure *f = &p->result->failure;
    f->step = c != NULL ? &c->steps->items[c->at] : NULL;
    f->node = f->step != NULL ? f->step->node : p->scenario->node;
    f->client = k != NULL ? k->plan->name : NULL;
    if (k != NULL && k->state == PLAY_CLIENT_REFUSED) {
        f->ending = k->status;
    } else if (k != NULL && k->state == PLAY_CLIENT_ENDED) {
        f->ending = k->code;
        (void)bytes_append(&f->reason, k->reason, k->reason_size);
    }
}

static bool has_failed(const struct player *p) {
    return p->result->failure.why != NULL;
}

/* What came from the file or from a peer may be in it. */
static const char *__attribute__((format(printf, 2, 0)))
word(struct bytes *safe, const char *fmt, va_list ap) {
    struct bytes text = BYTES_INIT;
    bool made = bytes_appendv(&text, fmt, ap) == TB_OK &&
                text_escape(safe, text.data, text.len, TEXT_ONE_LINE) == TB_OK &&
                bytes_append(safe, "", 1) == TB_OK;
    bytes_release(&text);
    return made ? (const char *)safe->data : "out of memory";
}

enum look play_fail(struct player *p, struct walker *c, struct play_client *k, const char *fmt,
                    ...) {
    struct play_failure *f = &p->result->failure;
    if (has_failed(p)) {
        return LOOK_FAILED;
    }
    va_list ap;
    va_start(ap, fmt);
    set_failure(p, c, k);
    f->kind = fmt;
    f->why = word(&f->why_text, fmt, ap);
    va_end(ap);
    return LOOK_FAILED;
}

enum look play_fail_nomem(struct player *p, struct walker *c, struct play_client *k) {
    if (!has_failed(p)) {
        set_failure(p, c, k);
        p->result->failure.kind = p->result->failure.why = "out of memory";
    }
    return LOOK_FAILED;
}

/* ---- what steps are made of ---- */

struct play_event *play_note(struct player *p, const struct play_client *k, enum play_kind kind,
                             const void *data, size_t n) {
    bool is_part = p->state == PLAYER_OPENING || p->state == PLAYER_PLAYING;
    struct play_event *e = is_part ? play_events_add(&p->result->transcript, kind, data, n) : NULL;
    if (e != NULL) {
        e->client = k->plan->name;
        e->at_us = play_now_us(p);
    }
    return e;
}

struct scope *play_scope(struct player *p, struct play_client *k) {
    p->scope = (struct scope){.message = k != NULL && k->last != NULL ? &k->message : NULL,
                              .own = k != NULL ? &k->store : NULL,
                              .vars = &p->vars,
                              .chance = &p->chance,
                              .clients = p->stores};
    return &p->scope;
}

enum look play_expand(struct walker *c, struct play_client *k, const struct template *t,
                      struct bytes *out) {
    struct scope *scope = play_scope(c->player, k);
    int err = template_expand(t, scope, out);
    if (err == TB_ENOMEM) {
        return play_fail_nomem(c->player, c, k);
    }
    if (err != TB_OK) {
        return play_fail(c->player, c, k, "what the templates make is too large");
    }
    return scope->missing == NULL ? LOOK_DONE
                                  : play_fail(c->player, c, k, "'%s' has no value", scope->missing);
}

/* ---- taking steps ---- */

static void step_over(struct walker *c) {
    play_seen_clear(c);
    matching_free(c->matching);
    c->matching = NULL;
    c->at++;
    c->begun = c->dialled = false;
    c->deadline_ms = 0;
    c->wake_ms = 0;
    c->past_turn = 0;
}

/* Whether it has come further. */
static bool walker_run(struct walker *c) {
    bool moved = false;
    while (c->steps != NULL && c->at < c->steps->count && !has_failed(c->player)) {
        if (play_step(c) != LOOK_DONE) {
            break;
        }
        step_over(c);
        moved = true;
    }
    return moved;
}

static bool is_over(const struct walker *c) {
    return c->steps == NULL || c->at == c->steps->count;
}

struct walker *play_current(struct player *p) {
    return p->state == PLAYER_PLAYING && !is_over(&p->main) ? &p->main : NULL;
}

static void run_steps(struct player *p) {
    bool moved = true;
    while (moved && !has_failed(p)) {
        moved = walker_run(&p->main);
        for (size_t i = 0; i < p->scenario->client_count; i++) {
            moved = walker_run(&p->parts[i]) || moved;
        }
    }
}

/* ---- before the first step ---- */

static bool connects_beforehand(const struct play_client *k) {
    return !k->plan->connects_itself;
}

static void connect_all(struct player *p) {
    struct bytes why = BYTES_INIT;
    for (size_t i = 0; i < p->scenario->client_count && !has_failed(p); i++) {
        struct play_client *k = &p->clients[i];
        if (connects_beforehand(k) && !play_client_dial(k, NULL, &why)) {
            play_fail(p, NULL, k, "cannot connect: %.*s", (int)why.len,
                      why.len > 0 ? (const char *)why.data : "");
        }
    }
    bytes_release(&why);
    p->main.deadline_ms = play_now_ms(p) + p->scenario->settings.within_ms;
}

/* The variables of a scenario stand over those of the file. */
static int set_vars(struct player *p) {
    const struct step_values *vars = &p->scenario->vars;
    struct bytes value = BYTES_INIT;
    int err = TB_OK;
    for (size_t i = 0; err == TB_OK && i < vars->count; i++) {
        bytes_clear(&value);
        err = template_expand(vars->items[i].value, play_scope(p, NULL), &value);
        if (err == TB_OK && p->scope.missing != NULL) {
            play_fail(p, NULL, NULL, "'%s' has no value", p->scope.missing);
        }
        err = err == TB_OK ? store_set(&p->vars, vars->items[i].slot, value.data, value.len) : err;
    }
    bytes_release(&value);
    return err;
}

static void begin(struct player *p) {
    int err = set_vars(p);
    if (err != TB_OK) {
        play_fail(p, NULL, NULL, "the scenario's variables: %s", tb_err_text(err));
    } else if (!has_failed(p)) {
        connect_all(p);
    }
}

static void fail_to_open(struct player *p, struct play_client *k) {
    struct bytes how = BYTES_INIT;
    if (play_client_tell_end(k, &how) != TB_OK) {
        play_fail_nomem(p, NULL, k);
    } else {
        play_fail(p, NULL, k, "it could not connect: %.*s", (int)how.len, (const char *)how.data);
    }
    bytes_release(&how);
}

static void await_all(struct player *p) {
    bool ready = true;
    for (size_t i = 0; i < p->scenario->client_count && !has_failed(p); i++) {
        struct play_client *k = &p->clients[i];
        if (k->state == PLAY_CLIENT_REFUSED) {
            fail_to_open(p, k);
        } else if (k->state == PLAY_CLIENT_DIALLING && walker_is_late(&p->main)) {
            play_fail(p, NULL, k, "it was not connected within %.3g s",
                      (double)p->scenario->settings.within_ms / 1e3);
        }
        ready = ready && k->state != PLAY_CLIENT_DIALLING;
    }
    if (ready && !has_failed(p)) {
        p->main.deadline_ms = 0;
        p->main.past_turn = 0;
        p->state = PLAYER_PLAYING;
    }
}

/* ---- the end ---- */

static void on_handle_closed(uv_handle_t *handle) {
    struct player *p = handle->data;
    if (--p->handles > 0) {
        return;
    }
    for (size_t i = 0; p->clients != NULL && i < p->scenario->client_count; i++) {
        play_client_release(&p->clients[i]);
    }
    match_release(&p->match);
    message_release(&p->message);
    store_release(&p->vars);
    url_release(&p->base);
    free(p->clients);
    free(p->stores);
    free(p->parts);
    free(p->counters);
    free(p->bases);
    play_result_free(p->result);
    free(p);
}

static void let_go(struct player *p) {
    p->state = PLAYER_GONE;
    uv_close((uv_handle_t *)&p->idle, on_handle_closed);
    uv_close((uv_handle_t *)&p->timer, on_handle_closed);
}

static void forget_walker(struct walker *c) {
    play_seen_clear(c);
    matching_free(c->matching);
    c->matching = NULL;
    c->steps = NULL;
    c->past_turn = 0;
    c->deadline_ms = 0;
    c->wake_ms = 0;
}

/* What happens from now on is not the scenario's any more. */
static void wind_up(struct player *p) {
    p->result->passed = !has_failed(p);
    p->result->duration_us = play_now_us(p);
    p->state = PLAYER_ENDING;
    p->end_by_ms = play_now_ms(p) + PLAYER_GOODBYE_MS;
    forget_walker(&p->main);
    for (size_t i = 0; i < p->scenario->client_count; i++) {
        struct play_client *k = &p->clients[i];
        play_client_count_unread(k);
        forget_walker(&p->parts[i]);
        play_client_close(k);
    }
}

static void finish_if_alone(struct player *p) {
    bool late = play_now_ms(p) >= p->end_by_ms;
    for (size_t i = 0; i < p->scenario->client_count; i++) {
        if (late) {
            play_client_drop(&p->clients[i]);
        } else if (p->clients[i].conn != NULL) {
            return;
        }
    }
    struct play_result *result = p->result;
    p->result = NULL;
    let_go(p);
    p->config->on_done(p->config->ctx, result);
}

/* ---- the turn ---- */

static uint64_t sooner(uint64_t a, uint64_t b) {
    return a == 0 || (b != 0 && b < a) ? b : a;
}

static void on_time(uv_timer_t *timer) {
    play_kick(timer->data);
}

static void set_timer(struct player *p) {
    uint64_t at_ms = sooner(p->main.deadline_ms, p->main.wake_ms);
    for (size_t i = 0; i < p->scenario->client_count; i++) {
        const struct walker *c = &p->parts[i];
        at_ms = sooner(at_ms, sooner(c->deadline_ms, c->wake_ms));
    }
    if (p->state == PLAYER_ENDING) {
        at_ms = p->end_by_ms;
    }
    if (at_ms == 0) {
        uv_timer_stop(&p->timer);
        return;
    }
    uint64_t now_ms = play_now_ms(p);
    uv_timer_start(&p->timer, on_time, at_ms > now_ms ? at_ms - now_ms : 0, 0);
}

static void take_turn(struct player *p) {
    if (p->state == PLAYER_OPENING) {
        await_all(p);
    }
    if (p->state == PLAYER_PLAYING) {
        run_steps(p);
    }
    bool is_playing = p->state == PLAYER_OPENING || p->state == PLAYER_PLAYING;
    if (is_playing && (has_failed(p) || (p->state == PLAYER_PLAYING && is_over(&p->main)))) {
        wind_up(p);
    }
}

static void on_kicked(uv_idle_t *idle) {
    struct player *p = idle->data;
    uv_idle_stop(idle);
    uv_update_time(idle->loop); /* a wait is no shorter than the file says */
    p->turn++;
    take_turn(p);
    if (p->state == PLAYER_ENDING) {
        finish_if_alone(p);
    }
    if (p->state != PLAYER_GONE) {
        set_timer(p);
    }
}

/* ---- the beginning ---- */

static size_t count_verifies(const struct steps *steps, struct verify_base *bases) {
    size_t count = 0;
    for (size_t i = 0; i < steps->count; i++) {
        const struct step *s = &steps->items[i];
        if (s->verb == STEP_ALL) {
            count += count_verifies(&s->all.steps, bases != NULL ? &bases[count] : NULL);
        } else if (s->verb == STEP_VERIFY) {
            if (bases != NULL) {
                bases[count].step = s;
            }
            count++;
        }
    }
    return count;
}

/* What the mock has received before does not count. */
static bool take_bases(struct player *p) {
    p->base_count = p->config->mock != NULL ? count_verifies(&p->scenario->steps, NULL) : 0;
    if (p->base_count == 0) {
        return true;
    }
    p->bases = calloc(p->base_count, sizeof *p->bases);
    if (p->bases == NULL) {
        return false;
    }
    (void)count_verifies(&p->scenario->steps, p->bases);
    for (size_t i = 0; i < p->base_count; i++) {
        (void)mock_received(p->config->mock, p->bases[i].step->verify.matcher, play_scope(p, NULL),
                            &p->bases[i].received);
    }
    return true;
}

static int copy_store(struct store *to, const struct store *from) {
    int err = TB_OK;
    for (size_t i = 0; from != NULL && err == TB_OK && i < from->count; i++) {
        const struct bytes *value = store_get(from, (unsigned)i);
        err = value != NULL ? store_set(to, (unsigned)i, value->data, value->len) : TB_OK;
    }
    return err;
}

static bool read_base(struct player *p) {
    struct bytes message = BYTES_INIT;
    const char *text = p->config->base_url;
    int err = text != NULL ? url_parse(&p->base, text, &message) : TB_OK;
    p->has_base = text != NULL && err == TB_OK;
    if (err == TB_EINVAL) {
        play_fail(p, NULL, NULL, "%.*s", (int)message.len, (const char *)message.data);
    }
    bytes_release(&message);
    return err != TB_ENOMEM;
}

static bool make_cast(struct player *p) {
    size_t count = p->scenario->client_count;
    p->clients = calloc(count, sizeof *p->clients);
    p->stores = calloc(count, sizeof(const struct store *));
    p->parts = calloc(count, sizeof *p->parts);
    p->counters = calloc((size_t)p->config->counters + 1, sizeof *p->counters);
    if (p->clients == NULL || p->stores == NULL || p->parts == NULL || p->counters == NULL) {
        free(p->clients); /* there is nothing in them yet */
        p->clients = NULL;
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        struct play_client *k = &p->clients[i];
        k->player = p;
        k->plan = &p->scenario->clients[i];
        list_init(&k->inbox);
        p->stores[i] = &k->store;
        p->parts[i] = (struct walker){.player = p, .client = k};
        list_init(&p->parts[i].seen);
    }
    match_init(&p->match, &p->scope, p->counters);
    return copy_store(&p->vars, p->config->vars) == TB_OK && take_bases(p) && read_base(p);
}

struct player *player_start(const struct player_config *config) {
    struct player *p = calloc(1, sizeof *p);
    struct play_result *result = calloc(1, sizeof *result);
    if (p == NULL || result == NULL) {
        free(p);
        free(result);
        return NULL;
    }
    p->own_config = *config;
    p->config = &p->own_config;
    p->scenario = config->scenario;
    p->result = result;
    result->transcript.most = config->keep > 0 ? config->keep : PLAYER_KEEP_DEFAULT;
    result->failure.came.most = PLAYER_CAME_MAX;
    p->began_us = uv_hrtime() / 1000;
    chance_init(&p->chance, config->seed);
    p->main = (struct walker){.player = p, .steps = &p->scenario->steps};
    list_init(&p->main.seen);
    uv_loop_t *loop = &config->endpoint->loop->uv;
    uv_idle_init(loop, &p->idle);
    uv_timer_init(loop, &p->timer);
    p->idle.data = p->timer.data = p;
    p->handles = 2;
    match_init(&p->match, &p->scope, NULL);
    if (!make_cast(p)) {
        let_go(p);
        return NULL;
    }
    if (!has_failed(p)) {
        begin(p);
    }
    play_kick(p);
    return p;
}

void player_stop(struct player *player, const char *why) {
    if (player->state == PLAYER_OPENING || player->state == PLAYER_PLAYING) {
        (void)play_fail(player, play_current(player), NULL, "%s", why);
        play_kick(player);
    }
}
