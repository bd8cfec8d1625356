#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "script/from/place.h"
#include "script/mock/route.h"
#include "script/reader.h"

static struct bytes route, message;

static int tear_down(void **state) {
    (void)state;
    bytes_release(&route);
    bytes_release(&message);
    return 0;
}

/* Whether the route is one, and takes the target. */
static void assert_takes(const char *target) {
    struct arena *arena = arena_new();
    struct reader r = {.arena = arena, .message = &message};
    struct node key = {.kind = NODE_SCALAR, .text = (char *)route.data, .size = route.len - 1};
    const struct route *made = NULL;
    bool nomem = false;
    assert_int_equal(route_read(&r, &key, &made), TB_OK);
    assert_true(
        route_takes(made, (struct http1_str){.p = target, .n = strlen(target)}, NULL, &nomem));
    arena_free(arena);
}

static void assert_place(const char *target, const char *expected, enum place_kind kind) {
    enum place_kind found;
    bytes_clear(&route);
    assert_int_equal(place_of(target, &route, &found), TB_OK);
    assert_int_equal(bytes_append(&route, "", 1), TB_OK);
    assert_string_equal((char *)route.data, expected);
    assert_int_equal(found, kind);
    assert_takes(target);
}

static void a_path_is_its_own_route(void **state) {
    (void)state;
    assert_place("/", "/", PLACE_EXACT);
    assert_place("/feed/btc?room=1?2", "/feed/btc", PLACE_EXACT);
    assert_place("/feed/", "/feed/", PLACE_EXACT);
    assert_place("//feed", "//feed", PLACE_EXACT);
    assert_place("/100%25/%2541", "/100%25/%2541", PLACE_EXACT);
    assert_place("/a%20b/%d1%82", "/a b/\xd1\x82", PLACE_EXACT);
    assert_place("/a+b", "/a+b", PLACE_EXACT);
}

static void a_segment_that_a_route_cannot_spell_is_a_part(void **state) {
    (void)state;
    assert_place("/%7Bid%7D/x/**/y", "/{part1}/x/{part2}/y", PLACE_PARTS);
    assert_place("/a%2Fb", "/{part1}", PLACE_PARTS);
    assert_place("/%ff", "/{part1}", PLACE_PARTS);
    assert_place("/a%0Ab", "/{part1}", PLACE_PARTS);
    assert_place("/a#b", "/{part1}", PLACE_PARTS);
}

static void what_cannot_be_spelt_at_all_is_everything(void **state) {
    (void)state;
    assert_place("/%zz", "/**", PLACE_ALL);
    assert_place("/%00", "/**", PLACE_ALL);
    assert_place("/*/*/*/*/*/*/*/*/*", "/**", PLACE_ALL);
    char longest[302];
    memset(longest, 'a', sizeof longest - 1);
    longest[0] = '/';
    longest[sizeof longest - 1] = '\0';
    assert_place(longest, "/**", PLACE_ALL);
    enum place_kind kind;
    bytes_clear(&route);
    assert_int_equal(place_of("*", &route, &kind), TB_OK);
    assert_int_equal(kind, PLACE_ALL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_path_is_its_own_route, tear_down),
        cmocka_unit_test_teardown(a_segment_that_a_route_cannot_spell_is_a_part, tear_down),
        cmocka_unit_test_teardown(what_cannot_be_spelt_at_all_is_everything, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
