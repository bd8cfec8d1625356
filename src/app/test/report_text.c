/* For a person. */
#include <inttypes.h>

#include "app/test/report.h"

static const char margin[] = "     ";

static void put_colour(struct sheet *s, const struct report_info *info, const char *on) {
    sheet_put(s, info->colour ? on : "");
}

static void put_verdict(struct sheet *s, const struct report_info *info, enum verdict verdict) {
    static const char *const words[] = {"ok  ", "FAIL", "skip"};
    static const char *const colours[] = {"\x1b[32m", "\x1b[1;31m", "\x1b[33m"};
    put_colour(s, info, colours[verdict]);
    sheet_put(s, words[verdict]);
    put_colour(s, info, "\x1b[0m");
    sheet_put(s, " ");
}

static void put_duration(struct sheet *s, uint64_t us) {
    if (us < 10000000) {
        sheet_putf(s, "%" PRIu64 " ms", (us + 500) / 1000);
    } else {
        sheet_putf(s, "%.1f s", report_seconds(us));
    }
}

static bool is_both(const struct finding *f) {
    return f->c->file->is_target[TARGET_MOCK] && f->c->file->is_target[TARGET_SERVER];
}

static void put_unread(struct sheet *s, const struct play_result *r) {
    if (r->passed && r->unread > 0) {
        sheet_putf(s, "; %" PRIu64 " message%s no step looked at", r->unread,
                   r->unread == 1 ? " came that" : "s came that");
    }
}

static void put_bracket(struct sheet *s, const struct finding *f) {
    const char *separator = "";
    sheet_put(s, " (");
    if (finding_verdict(f) == VERDICT_SKIPPED) {
        struct sheet why = SHEET_INIT;
        finding_tell_skip(f, &why);
        sheet_bytes(&why, "", 1);
        sheet_safe(s, why.nomem ? "" : (const char *)why.text.data);
        sheet_release(&why);
    }
    for (size_t i = 0; i < TARGET_COUNT; i++) {
        const struct outcome *o = &f->outcomes[i];
        if (o->result == NULL) {
            continue;
        }
        sheet_put(s, separator);
        if (is_both(f)) {
            sheet_putf(s, "%s %s, ", target_names[i], verdict_names[outcome_verdict(o)]);
        }
        put_duration(s, o->result->duration_us);
        put_unread(s, o->result);
        separator = "; ";
    }
    sheet_put(s, ")");
}

static void begin(struct sheet *s, const struct report_info *info) {
    (void)s;
    (void)info;
}

static void event(struct sheet *s, const struct report_info *info, const struct report_event *e) {
    sheet_put(s, margin);
    if (info->side_by_side) {
        sheet_safe(s, e->c->scenario->name);
        sheet_put(s, ": ");
    }
    if (e->c->file->is_target[TARGET_MOCK] && e->c->file->is_target[TARGET_SERVER]) {
        sheet_putf(s, "%s: ", target_names[e->target]);
    }
    if (e->client != NULL && e->c->scenario->client_count > 1) {
        sheet_safe(s, e->client);
        sheet_put(s, ": ");
    }
    if (e->step != NULL) {
        report_step(s, e->step);
    } else {
        sheet_safe_bytes(s, e->text);
    }
    sheet_put(s, "\n");
}

static void put_failures(struct sheet *s, const struct finding *f) {
    for (size_t i = 0; i < TARGET_COUNT; i++) {
        const struct outcome *o = &f->outcomes[i];
        if (outcome_verdict(o) != VERDICT_FAILED) {
            continue;
        }
        if (is_both(f)) {
            sheet_putf(s, "%sagainst the %s:\n", margin, target_names[i]);
        }
        report_failure(s, f->c, o, is_both(f) ? "       " : margin);
    }
}

static void finding(struct sheet *s, const struct report_info *info, const struct finding *f) {
    enum verdict verdict = finding_verdict(f);
    if (info->quiet && verdict != VERDICT_FAILED && !f->drift.differs) {
        return;
    }
    put_verdict(s, info, verdict);
    if (info->files > 1) {
        sheet_safe(s, test_file_name(f->c->file));
        sheet_put(s, ": ");
    }
    report_name(s, info, f);
    put_bracket(s, f);
    sheet_put(s, "\n");
    if (f->drift.differs) {
        report_drift(s, f, margin);
    }
    report_drift_notes(s, f, margin);
    put_failures(s, f);
}

static void put_counts(struct sheet *s, const uint64_t counts[3]) {
    sheet_putf(s, "%" PRIu64 " passed, %" PRIu64 " failed", counts[VERDICT_PASSED],
               counts[VERDICT_FAILED]);
    if (counts[VERDICT_SKIPPED] > 0) {
        sheet_putf(s, ", %" PRIu64 " skipped", counts[VERDICT_SKIPPED]);
    }
}

static void end(struct sheet *s, const struct report_info *info, const struct report_sum *sum) {
    for (size_t i = 0; sum->both && i < TARGET_COUNT; i++) {
        sheet_putf(s, "%s: ", target_names[i]);
        put_counts(s, sum->against[i]);
        sheet_put(s, "\n");
    }
    put_counts(s, sum->verdicts);
    if (sum->not_run > 0) {
        sheet_putf(s, ", %" PRIu64 " not run", sum->not_run);
    }
    if (sum->both) {
        sheet_putf(s, ", %" PRIu64 " differ%s", sum->differs, sum->differs == 1 ? "s" : "");
    }
    if (sum->stopped != NULL) {
        sheet_putf(s, ", %s", sum->stopped);
    }
    sheet_putf(s, ", seed %" PRIu64 ", %.1f s\n", info->seed, report_seconds(sum->duration_us));
}

const struct report_kind report_text = {begin, event, finding, end};
