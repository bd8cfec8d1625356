#include "report_rig.h"

#include <jansson.h>

#define NAME "\"a <b> # \\u001b[31m\""

static void what_passes_is_a_line(void **state) {
    (void)state;
    rig_pass(TARGET_MOCK);
    report_json.finding(&rig.sheet, &rig.info, rig.finding);
    assert_sheet("{\"ev\":\"scenario\",\"file\":\"a&b.yaml\",\"line\":3,\"name\":" NAME
                 ",\"round\":1,\"result\":\"passed\",\"skip\":null,\"runs\":[{\"against\":\"mock\","
                 "\"result\":\"passed\",\"seconds\":0.012345,\"unread\":0}],\"differs\":null,"
                 "\"notes\":[]}\n");
    rig.info.quiet = true;
    report_json.finding(&rig.sheet, &rig.info, rig.finding);
    assert_sheet("");
}

static json_t *parse(void) {
    json_error_t error;
    json_t *line = json_loadb((const char *)rig.sheet.text.data, rig.sheet.text.len, 0, &error);
    if (line == NULL) {
        fail_msg("%s", error.text);
    }
    return line;
}

static void what_fails_has_all_of_it(void **state) {
    (void)state;
    rig_fail(TARGET_MOCK, 1, "another", "\xff\x01");
    rig_pass(TARGET_SERVER);
    finding_compare(rig.finding);
    report_json.finding(&rig.sheet, &rig.info, rig.finding);
    json_t *line = parse();
    const json_t *run = json_array_get(json_object_get(line, "runs"), 0);
    const json_t *failure = json_object_get(run, "failure");
    const json_t *came = json_array_get(json_object_get(failure, "came"), 0);
    assert_string_equal(json_string_value(json_object_get(failure, "step")),
                        "expect the text \"hi\"");
    assert_string_equal(json_string_value(json_object_get(failure, "why")), "another");
    assert_int_equal(json_integer_value(json_object_get(failure, "line")), 7);
    assert_string_equal(json_string_value(json_object_get(came, "base64")), "/wE=");
    assert_int_equal(json_array_size(json_object_get(run, "conversation")), 2);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(line, "differs"), "line")),
                     7);
    json_decref(line);
    assert_survives_without_memory(&report_json);
}

static void a_skip_and_the_end_and_what_happens_are_lines(void **state) {
    (void)state;
    const struct bytes said = {.data = (uint8_t *)"\x1b[0m\0\"", .len = 6};
    const struct report_event log = {.c = &rig.c, .text = &said};
    const struct report_event step = {
        .c = &rig.c, .client = "bob", .step = &rig.c.scenario->steps.items[0]};
    const struct report_sum sum = {.verdicts = {1, 2, 3}, .not_run = 4, .duration_us = 5};
    report_json.event(&rig.sheet, &rig.info, &log);
    assert_sheet("{\"ev\":\"log\",\"file\":\"a&b.yaml\",\"name\":" NAME
                 ",\"against\":\"mock\",\"client\":null,"
                 "\"text\":\"\\u001b[0m\\u0000\\\"\"}\n");
    report_json.event(&rig.sheet, &rig.info, &step);
    assert_sheet("{\"ev\":\"step\",\"file\":\"a&b.yaml\",\"name\":" NAME
                 ",\"against\":\"mock\",\"client\":\"bob\",\"line\":6,\"step\":\"send "
                 "\\\"hi\\\"\"}\n");
    rig.finding->skip = "\x1b";
    report_json.finding(&rig.sheet, &rig.info, rig.finding);
    assert_sheet_has("\"result\":\"skipped\",\"skip\":\"\\u001b\",\"runs\":[]");
    sheet_release(&rig.sheet);
    report_json.end(&rig.sheet, &rig.info, &sum);
    assert_sheet("{\"ev\":\"end\",\"passed\":1,\"failed\":2,\"skipped\":3,\"not_run\":4,"
                 "\"differs\":0,\"stopped\":null,\"seed\":7,\"seconds\":0.000005}\n");
}

#define RIGGED(test) cmocka_unit_test_setup_teardown(test, rig_set_up, rig_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        RIGGED(what_passes_is_a_line),
        RIGGED(what_fails_has_all_of_it),
        RIGGED(a_skip_and_the_end_and_what_happens_are_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
