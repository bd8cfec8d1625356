/* The golden files are tests/format/from/NAME.jsonl, NAME.scenario.yaml and NAME.mock.yaml. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "failing_alloc.h"
#include "script/from/from.h"
#include "script/script.h"

#define FOLDER TABURET_SOURCE_DIR "/tests/format/from/"
#define BEGINNING                                                                                  \
    "{\"taburet\":1,\"kind\":\"recording\",\"started\":\"2026-11-22T10:00:00.000Z\"}\n"
#define OPENING                                                                                    \
    "{\"t\":0,\"conn\":1,\"ev\":\"open\",\"url\":\"/\",\"request\":null,\"response\":{\"status\":" \
    "101}}\n"

static struct from *from;
static struct bytes message, yaml;

static int tear_down(void **state) {
    (void)state;
    from_free(from);
    from = NULL;
    bytes_release(&message);
    bytes_release(&yaml);
    return 0;
}

/* ---- golden files ---- */

static void read_named(const char *name, const char *ending, struct bytes *content) {
    char path[512];
    snprintf(path, sizeof path, FOLDER "%s%s", name, ending);
    if (file_read(path, content, &message) != TB_OK) {
        fail_msg("%.*s", (int)message.len, (char *)message.data);
    }
}

static void parse_named(const char *name) {
    struct bytes text = BYTES_INIT;
    char file[64];
    tear_down(NULL);
    snprintf(file, sizeof file, "%s.jsonl", name);
    read_named(name, ".jsonl", &text);
    assert_int_equal(from_parse(file, text.data, text.len, &from, &message), TB_OK);
    bytes_release(&text);
}

/* Whether what was made is a file of ours. */
static void assert_loads(const char *name) {
    struct script *script = NULL;
    bytes_clear(&message);
    if (script_parse(name, (const char *)yaml.data, yaml.len, &script, &message) != TB_OK) {
        fail_msg("%.*s", (int)message.len, (char *)message.data);
    }
    script_unref(script);
}

static void assert_writes(int (*writer)(const struct from *f, struct bytes *out), const char *name,
                          const char *ending) {
    struct bytes expected = BYTES_INIT;
    bytes_clear(&yaml);
    read_named(name, ending, &expected);
    assert_int_equal(writer(from, &yaml), TB_OK);
    if (yaml.len != expected.len || memcmp(yaml.data, expected.data, yaml.len) != 0) {
        fail_msg("%s%s is to be\n%.*s", name, ending, (int)yaml.len, (char *)yaml.data);
    }
    assert_loads(name);
    bytes_release(&expected);
}

static void assert_golden(const char *name) {
    parse_named(name);
    assert_writes(from_write_scenarios, name, ".scenario.yaml");
    assert_writes(from_write_mock, name, ".mock.yaml");
}

static void a_servers_recording_becomes_what_the_files_say(void **state) {
    (void)state;
    assert_golden("server");
    assert_int_equal(message.len, 0);
}

static void a_clients_recording_becomes_what_the_files_say(void **state) {
    (void)state;
    assert_golden("client");
}

static void what_others_write_becomes_what_the_files_say(void **state) {
    (void)state;
    assert_golden("odd");
}

/* ---- lines ---- */

static int parse(const char *text) {
    tear_down(NULL);
    return from_parse("FILE", text, strlen(text), &from, &message);
}

static void assert_said(const char *expected) {
    assert_int_equal(bytes_append(&message, "", 1), TB_OK);
    assert_string_equal((char *)message.data, expected);
    message.len--;
}

static void assert_refused(const char *text, const char *expected) {
    assert_int_equal(parse(text), TB_EINVAL);
    assert_null(from);
    assert_said(expected);
}

static void a_line_that_is_no_event_is_named(void **state) {
    (void)state;
    assert_refused(OPENING "\n{\"t\":\n" OPENING, "FILE:3: not JSON");
    assert_refused(OPENING "hello\n", "FILE:2: not JSON");
    assert_refused("[]\n", "FILE:1: no event of a recording: \"ev\" is missing");
    assert_refused("{}\n", "FILE:1: no event of a recording: \"ev\" is missing");
    assert_refused("{\"ev\":1}\n", "FILE:1: no event of a recording: \"ev\" is missing");
    assert_refused("{\"taburet\":2,\"kind\":\"recording\"}\n",
                   "FILE:1: this is no recording, or one of a format that is not known here");
    assert_refused("{\"taburet\":1,\"kind\":\"mock\"}\n",
                   "FILE:1: this is no recording, or one of a format that is not known here");
    assert_refused(BEGINNING, "FILE: no connection is recorded here");
    assert_refused("", "FILE: no connection is recorded here");
}

