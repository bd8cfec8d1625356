#include "app/test/report.h"

#include <inttypes.h>
#include <string.h>

#include "base/err.h"

double report_seconds(uint64_t us) {
    return (double)us / 1e6;
}

void report_count(struct report_sum *sum, const struct finding *f) {
    sum->verdicts[finding_verdict(f)]++;
    for (size_t i = 0; i < TARGET_COUNT; i++) {
        if (f->c->file->is_target[i]) {
            sum->against[i][outcome_verdict(&f->outcomes[i])]++;
        }
    }
    sum->both =
        sum->both || (f->c->file->is_target[TARGET_MOCK] && f->c->file->is_target[TARGET_SERVER]);
    sum->differs += f->drift.differs;
}

/* ---- names and places ---- */

void report_name(struct sheet *s, const struct report_info *info, const struct finding *f) {
    sheet_safe(s, f->c->scenario->name);
    if (info->repeat > 1) {
        sheet_putf(s, " (run %" PRIu64 " of %" PRIu64 ")", f->round + 1, info->repeat);
    }
}

void report_place(struct sheet *s, const struct test_case *c, const struct node *node) {
    sheet_safe(s, test_file_name(c->file));
    sheet_putf(s, ":%u", node->line);
}

void report_source(struct sheet *s, const struct test_case *c, const struct node *node) {
    s->nomem = s->nomem || document_line(c->file->script->doc, node, &s->text) != TB_OK;
}

void report_step(struct sheet *s, const struct step *step) {
    s->nomem = s->nomem || step_describe(step, &s->text) != TB_OK;
}

void report_play_event(struct sheet *s, const struct play_event *e, bool with_client) {
    sheet_putf(s, "%.3f s  ", report_seconds(e->at_us));
    if (with_client && e->client != NULL) {
        sheet_safe(s, e->client);
        sheet_put(s, " ");
    }
    bool happens = e->kind == PLAY_OPEN || e->kind == PLAY_REFUSED;
    sheet_put(s, happens ? "* " : e->sent ? "→ " : "← ");
    s->nomem = s->nomem || play_event_write(e, &s->text) != TB_OK;
    if (e->ignored) {
        sheet_put(s, " (ignored)");
    }
}

/* ---- a failure ---- */

struct page {
    struct sheet *s;
    const char *margin;
};

/* "awaited    " and its kin: what stands below each other. */
static void begin_row(const struct page *p, const char *label) {
    sheet_put(p->s, p->margin);
    sheet_putf(p->s, "%-9s", label);
}

static void put_text_row(const struct page *p, const char *label, const struct bytes *text) {
    if (text->len > 0) {
        begin_row(p, label);
        sheet_bytes(p->s, text->data, text->len);
        sheet_put(p->s, "\n");
    }
}

static void put_event_row(const struct page *p, const char *label, const struct play_event *e) {
    begin_row(p, label);
    p->s->nomem = p->s->nomem || play_event_write(e, &p->s->text) != TB_OK;
}

static void put_came(const struct page *p, const struct play_events *came) {
    if (came->total > came->count) {
        begin_row(p, "came");
        sheet_putf(p->s, "%" PRIu64 " messages, the last of them:\n", came->total);
    }
    for (size_t i = 0; i < came->count; i++) {
        put_event_row(p, i == 0 && came->total == came->count ? "came" : "",
                      play_events_at(came, i));
        sheet_put(p->s, "\n");
    }
}

/* Lines, each behind the margin and some more. */
static void put_lines(const struct page *p, const char *indent, const struct bytes *text) {
    const char *at = (const char *)text->data;
    size_t left = text->len;
    while (left > 0) {
        const char *newline = memchr(at, '\n', left);
        size_t n = newline != NULL ? (size_t)(newline - at) : left;
        sheet_put(p->s, p->margin);
        sheet_put(p->s, indent);
        sheet_bytes(p->s, at, n);
        sheet_put(p->s, "\n");
        n += newline != NULL;
        at += n;
        left -= n;
    }
}

