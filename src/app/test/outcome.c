#include "app/test/outcome.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

const char *const verdict_names[] = {"passed", "failed", "skipped"};

/* ---- what met a step ---- */

void met_add(struct met_list *list, const struct step *step, const struct play_event *event) {
    struct met met = {.step = step, .client = event->client, .words = BYTES_INIT};
    if (list->count == MET_MAX || play_event_write(event, &met.words) != TB_OK) {
        return;
    }
    struct met *more = realloc(list->items, (list->count + 1) * sizeof *more);
    if (more == NULL) {
        bytes_release(&met.words);
        return;
    }
    list->items = more;
    more[list->count++] = met;
}

static void met_release(struct met_list *list) {
    for (size_t i = 0; i < list->count; i++) {
        bytes_release(&list->items[i].words);
    }
    free(list->items);
}

/* ---- verdicts ---- */

enum verdict outcome_verdict(const struct outcome *o) {
    return o->result == NULL   ? VERDICT_SKIPPED
           : o->result->passed ? VERDICT_PASSED
                               : VERDICT_FAILED;
}

enum verdict finding_verdict(const struct finding *f) {
    enum verdict verdict = VERDICT_SKIPPED;
    for (size_t i = 0; i < TARGET_COUNT; i++) {
        enum verdict one = outcome_verdict(&f->outcomes[i]);
        if (one == VERDICT_FAILED) {
            return VERDICT_FAILED;
        }
        verdict = one == VERDICT_PASSED ? VERDICT_PASSED : verdict;
    }
    return verdict;
}

void finding_tell_skip(const struct finding *f, struct sheet *s) {
    if (f->skip != NULL) {
        sheet_put(s, f->skip);
    } else if (f->left_out != NULL) {
        sheet_putf(s, "'%s' is for the file's own mock", f->left_out);
    }
}

/* ---- where two runs parted ---- */

static void say_events(struct sheet *s, const struct play_events *events) {
    for (size_t i = 0; i < events->count; i++) {
        struct bytes words = BYTES_INIT;
        s->nomem = play_event_write(play_events_at(events, i), &words) != TB_OK || s->nomem;
        sheet_put(s, i > 0 ? ", " : "");
        sheet_bytes(s, words.data, words.len);
        bytes_release(&words);
    }
}

/* What came at the step where it failed. */
static void say_failure(struct sheet *s, const struct play_failure *f) {
    say_events(s, &f->came);
    if (f->came.count > 0) {
        sheet_put(s, ": ");
    }
    sheet_put(s, f->why);
}

