#include "report_rig.h"

#include "app/test/report_junit.h"
#include "base/err.h"
#include "failing_alloc.h"

#define NAME "a &lt;b&gt; # \xef\xbf\xbd[31m"

static void a_document_counts_what_is_in_it(void **state) {
    (void)state;
    struct junit j;
    assert_int_equal(junit_init(&j, &rig.selection), TB_OK);
    rig_pass(TARGET_MOCK);
    junit_add(&j, &rig.info, rig.finding);
    rig_fail(TARGET_MOCK, 1, "another \"one\"", "ho\x1b");
    junit_add(&j, &rig.info, rig.finding);
    junit_write(&j, &rig.info, 3000000, &rig.sheet);
    assert_sheet_has(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        "<testsuites name=\"taburet\" tests=\"2\" failures=\"1\" errors=\"0\" time=\"3.000000\">\n"
        "  <testsuite name=\"a&amp;b.yaml\" tests=\"2\" failures=\"1\" errors=\"0\" "
        "time=\"0.024690\" skipped=\"0\">\n"
        "    <properties>\n"
        "      <property name=\"seed\" value=\"7\"/>\n"
        "    </properties>\n"
        "    <testcase name=\"" NAME "\" classname=\"a&amp;b.yaml\" time=\"0.012345\"/>\n"
        "    <testcase name=\"" NAME "\" classname=\"a&amp;b.yaml\" time=\"0.012345\">\n"
        "      <failure message=\"a&amp;b.yaml:7: another &quot;one&quot;\" type=\"mock\">\n"
        "against the mock:\n"
        "  a&amp;b.yaml:7: - { as: alice, expect: hi }\n");
    assert_sheet_has("</failure>\n    </testcase>\n  </testsuite>\n</testsuites>\n");
    junit_release(&j);
}

static void what_was_not_run_is_skipped(void **state) {
    (void)state;
    struct junit j;
    rig.selection.cases = &rig.c;
    rig.selection.count = 1;
    rig.info.repeat = rig.info.total = 3;
    assert_int_equal(junit_init(&j, &rig.selection), TB_OK);
    rig_pass(TARGET_MOCK);
    junit_add(&j, &rig.info, rig.finding);
    junit_add_not_run(&j, &rig.info, &rig.selection, 1, "inter<rupted");
    junit_write(&j, &rig.info, 0, &rig.sheet);
    assert_sheet_has("<testsuites name=\"taburet\" tests=\"3\" failures=\"0\"");
    assert_sheet_has("skipped=\"2\">\n");
    assert_sheet_has(NAME " (run 3 of 3)\" classname=\"a&amp;b.yaml\" time=\"0.000000\">\n"
                          "      <skipped message=\"not run: inter&lt;rupted\"/>\n");
    junit_release(&j);
}

static void without_end_it_is_not(void **state) {
    (void)state;
    struct junit j;
    rig.selection.cases = &rig.c;
    rig.selection.count = 1;
    rig.info.total = UINT64_MAX;
    assert_int_equal(junit_init(&j, &rig.selection), TB_OK);
    junit_add_not_run(&j, &rig.info, &rig.selection, 0, "interrupted");
    assert_int_equal(j.suites[0].verdicts[VERDICT_SKIPPED], JUNIT_NOT_RUN_MAX);
    junit_release(&j);
}

static void a_skip_says_why(void **state) {
    (void)state;
    struct junit j;
    assert_int_equal(junit_init(&j, &rig.selection), TB_OK);
    rig.finding->skip = "a\n\"b\"";
    rig.info.repeat = 2;
    junit_add(&j, &rig.info, rig.finding);
    junit_write(&j, &rig.info, 3000000, &rig.sheet);
    assert_sheet_has("skipped=\"1\">\n");
    assert_sheet_has(NAME " (run 1 of 2)\"");
    assert_sheet_has("      <skipped message=\"a&#10;&quot;b&quot;\"/>\n    </testcase>\n");
    junit_release(&j);
}

static void what_is_not_whole_says_so(void **state) {
    (void)state;
    struct junit j;
    unsigned n = 0;
    rig_fail(TARGET_MOCK, 1, "another", "ho");
    rig_pass(TARGET_SERVER);
    finding_compare(rig.finding);
    do {
        sheet_release(&rig.sheet);
        fail_alloc_at(n);
        bool made = junit_init(&j, &rig.selection) == TB_OK;
        if (made) {
            junit_add(&j, &rig.info, rig.finding);
            junit_write(&j, &rig.info, 3000000, &rig.sheet);
        }
        fail_alloc_off();
        assert_true(n >= alloc_count() || !made || rig.sheet.nomem);
        junit_release(&j);
    } while (n++ < alloc_count());
    assert_false(rig.sheet.nomem);
}

#define RIGGED(test) cmocka_unit_test_setup_teardown(test, rig_set_up, rig_tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        RIGGED(a_document_counts_what_is_in_it), RIGGED(a_skip_says_why),
        RIGGED(what_was_not_run_is_skipped),     RIGGED(without_end_it_is_not),
        RIGGED(what_is_not_whole_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
