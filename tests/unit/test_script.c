#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "failing_alloc.h"
#include "script/mock/mock.h"
#include "script/scenario/scenario.h"
#include "script/script.h"

#define MISTAKES TABURET_SOURCE_DIR "/tests/format/mistakes/"
#define ARTICLE TABURET_SOURCE_DIR "/examples/article.yaml"

static struct script *script;
static struct bytes message;

static int tear_down(void **state) {
    (void)state;
    script_unref(script);
    script = NULL;
    bytes_release(&message);
    return 0;
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

static const char *text_of(struct bytes *bytes) {
    assert_int_equal(bytes_append(bytes, "", 1), TB_OK);
    bytes->len--;
    return (const char *)bytes->data;
}

static void parse(const char *text) {
    script_unref(script);
    script = NULL;
    if (script_parse("FILE", text, strlen(text), &script, &message) != TB_OK) {
        fail_msg("%s", text_of(&message));
    }
}

/* ---- what a file is ---- */

static void a_file_has_a_server_or_scenarios_or_both(void **state) {
    (void)state;
    parse("taburet: 1\n");
    assert_null(script->server);
    assert_int_equal(script->suite->count, 0);
    parse("taburet: 1\nserver:\n  rules: [{ reply: hi }, { at: close, log: bye }]\n");
    struct mock_size size = mock_plan_size(script->server);
    assert_int_equal(size.routes, 1);
    assert_int_equal(size.rules, 2);
    assert_int_equal(size.faults, 0);
    parse("taburet: 1\nscenarios: [{ name: a, steps: [{ send: hi }] }]\n");
    assert_null(script->server);
    assert_int_equal(script->suite->count, 1);
}

static void a_step_may_name_any_fault_where_the_file_has_no_server(void **state) {
    (void)state;
    parse("taburet: 1\nscenarios: [{ name: a, steps: [{ fault: { enable: flaky } }] }]\n");
    parse("taburet: 1\nscenarios: [{ name: a, steps: [{ fault: { enable: f } }] }]\n"
          "server: { routes: { /a: { faults: [{ id: f, then: drop }] } } }\n");
}

static void a_seed_is_the_files(void **state) {
    (void)state;
    parse("taburet: 1\n");
    assert_false(script->has_seed);
    assert_false(script->takes_chance);
    parse("taburet: 1\nseed: 9007199254740991\n");
    assert_true(script->has_seed);
    assert_true(script->seed == UINT64_C(9007199254740991));
}

static void what_looks_at_the_handshake_is_known(void **state) {
    (void)state;
    parse("taburet: 1\nserver: { rules: [{ reply: '${text}' }] }\n");
    assert_false(script->reads_head);
    assert_false(script->reads_address);
    parse("taburet: 1\nserver: { rules: [{ reply: '${header.user-agent}' }] }\n");
    assert_true(script->reads_head);
    parse("taburet: 1\nserver: { rules: [{ reply: '${conn.addr}' }] }\n");
    assert_true(script->reads_address);
}

static void what_is_left_to_chance_is_known(void **state) {
    (void)state;
    static const char *const chances[] = {
        "rules: [{ reply: '${uuid}' }]",
        "rules: [{ reply: '${fake.name}' }]",
        "rules: [{ reply: '${random(1,6)}' }]",
        "rules: [{ when: { chance: 50% }, reply: a }]",
        "rules: [{ wait: 1ms..2ms, reply: a }]",
        "faults: [{ id: a, then: corrupt }]",
        "handshake: [{ accept: { delay: 1ms..2ms } }]",
    };
    for (size_t i = 0; i < sizeof chances / sizeof *chances; i++) {
        char text[200];
        snprintf(text, sizeof text, "taburet: 1\nserver:\n  %s\n", chances[i]);
        parse(text);
        if (!script->takes_chance) {
            fail_msg("%s", text);
        }
    }
}

static void the_article_is_the_example(void **state) {
    (void)state;
    struct bytes example = BYTES_INIT;
    assert_int_equal(file_read(ARTICLE, &example, &message), TB_OK);
    assert_int_equal(example.len, script_article_size);
    assert_memory_equal(example.data, script_article, example.len);
    bytes_release(&example);
    assert_int_equal(
        script_parse("article.yaml", script_article, script_article_size, &script, &message),
        TB_OK);
    assert_int_equal(mock_plan_size(script->server).rules, 4);
    assert_int_equal(script->suite->count, 4);
    assert_int_equal(mock_plan_setup(script->server)->listen_count, 1);
    assert_int_equal(mock_plan_setup(script->server)->listen[0].port, 4000);
}

static void names_of_files_count_from_the_files_folder(void **state) {
    (void)state;
    static const char text[] = "taburet: 1\n"
                               "server:\n"
                               "  listen: wss://localhost:4443\n"
                               "  tls: { cert: a.pem, key: /etc/a.key, client_ca: ca/b.pem }\n"
                               "  record: ../runs/a.jsonl\n";
    assert_int_equal(script_parse("mocks/FILE", text, sizeof text - 1, &script, &message), TB_OK);
    const struct mock_setup *setup = mock_plan_setup(script->server);
    assert_true(setup->listen[0].tls);
    assert_string_equal(setup->listen[0].host, "localhost");
    assert_string_equal(setup->tls_cert, "mocks/a.pem");
    assert_string_equal(setup->tls_key, "/etc/a.key");
    assert_string_equal(setup->tls_client_ca, "mocks/ca/b.pem");
    assert_string_equal(setup->record, "mocks/../runs/a.jsonl");
}

static void a_script_lives_as_long_as_somebody_has_it(void **state) {
    (void)state;
    parse("taburet: 1\nvars: { who: you }\n");
    struct script *other = script_ref(script);
    script_unref(script);
    script = NULL;
    assert_int_equal(script_set(other, "who=me", &message), TB_OK);
    script_unref(other);
    script_unref(NULL);
}

/* ---- --var ---- */

static const char *value_of(const char *name) {
    static char text[64];
    int slot = names_find(script->names, name);
    const struct bytes *value = slot < 0 ? NULL : store_get(&script->vars, (unsigned)slot);
    if (value == NULL) {
        return NULL;
    }
    snprintf(text, sizeof text, "%.*s", (int)value->len, (const char *)value->data);
    return text;
}

static void variables_are_set_from_outside(void **state) {
    (void)state;
    parse("taburet: 1\nvars: { token: abc }\nserver: { rules: [{ set: { name: bob } }] }\n");
    assert_string_equal(value_of("token"), "abc");
    assert_null(value_of("name"));
    assert_int_equal(script_set(script, "token=a=b", &message), TB_OK);
    assert_string_equal(value_of("token"), "a=b");
    assert_int_equal(script_set(script, "name=", &message), TB_OK);
    assert_string_equal(value_of("name"), "");
}

static void assert_unset(const char *assignment, const char *expected) {
    bytes_clear(&message);
    assert_int_equal(script_set(script, assignment, &message), TB_EINVAL);
    assert_string_equal(text_of(&message), expected);
}

static void what_is_no_variable_is_refused(void **state) {
    (void)state;
    parse("taburet: 1\nvars: { token: abc }\n");
    assert_unset("tokn=1", "the file has no variable 'tokn' (did you mean 'token'?)");
    assert_unset("quite_another=1", "the file has no variable 'quite_another'");
    assert_unset("a\nb=1", "the file has no variable 'a\\nb'");
    assert_unset("token", "a variable is set as NAME=VALUE, not 'token'");
    assert_unset("=1", "a variable is set as NAME=VALUE, not '=1'");
}

/* ---- memory ---- */

/* Something of everything. */
static const char everything[] =
    "taburet: 1\n"
    "seed: 1\n"
    "vars: { token: abc }\n"
    "server:\n"
    "  listen: [ws://localhost:4000, 'wss://[::1]:4443']\n"
    "  tls: { cert: a.pem, key: a.key, client_ca: b.pem }\n"
    "  record: a.jsonl\n"
    "  routes:\n"
    "    /feed/{symbol}/a%20b/**:\n"
    "      handshake:\n"
    "        - when: { header: { authorization: { not: 'Bearer ${token}' } } }\n"
    "          reject: { status: 401, headers: { www-authenticate: Bearer }, body: 'who? ${token}' "
    "}\n"
    "        - accept: { protocols: [a, b], deflate: yes, delay: 1ms..2ms, headers: { x: y } }\n"
    "      rules:\n"
    "        - when: { json: { $.type: login, $.name: { regex: '(?<who>.*)' } } }\n"
    "          in: [start, gone]\n"
    "          do:\n"
    "            - set: { name: '${who}' }\n"
    "            - join: 'room ${who}'\n"
    "            - wait: 1ms..3ms\n"
    "            - send: { json: { hello: '${n}' } }\n"
    "              to: room ${who}\n"
    "            - fault: { enable: slow }\n"
    "            - goto: gone\n"
    "        - when: { any: [{ contains: a }, { starts: b, times: 2 }] }\n"
    "          continue: yes\n"
    "          reply: [one, { hex: 0102, fragment: [1, 0] }, { raw: '81 00' }]\n"
    "        - { every: 1s, broadcast: 'tick ${n}', log: x }\n"
    "        - { after: 1s, ping: hello, close: { code: 4000, reason: 'bye ${name}' } }\n"
    "        - { at: close, leave: a, send: b, to: conn 1 }\n"
    "      faults:\n"
    "        - { id: slow, when: { contains: a }, chance: 50%, after: 3 messages, times: 2,\n"
    "            delay: 1ms, jitter: 2ms, rate: 1KB/s }\n"
    "        - { id: raw, then: { raw: '81 00' } }\n"
    "        - { id: no, when: { query: { a: b } }, then: refuse 503 }\n"
    "  rules:\n"
    "    - reply: '${text}'\n"
    "defaults: { within: 1s, ignore: noise }\n"
    "scenarios:\n"
    "  - name: a\n"
    "    clients: [alice, bob]\n"
    "    steps:\n"
    "      - as: alice\n"
    "        send: hi ${bob.x}\n"
    "      - all: [{ await: { regex: '(?<x>.*)', within: 1s } }]\n"
    "      - check: ${alice.x} == ${bob.x}\n";

static void each_allocation_may_fail(void **state) {
    (void)state;
    unsigned n = 0;
    int err;
    do {
        bytes_release(&message);
        script_unref(script);
        script = NULL;
        fail_alloc_at(n);
        err = script_parse("FILE", everything, sizeof everything - 1, &script, &message);
        fail_alloc_off();
        if (err == TB_EINVAL) {
            fail_msg("%s", text_of(&message));
        }
        assert_int_equal(err, n < alloc_count() ? TB_ENOMEM : TB_OK);
    } while (n++ < alloc_count());
}

/* ---- size ---- */

/* A file that begins so and has `count` such lines. */
static int parse_lines(const char *begin, const char *line, unsigned count) {
    struct bytes text = BYTES_INIT;
    assert_int_equal(bytes_append_str(&text, begin), TB_OK);
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(bytes_appendf(&text, "    %s%u", line, i), TB_OK);
        assert_int_equal(bytes_append_str(&text, ": { }\n"), TB_OK);
    }
    bytes_clear(&message);
    script_unref(script);
    script = NULL;
    int err = script_parse("FILE", (const char *)text.data, text.len, &script, &message);
    bytes_release(&text);
    return err;
}

