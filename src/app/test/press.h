/* app/test/press.h - where reports go: standard output, and the file of --junit.
 *
 * Owns what waits to be written. A reader that is slow holds up nothing; one that has gone, or a
 * disk that is full, ends the run. In a terminal, what is running stands on a last line that gives
 * way to whatever is printed.
 */
#ifndef TB_APP_TEST_PRESS_H
#define TB_APP_TEST_PRESS_H

#include <stdbool.h>

#include "app/test/report.h"
#include "app/test/report_junit.h"
#include "base/log.h"

struct press {
    const struct report_kind *kind;
    struct report_info info;
    struct report_sum sum;
    struct log *out;
    bool is_live;     /* there is a last line that says what is running */
    bool line_stands; /* and now it stands there */
    unsigned verbose;
    const struct selection *selection;
    struct junit junit;
    const char *junit_path; /* NULL: none */
    char *junit_draft; /* what is written and then takes its place; NULL: it is written itself */
    int junit_fd;      /* of what is written itself */
};

/* Opens what is to be written. An exit code; else *message says what is wrong. Release in any case.
 */
int press_open(struct press *p, const struct test_settings *s, const struct selection *selection,
               struct bytes *message);

/* What happens, in its order. */
void press_begin(struct press *p);
void press_start(struct press *p, const struct test_case *c, uint64_t round);
void press_event(struct press *p, const struct report_event *e);

/* Whether there is still somebody who hears it. */
bool press_finding(struct press *p, const struct finding *f);

/* The end: writes everything. An exit code; else *message says what could not be written. */
int press_end(struct press *p, struct bytes *message);

void press_release(struct press *p);

#endif