static void an_event_that_lacks_something_is_named(void **state) {
    (void)state;
#define EVENT(rest) OPENING "{\"t\":1,\"conn\":1,\"ev\":" rest "}\n"
    assert_refused(EVENT("\"message\",\"type\":\"text\",\"data\":\"\""),
                   "FILE:2: 'from' is \"client\" or \"server\"");
    assert_refused(EVENT("\"ping\",\"from\":\"me\",\"data\":\"\""),
                   "FILE:2: 'from' is \"client\" or \"server\"");
    assert_refused(EVENT("\"message\",\"from\":\"client\",\"data\":\"\""),
                   "FILE:2: a message's 'type' is \"text\" or \"binary\"");
    assert_refused(EVENT("\"message\",\"from\":\"client\",\"type\":\"text\""),
                   "FILE:2: neither 'data' nor 'base64' is here, or it is no string");
    assert_refused(EVENT("\"message\",\"from\":\"client\",\"type\":\"text\",\"base64\":\"?\""),
                   "FILE:2: 'base64' is not base64");
    static const char *const times[] = {"-1", "\"1\"", "1e300", "1e999", "null"};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        char text[128];
        snprintf(text, sizeof text, "{\"ev\":\"open\",\"t\":%s}\n", times[i]);
        assert_refused(text, "FILE:1: an event's 't' is its time in seconds, from 0 on");
    }
}

static void a_torn_line_is_left_out_and_told(void **state) {
    (void)state;
    assert_int_equal(parse(OPENING "{\"t\":1,\"conn\":2,\"ev\":\"op"), TB_OK);
    assert_said("FILE:2: the line was torn, and is left out");
    assert_int_equal(parse(OPENING "{\"t\":1,\"conn\":2,\"ev\":\"op\n" BEGINNING OPENING), TB_OK);
    assert_said("FILE:2: the line was torn, and is left out");
    assert_int_equal(parse(BEGINNING OPENING "   \n\n"), TB_OK);
    assert_int_equal(message.len, 0);
}

static void a_last_line_without_its_end_counts_if_it_is_whole(void **state) {
    (void)state;
    assert_int_equal(parse(OPENING "{\"t\":1,\"conn\":1,\"ev\":\"message\",\"from\":\"client\","
                                   "\"type\":\"text\",\"data\":\"last\"}"),
                     TB_OK);
    assert_int_equal(message.len, 0);
    assert_int_equal(from_write_scenarios(from, &yaml), TB_OK);
    assert_non_null(memmem(yaml.data, yaml.len, "- send: last\n", 13));
}

static void connections_are_counted_anew_in_each_recording(void **state) {
    (void)state;
#define SAYS(what)                                                                                 \
    "{\"t\":1,\"conn\":1,\"ev\":\"message\",\"from\":\"client\",\"type\":\"text\",\"data\":"       \
    "\"" what "\"}\n"
    assert_int_equal(parse(BEGINNING OPENING SAYS("one") BEGINNING OPENING SAYS("two")), TB_OK);
    assert_int_equal(from_write_scenarios(from, &yaml), TB_OK);
    assert_int_equal(bytes_append(&yaml, "", 1), TB_OK);
    const char *one = strstr((char *)yaml.data, "send: one\n");
    const char *second = strstr((char *)yaml.data, "connection 2");
    const char *two = strstr((char *)yaml.data, "send: two\n");
    assert_true(one != NULL && one < second && second < two);
    assert_null(strstr((char *)yaml.data, "connection 3"));
}

static bool warns_of_others(const char *recording) {
    assert_int_equal(parse(recording), TB_OK);
    assert_int_equal(from_write_scenarios(from, &yaml), TB_OK);
    assert_int_equal(bytes_append(&yaml, "", 1), TB_OK);
    return strstr((char *)yaml.data, "# Some of these clients were connected at the same time "
                                     "(connections 1 and 2, to begin\n") != NULL;
}

