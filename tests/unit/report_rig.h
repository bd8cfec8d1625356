/* report_rig.h - a finding of a small file, put together by hand, for the tests of reports. */
#ifndef TB_TESTS_UNIT_REPORT_RIG_H
#define TB_TESTS_UNIT_REPORT_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "app/test/report.h"

struct report_rig {
    struct selection selection;
    struct test_file file;
    struct test_case c;
    struct report_info info;
    struct finding *finding;
    struct sheet sheet;
};

extern struct report_rig rig;

int rig_set_up(void **state);
int rig_tear_down(void **state);

/* The scenario's run has passed, or failed at the step of that number, with a message that came. */
void rig_pass(enum target target);
void rig_fail(enum target target, size_t step, const char *why, const char *came);

/* What was written onto the rig's sheet is exactly this; it is empty afterwards. */
void assert_sheet(const char *expected);

/* What was written has this in it. */
void assert_sheet_has(const char *piece);

/* Writes the finding with each allocation failing in turn: what is not whole says so. */
void assert_survives_without_memory(const struct report_kind *kind);

#endif
