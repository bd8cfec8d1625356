/* app/test/report_junit.h - JUnit's XML, as CI servers read it (Jenkins' junit-10.xsd).
 *
 * A suite a file. It is written at the end, for a suite begins with what it counts.
 */
#ifndef TB_APP_TEST_REPORT_JUNIT_H
#define TB_APP_TEST_REPORT_JUNIT_H

#include "app/test/report.h"

struct junit_suite {
    const struct test_file *file;
    struct sheet cases;
    uint64_t verdicts[3]; /* by enum verdict */
    uint64_t duration_us;
};

struct junit {
    struct junit_suite *suites;
    size_t count;
};

/* A suite for each file. TB_OK or TB_ENOMEM. */
int junit_init(struct junit *j, const struct selection *selection);
void junit_release(struct junit *j);

void junit_add(struct junit *j, const struct report_info *info, const struct finding *f);

enum { JUNIT_NOT_RUN_MAX = 10000 };

/* Adds, as skipped, the scenarios of the selection that were not run: all from that number on, in
 * the order of reports, but no more than JUNIT_NOT_RUN_MAX. */
void junit_add_not_run(struct junit *j, const struct report_info *info,
                       const struct selection *selection, uint64_t from, const char *why);

/* Adds the whole document. */
void junit_write(const struct junit *j, const struct report_info *info, uint64_t duration_us,
                 struct sheet *s);

#endif
