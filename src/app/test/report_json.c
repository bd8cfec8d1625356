/* A line of JSON a scenario, and one at the end. The fields are in docs/test.md. */
#include <inttypes.h>

#include "app/test/report.h"
#include "base/encoding.h"
#include "proto/utf8.h"

static void put_text(struct sheet *s, const char *key, const char *text) {
    sheet_putf(s, ",\"%s\":", key);
    if (text != NULL) {
        sheet_json(s, text);
    } else {
        sheet_put(s, "null");
    }
}

static void put_bytes(struct sheet *s, const char *key, const struct bytes *text) {
    sheet_putf(s, ",\"%s\":", key);
    if (text->len > 0) {
        sheet_json_bytes(s, text);
    } else {
        sheet_put(s, "null");
    }
}

static void begin(struct sheet *s, const struct report_info *info) {
    sheet_putf(s, "{\"ev\":\"begin\",\"scenarios\":%" PRIu64 ",\"seed\":%" PRIu64 "}\n",
               info->total, info->seed);
}

static void event(struct sheet *s, const struct report_info *info, const struct report_event *e) {
    (void)info;
    sheet_putf(s, "{\"ev\":\"%s\"", e->step != NULL ? "step" : "log");
    put_text(s, "file", test_file_name(e->c->file));
    put_text(s, "name", e->c->scenario->name);
    put_text(s, "against", target_names[e->target]);
    put_text(s, "client", e->client);
    if (e->step != NULL) {
        struct sheet words = SHEET_INIT;
        report_step(&words, e->step);
        sheet_putf(s, ",\"line\":%u", e->step->node->line);
        put_bytes(s, "step", &words.text);
        s->nomem = s->nomem || words.nomem;
        sheet_release(&words);
    } else {
        sheet_put(s, ",\"text\":");
        sheet_json_bytes(s, e->text);
    }
    sheet_put(s, "}\n");
}

/* ---- events, in the words of recordings ---- */

static const char *event_name(enum play_kind kind) {
    static const char *const names[] = {"message", "message", "ping",    "pong",
                                        "raw",     "open",    "refused", "close"};
    return names[kind];
}

static void put_data(struct sheet *s, const struct play_event *e) {
    bool text =
        e->kind != PLAY_BINARY && e->kind != PLAY_RAW && utf8_is_valid(e->data.data, e->data.len);
    if (text) {
        sheet_put(s, ",\"data\":");
        sheet_json_bytes(s, &e->data);
    } else {
        sheet_put(s, ",\"base64\":\"");
        s->nomem = s->nomem || base64_encode(&s->text, e->data.data, e->data.len) != 0;
        sheet_put(s, "\"");
    }
    sheet_putf(s, ",\"size\":%zu", e->size);
}

static void put_event(struct sheet *s, const struct play_event *e) {
    sheet_putf(s, "{\"t\":%.6f,\"ev\":\"%s\"", report_seconds(e->at_us), event_name(e->kind));
    put_text(s, "client", e->client);
    put_text(s, "from", e->sent ? "client" : "server");
    if (e->kind == PLAY_TEXT || e->kind == PLAY_BINARY) {
        put_text(s, "type", e->kind == PLAY_TEXT ? "text" : "binary");
    }
    if (e->kind == PLAY_CLOSE) {
        sheet_putf(s, ",\"code\":%u", e->code);
    }
    put_data(s, e);
    sheet_putf(s, ",\"ignored\":%s}", e->ignored ? "true" : "false");
}

static void put_events(struct sheet *s, const char *key, const struct play_events *events) {
    sheet_putf(s, ",\"%s\":[", key);
    for (size_t i = 0; i < events->count; i++) {
        sheet_put(s, i > 0 ? "," : "");
        put_event(s, play_events_at(events, i));
    }
    sheet_put(s, "]");
}

/* ---- findings ---- */

static void put_step(struct sheet *s, const struct test_case *c, const struct play_failure *f) {
    struct sheet words = SHEET_INIT;
    struct sheet source = SHEET_INIT;
    if (f->step != NULL) {
        report_step(&words, f->step);
    }
    report_source(&source, c, f->node);
    put_bytes(s, "step", &words.text);
    put_bytes(s, "source", &source.text);
    s->nomem = s->nomem || words.nomem || source.nomem;
    sheet_release(&words);
    sheet_release(&source);
}

