#include "app/test/report_junit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

int junit_init(struct junit *j, const struct selection *selection) {
    *j = (struct junit){.suites = calloc(selection->file_count, sizeof *j->suites)};
    if (j->suites == NULL) {
        return TB_ENOMEM;
    }
    j->count = selection->file_count;
    for (size_t i = 0; i < j->count; i++) {
        j->suites[i].file = &selection->files[i];
    }
    return TB_OK;
}

void junit_release(struct junit *j) {
    for (size_t i = 0; i < j->count; i++) {
        sheet_release(&j->suites[i].cases);
    }
    free(j->suites);
    *j = (struct junit){.suites = NULL};
}

/* ---- a case ---- */

static void put_xml(struct sheet *s, const char *text) {
    sheet_xml(s, SHEET_ATTRIBUTE, text, strlen(text));
}

static void put_sheet(struct sheet *s, enum sheet_xml where, const struct sheet *text) {
    sheet_xml(s, where, text->text.data, text->text.len);
    s->nomem = s->nomem || text->nomem;
}

static uint64_t duration_of(const struct finding *f) {
    uint64_t us = 0;
    for (size_t i = 0; i < TARGET_COUNT; i++) {
        us += f->outcomes[i].result != NULL ? f->outcomes[i].result->duration_us : 0;
    }
    return us;
}

static void put_name(struct sheet *s, const struct report_info *info, const struct finding *f) {
    put_xml(s, f->c->scenario->name);
    if (info->repeat > 1) {
        sheet_putf(s, " (run %" PRIu64 " of %" PRIu64 ")", f->round + 1, info->repeat);
    }
}

static const struct play_failure *first_failure(const struct finding *f, enum target *target) {
    for (size_t i = 0; i < TARGET_COUNT; i++) {
        if (outcome_verdict(&f->outcomes[i]) == VERDICT_FAILED) {
            *target = (enum target)i;
            return &f->outcomes[i].result->failure;
        }
    }
    return NULL;
}

/* A case has one failure; what it says has room for all. */
static void put_failure(struct sheet *s, const struct finding *f) {
    enum target target = TARGET_MOCK;
    struct sheet words = SHEET_INIT;
    const struct play_failure *failure = first_failure(f, &target);
    report_place(&words, f->c, failure->node);
    sheet_put(&words, ": ");
    sheet_put(&words, failure->why);
    sheet_put(s, "      <failure message=\"");
    put_sheet(s, SHEET_ATTRIBUTE, &words);
    sheet_putf(s, "\" type=\"%s\">\n", target_names[target]);
    bytes_clear(&words.text);
    if (f->drift.differs) {
        report_drift(&words, f, "");
    }
    for (size_t i = 0; i < TARGET_COUNT; i++) {
        if (outcome_verdict(&f->outcomes[i]) == VERDICT_FAILED) {
            sheet_putf(&words, "against the %s:\n", target_names[i]);
            report_failure(&words, f->c, &f->outcomes[i], "  ");
        }
    }
    put_sheet(s, SHEET_ELEMENT, &words);
    sheet_put(s, "</failure>\n");
    sheet_release(&words);
}

static void put_skipped(struct sheet *s, const struct finding *f) {
    struct sheet why = SHEET_INIT;
    finding_tell_skip(f, &why);
    sheet_put(s, "      <skipped message=\"");
    put_sheet(s, SHEET_ATTRIBUTE, &why);
    sheet_put(s, "\"/>\n");
    sheet_release(&why);
}

static struct junit_suite *suite_of(struct junit *j, const struct finding *f) {
    size_t i = 0;
    while (j->suites[i].file != f->c->file) {
        i++;
    }
    return &j->suites[i];
}

void junit_add(struct junit *j, const struct report_info *info, const struct finding *f) {
    struct junit_suite *suite = suite_of(j, f);
    struct sheet *s = &suite->cases;
    enum verdict verdict = finding_verdict(f);
    suite->verdicts[verdict]++;
    suite->duration_us += duration_of(f);
    sheet_put(s, "    <testcase name=\"");
    put_name(s, info, f);
    sheet_put(s, "\" classname=\"");
    put_xml(s, test_file_name(f->c->file));
    sheet_putf(s, "\" time=\"%.6f\"", report_seconds(duration_of(f)));
    if (verdict == VERDICT_PASSED) {
        sheet_put(s, "/>\n");
        return;
    }
    sheet_put(s, ">\n");
    if (verdict == VERDICT_FAILED) {
        put_failure(s, f);
    } else {
        put_skipped(s, f);
    }
    sheet_put(s, "    </testcase>\n");
}

void junit_add_not_run(struct junit *j, const struct report_info *info,
                       const struct selection *selection, uint64_t from, const char *why) {
    char skip[128];
    (void)snprintf(skip, sizeof skip, "not run: %s", why);
    for (uint64_t n = from; n < info->total && n - from < JUNIT_NOT_RUN_MAX; n++) {
        const struct finding f = {.c = &selection->cases[n % selection->count],
                                  .round = n / selection->count,
                                  .number = n,
                                  .skip = skip};
        junit_add(j, info, &f);
    }
}

/* ---- the document ---- */

static void put_counts(struct sheet *s, const uint64_t verdicts[3], uint64_t duration_us) {
    uint64_t all = verdicts[VERDICT_PASSED] + verdicts[VERDICT_FAILED] + verdicts[VERDICT_SKIPPED];
    sheet_putf(s, " tests=\"%" PRIu64 "\" failures=\"%" PRIu64 "\" errors=\"0\"", all,
               verdicts[VERDICT_FAILED]);
    sheet_putf(s, " time=\"%.6f\"", report_seconds(duration_us));
}

static void put_suite(struct sheet *s, const struct report_info *info,
                      const struct junit_suite *suite) {
    sheet_put(s, "  <testsuite name=\"");
    put_xml(s, test_file_name(suite->file));
    sheet_put(s, "\"");
    put_counts(s, suite->verdicts, suite->duration_us);
    sheet_putf(s, " skipped=\"%" PRIu64 "\">\n", suite->verdicts[VERDICT_SKIPPED]);
    sheet_put(s, "    <properties>\n");
    sheet_putf(s, "      <property name=\"seed\" value=\"%" PRIu64 "\"/>\n", info->seed);
    sheet_put(s, "    </properties>\n");
    sheet_bytes(s, suite->cases.text.data, suite->cases.text.len);
    s->nomem = s->nomem || suite->cases.nomem;
    sheet_put(s, "  </testsuite>\n");
}

void junit_write(const struct junit *j, const struct report_info *info, uint64_t duration_us,
                 struct sheet *s) {
    uint64_t verdicts[3] = {0};
    for (size_t i = 0; i < j->count; i++) {
        for (size_t v = 0; v < 3; v++) {
            verdicts[v] += j->suites[i].verdicts[v];
        }
    }
    sheet_put(s, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"taburet\"");
    put_counts(s, verdicts, duration_us);
    sheet_put(s, ">\n");
    for (size_t i = 0; i < j->count; i++) {
        put_suite(s, info, &j->suites[i]);
    }
    sheet_put(s, "</testsuites>\n");
}