static void clients_that_may_have_heard_one_another_are_told(void **state) {
    (void)state;
#define OPENS(t, conn) "{\"t\":" t ",\"conn\":" conn ",\"ev\":\"open\",\"url\":\"/\"}\n"
#define CLOSES(t, conn) "{\"t\":" t ",\"conn\":" conn ",\"ev\":\"close\",\"code\":1000}\n"
    assert_true(warns_of_others(BEGINNING OPENS("1", "1") OPENS("2", "2")));
    assert_true(warns_of_others(BEGINNING OPENS("1", "1") OPENS("2", "2") CLOSES("3", "1")));
    assert_false(warns_of_others(BEGINNING OPENS("1", "1") CLOSES("2", "1") OPENS("2", "2")));
    assert_false(warns_of_others(BEGINNING OPENS("1", "1") BEGINNING OPENS("1", "1")));
}

static void events_and_keys_that_are_not_known_are_passed_over(void **state) {
    (void)state;
    assert_int_equal(parse(BEGINNING OPENING "{\"ev\":\"new\"}\n{\"ev\":\"fault\",\"id\":1}\n"),
                     TB_OK);
    assert_int_equal(message.len, 0);
}

/* ---- the file ---- */

static void a_files_name_and_a_files_trouble_are_told_safely(void **state) {
    (void)state;
    char path[] = "/tmp/taburet-from-\x1b-XXXXXX";
    char expected[128];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "?\n", 2), 2);
    assert_int_equal(close(fd), 0);
    assert_int_equal(from_read(path, &from, &message), TB_EINVAL);
    snprintf(expected, sizeof expected, "/tmp/taburet-from-\\x1b-%s:1: not JSON",
             path + strlen(path) - 6);
    assert_said(expected);
    bytes_clear(&message);
    assert_int_equal(truncate(path, (off_t)FROM_FILE_MAX + 1), 0);
    assert_int_equal(from_read(path, &from, &message), TB_EINVAL);
    assert_int_equal(bytes_append(&message, "", 1), TB_OK);
    assert_non_null(strstr((char *)message.data, "(it is larger than 64 MiB)"));
    unlink(path);
    bytes_clear(&message);
    assert_int_equal(from_read("/nosuch", &from, &message), TB_EINVAL);
    assert_said("cannot read '/nosuch' (No such file or directory)");
}

/* ---- much of it ---- */

static void say(struct bytes *text, double t, unsigned conn, const char *from_whom,
                const char *data) {
    assert_int_equal(bytes_appendf(text,
                                   "{\"t\":%.6f,\"conn\":%u,\"ev\":\"message\",\"from\":\"%s\","
                                   "\"type\":\"text\",\"data\":\"%s\"}\n",
                                   t, conn, from_whom, data),
                     TB_OK);
}

/* What the clock of a recording cannot do, a file that somebody edited can. */
static void a_clock_that_runs_backwards_stands_still(void **state) {
    (void)state;
    struct bytes text = BYTES_INIT;
    assert_int_equal(bytes_append_str(&text, "{\"t\":9,\"conn\":1,\"ev\":\"open\",\"url\":"
                                             "\"/\"}\n"),
                     TB_OK);
    say(&text, 1, 1, "server", "early");
    say(&text, 15, 1, "server", "late");
    assert_int_equal(from_parse("FILE", text.data, text.len, &from, &message), TB_OK);
    assert_int_equal(from_write_mock(from, &yaml), TB_OK);
    static const char expected[] =
        "- at: connect\n          reply: early\n        - after: 6s\n          reply: late\n";
    assert_non_null(memmem(yaml.data, yaml.len, expected, sizeof expected - 1));
    bytes_release(&text);
}