static void put_failure(struct sheet *s, const struct test_case *c, const struct play_failure *f) {
    sheet_putf(s, ",\"failure\":{\"line\":%u,\"column\":%u", f->node->line, f->node->column);
    put_step(s, c, f);
    put_text(s, "client", f->client);
    put_text(s, "why", f->why);
    put_bytes(s, "awaited", &f->awaited);
    put_events(s, "came", &f->came);
    sheet_put(s, ",\"nearest\":");
    if (f->has_nearest) {
        sheet_putf(s, "{\"index\":%zu", f->nearest);
        put_bytes(s, "why_not", &f->why_not);
        put_bytes(s, "diff", &f->diff);
        sheet_put(s, "}");
    } else {
        sheet_put(s, "null");
    }
    sheet_put(s, "}");
}

static void put_run(struct sheet *s, const struct finding *f, enum target target) {
    const struct outcome *o = &f->outcomes[target];
    const struct play_result *r = o->result;
    sheet_putf(s, "{\"against\":\"%s\",\"result\":\"%s\",\"seconds\":%.6f,\"unread\":%" PRIu64,
               target_names[target], verdict_names[outcome_verdict(o)],
               report_seconds(r->duration_us), r->unread);
    if (!r->passed) {
        put_failure(s, f->c, &r->failure);
        put_events(s, "conversation", &r->transcript);
        put_bytes(s, "mock", &o->notes.text);
        put_text(s, "recording", o->recording);
    }
    sheet_put(s, "}");
}

static void put_runs(struct sheet *s, const struct finding *f) {
    const char *separator = "";
    sheet_put(s, ",\"runs\":[");
    for (size_t i = 0; i < TARGET_COUNT; i++) {
        if (f->outcomes[i].result != NULL) {
            sheet_put(s, separator);
            put_run(s, f, (enum target)i);
            separator = ",";
        }
    }
    sheet_put(s, "]");
}

static void put_skip(struct sheet *s, const struct finding *f) {
    struct sheet why = SHEET_INIT;
    finding_tell_skip(f, &why);
    put_bytes(s, "skip", &why.text);
    s->nomem = s->nomem || why.nomem;
    sheet_release(&why);
}

static void put_drift(struct sheet *s, const struct finding *f) {
    sheet_put(s, ",\"differs\":");
    if (!f->drift.differs) {
        sheet_put(s, "null");
        return;
    }
    sheet_putf(s, "{\"line\":%u", f->drift.node->line);
    put_bytes(s, "mock", &f->drift.said[TARGET_MOCK].text);
    put_bytes(s, "server", &f->drift.said[TARGET_SERVER].text);
    sheet_put(s, "}");
}

static void put_notes(struct sheet *s, const struct finding *f) {
    sheet_put(s, ",\"notes\":[");
    for (size_t i = 0; i < f->drift.note_count; i++) {
        const struct drift_note *note = &f->drift.notes[i];
        sheet_putf(s, "%s{\"line\":%u", i > 0 ? "," : "", note->step->node->line);
        put_text(s, "client", note->client);
        put_bytes(s, "mock", &note->said[TARGET_MOCK].text);
        put_bytes(s, "server", &note->said[TARGET_SERVER].text);
        sheet_put(s, "}");
    }
    sheet_put(s, "]");
}

static void finding(struct sheet *s, const struct report_info *info, const struct finding *f) {
    if (info->quiet && finding_verdict(f) != VERDICT_FAILED && !f->drift.differs) {
        return;
    }
    sheet_put(s, "{\"ev\":\"scenario\"");
    put_text(s, "file", test_file_name(f->c->file));
    sheet_putf(s, ",\"line\":%u", f->c->scenario->node->line);
    put_text(s, "name", f->c->scenario->name);
    sheet_putf(s, ",\"round\":%" PRIu64, f->round + 1);
    put_text(s, "result", verdict_names[finding_verdict(f)]);
    put_skip(s, f);
    put_runs(s, f);
    put_drift(s, f);
    put_notes(s, f);
    sheet_put(s, "}\n");
}

static void end(struct sheet *s, const struct report_info *info, const struct report_sum *sum) {
    sheet_putf(s,
               "{\"ev\":\"end\",\"passed\":%" PRIu64 ",\"failed\":%" PRIu64 ",\"skipped\":%" PRIu64
               ",\"not_run\":%" PRIu64 ",\"differs\":%" PRIu64,
               sum->verdicts[VERDICT_PASSED], sum->verdicts[VERDICT_FAILED],
               sum->verdicts[VERDICT_SKIPPED], sum->not_run, sum->differs);
    put_text(s, "stopped", sum->stopped);
    sheet_putf(s, ",\"seed\":%" PRIu64 ",\"seconds\":%.6f}\n", info->seed,
               report_seconds(sum->duration_us));
}

const struct report_kind report_json = {begin, event, finding, end};
