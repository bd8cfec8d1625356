#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/err.h"
#include "failing_alloc.h"
#include "script/path.h"

static struct arena *arena;

static int set_up(void **state) {
    (void)state;
    arena = arena_new();
    return arena == NULL ? -1 : 0;
}

static int tear_down(void **state) {
    (void)state;
    arena_free(arena);
    return 0;
}

static const struct path *compile(const char *text) {
    const struct path *path = NULL;
    size_t offset = 0;
    const char *why = "out of memory";
    if (path_compile(arena, text, strlen(text), &path, &offset, &why) != TB_OK) {
        fail_msg("%s: %zu: %s", text, offset, why);
    }
    return path;
}

/* The texts of the values that a path leads to, each behind a space. */
struct found {
    const struct json_index *x;
    struct bytes texts;
    size_t left; /* so many are asked for */
};

static bool note(void *ctx, size_t at) {
    struct found *found = ctx;
    const struct json_value *value = &found->x->values[at];
    assert_int_equal(bytes_append(&found->texts, " ", 1), TB_OK);
    assert_int_equal(bytes_append(&found->texts, found->x->text + value->offset, value->size),
                     TB_OK);
    return --found->left == 0;
}

static void assert_some(const char *text, const struct path *path, size_t count,
                        const char *expected) {
    struct json_index x = JSON_INDEX_INIT;
    struct found found = {.x = &x, .texts = BYTES_INIT, .left = count};
    assert_int_equal(json_index_read(&x, text, strlen(text)), TB_OK);
    bool was_ended = path_each(path, &x, note, &found);
    assert_int_equal(was_ended, found.left == 0);
    assert_int_equal(bytes_append(&found.texts, "", 1), TB_OK);
    assert_string_equal((const char *)found.texts.data, expected);
    ptrdiff_t first = path_first(path, &x);
    if (*expected == '\0') {
        assert_int_equal(first, JSON_NONE);
    } else {
        const struct json_value *value = &x.values[first];
        assert_memory_equal(text + value->offset, expected + 1, value->size);
    }
    bytes_release(&found.texts);
    json_index_release(&x);
}

static void assert_leads(const char *text, const char *path, const char *expected) {
    assert_some(text, compile(path), 1000, expected);
}

static void the_root_is_the_whole(void **state) {
    (void)state;
    assert_leads("[1,2]", "$", " [1,2]");
    assert_leads(" 7 ", "$", " 7");
}

static void names_and_indexes_lead_to_one_value(void **state) {
    (void)state;
    static const char text[] = "{\"items\":[{\"name\":\"a\"},{\"name\":\"b\"}],\"a b\":1,"
                               "\"\xd0\xb6_1\":2,\"\":3,\"it's\":4,\"q\\\"\":5}";
    assert_leads(text, "$.items[0].name", " \"a\"");
    assert_leads(text, "$.items[-1].name", " \"b\"");
    assert_leads(text, "$['items'][1]", " {\"name\":\"b\"}");
    assert_leads(text, "$[ \"items\" ][\t1 ]['name']", " \"b\"");
    assert_leads(text, "$['a b']", " 1");
    assert_leads(text, "$.\xd0\xb6_1", " 2");
    assert_leads(text, "$['']", " 3");
    assert_leads(text, "$['it\\'s']", " 4");
    assert_leads(text, "$[\"it's\"]", " 4");
    assert_leads(text, "$['q\"']", " 5");
    assert_leads(text, "$[\"q\\\"\"]", " 5");
}

static void what_is_not_there_is_not_found(void **state) {
    (void)state;
    static const char text[] = "{\"a\":[1],\"b\":{},\"c\":1}";
    assert_leads(text, "$.d", "");
    assert_leads(text, "$.a[1]", "");
    assert_leads(text, "$.a[-2]", "");
    assert_leads(text, "$.a.a", "");
    assert_leads(text, "$.b[0]", "");
    assert_leads(text, "$.c.d[0]", "");
    assert_leads(text, "$[0]", "");
    assert_leads(text, "$.b[*]", "");
    assert_leads(text, "$.c[*]", "");
    assert_leads(text, "$['a']['0']", "");
}

static void escapes_in_names_are_understood(void **state) {
    (void)state;
    static const char text[] = "{\"\\u00e9\\n\\\\\":1,\"\xf0\x9f\x98\x80\":2,\"/\\u0000\":3}";
    assert_leads(text, "$['\\u00E9\\n\\\\']", " 1");
    assert_leads(text, "$[\"\\ud83d\\ude00\"]", " 2");
    assert_leads(text, "$.\xf0\x9f\x98\x80", " 2");
    assert_leads(text, "$['\\/\\u0000']", " 3");
}