static void a_server_has_so_many_routes_at_most(void **state) {
    (void)state;
    static const char begin[] = "taburet: 1\nserver:\n  routes:\n";
    assert_int_equal(parse_lines(begin, "/r", 10000), TB_OK);
    assert_int_equal(mock_plan_size(script->server).routes, 10000);
    assert_int_equal(parse_lines(begin, "/r", 10001), TB_EINVAL);
    assert_non_null(strstr(text_of(&message), "FILE:10004:5: error: a server has 10000 routes"));
}

static void a_server_has_so_many_faults_at_most(void **state) {
    (void)state;
    struct bytes text = BYTES_INIT;
    assert_int_equal(bytes_append_str(&text, "taburet: 1\nserver:\n  faults:\n"), TB_OK);
    for (unsigned i = 0; i <= 1000; i++) {
        assert_int_equal(bytes_appendf(&text, "    - { id: f%u, then: drop }\n", i), TB_OK);
    }
    assert_int_equal(script_parse("FILE", (const char *)text.data, text.len, &script, &message),
                     TB_EINVAL);
    assert_non_null(strstr(text_of(&message), "FILE:1004:7: error: a server has 1000 faults"));
    bytes_release(&text);
}

/* ---- messages, held against files (tests/format/mistakes) ---- */

