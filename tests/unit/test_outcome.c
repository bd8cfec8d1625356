#include "report_rig.h"

#include <string.h>

#include "base/err.h"
#include "failing_alloc.h"

static void assert_said(enum target target, const char *expected) {
    struct sheet *said = &rig.finding->drift.said[target];
    sheet_bytes(said, "", 1);
    assert_string_equal((const char *)said->text.data, expected);
}

static void met(enum target target, size_t step, const char *client, const char *text) {
    uint8_t copy[64];
    const struct play_event e = {
        .kind = PLAY_TEXT,
        .client = client,
        .size = strlen(text),
        .data = {.data = copy, .len = strlen(text)},
    };
    assert_true(strlen(text) <= sizeof copy);
    memcpy(copy, text, strlen(text));
    met_add(&rig.finding->outcomes[target].met, &rig.c.scenario->steps.items[step], &e);
}

static void a_verdict_is_that_of_all_runs(void **state) {
    (void)state;
    assert_int_equal(finding_verdict(rig.finding), VERDICT_SKIPPED);
    rig_pass(TARGET_MOCK);
    assert_int_equal(finding_verdict(rig.finding), VERDICT_PASSED);
    rig_fail(TARGET_SERVER, 1, "no", NULL);
    assert_int_equal(finding_verdict(rig.finding), VERDICT_FAILED);
    assert_int_equal(outcome_verdict(&rig.finding->outcomes[TARGET_MOCK]), VERDICT_PASSED);
}

static void runs_that_both_pass_do_not_part(void **state) {
    (void)state;
    rig_pass(TARGET_MOCK);
    finding_compare(rig.finding);
    assert_false(rig.finding->drift.differs);
    rig_pass(TARGET_SERVER);
    finding_compare(rig.finding);
    assert_false(rig.finding->drift.differs);
}

static void two_that_pass_part_where_one_has_more_to_read(void **state) {
    (void)state;
    rig_pass(TARGET_MOCK);
    rig_pass(TARGET_SERVER);
    rig.finding->outcomes[TARGET_SERVER].result->unread = 2;
    finding_compare(rig.finding);
    assert_int_equal(finding_verdict(rig.finding), VERDICT_PASSED);
    assert_true(rig.finding->drift.differs);
    assert_int_equal(rig.finding->drift.node->line, 3);
    assert_said(TARGET_MOCK, "every message was looked at");
    assert_said(TARGET_SERVER, "2 messages came that no step looked at");
}

static void other_messages_that_met_a_step_are_noted_once_a_step(void **state) {
    (void)state;
    rig_pass(TARGET_MOCK);
    rig_pass(TARGET_SERVER);
    met(TARGET_MOCK, 2, "bob", "ho");
    met(TARGET_MOCK, 1, "alice", "hi");
    met(TARGET_MOCK, 1, "alice", "hi");
    met(TARGET_SERVER, 1, "alice", "hi");
    met(TARGET_SERVER, 1, "alice", "hi 2");
    met(TARGET_SERVER, 2, "bob", "ho");
    met(TARGET_SERVER, 2, "bob", "the mock has no such one");
    finding_compare(rig.finding);
    assert_false(rig.finding->drift.differs);
    assert_int_equal(rig.finding->drift.note_count, 1);
    report_drift_notes(&rig.sheet, rig.finding, "  ");
    assert_sheet("  both pass, but at a&b.yaml:7 the mock said \"hi\", the server said \"hi 2\"\n");
}

static void one_that_fails_parts_where_it_does(void **state) {
    (void)state;
    rig_pass(TARGET_MOCK);
    rig_fail(TARGET_SERVER, 1, "another", "ho");
    met(TARGET_MOCK, 0, "alice", "not this step");
    met(TARGET_MOCK, 1, "alice", "hi");
    met(TARGET_MOCK, 1, "bob", "not this client");
    finding_compare(rig.finding);
    assert_true(rig.finding->drift.differs);
    assert_int_equal(rig.finding->drift.node->line, 7);
    assert_said(TARGET_MOCK, "\"hi\"");
    assert_said(TARGET_SERVER, "\"ho\": another");
}

static void the_earlier_failure_is_where_they_part(void **state) {
    (void)state;
    rig_fail(TARGET_MOCK, 2, "nothing came", NULL);
    rig_fail(TARGET_SERVER, 1, "nothing came", NULL);
    met(TARGET_MOCK, 1, "alice", "hi");
    finding_compare(rig.finding);
    assert_int_equal(rig.finding->drift.node->line, 7);
    assert_said(TARGET_MOCK, "\"hi\"");
    assert_said(TARGET_SERVER, "nothing came");
}

