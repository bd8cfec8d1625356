/* Messages that come in any order: each is to be for one of the matchers, and no two for the same.
 *
 * A message may match several matchers, so whom it is for is settled only as far as the others
 * leave no choice: the matching grows along augmenting paths.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "script/scenario/play.h"

struct matching {
    size_t size;  /* matchers */
    size_t count; /* messages */
    struct mail **mails;
    bool *fits;     /* a row of `size` for each message */
    ptrdiff_t *has; /* the message that a matcher has, or -1 */
    bool *asked;    /* matchers, while a path is sought */
};

static struct matching *matching_new(size_t size) {
    struct matching *m = calloc(1, sizeof *m);
    if (m == NULL) {
        return NULL;
    }
    m->size = size;
    m->mails = calloc(size, sizeof(struct mail *));
    m->fits = calloc(size * size, sizeof *m->fits);
    m->has = calloc(size, sizeof *m->has);
    m->asked = calloc(size, sizeof *m->asked);
    if (m->mails == NULL || m->fits == NULL || m->has == NULL || m->asked == NULL) {
        matching_free(m);
        return NULL;
    }
    for (size_t i = 0; i < size; i++) {
        m->has[i] = -1;
    }
    return m;
}

void matching_free(struct matching *m) {
    if (m == NULL) {
        return;
    }
    for (size_t i = 0; m->mails != NULL && i < m->size; i++) {
        play_mail_free(m->mails[i]);
    }
    free(m->mails);
    free(m->fits);
    free(m->has);
    free(m->asked);
    free(m);
}

/* Finds a matcher for the message, if need be by giving another message another one. */
static bool place(struct matching *m, size_t mail) {
    const bool *fits = &m->fits[mail * m->size];
    for (size_t i = 0; i < m->size; i++) {
        if (!fits[i] || m->asked[i]) {
            continue;
        }
        m->asked[i] = true;
        if (m->has[i] < 0 || place(m, (size_t)m->has[i])) {
            m->has[i] = (ptrdiff_t)mail;
            return true;
        }
    }
    return false;
}

/* ---- the step ---- */

/* The matchers that have no message yet. */
static void report(struct walker *c, const struct step *s, struct play_client *k) {
    const struct matching *m = c->matching;
    const struct matcher *open[UNORDERED_MAX];
    size_t count = 0;
    for (size_t i = 0; i < s->unordered.count; i++) {
        if (m == NULL || m->has[i] < 0) {
            open[count++] = s->unordered.items[i].matcher;
        }
    }
    play_seen_report(c, k, open, count);
}

/* Fills in which matchers the message is for; nothing counts yet. */
static enum look compare(struct walker *c, const struct step *s, struct play_client *k,
                         const struct mail *mail, bool *fits) {
    struct match *x = &c->player->match;
    enum look look = LOOK_DONE;
    x->looking = true;
    for (size_t i = 0; look == LOOK_DONE && i < s->unordered.count; i++) {
        look = play_try(c, k, s->unordered.items[i].matcher, mail, &fits[i]);
    }
    x->looking = false;
    return look;
}

static bool fits_none(const bool *fits, size_t count) {
    size_t i = 0;
    while (i < count && !fits[i]) {
        i++;
    }
    return i == count;
}

/* Another message. */
static enum look take(struct walker *c, const struct step *s, struct play_client *k,
                      struct mail *mail) {
    struct matching *m = c->matching;
    bool *fits = &m->fits[m->count * m->size];
    enum look look = compare(c, s, k, mail, fits);
    if (look != LOOK_DONE || (play_is_control(mail) && fits_none(fits, m->size))) {
        play_mail_free(mail);
        return look;
    }
    memset(m->asked, 0, m->size * sizeof *m->asked);
    if (place(m, m->count)) {
        m->mails[m->count++] = mail;
        return LOOK_DONE;
    }
    play_seen_add(c, mail);
    (void)play_fail(c->player, c, k, "%s",
                    fits_none(fits, m->size) ? "a message came that is none of those"
                                             : "a message came once more than it is awaited");
    report(c, s, k);
    return LOOK_FAILED;
}

/* All have come: now they count. */
static enum look keep_all(struct walker *c, const struct step *s, struct play_client *k) {
    struct matching *m = c->matching;
    enum look look = LOOK_DONE;
    for (size_t i = 0; look == LOOK_DONE && i < m->size; i++) {
        const struct expectation *e = &s->unordered.items[i];
        bool matches = false;
        struct mail **mail = &m->mails[m->has[i]];
        look = play_try(c, k, e->matcher, *mail, &matches);
        if (look == LOOK_DONE) {
            look = play_keep(c, k, e, *mail);
            *mail = NULL;
        }
    }
    return look;
}

enum look play_look_unordered(struct walker *c, const struct step *s, struct play_client *k) {
    if (c->matching == NULL && (c->matching = matching_new(s->unordered.count)) == NULL) {
        return play_fail_nomem(c->player, c, k);
    }
    struct matching *m = c->matching;
    struct mail *mail = NULL;
    while (m->count < m->size && (mail = play_client_take(k)) != NULL) {
        enum look look = take(c, s, k, mail);
        if (look != LOOK_DONE) {
            return look;
        }
    }
    if (m->count == m->size) {
        return keep_all(c, s, k);
    }
    if (k->conn == NULL) {
        (void)play_fail_ended(c, k);
    } else if (walker_is_late(c)) {
        (void)play_fail(c->player, c, k, "%zu of %zu messages came within %.3g s", m->count,
                        m->size, play_limit_s(c));
    } else {
        return LOOK_WAIT;
    }
    report(c, s, k);
    return LOOK_FAILED;
}
