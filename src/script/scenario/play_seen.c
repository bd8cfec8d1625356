/* What a step has waited for, and what came instead: for the report. */
#include <stdlib.h>

#include "base/err.h"
#include "script/scenario/diff.h"
#include "script/scenario/play.h"

enum { SEEN_BYTES_MAX = 1024 * 1024 };

static void forget_oldest(struct walker *c) {
    struct mail *mail = LIST_ENTRY(c->seen.next, struct mail, hook);
    list_remove(&mail->hook);
    c->seen_count--;
    c->seen_bytes -= mail->size;
    play_mail_free(mail);
}

void play_seen_add(struct walker *c, struct mail *mail) {
    list_init(&mail->hook);
    list_append(&c->seen, &mail->hook);
    c->seen_count++;
    c->seen_total++;
    c->seen_bytes += mail->size;
    while (c->seen_count > PLAYER_CAME_MAX ||
           (c->seen_count > 1 && c->seen_bytes > SEEN_BYTES_MAX)) {
        forget_oldest(c);
    }
}

void play_seen_clear(struct walker *c) {
    while (c->seen_count > 0) {
        forget_oldest(c);
    }
    c->seen_total = 0;
}

void play_await(struct player *p, const struct matcher *m) {
    struct bytes *out = &p->result->failure.awaited;
    if (out->len > 0) {
        (void)bytes_append_str(out, "; ");
    }
    (void)matcher_describe(m, out);
}

/* ---- the nearest ---- */

/* Only to explain: nothing counts. */
static struct match *look_at(struct play_client *k, const struct mail *mail) {
    struct match *x = play_look_at(k, mail->type, mail->data, mail->size);
    x->looking = true;
    return x;
}

struct near {
    const struct mail *mail;
    const struct matcher *matcher;
    unsigned nearness;
    size_t index;
};

/* Of equals the first. */
static struct near find_nearest(struct walker *c, struct play_client *k,
                                const struct matcher *const *matchers, size_t count) {
    struct near near = {.mail = NULL};
    size_t index = 0;
    for (struct list *hook = c->seen.next; hook != &c->seen; hook = hook->next, index++) {
        const struct mail *mail = LIST_ENTRY(hook, struct mail, hook);
        for (size_t i = 0; i < count; i++) {
            unsigned nearness = matcher_nearness(matchers[i], look_at(k, mail));
            if (near.mail == NULL || nearness > near.nearness) {
                near = (struct near){mail, matchers[i], nearness, index};
            }
        }
    }
    return near;
}

static void explain(struct walker *c, struct play_client *k, const struct near *near) {
    struct play_failure *f = &c->player->result->failure;
    struct bytes wanted = BYTES_INIT;
    f->has_nearest = true;
    f->nearest = near->index;
    struct match *x = look_at(k, near->mail);
    (void)matcher_why_not(near->matcher, x, &f->why_not);
    if (near->mail->type == MESSAGE_TEXT && matcher_exact(near->matcher, x, &wanted)) {
        (void)diff_write(wanted.data, wanted.len, near->mail->data, near->mail->size, &f->diff);
    }
    bytes_release(&wanted);
}

/* ---- the report ---- */

enum play_kind play_kind_of(enum message_type type) {
    switch (type) {
    case MESSAGE_BINARY:
        return PLAY_BINARY;
    case MESSAGE_PING:
        return PLAY_PING;
    case MESSAGE_PONG:
        return PLAY_PONG;
    default:
        return PLAY_TEXT;
    }
}

static void show(struct walker *c, const struct play_client *k) {
    struct play_events *came = &c->player->result->failure.came;
    for (struct list *hook = c->seen.next; hook != &c->seen; hook = hook->next) {
        const struct mail *mail = LIST_ENTRY(hook, struct mail, hook);
        struct play_event *e =
            play_events_add(came, play_kind_of(mail->type), mail->data, mail->size);
        if (e != NULL) {
            e->client = k->plan->name;
            e->at_us = mail->at_us;
        }
    }
    came->total = c->seen_total;
}

void play_seen_report(struct walker *c, struct play_client *k,
                      const struct matcher *const *matchers, size_t count) {
    for (size_t i = 0; i < count; i++) {
        play_await(c->player, matchers[i]);
    }
    show(c, k);
    const struct near near = find_nearest(c, k, matchers, count);
    if (near.mail != NULL && c->player->result->failure.came.count == c->seen_count) {
        explain(c, k, &near);
    }
    match_clear(&c->player->match);
    c->player->match.looking = false;
}
