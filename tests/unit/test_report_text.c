#include "report_rig.h"

#include "base/err.h"

static void write_finding(void) {
    report_text.finding(&rig.sheet, &rig.info, rig.finding);
}

static void what_passes_is_a_line(void **state) {
    (void)state;
    rig_pass(TARGET_MOCK);
    write_finding();
    assert_sheet("ok   a <b> # \\x1b[31m (12 ms)\n");
    rig.finding->outcomes[TARGET_MOCK].result->unread = 2;
    rig.finding->outcomes[TARGET_MOCK].result->duration_us = 61500000;
    rig.info.repeat = 3;
    rig.info.files = 2;
    write_finding();
    assert_sheet("ok   a&b.yaml: a <b> # \\x1b[31m (run 1 of 3) (61.5 s; 2 messages came that no "
                 "step looked at)\n");
    rig.info.quiet = true;
    write_finding();
    assert_sheet("");
}

static void what_is_skipped_says_why(void **state) {
    (void)state;
    rig.finding->skip = "not\ntoday";
    write_finding();
    assert_sheet("skip a <b> # \\x1b[31m (not\\ntoday)\n");
    rig.finding->skip = NULL;
    rig.finding->left_out = "verify";
    write_finding();
    assert_sheet("skip a <b> # \\x1b[31m ('verify' is for the file's own mock)\n");
}

static void what_fails_is_told_at_length(void **state) {
    (void)state;
    rig_fail(TARGET_MOCK, 1, "the next message is another one", "ho\x1b");
    sheet_put(&rig.finding->outcomes[TARGET_MOCK].notes, "a&b.yaml:1: note\n");
    write_finding();
    assert_sheet("FAIL a <b> # \\x1b[31m (12 ms)\n"
                 "     a&b.yaml:7: - { as: alice, expect: hi }\n"
                 "     alice: the next message is another one\n"
                 "     awaited  the text \"hi\"\n"
                 "     came     \"ho\\x1b\"\n"
                 "     but      it is another\n"
                 "     differs  - what was awaited, + what came:\n"
                 "              - hi\n"
                 "              + ho\n"
                 "     the conversation:\n"
                 "       0.002 s  alice → \"hi\"\n"
                 "       0.002 s  alice ← \"ho\\x1b\"\n"
                 "     the mock said:\n"
                 "       a&b.yaml:1: note\n"
                 "     1 message is there that no step looked at\n");
    rig.info.quiet = true;
    rig.info.colour = true;
    write_finding();
    assert_sheet_has("\x1b[1;31mFAIL\x1b[0m a <b> # \\x1b[31m (12 ms)\n");
    assert_survives_without_memory(&report_text);
}

static void where_two_runs_part_is_told_first(void **state) {
    (void)state;
    rig_fail(TARGET_MOCK, 1, "nothing came", NULL);
    rig_pass(TARGET_SERVER);
    finding_compare(rig.finding);
    write_finding();
    assert_sheet_has("FAIL a <b> # \\x1b[31m (mock failed, 12 ms; server passed, 12 ms)\n"
                     "     they part at a&b.yaml:7: - { as: alice, expect: hi }\n"
                     "       the mock:   nothing came\n"
                     "       the server: as expected\n"
                     "     against the mock:\n"
                     "       a&b.yaml:7: - { as: alice, expect: hi }\n");
    assert_survives_without_memory(&report_text);
}

static void the_sum_has_the_seed(void **state) {
    (void)state;
    struct report_sum sum = {.duration_us = 1249000};
    rig_pass(TARGET_MOCK);
    report_count(&sum, rig.finding);
    report_text.end(&rig.sheet, &rig.info, &sum);
    assert_sheet("1 passed, 0 failed, seed 7, 1.2 s\n");
    rig_fail(TARGET_SERVER, 1, "nothing came", NULL);
    finding_compare(rig.finding);
    report_count(&sum, rig.finding);
    sum.not_run = 3;
    sum.stopped = "interrupted";
    report_text.end(&rig.sheet, &rig.info, &sum);
    assert_sheet("mock: 2 passed, 0 failed\nserver: 0 passed, 1 failed\n"
                 "1 passed, 1 failed, 3 not run, 1 differs, interrupted, seed 7, 1.2 s\n");
}

static void steps_and_logs_are_told_with_who_it_is(void **state) {
    (void)state;
    const struct bytes said = {.data = (uint8_t *)"so\nit \x1b[0mis", .len = 12};
    struct report_event e = {.c = &rig.c, .client = "bob", .text = &said};
    report_text.event(&rig.sheet, &rig.info, &e);
    assert_sheet("     bob: so\\nit \\x1b[0mis\n");
    e.step = &rig.c.scenario->steps.items[0];
    rig.info.side_by_side = true;
    rig.file.is_target[TARGET_SERVER] = true;
    report_text.event(&rig.sheet, &rig.info, &e);
    assert_sheet("     a <b> # \\x1b[31m: mock: bob: send \"hi\"\n");
}

#define RIGGED(test) cmocka_unit_test_setup_teardown(test, rig_set_up, rig_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        RIGGED(what_passes_is_a_line),        RIGGED(what_is_skipped_says_why),
        RIGGED(what_fails_is_told_at_length), RIGGED(where_two_runs_part_is_told_first),
        RIGGED(the_sum_has_the_seed),         RIGGED(steps_and_logs_are_told_with_who_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