static void a_wildcard_leads_everywhere_in_the_order_of_the_text(void **state) {
    (void)state;
    static const char text[] =
        "{\"z\":[{\"v\":1},{\"w\":2},{\"v\":[3,4]}],\"a\":[{\"v\":{\"k\":5}}],\"n\":6}";
    assert_leads(text, "$.z[*].v", " 1 [3,4]");
    assert_leads(text, "$[*][*].v", " 1 [3,4] {\"k\":5}");
    assert_leads(text, "$[*][*][*]", " 1 2 [3,4] {\"k\":5}");
    assert_leads(text, "$.*[ * ].v[*]", " 3 4 5");
    assert_leads(text, "$[*][-1].v", " [3,4] {\"k\":5}");
    assert_leads(text, "$.z[*]", " {\"v\":1} {\"w\":2} {\"v\":[3,4]}");
}

static void it_ends_at_the_first_that_is_enough(void **state) {
    (void)state;
    assert_some("[[1,2],[3,4]]", compile("$[*][*]"), 1, " 1");
    assert_some("[[1,2],[3,4]]", compile("$[*][*]"), 3, " 1 2 3");
    assert_some("{\"a\":[1]}", compile("$.a[0]"), 1, " 1");
}

static void of_a_name_that_comes_twice_the_last_counts(void **state) {
    (void)state;
    static const char text[] = "{\"a\":[1],\"\\u0061\":[2]}";
    assert_leads(text, "$.a", " [2]");
    assert_leads(text, "$.a[*]", " 2");
    assert_leads(text, "$[*][0]", " 1 2");
}

static void nothing_is_found_in_what_is_no_json(void **state) {
    (void)state;
    struct json_index x = JSON_INDEX_INIT;
    assert_int_equal(path_first(compile("$"), &x), JSON_NONE);
    assert_int_equal(json_index_read(&x, "[", 1), TB_EINVAL);
    assert_int_equal(path_first(compile("$"), &x), JSON_NONE);
    json_index_release(&x);
}

static void a_tail_is_a_path_without_its_root(void **state) {
    (void)state;
    const struct path *path;
    size_t offset = 0;
    const char *why = NULL;
    assert_int_equal(path_compile_tail(arena, ".a[0]", 5, &path, &offset, &why), TB_OK);
    assert_some("{\"a\":[1]}", path, 1, " 1");
    assert_int_equal(path_compile_tail(arena, NULL, 0, &path, &offset, &why), TB_OK);
    assert_some("{\"a\":[1]}", path, 1, " {\"a\":[1]}");
    assert_int_equal(path_compile_tail(arena, "$.a", 3, &path, &offset, &why), TB_EINVAL);
    assert_int_equal(offset, 0);
    assert_int_equal(path_compile_tail(arena, ".a..b", 5, &path, &offset, &why), TB_EINVAL);
    assert_int_equal(offset, 2);
}

static void assert_refused(const char *text, size_t n, size_t expected_offset, const char *word) {
    const struct path *path = NULL;
    size_t offset = SIZE_MAX;
    const char *why = "";
    assert_int_equal(path_compile(arena, text, n, &path, &offset, &why), TB_EINVAL);
    assert_null(path);
    if (offset != expected_offset || strstr(why, word) == NULL) {
        fail_msg("%s: %zu: %s", text, offset, why);
    }
}

static void what_is_not_supported_is_refused_in_words(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t offset;
        const char *word;
    } all[] = {
        {"$..a", 1, "any depth"},       {"$.a..[0]", 3, "any depth"},  {"$[?@.a]", 2, "filters"},
        {"$.a[ ?(@.b)]", 5, "filters"}, {"$[1:2]", 3, "slices"},       {"$[:2]", 2, "slices"},
        {"$[0,1]", 3, "unions"},        {"$['a' , 'b']", 6, "unions"},
    };
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        assert_refused(all[i].text, strlen(all[i].text), all[i].offset, all[i].word);
    }
}

static void what_is_no_path_is_refused_where_it_goes_wrong(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t offset;
        const char *word;
    } all[] = {
        {"", 0, "begins with $"},
        {"a.b", 0, "begins with $"},
        {".a", 0, "begins with $"},
        {"$a", 1, "expected here"},
        {"$ .a", 1, "expected here"},
        {"$.a-b", 3, "brackets and quotes"},
        {"$.a b", 3, "brackets and quotes"},
        {"$.", 2, "a name is missing"},
        {"$.a.", 4, "a name is missing"},
        {"$.-", 2, "a name is missing"},
        {"$.\xff", 2, "a name is missing"},
        {"$.a.0", 4, "an index stands in brackets"},
        {"$[", 2, "missing behind '['"},
        {"$[]", 2, "missing behind '['"},
        {"$[a]", 2, "missing behind '['"},
        {"$[0", 3, "']' is missing"},
        {"$[0 1]", 4, "']' is missing"},
        {"$[1.5]", 3, "']' is missing"},
        {"$['a'", 5, "']' is missing"},
        {"$['a", 2, "not closed"},
        {"$['a\"]", 2, "not closed"},
        {"$[-]", 3, "digit is missing"},
        {"$[01]", 2, "leading zeros"},
        {"$[-0]", 2, "leading zeros"},
        {"$[1234567890]", 2, "9 digits"},
        {"$['\\x']", 3, "no such escape"},
        {"$['a\\u12']", 4, "no such escape"},
        {"$['\\", 3, "no such escape"},
        {"$['\\\"']", 3, "only the quote around"},
        {"$[\"\\'\"]", 3, "only the quote around"},
        {"$['\\ud800']", 3, "surrogate"},
        {"$['\\udc00\\ud800']", 3, "surrogate"},
        {"$['a\n']", 4, "control character"},
        {"$['\xc3']", 3, "UTF-8"},
    };
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        assert_refused(all[i].text, strlen(all[i].text), all[i].offset, all[i].word);
    }
    assert_refused("$\0", 2, 1, "expected here");
}

