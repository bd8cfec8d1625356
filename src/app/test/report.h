/* app/test/report.h - what is told of a run: the kinds of reports, and what they have in common.
 *
 * A report is written piece by piece onto a sheet, which its owner then passes on. It reads
 * findings, and keeps nothing.
 */
#ifndef TB_APP_TEST_REPORT_H
#define TB_APP_TEST_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "app/test/outcome.h"
#include "app/test/sheet.h"

/* What is known before anything is run. */
struct report_info {
    size_t files;
    uint64_t total; /* scenarios, as often as they are run */
    uint64_t repeat;
    uint64_t seed;
    bool colour;
    bool quiet;
    bool side_by_side; /* several at once */
};

struct report_sum {
    uint64_t verdicts[3]; /* of scenarios, by enum verdict */
    uint64_t against[TARGET_COUNT][3];
    bool both;        /* some were run against both: */
    uint64_t differs; /* so many differ */
    uint64_t not_run;
    uint64_t duration_us;
    const char *stopped; /* why some were not run; NULL: all were */
};

void report_count(struct report_sum *sum, const struct finding *f);

/* Something that happens while a scenario runs. */
struct report_event {
    const struct test_case *c;
    enum target target;
    const char *client;       /* NULL: nobody's */
    const struct step *step;  /* that begins; else: */
    const struct bytes *text; /* what a `log` says, not safe */
};

/* A kind of report. */
struct report_kind {
    void (*begin)(struct sheet *s, const struct report_info *info);
    void (*event)(struct sheet *s, const struct report_info *info, const struct report_event *e);
    void (*finding)(struct sheet *s, const struct report_info *info, const struct finding *f);
    void (*end)(struct sheet *s, const struct report_info *info, const struct report_sum *sum);
};

extern const struct report_kind report_text; /* for a person, in a terminal or not */
extern const struct report_kind report_tap;  /* TAP 14, which readers of TAP 13 understand */
extern const struct report_kind report_json; /* a line of JSON each */

/* ---- what several kinds say ---- */

/* Adds the scenario's name and which time it is, as one line that is safe for a terminal. */
void report_name(struct sheet *s, const struct report_info *info, const struct finding *f);

/* Adds "FILE:LINE". */
void report_place(struct sheet *s, const struct test_case *c, const struct node *node);

/* Adds the line of the file where it stands. */
void report_source(struct sheet *s, const struct test_case *c, const struct node *node);

/* Adds what a step does, in words. */
void report_step(struct sheet *s, const struct step *step);

/* Adds an event of a conversation: `0.003 s  alice → "hi"`. */
void report_play_event(struct sheet *s, const struct play_event *e, bool with_client);

/* Adds lines, each behind the margin, that say what went wrong, and where. */
void report_failure(struct sheet *s, const struct test_case *c, const struct outcome *o,
                    const char *margin);

/* Adds lines that say where two runs parted. */
void report_drift(struct sheet *s, const struct finding *f, const char *margin);

/* Adds lines that say which steps they passed by other messages. */
void report_drift_notes(struct sheet *s, const struct finding *f, const char *margin);

double report_seconds(uint64_t us);

#endif
