#include "report_rig.h"

static void a_plan_comes_first_and_points_have_numbers(void **state) {
    (void)state;
    rig_pass(TARGET_MOCK);
    rig.finding->number = 1;
    report_tap.begin(&rig.sheet, &rig.info);
    report_tap.finding(&rig.sheet, &rig.info, rig.finding);
    assert_sheet("TAP version 14\n1..2\n# seed 7\nok 2 - a <b> \\# \\\\x1b[31m\n");
}

static void a_skip_is_a_directive(void **state) {
    (void)state;
    rig.finding->skip = "#1\nis open";
    report_tap.finding(&rig.sheet, &rig.info, rig.finding);
    assert_sheet("ok 1 - a <b> \\# \\\\x1b[31m # SKIP \\#1\\\\nis open\n");
}

static void a_failure_has_a_block_of_yaml(void **state) {
    (void)state;
    rig_fail(TARGET_MOCK, 1, "the next message is another one", "ho\"\x1b");
    report_tap.finding(&rig.sheet, &rig.info, rig.finding);
    assert_sheet("not ok 1 - a <b> \\# \\\\x1b[31m\n"
                 "  ---\n"
                 "  failures:\n"
                 "  - against: mock\n"
                 "    message: \"the next message is another one\"\n"
                 "    file: \"a&b.yaml\"\n"
                 "    line: 7\n"
                 "    column: 18\n"
                 "    source: \"- { as: alice, expect: hi }\"\n"
                 "    client: \"alice\"\n"
                 "    awaited: \"the text \\\"hi\\\"\"\n"
                 "    came:\n"
                 "      - \"\\\"ho\\\"\\\\x1b\\\"\"\n"
                 "    nearest: \"it is another\"\n"
                 "    diff: \"- hi\\n+ ho\\n\"\n"
                 "    conversation:\n"
                 "      - \"0.002 s  alice → \\\"hi\\\"\"\n"
                 "      - \"0.002 s  alice ← \\\"ho\\\"\\\\x1b\\\"\"\n"
                 "    unread: 1\n"
                 "  ...\n");
    rig_pass(TARGET_SERVER);
    finding_compare(rig.finding);
    report_tap.finding(&rig.sheet, &rig.info, rig.finding);
    assert_sheet_has("  ---\n  differs:\n    line: 7\n    mock: \"");
    assert_survives_without_memory(&report_tap);
}

static void what_is_left_is_a_bail_out(void **state) {
    (void)state;
    struct report_sum sum = {.verdicts = {1, 1, 0}, .not_run = 4, .stopped = "interrupted"};
    report_tap.end(&rig.sheet, &rig.info, &sum);
    assert_sheet("Bail out! interrupted\n"
                 "# 1 passed, 1 failed, 4 not run, interrupted, seed 7, 0.0 s\n");
}

#define RIGGED(test) cmocka_unit_test_setup_teardown(test, rig_set_up, rig_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        RIGGED(a_plan_comes_first_and_points_have_numbers),
        RIGGED(a_skip_is_a_directive),
        RIGGED(a_failure_has_a_block_of_yaml),
        RIGGED(what_is_left_is_a_bail_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
