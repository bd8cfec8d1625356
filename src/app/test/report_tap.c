/* TAP 14 (testanything.org). Its diagnostics are YAML, in which every text is a JSON string. */
#include <inttypes.h>

#include "app/test/report.h"

static void begin(struct sheet *s, const struct report_info *info) {
    sheet_putf(s, "TAP version 14\n1..%" PRIu64 "\n# seed %" PRIu64 "\n", info->total, info->seed);
}

/* # would begin a directive, and \ is what it is escaped with. */
static void put_escaped(struct sheet *s, const struct sheet *line) {
    for (size_t i = 0; i < line->text.len; i++) {
        uint8_t c = line->text.data[i];
        sheet_put(s, c == '#' || c == '\\' ? "\\" : "");
        sheet_bytes(s, &c, 1);
    }
    s->nomem = s->nomem || line->nomem;
}

static void put_name(struct sheet *s, const struct report_info *info, const struct finding *f) {
    struct sheet line = SHEET_INIT;
    if (info->files > 1) {
        sheet_safe(&line, test_file_name(f->c->file));
        sheet_put(&line, ": ");
    }
    report_name(&line, info, f);
    put_escaped(s, &line);
    sheet_release(&line);
}

static void put_skip(struct sheet *s, const struct finding *f) {
    struct sheet why = SHEET_INIT;
    struct sheet safe = SHEET_INIT;
    finding_tell_skip(f, &why);
    sheet_bytes(&why, "", 1);
    sheet_safe(&safe, why.nomem ? "" : (const char *)why.text.data);
    sheet_put(s, " # SKIP ");
    put_escaped(s, &safe);
    sheet_release(&why);
    sheet_release(&safe);
}

static void event(struct sheet *s, const struct report_info *info, const struct report_event *e) {
    sheet_put(s, "# ");
    report_text.event(s, info, e);
}

/* ---- the YAML block ---- */

static void put_text(struct sheet *s, const char *key, const char *text) {
    sheet_putf(s, "    %s: ", key);
    sheet_json(s, text);
    sheet_put(s, "\n");
}

static void put_sheet(struct sheet *s, const char *key, const struct sheet *text) {
    sheet_putf(s, "    %s: ", key);
    sheet_json_bytes(s, &text->text);
    sheet_put(s, "\n");
    s->nomem = s->nomem || text->nomem;
}

static void put_bytes(struct sheet *s, const char *key, const struct bytes *text) {
    if (text->len > 0) {
        sheet_putf(s, "    %s: ", key);
        sheet_json_bytes(s, text);
        sheet_put(s, "\n");
    }
}

static void put_events(struct sheet *s, const char *key, const struct play_events *events,
                       bool whole) {
    if (events->count == 0) {
        return;
    }
    sheet_putf(s, "    %s:\n", key);
    for (size_t i = 0; i < events->count; i++) {
        struct sheet line = SHEET_INIT;
        const struct play_event *e = play_events_at(events, i);
        if (whole) {
            report_play_event(&line, e, true);
        } else {
            line.nomem = play_event_write(e, &line.text) != 0;
        }
        sheet_put(s, "      - ");
        sheet_json_bytes(s, &line.text);
        sheet_put(s, "\n");
        s->nomem = s->nomem || line.nomem;
        sheet_release(&line);
    }
}

static void put_failure(struct sheet *s, const struct finding *f, enum target target) {
    const struct outcome *o = &f->outcomes[target];
    const struct play_failure *failure = &o->result->failure;
    struct sheet source = SHEET_INIT;
    report_source(&source, f->c, failure->node);
    sheet_putf(s, "  - against: %s\n", target_names[target]);
    put_text(s, "message", failure->why);
    put_text(s, "file", test_file_name(f->c->file));
    sheet_putf(s, "    line: %u\n    column: %u\n", failure->node->line, failure->node->column);
    put_sheet(s, "source", &source);
    if (failure->client != NULL) {
        put_text(s, "client", failure->client);
    }
    put_bytes(s, "awaited", &failure->awaited);
    put_events(s, "came", &failure->came, false);
    put_bytes(s, "nearest", &failure->why_not);
    put_bytes(s, "diff", &failure->diff);
    put_events(s, "conversation", &o->result->transcript, true);
    put_bytes(s, "mock", &o->notes.text);
    sheet_putf(s, "    unread: %" PRIu64 "\n", o->result->unread);
    if (o->recording != NULL) {
        put_text(s, "recording", o->recording);
    }
    sheet_release(&source);
}

static void put_drift(struct sheet *s, const struct finding *f) {
    sheet_putf(s, "  differs:\n    line: %u\n", f->drift.node->line);
    put_sheet(s, "mock", &f->drift.said[TARGET_MOCK]);
    put_sheet(s, "server", &f->drift.said[TARGET_SERVER]);
}

static void put_notes(struct sheet *s, const struct finding *f) {
    struct sheet words = SHEET_INIT;
    report_drift_notes(&words, f, "");
    if (words.text.len > 0) {
        sheet_put(s, "  notes: ");
        sheet_json_bytes(s, &words.text);
        sheet_put(s, "\n");
    }
    s->nomem = s->nomem || words.nomem;
    sheet_release(&words);
}

static void put_block(struct sheet *s, const struct finding *f) {
    sheet_put(s, "  ---\n");
    if (f->drift.differs) {
        put_drift(s, f);
    }
    put_notes(s, f);
    sheet_put(s, finding_verdict(f) == VERDICT_FAILED ? "  failures:\n" : "");
    for (size_t i = 0; i < TARGET_COUNT; i++) {
        if (outcome_verdict(&f->outcomes[i]) == VERDICT_FAILED) {
            put_failure(s, f, (enum target)i);
        }
    }
    sheet_put(s, "  ...\n");
}

static void finding(struct sheet *s, const struct report_info *info, const struct finding *f) {
    enum verdict verdict = finding_verdict(f);
    sheet_putf(s, "%s %" PRIu64 " - ", verdict == VERDICT_FAILED ? "not ok" : "ok", f->number + 1);
    put_name(s, info, f);
    if (verdict == VERDICT_SKIPPED) {
        put_skip(s, f);
    }
    sheet_put(s, "\n");
    if (verdict == VERDICT_FAILED || f->drift.differs || f->drift.note_count > 0) {
        put_block(s, f);
    }
}

static void end(struct sheet *s, const struct report_info *info, const struct report_sum *sum) {
    struct sheet line = SHEET_INIT;
    if (sum->not_run > 0 && sum->stopped != NULL) {
        sheet_putf(s, "Bail out! %s\n", sum->stopped);
    }
    report_text.end(&line, info, sum);
    for (size_t i = 0; i < line.text.len; i++) {
        if (i == 0 || line.text.data[i - 1] == '\n') {
            sheet_put(s, "# ");
        }
        sheet_bytes(s, &line.text.data[i], 1);
    }
    sheet_release(&line);
}

const struct report_kind report_tap = {begin, event, finding, end};
