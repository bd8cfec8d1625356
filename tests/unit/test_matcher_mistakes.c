/* What no matcher can be, and how that is said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/err.h"
#include "match_rig.h"

/* ---- mistakes ---- */

static void mistakes_are_shown_where_they_are(void **state) {
    (void)state;
    rig_refuses("[ a, b ]", 4, "a matcher is no list: 'any' or 'all' says what its items are for");
    rig_refuses("{ json: hi }", 12,
                "'json' is a mapping of paths, such as { $.type: hello }, not text");
    rig_refuses("{ json: { type: x } }", 14, "'type' is not a path: did you mean '$.type'?");
    rig_refuses("{ json: { a.b: x } }", 14, "'a.b' is not a path: did you mean '$.a.b'?");
    rig_refuses("{ json: { $.a: { name: x } } }", 21,
                "unknown key 'name': a value is text, or a mapping of text, contains, starts, "
                "ends, regex, not, any, all or exists; what is nested deeper takes a longer path, "
                "such as '$.a.name'");
    rig_refuses("{ binary: 'ca f' }", 18,
                "bytes are two hexadecimal digits each, or '..' for any byte");
    rig_refuses("{ header: x }", 14,
                "'header' is a mapping of names, such as { authorization: Bearer 1 }, not text");
    rig_refuses("{ query: {} }", 13,
                "'query' is a mapping of names, such as { room: lobby }, not an empty one");
    rig_refuses("{ header: { 'a b': x } }", 16, "'a b' cannot be the name of a header");
}

static void unknown_words_are_refused(void **state) {
    (void)state;
    static const char *const wrong[] = {
        "{ contain: x }",
        "{ type: texts }",
        "{ type: [] }",
        "{ from: nobody }",
        "{ chance: many }",
        "{ times: 0 }",
        "{ times: 99999999999 }",
        "{ size: big }",
        "{ regex: '(' }",
        "{ regex: [ a ] }",
        "{ regex: '(?<text>a)' }",
        "{ contains: [ a ] }",
        "{ contains: '${' }",
        "{ contains: '${unheard}' }",
        "{ any: hi }",
        "{ all: { contains: x } }",
        "{ not: [ a ] }",
        "{ exists: yes }",
        "{ json: { $.a: { exists: maybe } } }",
        "{ json: { $.a: { contain: x } } }",
        "{ json: { $.a: { json: { $.b: x } } } }",
        "{ json: { '$..a': x } }",
        "{ json: { $.a: [ x ] } }",
        "{ binary: [ a ] }",
        "{ binary: 'c..a' }",
        "{ binary: '...' }",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        if (rig_read(wrong[i]) != TB_EINVAL) {
            fail_msg("%s was taken", wrong[i]);
        }
        assert_int_equal(strncmp((char *)rig.complaint.data, "test.yaml:1:", 12), 0);
    }
}

static void handshakes_have_no_messages(void **state) {
    (void)state;
    assert_int_equal(rig_read_handshake("hi"), TB_EINVAL);
    assert_int_equal(rig_read_handshake("{ contains: hi }"), TB_EINVAL);
    assert_int_equal(rig_read_handshake("{ not: { type: text } }"), TB_EINVAL);
    assert_int_equal(rig_read_handshake("{ header: { a: x }, times: 2, chance: 5% }"), TB_OK);
}

static void too_many_groups_are_refused(void **state) {
    (void)state;
    struct bytes yaml = BYTES_INIT;
    assert_int_equal(bytes_append_str(&yaml, "{ regex: '"), TB_OK);
    for (unsigned i = 0; i < CAPTURES_MAX; i++) {
        assert_int_equal(bytes_appendf(&yaml, "(?<g%u>.)", i), TB_OK);
    }
    size_t len = yaml.len;
    assert_int_equal(bytes_append(&yaml, "' }", 4), TB_OK);
    rig_wants((const char *)yaml.data);
    rig_text("12345678901234567890123456789012");
    assert_true(rig_matches());
    assert_string_equal(rig_caught("g31"), "2");
    yaml.len = len;
    assert_int_equal(bytes_append(&yaml, "(?<x>.)' }", 11), TB_OK);
    rig_refuses((const char *)yaml.data, 4,
                "a matcher has 32 named groups at most, and this one has 33");
    bytes_release(&yaml);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        RIG_TEST(mistakes_are_shown_where_they_are),
        RIG_TEST(unknown_words_are_refused),
        RIG_TEST(handshakes_have_no_messages),
        RIG_TEST(too_many_groups_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