/* A text with more in it than a pattern can hold. */
static void a_large_text_that_changes_is_known_by_its_ends(void **state) {
    (void)state;
    struct bytes text = BYTES_INIT, data = BYTES_INIT;
    assert_int_equal(bytes_append_str(&data, "from ${a} "), TB_OK);
    for (unsigned i = 0; i < 2000; i++) {
        assert_int_equal(bytes_append_str(&data, "1795341600501 "), TB_OK);
    }
    assert_int_equal(bytes_append(&data, "end", 4), TB_OK);
    assert_int_equal(bytes_append_str(&text, OPENING), TB_OK);
    say(&text, 0.1, 1, "server", (char *)data.data);
    assert_int_equal(from_parse("FILE", text.data, text.len, &from, &message), TB_OK);
    assert_int_equal(from_write_scenarios(from, &yaml), TB_OK);
    static const char expected[] =
        "- expect: { type: text, starts: \"from $${a} \", ends: \" end\" }\n";
    assert_non_null(memmem(yaml.data, yaml.len, expected, sizeof expected - 1));
    assert_loads("large");
    bytes_release(&text);
    bytes_release(&data);
}

/* 20,000 connections, and as many messages that are answered in as many ways. */
static void many_connections_and_answers_cost_no_more_than_they_are(void **state) {
    (void)state;
    struct bytes text = BYTES_INIT;
    char data[32];
    for (unsigned i = 1; i <= 20000; i++) {
        assert_int_equal(bytes_appendf(&text,
                                       "{\"t\":%u,\"conn\":%u,\"ev\":\"open\",\"url\":\"/%u\","
                                       "\"request\":null,\"response\":{\"status\":101}}\n",
                                       i, 30000 - i, i % 100),
                         TB_OK);
        say(&text, i + 0.1, 30000 - i, "client", "again");
        snprintf(data, sizeof data, "%u", i);
        say(&text, i + 0.2, 30000 - i, "server", data);
    }
    assert_int_equal(from_parse("FILE", text.data, text.len, &from, &message), TB_OK);
    assert_int_equal(from_write_mock(from, &yaml), TB_OK);
    assert_loads("many");
    bytes_clear(&yaml);
    assert_int_equal(from_write_scenarios(from, &yaml), TB_OK);
    assert_loads("many");
    bytes_release(&text);
}

/* ---- memory ---- */

static int do_all(const struct bytes *text) {
    int err = from_parse("FILE", text->data, text->len, &from, &message);
    err = err == TB_OK ? from_write_scenarios(from, &yaml) : err;
    return err == TB_OK ? from_write_mock(from, &yaml) : err;
}

static void memory_may_run_out(void **state) {
    (void)state;
    struct bytes text = BYTES_INIT;
    read_named("odd", ".jsonl", &text);
    unsigned n = 0;
    int err = TB_OK;
    do {
        tear_down(NULL);
        fail_alloc_at(n);
        err = do_all(&text);
        fail_alloc_off();
        assert_int_equal(err, n < alloc_count() ? TB_ENOMEM : TB_OK);
    } while (n++ < alloc_count());
    bytes_release(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_servers_recording_becomes_what_the_files_say, tear_down),
        cmocka_unit_test_teardown(a_clients_recording_becomes_what_the_files_say, tear_down),
        cmocka_unit_test_teardown(what_others_write_becomes_what_the_files_say, tear_down),
        cmocka_unit_test_teardown(a_line_that_is_no_event_is_named, tear_down),
        cmocka_unit_test_teardown(an_event_that_lacks_something_is_named, tear_down),
        cmocka_unit_test_teardown(a_torn_line_is_left_out_and_told, tear_down),
        cmocka_unit_test_teardown(a_last_line_without_its_end_counts_if_it_is_whole, tear_down),
        cmocka_unit_test_teardown(connections_are_counted_anew_in_each_recording, tear_down),
        cmocka_unit_test_teardown(clients_that_may_have_heard_one_another_are_told, tear_down),
        cmocka_unit_test_teardown(events_and_keys_that_are_not_known_are_passed_over, tear_down),
        cmocka_unit_test_teardown(a_files_name_and_a_files_trouble_are_told_safely, tear_down),
        cmocka_unit_test_teardown(a_clock_that_runs_backwards_stands_still, tear_down),
        cmocka_unit_test_teardown(a_large_text_that_changes_is_known_by_its_ends, tear_down),
        cmocka_unit_test_teardown(many_connections_and_answers_cost_no_more_than_they_are,
                                  tear_down),
        cmocka_unit_test_teardown(memory_may_run_out, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
