#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/command.h"
#include "app/test/dialler.h"
#include "base/err.h"
#include "failing_alloc.h"

static struct dial_flags flags;
static struct dialler dialler;
static struct bytes message;
static struct bytes notes;

static const char *line_items[] = {"X-Two: line", "x-gone:"};
static const char *const file_lines[] = {"x-one: file", "X-TWO: file", "X-Gone: file", "x-empty: "};
static const char *const file_protocols[] = {"a", "b"};

static int set_up(void **state) {
    (void)state;
    dial_flags_init(&flags);
    setenv("no_proxy", "*", 1);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    dialler_release(&dialler);
    dial_flags_release(&flags);
    bytes_release(&message);
    bytes_release(&notes);
    return 0;
}

static void init(bool to_mock, const char *url) {
    int code = dialler_init(&dialler, &flags, to_mock, url, &message, &notes);
    if (code != EXIT_OK) {
        fail_msg("%.*s", (int)message.len, (const char *)message.data);
    }
}

/* All lines of the request that are the user's, and the protocols. */
static void ask(char *text, size_t size) {
    const struct player_dialler d = dialler_for_player(&dialler);
    const struct player_dial want = {.url = "ws://127.0.0.1:4000/x",
                                     .headers = file_lines,
                                     .header_count = 4,
                                     .protocols = file_protocols,
                                     .protocol_count = 2};
    struct client_target target;
    void *hold = NULL;
    assert_int_equal(d.target(d.ctx, &want, &target, &hold, &message), TB_OK);
    size_t n = 0;
    for (size_t i = 0; i < target.request.header_count; i++) {
        if (strncasecmp(target.request.headers[i], "x-", 2) == 0) {
            n += (size_t)snprintf(text + n, size - n, "%s|", target.request.headers[i]);
        }
    }
    for (size_t i = 0; i < target.request.subprotocol_count; i++) {
        n += (size_t)snprintf(text + n, size - n, "%s|", target.request.subprotocols[i]);
    }
    assert_string_equal(target.request.target, "/x");
    d.release(d.ctx, hold);
}

static void what_the_file_says_is_added(void **state) {
    (void)state;
    char text[256];
    init(false, "ws://127.0.0.1:4000/");
    ask(text, sizeof text);
    assert_string_equal(text, "x-one: file|X-TWO: file|X-Gone: file|x-empty:|a|b|");
}

static void the_command_line_wins(void **state) {
    (void)state;
    const char *protocols[] = {"c"};
    char text[256];
    flags.headers = (struct option_list){.items = line_items, .count = 2};
    flags.subprotocols = (struct option_list){.items = protocols, .count = 1};
    init(false, NULL);
    ask(text, sizeof text);
    assert_string_equal(text, "x-one: file|x-empty:|X-Two: line|c|");
}

/* The Authorization of a dial there, or NULL. */
static const char *login_at(const char *url) {
    static char line[128];
    const struct player_dialler d = dialler_for_player(&dialler);
    const struct player_dial want = {.url = url};
    struct client_target target;
    void *hold = NULL;
    bool found = false;
    assert_int_equal(d.target(d.ctx, &want, &target, &hold, &message), TB_OK);
    for (size_t i = 0; i < target.request.header_count; i++) {
        if (strncmp(target.request.headers[i], "Authorization: ", 15) == 0) {
            snprintf(line, sizeof line, "%s", target.request.headers[i] + 15);
            found = true;
        }
    }
    d.release(d.ctx, hold);
    return found ? line : NULL;
}

static void the_login_of_the_url_goes_to_that_server_alone(void **state) {
    (void)state;
    init(false, "ws://me:pass@example.org/a");
    assert_string_equal(login_at("ws://example.org/b"), "Basic bWU6cGFzcw==");
    assert_null(login_at("ws://example.com/b"));
    dialler_release(&dialler);
    flags.bearer = "T";
    init(false, "ws://me:pass@example.org/a");
    assert_string_equal(login_at("ws://example.org/b"), "Bearer T");
}

static void the_way_to_a_mock_is_straight(void **state) {
    (void)state;
    const struct player_dial want = {.url = "ws://127.0.0.1:4000/"};
    struct client_target target;
    void *hold = NULL;
    flags.proxy = "http://127.0.0.1:1";
    flags.insecure = true;
    flags.connect_to = (struct option_list){.items = line_items, .count = 2};
    init(true, NULL);
    const struct player_dialler d = dialler_for_player(&dialler);
    assert_int_equal(d.target(d.ctx, &want, &target, &hold, &message), TB_OK);
    assert_null(target.proxy);
    assert_int_equal(target.route.port, 4000);
    assert_int_equal(notes.len, 0);
    d.release(d.ctx, hold);
}

static void what_is_wrong_is_said_and_nothing_is_left(void **state) {
    (void)state;
    static const char *const bad[] = {"sec-websocket-key: mine"};
    const struct player_dial want = {.url = "ws://127.0.0.1/", .headers = bad, .header_count = 1};
    struct client_target target;
    void *hold = NULL;
    assert_int_equal(dialler_init(&dialler, &flags, false, "ftp://x/", &message, &notes), EXIT_URL);
    bytes_clear(&message);
    init(false, NULL);
    const struct player_dialler d = dialler_for_player(&dialler);
    assert_int_equal(d.target(d.ctx, &want, &target, &hold, &message), TB_EINVAL);
    assert_true(message.len > 0);
    assert_null(hold);
}

static void without_memory_nothing_is_left(void **state) {
    (void)state;
    const struct player_dial want = {.url = "ws://127.0.0.1/",
                                     .headers = file_lines,
                                     .header_count = 4,
                                     .protocols = file_protocols,
                                     .protocol_count = 2};
    struct client_target target;
    unsigned n = 0;
    init(false, "ws://me@127.0.0.1/");
    const struct player_dialler d = dialler_for_player(&dialler);
    do {
        void *hold = NULL;
        bytes_release(&message);
        fail_alloc_at(n);
        int err = d.target(d.ctx, &want, &target, &hold, &message);
        fail_alloc_off();
        assert_true(err == TB_OK || (err == TB_ENOMEM && hold == NULL));
        if (err == TB_OK) {
            d.release(d.ctx, hold);
        }
    } while (n++ < alloc_count());
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(what_the_file_says_is_added),
        TEST(the_command_line_wins),
        TEST(the_login_of_the_url_goes_to_that_server_alone),
        TEST(the_way_to_a_mock_is_straight),
        TEST(what_is_wrong_is_said_and_nothing_is_left),
        TEST(without_memory_nothing_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
