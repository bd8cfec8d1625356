/* app/test/outcome.h - what came of a scenario, against the mock, against a server, or both.
 *
 * What reports are made of. Plain memory, but for what points into the files' scripts.
 */
#ifndef TB_APP_TEST_OUTCOME_H
#define TB_APP_TEST_OUTCOME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/test/selection.h"
#include "app/test/sheet.h"
#include "script/scenario/result.h"

/* What met the steps of a scenario that waited for something; for what comes of it with --both. */
enum { MET_MAX = 10000 };

struct met {
    const struct step *step;
    const char *client;
    struct bytes words; /* play_event_write() */
};

struct met_list {
    struct met *items;
    size_t count;
};

/* Keeps one more, if there is memory for it. */
void met_add(struct met_list *list, const struct step *step, const struct play_event *event);

/* What came of one run. */
struct outcome {
    bool ran;                   /* else the rest is empty */
    struct play_result *result; /* NULL: it was skipped */
    struct met_list met;
    struct sheet notes; /* what the mock had to say: lines, safe */
    char *recording;    /* the file that it is kept in; NULL: none */
};

enum { DRIFT_NOTES_MAX = 3 /* of a scenario; one is told of a step */ };

/* A step that both runs passed, and not by the same message. */
struct drift_note {
    const struct step *step;
    const char *client;
    struct sheet said[TARGET_COUNT];
};

/* Where two runs of a scenario parted; where both passed, but not alike, it is the scenario's place
 * if there was more to read in the one, and notes, which count as no difference: values may change
 * from run to run. */
struct drift {
    bool differs;
    const struct node *node; /* of the step */
    struct sheet said[TARGET_COUNT];
    struct drift_note notes[DRIFT_NOTES_MAX];
    size_t note_count;
};

/* A scenario that was run, or skipped, once, against what it was to be run against. */
struct finding {
    const struct test_case *c;
    uint64_t round;   /* from 0 */
    uint64_t number;  /* from 0: its place in the order of reports */
    const char *skip; /* why it was not run at all; NULL: it was */
    /* A run of a scenario that only a mock can answer is left out against another server. */
    const char *left_out; /* the name of the step; NULL: it was not */
    struct outcome outcomes[TARGET_COUNT];
    struct drift drift; /* if it was run against both */
    struct finding *next;
};

enum verdict { VERDICT_PASSED, VERDICT_FAILED, VERDICT_SKIPPED };

/* "passed", "failed", "skipped". */
extern const char *const verdict_names[];

enum verdict outcome_verdict(const struct outcome *o);
enum verdict finding_verdict(const struct finding *f);

/* Why it was skipped, in one line, not safe. */
void finding_tell_skip(const struct finding *f, struct sheet *s);

/* Says in f->drift where the two runs parted, if they did, and what else was not alike. */
void finding_compare(struct finding *f);

/* NULL is allowed. */
void finding_free(struct finding *f);

#endif