static void the_same_failure_is_no_parting(void **state) {
    (void)state;
    rig_fail(TARGET_MOCK, 1, "another", "ho");
    rig_fail(TARGET_SERVER, 1, "another", "ho");
    finding_compare(rig.finding);
    assert_false(rig.finding->drift.differs);
}

static void another_failure_at_the_same_step_is_one(void **state) {
    (void)state;
    rig_fail(TARGET_MOCK, 1, "another", "ho");
    rig_fail(TARGET_SERVER, 1, "another", "ha");
    finding_compare(rig.finding);
    assert_true(rig.finding->drift.differs);
    assert_said(TARGET_MOCK, "\"ho\": another");
    assert_said(TARGET_SERVER, "\"ha\": another");
}

static void what_was_measured_makes_no_difference(void **state) {
    (void)state;
    rig_fail(TARGET_MOCK, 1, "a message came after 0.049 s", "ho");
    rig_fail(TARGET_SERVER, 1, "a message came after 0.051 s", "ho");
    struct play_failure *mock = &rig.finding->outcomes[TARGET_MOCK].result->failure;
    struct play_failure *server = &rig.finding->outcomes[TARGET_SERVER].result->failure;
    mock->kind = server->kind = "a message came after %.3f s";
    finding_compare(rig.finding);
    assert_false(rig.finding->drift.differs);
}

static void another_close_or_another_wish_is_a_difference(void **state) {
    (void)state;
    rig_fail(TARGET_MOCK, 1, "closed", NULL);
    rig_fail(TARGET_SERVER, 1, "closed", NULL);
    struct play_failure *mock = &rig.finding->outcomes[TARGET_MOCK].result->failure;
    mock->ending = 1000;
    finding_compare(rig.finding);
    assert_true(rig.finding->drift.differs);
    mock->ending = 0;
    finding_compare(rig.finding);
    assert_false(rig.finding->drift.differs);
    assert_int_equal(bytes_append_str(&mock->reason, "bye"), TB_OK);
    finding_compare(rig.finding);
    assert_true(rig.finding->drift.differs);
    bytes_clear(&mock->reason);
    assert_int_equal(bytes_append_str(&mock->awaited, " and more"), TB_OK);
    finding_compare(rig.finding);
    assert_true(rig.finding->drift.differs);
}

static void one_that_cannot_connect_parts_before_the_first_step(void **state) {
    (void)state;
    rig_fail(TARGET_MOCK, 1, "another", "ho");
    rig_fail(TARGET_SERVER, 1, "refused", NULL);
    struct play_failure *f = &rig.finding->outcomes[TARGET_SERVER].result->failure;
    f->step = NULL;
    f->node = rig.c.scenario->node;
    finding_compare(rig.finding);
    assert_int_equal(rig.finding->drift.node->line, 3);
    assert_said(TARGET_MOCK, "as expected");
    assert_said(TARGET_SERVER, "refused");
}

static void what_there_is_no_memory_for_is_left_out(void **state) {
    (void)state;
    for (unsigned n = 0; n < 2; n++) {
        fail_alloc_at(n);
        met(TARGET_MOCK, 1, "alice", "hi");
        fail_alloc_off();
    }
    assert_int_equal(rig.finding->outcomes[TARGET_MOCK].met.count, 0);
    finding_free(NULL);
}

#define RIGGED(test) cmocka_unit_test_setup_teardown(test, rig_set_up, rig_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        RIGGED(a_verdict_is_that_of_all_runs),
        RIGGED(runs_that_both_pass_do_not_part),
        RIGGED(two_that_pass_part_where_one_has_more_to_read),
        RIGGED(other_messages_that_met_a_step_are_noted_once_a_step),
        RIGGED(one_that_fails_parts_where_it_does),
        RIGGED(the_earlier_failure_is_where_they_part),
        RIGGED(the_same_failure_is_no_parting),
        RIGGED(another_failure_at_the_same_step_is_one),
        RIGGED(what_was_measured_makes_no_difference),
        RIGGED(another_close_or_another_wish_is_a_difference),
        RIGGED(one_that_cannot_connect_parts_before_the_first_step),
        RIGGED(what_there_is_no_memory_for_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