static void read_named(const char *name, size_t size, const char *ending, struct bytes *content) {
    char path[512];
    snprintf(path, sizeof path, MISTAKES "%.*s%s", (int)size, name, ending);
    if (file_read(path, content, &message) != TB_OK) {
        fail_msg("%s", text_of(&message));
    }
}

/* Whether the message about NAME.yaml is what NAME.txt says. */
static bool is_told_as_written(const char *file, size_t size) {
    struct bytes text = BYTES_INIT, expected = BYTES_INIT;
    read_named(file, size, ".yaml", &text);
    read_named(file, size, ".txt", &expected);
    bytes_clear(&message);
    int err = script_parse(file, (char *)text.data, text.len, &script, &message);
    assert_int_equal(bytes_append_str(&message, "\n"), TB_OK);
    bool same = err == TB_EINVAL && script == NULL && message.len == expected.len &&
                memcmp(message.data, expected.data, message.len) == 0;
    if (!same) {
        print_error("%s (%d):\n%s", file, err, text_of(&message));
    }
    script_unref(script);
    script = NULL;
    bytes_release(&text);
    bytes_release(&expected);
    return same;
}

static void mistakes_are_told_as_they_are_written_down(void **state) {
    (void)state;
    DIR *files = opendir(MISTAKES);
    assert_non_null(files);
    unsigned count = 0, wrong = 0;
    for (const struct dirent *file; (file = readdir(files)) != NULL;) {
        const char *ending = strstr(file->d_name, ".yaml");
        if (ending != NULL) {
            count++;
            wrong += !is_told_as_written(file->d_name, (size_t)(ending - file->d_name));
        }
    }
    closedir(files);
    assert_true(count > 110);
    assert_int_equal(wrong, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_file_has_a_server_or_scenarios_or_both),
        TEST(a_step_may_name_any_fault_where_the_file_has_no_server),
        TEST(a_seed_is_the_files),
        TEST(what_looks_at_the_handshake_is_known),
        TEST(what_is_left_to_chance_is_known),
        TEST(the_article_is_the_example),
        TEST(names_of_files_count_from_the_files_folder),
        TEST(a_script_lives_as_long_as_somebody_has_it),
        TEST(variables_are_set_from_outside),
        TEST(what_is_no_variable_is_refused),
        TEST(each_allocation_may_fail),
        TEST(a_server_has_so_many_routes_at_most),
        TEST(a_server_has_so_many_faults_at_most),
        TEST(mistakes_are_told_as_they_are_written_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