static bool is_same(const char *a, const char *b) {
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* The client's last close. */
static const struct play_event *find_close(const struct play_events *events, const char *client) {
    for (size_t i = events->count; i-- > 0;) {
        const struct play_event *e = play_events_at(events, i);
        if (e->kind == PLAY_CLOSE && (client == NULL || is_same(e->client, client))) {
            return e;
        }
    }
    return NULL;
}

/* What met the step in a run that came through it. */
static void say_met(struct sheet *s, const struct outcome *o, const struct step *step,
                    const char *client) {
    const struct met_list *list = &o->met;
    const struct play_event *close =
        step->verb == STEP_EXPECT_CLOSE ? find_close(&o->result->transcript, client) : NULL;
    size_t count = 0;
    if (close != NULL) {
        s->nomem = play_event_write(close, &s->text) != TB_OK || s->nomem;
        return;
    }
    for (size_t i = 0; i < list->count; i++) {
        const struct met *met = &list->items[i];
        if (met->step == step && (client == NULL || is_same(met->client, client))) {
            sheet_put(s, count++ > 0 ? ", " : "");
            sheet_bytes(s, met->words.data, met->words.len);
        }
    }
    if (count == 0) {
        sheet_put(s, "as expected");
    }
}

static bool same_text(const struct bytes *a, const struct bytes *b) {
    return a->len == b->len && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

static bool same_events(const struct play_events *a, const struct play_events *b) {
    struct sheet said[] = {SHEET_INIT, SHEET_INIT};
    say_events(&said[0], a);
    say_events(&said[1], b);
    bool same = same_text(&said[0].text, &said[1].text);
    sheet_release(&said[0]);
    sheet_release(&said[1]);
    return same;
}

/* What `why` says may have been measured, or made up by chance; what came is compared as it is. */
static bool is_alike(const struct play_failure *a, const struct play_failure *b) {
    return is_same(a->kind, b->kind) && a->ending == b->ending &&
           same_text(&a->reason, &b->reason) && same_text(&a->awaited, &b->awaited) &&
           same_events(&a->came, &b->came);
}

/* Whether a stands before b in the file, and so was taken before it; before the first step is
 * before all of them. */
static bool is_before(const struct play_failure *a, const struct play_failure *b) {
    if (a->step == NULL || b->step == NULL) {
        return a->step == NULL && b->step != NULL;
    }
    return a->node->byte < b->node->byte;
}

/* Both have failed at the same step. */
static void compare_failures(struct drift *d, const struct play_failure *mock,
                             const struct play_failure *server) {
    say_failure(&d->said[TARGET_MOCK], mock);
    say_failure(&d->said[TARGET_SERVER], server);
    d->node = mock->node;
    d->differs = !is_alike(mock, server);
}

static void compare_at(struct finding *f, enum target failed, enum target went_on) {
    const struct play_failure *failure = &f->outcomes[failed].result->failure;
    struct drift *d = &f->drift;
    d->differs = true;
    d->node = failure->node;
    say_failure(&d->said[failed], failure);
    if (failure->step != NULL) {
        say_met(&d->said[went_on], &f->outcomes[went_on], failure->step, failure->client);
    } else {
        sheet_put(&d->said[went_on], "as expected");
    }
}

/* ---- where two passed, but not alike ---- */

static void say_unread(struct sheet *s, uint64_t unread) {
    if (unread == 0) {
        sheet_put(s, "every message was looked at");
    } else {
        sheet_putf(s, "%" PRIu64 " message%s no step looked at", unread,
                   unread == 1 ? " came that" : "s came that");
    }
}

static bool is_noted(const struct drift *d, const struct step *step) {
    for (size_t i = 0; i < d->note_count; i++) {
        if (d->notes[i].step == step) {
            return true;
        }
    }
    return false;
}

static void note_met(struct drift *d, const struct met *mock, const struct met *server) {
    if (d->note_count == DRIFT_NOTES_MAX || is_noted(d, mock->step)) {
        return;
    }
    struct drift_note *note = &d->notes[d->note_count++];
    *note = (struct drift_note){.step = mock->step, .client = mock->client};
    sheet_bytes(&note->said[TARGET_MOCK], mock->words.data, mock->words.len);
    sheet_bytes(&note->said[TARGET_SERVER], server->words.data, server->words.len);
}

/* The client's next one from *at on; NULL: that was all. */
static const struct met *next_met(const struct met_list *list, const char *client, size_t *at) {
    while (*at < list->count) {
        const struct met *met = &list->items[(*at)++];
        if (is_same(met->client, client)) {
            return met;
        }
    }
    return NULL;
}

/* A client's steps have an order, and what meets them, too, but for `unordered`. */
static void compare_met(struct finding *f, const char *client) {
    const struct met_list *lists[] = {&f->outcomes[TARGET_MOCK].met,
                                      &f->outcomes[TARGET_SERVER].met};
    size_t at[TARGET_COUNT] = {0};
    for (;;) {
        const struct met *mock = next_met(lists[TARGET_MOCK], client, &at[TARGET_MOCK]);
        const struct met *server = next_met(lists[TARGET_SERVER], client, &at[TARGET_SERVER]);
        if (mock == NULL || server == NULL || mock->step != server->step) {
            return;
        }
        if (mock->step->verb != STEP_UNORDERED && !same_text(&mock->words, &server->words)) {
            note_met(&f->drift, mock, server);
        }
    }
}

static void compare_passed(struct finding *f) {
    const struct scenario *scenario = f->c->scenario;
    struct drift *d = &f->drift;
    d->node = scenario->node;
    for (size_t i = 0; i < TARGET_COUNT; i++) {
        say_unread(&d->said[i], f->outcomes[i].result->unread);
    }
    d->differs =
        f->outcomes[TARGET_MOCK].result->unread != f->outcomes[TARGET_SERVER].result->unread;
    for (size_t i = 0; i < scenario->client_count && d->note_count < DRIFT_NOTES_MAX; i++) {
        compare_met(f, scenario->client_names[i]);
    }
}

void finding_compare(struct finding *f) {
    const struct play_result *mock = f->outcomes[TARGET_MOCK].result;
    const struct play_result *server = f->outcomes[TARGET_SERVER].result;
    if (mock == NULL || server == NULL) {
        return;
    }
    if (mock->passed && server->passed) {
        compare_passed(f);
    } else if (mock->passed || (!server->passed && is_before(&server->failure, &mock->failure))) {
        compare_at(f, TARGET_SERVER, TARGET_MOCK);
    } else if (server->passed || is_before(&mock->failure, &server->failure)) {
        compare_at(f, TARGET_MOCK, TARGET_SERVER);
    } else {
        compare_failures(&f->drift, &mock->failure, &server->failure);
    }
}

/* ---- life ---- */

static void outcome_release(struct outcome *o) {
    play_result_free(o->result);
    met_release(&o->met);
    sheet_release(&o->notes);
    free(o->recording);
}

void finding_free(struct finding *f) {
    if (f == NULL) {
        return;
    }
    for (size_t i = 0; i < TARGET_COUNT; i++) {
        outcome_release(&f->outcomes[i]);
        sheet_release(&f->drift.said[i]);
        for (size_t n = 0; n < f->drift.note_count; n++) {
            sheet_release(&f->drift.notes[n].said[i]);
        }
    }
    free(f);
}