static void a_path_has_its_limit(void **state) {
    (void)state;
    char text[1 + 3 * (PATH_STEPS_MAX + 1)];
    text[0] = '$';
    for (size_t i = 0; i <= PATH_STEPS_MAX; i++) {
        memcpy(text + 1 + 3 * i, "[*]", 3);
    }
    const struct path *path;
    size_t offset;
    const char *why;
    assert_int_equal(path_compile(arena, text, sizeof(text) - 3, &path, &offset, &why), TB_OK);
    assert_refused(text, sizeof(text), sizeof(text) - 3, "64 steps");
    char deep[2 * PATH_STEPS_MAX + 1];
    memset(deep, '[', PATH_STEPS_MAX);
    deep[PATH_STEPS_MAX] = '7';
    memset(deep + PATH_STEPS_MAX + 1, ']', PATH_STEPS_MAX);
    struct json_index x = JSON_INDEX_INIT;
    assert_int_equal(json_index_read(&x, deep, sizeof(deep)), TB_OK);
    assert_int_equal(path_first(path, &x), PATH_STEPS_MAX);
    json_index_release(&x);
}

static void a_path_is_written_as_people_do(void **state) {
    (void)state;
    static const struct {
        const char *text;
        const char *written;
    } all[] = {
        {"$", "$"},
        {"$[\"items\"][ 0 ]['name']", "$.items[0].name"},
        {"$.*[-12]", "$[*][-12]"},
        {"$['']", "$['']"},
        {"$['1st']", "$['1st']"},
        {"$['a b']['a-b']", "$['a b']['a-b']"},
        {"$[\"it's \\\"\\\\\\u001f\"]", "$['it\\'s \"\\\\\\u001f']"},
        {"$['\\u0436']", "$.\xd0\xb6"},
    };
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        struct bytes out = BYTES_INIT;
        assert_int_equal(bytes_append_str(&out, ">"), TB_OK);
        assert_int_equal(path_write(compile(all[i].text), &out), TB_OK);
        assert_int_equal(bytes_append(&out, "", 1), TB_OK);
        assert_string_equal((const char *)out.data + 1, all[i].written);
        bytes_release(&out);
    }
}

static void each_failing_allocation_is_told(void **state) {
    (void)state;
    static const char text[] = "$.items['a long name that is written in quotes'][0]";
    unsigned n = 0;
    do {
        const struct path *path = NULL;
        struct bytes out = BYTES_INIT;
        size_t offset = 0;
        const char *why = NULL;
        struct arena *own = arena_new(); /* an empty one, so that its blocks fail, too */
        assert_non_null(own);
        fail_alloc_at(n);
        int err = path_compile(own, text, sizeof(text) - 1, &path, &offset, &why);
        int err_of_writing = path == NULL ? err : path_write(path, &out);
        fail_alloc_off();
        assert_int_equal(err, path != NULL ? TB_OK : TB_ENOMEM);
        assert_int_equal(err_of_writing, n < alloc_count() ? TB_ENOMEM : TB_OK);
        assert_int_equal(out.len, err_of_writing == TB_OK ? sizeof(text) - 1 : 0);
        bytes_release(&out);
        arena_free(own);
    } while (n++ < alloc_count());
    assert_true(n > 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_root_is_the_whole),
        cmocka_unit_test(names_and_indexes_lead_to_one_value),
        cmocka_unit_test(what_is_not_there_is_not_found),
        cmocka_unit_test(escapes_in_names_are_understood),
        cmocka_unit_test(a_wildcard_leads_everywhere_in_the_order_of_the_text),
        cmocka_unit_test(it_ends_at_the_first_that_is_enough),
        cmocka_unit_test(of_a_name_that_comes_twice_the_last_counts),
        cmocka_unit_test(nothing_is_found_in_what_is_no_json),
        cmocka_unit_test(a_tail_is_a_path_without_its_root),
        cmocka_unit_test(what_is_not_supported_is_refused_in_words),
        cmocka_unit_test(what_is_no_path_is_refused_where_it_goes_wrong),
        cmocka_unit_test(a_path_has_its_limit),
        cmocka_unit_test(a_path_is_written_as_people_do),
        cmocka_unit_test(each_failing_allocation_is_told),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