static void put_nearest(const struct page *p, const struct play_failure *f) {
    if (f->has_nearest && f->came.count > 1) {
        put_event_row(p, "nearest", play_events_at(&f->came, f->nearest));
        sheet_put(p->s, "\n");
    }
    put_text_row(p, "but", &f->why_not);
    if (f->diff.len > 0) {
        begin_row(p, "differs");
        sheet_put(p->s, "- what was awaited, + what came:\n");
        put_lines(p, "         ", &f->diff);
    }
}

static void put_conversation(const struct page *p, const struct play_events *t, bool with_client) {
    if (t->count == 0) {
        return;
    }
    sheet_put(p->s, p->margin);
    if (t->total > t->count) {
        sheet_putf(p->s, "the last %zu of %" PRIu64 " events:\n", t->count, t->total);
    } else {
        sheet_put(p->s, "the conversation:\n");
    }
    for (size_t i = 0; i < t->count; i++) {
        sheet_put(p->s, p->margin);
        sheet_put(p->s, "  ");
        report_play_event(p->s, play_events_at(t, i), with_client);
        sheet_put(p->s, "\n");
    }
}

static void put_place(const struct page *p, const struct test_case *c,
                      const struct play_failure *f) {
    sheet_put(p->s, p->margin);
    report_place(p->s, c, f->node);
    sheet_put(p->s, ": ");
    report_source(p->s, c, f->node);
    sheet_put(p->s, "\n");
    sheet_put(p->s, p->margin);
    if (f->client != NULL && c->scenario->client_count > 1) {
        sheet_safe(p->s, f->client);
        sheet_put(p->s, ": ");
    }
    sheet_put(p->s, f->why);
    sheet_put(p->s, "\n");
}

static void put_rest(const struct page *p, const struct outcome *o) {
    if (o->notes.text.len > 0) {
        sheet_put(p->s, p->margin);
        sheet_put(p->s, "the mock said:\n");
        put_lines(p, "  ", &o->notes.text);
    }
    if (o->result->unread > 0) {
        sheet_put(p->s, p->margin);
        sheet_putf(p->s, "%" PRIu64 " message%s no step looked at\n", o->result->unread,
                   o->result->unread == 1 ? " is there that" : "s are there that");
    }
    if (o->recording != NULL) {
        sheet_put(p->s, p->margin);
        sheet_put(p->s, "recorded in ");
        sheet_safe(p->s, o->recording);
        sheet_put(p->s, "\n");
    }
}

void report_failure(struct sheet *s, const struct test_case *c, const struct outcome *o,
                    const char *margin) {
    const struct page page = {s, margin};
    const struct play_failure *f = &o->result->failure;
    put_place(&page, c, f);
    put_text_row(&page, "awaited", &f->awaited);
    put_came(&page, &f->came);
    put_nearest(&page, f);
    put_conversation(&page, &o->result->transcript, c->scenario->client_count > 1);
    put_rest(&page, o);
}

void report_drift(struct sheet *s, const struct finding *f, const char *margin) {
    static const char *const labels[] = {"the mock:   ", "the server: "};
    sheet_put(s, margin);
    sheet_put(s, "they part at ");
    report_place(s, f->c, f->drift.node);
    sheet_put(s, ": ");
    report_source(s, f->c, f->drift.node);
    sheet_put(s, "\n");
    for (size_t i = 0; i < TARGET_COUNT; i++) {
        sheet_put(s, margin);
        sheet_put(s, "  ");
        sheet_put(s, labels[i]);
        sheet_bytes(s, f->drift.said[i].text.data, f->drift.said[i].text.len);
        sheet_put(s, "\n");
    }
}

void report_drift_notes(struct sheet *s, const struct finding *f, const char *margin) {
    for (size_t i = 0; i < f->drift.note_count; i++) {
        const struct drift_note *note = &f->drift.notes[i];
        sheet_put(s, margin);
        sheet_put(s, "both pass, but at ");
        report_place(s, f->c, note->step->node);
        sheet_put(s, " the mock said ");
        sheet_bytes(s, note->said[TARGET_MOCK].text.data, note->said[TARGET_MOCK].text.len);
        sheet_put(s, ", the server said ");
        sheet_bytes(s, note->said[TARGET_SERVER].text.data, note->said[TARGET_SERVER].text.len);
        sheet_put(s, "\n");
    }
}
