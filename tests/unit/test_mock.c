#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "conn/trace.h"
#include "failing_alloc.h"
#include "script/mock/mock.h"
#include "script/mock/mock_plan.h"
#include "script/mock/state.h"
#include "script/script.h"
#include "server_rig.h"
#include "ws_client.h"

static struct server_rig rig;
static struct mock *mock;
static struct mock_config config;
static struct script *script;
static struct ws_client client;

static struct script *read_script(const char *text) {
    struct script *made = NULL;
    struct bytes message = BYTES_INIT;
    if (script_parse("FILE", text, strlen(text), &made, &message) != TB_OK) {
        fail_msg("%.*s", (int)message.len, (const char *)message.data);
    }
    bytes_release(&message);
    return made;
}

static int set_up(void **state) {
    (void)state;
    config = (struct mock_config){.seed = 1};
    mock = NULL;
    script = NULL;
    assert_true(ws_client_init(&client));
    server_rig_configure(&rig, &mock_behaviour);
    return 0;
}

/* Serves the file, whose first line is line 1. */
static void serve(const char *text) {
    script = read_script(text);
    mock = mock_new(&config, 1);
    assert_non_null(mock);
    rig.config.ctx = mock;
    assert_true(server_rig_start(&rig));
    assert_int_equal(mock_begin(mock, 0, &rig.endpoint, script), TB_OK);
}

static void stop(void) {
    ws_client_leave(&client);
    mock_end(mock, 0);
    endpoint_stop(&rig.endpoint);
    endpoint_stop(&rig.endpoint);
    assert_true(server_rig_await(&rig, &rig.shared.connections, 0));
    mock_free(mock);
    assert_true(server_rig_stop(&rig));
    script_unref(script);
    ws_client_release(&client);
}

static void open_client(struct ws_client *c) {
    assert_true(ws_client_open(c, rig.port, 0, ""));
}

static void ask(struct ws_client *c, const char *text, const char *answer) {
    assert_true(ws_client_text(c, text));
    assert_true(ws_client_expect(c, answer));
}

/* ---- what it does ---- */

static void rules_answer(void **state) {
    (void)state;
    serve("taburet: 1\n"
          "server:\n"
          "  rules:\n"
          "    - { when: hi, reply: 'hello ${n}' }\n"
          "    - { reply: '${text}?' }\n");
    open_client(&client);
    ask(&client, "hi", "hello 0");
    ask(&client, "hi", "hello 1");
    ask(&client, "ho", "ho?");
    stop();
}

static void a_change_is_in_force_at_once(void **state) {
    (void)state;
    serve("taburet: 1\nserver: { rules: [{ set: { a: '${text}' }, goto: b, reply: old }] }\n");
    open_client(&client);
    ask(&client, "x", "old");
    struct script *changed = read_script("taburet: 1\n"
                                         "vars: { other: y }\n"
                                         "server:\n"
                                         "  rules:\n"
                                         "    - { in: b, reply: 'new ${a} ${other} ${n}' }\n"
                                         "    - { goto: b, set: { a: z } }\n");
    assert_int_equal(mock_change(mock, 0, 1, changed), TB_OK);
    script_unref(changed);
    ask(&client, "z", "new x y 0");
    stop();
}

/* The second loop has missed a version: the memory was out. */
static void a_loop_counts_with_those_that_have_the_same_file(void **state) {
    (void)state;
    static const char small[] = "taburet: 1\nserver: { rules: [{ reply: a }] }\n";
    static const char large[] =
        "taburet: 1\n"
        "server: { rules: [{ when: { contains: a, times: 1 }, reply: a }, { reply: b }] }\n";
    script = read_script(small);
    struct script *first = read_script(small);
    struct script *second = read_script(large);
    mock = mock_new(&config, 2);
    rig.config.ctx = mock;
    assert_true(server_rig_start(&rig));
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(mock_begin(mock, i, &rig.endpoint, script), TB_OK);
    }
    assert_ptr_equal(mock->loops[0].tally, mock->loops[1].tally);
    assert_int_equal(mock_change(mock, 0, 1, first), TB_OK);
    assert_ptr_not_equal(mock->loops[0].tally, mock->loops[1].tally);
    assert_int_equal(mock_change(mock, 1, 2, second), TB_OK);
    assert_ptr_not_equal(mock->loops[0].tally, mock->loops[1].tally);
    assert_int_equal(mock_change(mock, 0, 2, second), TB_OK);
    assert_ptr_equal(mock->loops[0].tally, mock->loops[1].tally);
    assert_ptr_equal(mock->newest, mock->loops[0].tally);
    assert_null(mock->newest->older);
    for (size_t i = 0; i < 2; i++) {
        mock_end(mock, i);
    }
    mock_free(mock);
    assert_true(server_rig_stop(&rig));
    script_unref(first);
    script_unref(second);
    script_unref(script);
    ws_client_release(&client);
}

static void a_change_that_comes_after_the_end_starts_nothing(void **state) {
    (void)state;
    serve("taburet: 1\nserver: { rules: [{ reply: old }] }\n");
    open_client(&client);
    ask(&client, "x", "old");
    struct script *changed =
        read_script("taburet: 1\nserver: { rules: [{ every: 1h, broadcast: new }] }\n");
    mock_end(mock, 0);
    assert_int_equal(mock_change(mock, 0, 1, changed), TB_OK);
    script_unref(changed);
    assert_true(list_is_empty(&LIST_ENTRY(mock->loops[0].runs.next, struct run, hook)->clocks));
    stop();
}

/* How much more waits once the message was answered. */
static size_t waits_more_for(const char *text) {
    const size_t *waiting = &mock->loops[0].waiting;
    size_t before = *waiting;
    assert_true(ws_client_text(&client, text));
    for (int i = 0; i < 1000 && *waiting == before; i++) {
        (void)poll(NULL, 0, 1);
        server_rig_turn(&rig);
    }
    return *waiting - before;
}

static void fragments_that_wait_are_counted(void **state) {
    (void)state;
    serve("taburet: 1\n"
          "server:\n"
          "  faults: [{ id: late, enabled: yes, delay: 1h }]\n"
          "  rules:\n"
          "    - { when: whole, reply: abcdef }\n"
          "    - { when: cut, reply: { text: abcdef, fragment: [1, 2] } }\n");
    open_client(&client);
    size_t whole = waits_more_for("whole");
    assert_in_range(whole, 6, 1000);
    assert_in_range(waits_more_for("cut"), whole + 2 * sizeof(uint64_t),
                    whole + 3 * sizeof(uint64_t));
    stop();
}

static void change_to(unsigned version, const char *text) {
    struct script *changed = read_script(text);
    assert_int_equal(mock_change(mock, 0, version, changed), TB_OK);
    script_unref(changed);
}

static size_t count_runs(void) {
    const struct list *runs = &mock->loops[0].runs;
    size_t count = 0;
    for (const struct list *hook = runs->next; hook != runs; hook = hook->next) {
        count++;
    }
    return count;
}

static bool runs_become(size_t count) {
    for (int i = 0; i < 1000 && count_runs() != count; i++) {
        (void)poll(NULL, 0, 1);
        server_rig_turn(&rig);
    }
    return count_runs() == count;
}

static void routes_that_have_gone_stay_for_as_long_as_somebody_is_there(void **state) {
    (void)state;
    char text[128];
    serve("taburet: 1\nserver: { rules: [{ reply: '${text}' }] }\n");
    open_client(&client);
    ask(&client, "x", "x");
    for (unsigned i = 1; i < 20; i++) {
        snprintf(text, sizeof text,
                 "taburet: 1\nserver: { routes: { /r%u: { rules: [{ reply: x }] } } }\n", i);
        change_to(i, text);
        assert_int_equal(count_runs(), 2);
    }
    ws_client_leave(&client);
    assert_true(runs_become(1));
    stop();
}

static void routes_that_have_gone_end_with_what_waits_there(void **state) {
    (void)state;
    serve("taburet: 1\n"
          "server: { rules: [{ every: 1ms, log: a, wait: 50ms, broadcast: b }] }\n");
    open_client(&client);
    assert_true(ws_client_expect(&client, "b"));
    ws_client_leave(&client);
    assert_true(server_rig_await(&rig, &rig.shared.connections, 0));
    change_to(1, "taburet: 1\nserver: { routes: { /a: { rules: [{ reply: x }] } } }\n");
    assert_int_equal(count_runs(), 2);
    assert_true(runs_become(1));
    stop();
}

static void every_can_be_told_from_outside(void **state) {
    (void)state;
    config.has_every = true;
    config.every_ms = 1;
    serve("taburet: 1\nserver: { rules: [{ every: 1h, broadcast: '${n}' }] }\n");
    open_client(&client);
    assert_true(ws_client_expect(&client, "0"));
    assert_true(ws_client_expect(&client, "1"));
    stop();
}

static void faults_are_switched_by_their_names(void **state) {
    (void)state;
    serve("taburet: 1\n"
          "server:\n"
          "  faults: [{ id: twice, then: duplicate }]\n"
          "  rules: [{ reply: '${text}' }]\n");
    assert_false(mock_fault(mock, "thrice", true));
    open_client(&client);
    ask(&client, "1", "1");
    assert_true(mock_fault(mock, "twice", true));
    ask(&client, "2", "2");
    assert_true(ws_client_expect(&client, "2"));
    assert_true(mock_fault(mock, "twice", false));
    ask(&client, "3", "3");
    ask(&client, "4", "4");
    stop();
}

/* ---- what was received ---- */

static bool forgot;

static uint64_t received(size_t rule) {
    uint64_t count = 0;
    forgot = !mock_received(mock, script->server->routes[0].rules[rule].when, NULL, &count);
    return count;
}

static void what_was_received_is_counted(void **state) {
    (void)state;
    config.keep_received = 4096;
    serve("taburet: 1\n"
          "server:\n"
          "  rules:\n"
          "    - { when: { starts: a }, reply: a }\n"
          "    - { when: { any: [a1, b1] }, reply: b }\n"
          "    - { when: { type: close }, log: c }\n"
          "    - { reply: other }\n");
    open_client(&client);
    assert_int_equal(received(0), 0);
    ask(&client, "a1", "a");
    ask(&client, "a2", "a");
    ask(&client, "b1", "b");
    assert_int_equal(received(0), 2);
    assert_int_equal(received(1), 2);
    assert_int_equal(received(2), 0);
    assert_true(ws_client_close(&client, 1000));
    assert_true(ws_client_expect_close(&client, 1000));
    assert_int_equal(received(2), 1);
    assert_false(forgot);
    stop();
}

static void the_oldest_that_was_received_goes_first(void **state) {
    (void)state;
    config.keep_received = 1000;
    serve(
        "taburet: 1\n"
        "server: { rules: [{ when: first, reply: a }, { when: last, reply: b }, { reply: c }] }\n");
    open_client(&client);
    ask(&client, "first", "a");
    assert_int_equal(received(0), 1);
    assert_false(forgot);
    for (int i = 0; i < 100; i++) {
        ask(&client, "between", "c");
    }
    ask(&client, "last", "b");
    assert_int_equal(received(0), 0);
    assert_int_equal(received(1), 1);
    assert_true(forgot);
    stop();
}

static void one_that_is_too_large_to_be_kept_is_missed(void **state) {
    (void)state;
    static const char large[] = "this one alone is larger than all that is kept here";
    config.keep_received = 64;
    serve("taburet: 1\nserver: { rules: [{ when: a, reply: a }, { reply: b }] }\n");
    open_client(&client);
    ask(&client, "a", "a");
    assert_int_equal(received(0), 1);
    assert_false(forgot);
    ask(&client, large, "b");
    assert_int_equal(received(0), 1);
    assert_true(forgot);
    stop();
}

static void nothing_is_kept_unless_asked_for(void **state) {
    (void)state;
    serve("taburet: 1\nserver: { rules: [{ when: a, reply: a }] }\n");
    open_client(&client);
    ask(&client, "a", "a");
    assert_int_equal(received(0), 0);
    stop();
}

/* ---- rooms ---- */

enum { CROWDERS = LOOP_ROOMS_MAX / ROOMS_MAX + 1 };

static struct mock_loop crowded;
static struct run crowded_run = {.loop = &crowded};
static struct member crowders[CROWDERS];

static const char *join(size_t who, size_t room) {
    char name[32];
    int n = snprintf(name, sizeof name, "%zu", room);
    return crowd_join(&crowders[who], name, (size_t)n);
}

/* A walk over all rooms for each would take minutes. */
static void as_many_rooms_as_there_may_be_are_found_at_once(void **state) {
    (void)state;
    for (size_t i = 0; i < CROWDERS; i++) {
        crowders[i].run = &crowded_run;
        list_init(&crowders[i].places);
    }
    for (size_t room = 0; room < LOOP_ROOMS_MAX; room++) {
        assert_null(join(room / ROOMS_MAX, room));
    }
    assert_string_equal(join(0, LOOP_ROOMS_MAX), "it is in 1000 rooms already");
    assert_string_equal(join(CROWDERS - 1, LOOP_ROOMS_MAX), "there are too many rooms already");
    assert_null(join(CROWDERS - 1, 5));
    assert_null(join(CROWDERS - 1, 5));
    assert_int_equal(crowd_find(&crowded_run, "5", 1)->count, 2);
    assert_null(crowd_find(&crowded_run, "5 ", 2));
    for (size_t i = 0; i < CROWDERS; i++) {
        assert_int_equal(crowders[i].room_count, i < CROWDERS - 1 ? ROOMS_MAX : 1);
        crowd_leave_all(&crowders[i]);
    }
    assert_int_equal(crowded.crowd_count, 0);
    assert_int_equal(crowded.place_count, 0);
    assert_null(crowded_run.crowds);
    ws_client_release(&client);
}

static void rooms_have_so_many_members_at_most(void **state) {
    (void)state;
    crowders[0].run = &crowded_run;
    list_init(&crowders[0].places);
    crowded.place_count = LOOP_PLACES_MAX - 1;
    assert_null(join(0, 1));
    assert_string_equal(join(0, 2), "there are too many in rooms already");
    crowd_leave(&crowders[0], "1", 1);
    assert_int_equal(crowded.place_count, LOOP_PLACES_MAX - 1);
    assert_null(crowded_run.crowds);
    ws_client_release(&client);
}

/* ---- memory ---- */

static const char everything[] =
    "taburet: 1\n"
    "server:\n"
    "  handshake:\n"
    "    - { when: { header: { x: { regex: '(?<y>z)' } } }, reject: { status: 401, body: '${y}' } "
    "}\n"
    "    - { when: { header: { a: b } }, accept: { headers: { a: '1' } } }\n"
    "    - { accept: yes }\n"
    "  faults:\n"
    "    - { id: late, enabled: yes, when: { contains: late }, delay: 1ms, after: 1 message }\n"
    "    - { id: heard, enabled: yes, when: { from: client, contains: heard }, delay: 1ms }\n"
    "    - { id: cut, enabled: yes, when: { from: client, contains: cut }, then: truncate }\n"
    "    - { id: bad, enabled: yes, when: { contains: bad }, then: corrupt }\n"
    "    - { id: swap, enabled: yes, when: { contains: swap }, then: reorder }\n"
    "  rules:\n"
    "    - { at: connect, reply: 'hello ${header.host} ${conn.addr}', join: everybody }\n"
    "    - { after: 1ms, reply: after }\n"
    "    - { every: 1ms, in: on, reply: every }\n"
    "    - { at: close, log: gone }\n"
    "    - { when: { regex: '(?<a>room)' }, join: '${a}', set: { b: '${a}' }, goto: on,\n"
    "        wait: 1ms, send: 'room ${b}', to: room room, leave: room }\n"
    "    - { when: { contains: shape }, broadcast: { text: abcdef late, fragment: [1, 2] } }\n"
    "    - { when: { contains: json }, reply: { json: { a: ['${text}'] } }, ping: ping }\n"
    "    - { when: { contains: me }, send: '${text}', to: 'conn ${conn.id}', log: sent }\n"
    "    - { when: { contains: bye }, reply: late, close: { code: 4000, reason: 'bye ${text}' } }\n"
    "    - { when: { json: { $.a: b } }, reply: never }\n"
    "    - { when: { starts: r }, reply: '${text}' }\n";

/* Turns for some milliseconds. */
static void turn(unsigned ms) {
    struct pollfd p = {.fd = uv_backend_fd(&rig.loop.uv), .events = POLLIN};
    uint64_t end = uv_hrtime() + ms * UINT64_C(1000000);
    while (uv_hrtime() < end) {
        (void)poll(&p, 1, 1);
        server_rig_turn(&rig);
    }
}

/* A whole conversation, however much of it comes about. */
static bool talk(struct ws_client *c) {
    static const char *const texts[] = {"room",  "r late",    "r heard", "r cut", "shape",
                                        "r bad", "r swap",    "r json",  "json",  "me too",
                                        "?",     "{\"a\":1}", "heard me"};
    if (!ws_client_open(c, rig.port, 0, "A: b\r\n")) {
        return false;
    }
    bool sent = true;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        sent = sent && ws_client_text(c, texts[i]);
    }
    turn(4);
    sent = sent && ws_client_text(c, "bye");
    turn(3);
    return sent;
}

static void a_failed_allocation_costs_no_more_than_a_conversation(void **state) {
    (void)state;
    struct ws_client witness;
    unsigned n = 0;
    bool done;
    int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
    struct log *log = log_new(fd, LOG_TEXT, LOG_NORMAL);
    config.trace = trace_new(log, NULL);
    config.keep_received = 2000;
    assert_non_null(config.trace);
    rig.config.trace = config.trace;
    serve(everything);
    assert_true(ws_client_init(&witness));
    do {
        fail_alloc_at(n);
        done = talk(&client);
        ws_client_leave(&client);
        assert_true(server_rig_await(&rig, &rig.shared.connections, 0));
        fail_alloc_off();
        trace_flush(config.trace);
        open_client(&witness);
        ws_client_leave(&witness);
        assert_true(server_rig_await(&rig, &rig.shared.connections, 0));
    } while (n++ < alloc_count() && n < 400);
    assert_true(done);
    assert_in_range(n, 40, 399);
    ws_client_release(&witness);
    stop();
    trace_free(config.trace);
    log_free(log);
    close(fd);
}

static void a_mock_without_memory_does_not_begin(void **state) {
    (void)state;
    unsigned n = 0;
    int err;
    script = read_script(everything);
    assert_true(server_rig_start(&rig));
    do {
        fail_alloc_at(n);
        mock = mock_new(&config, 1);
        err = mock == NULL ? TB_ENOMEM : mock_begin(mock, 0, &rig.endpoint, script);
        fail_alloc_off();
        assert_int_equal(err, n < alloc_count() ? TB_ENOMEM : TB_OK);
        if (mock != NULL) {
            mock_end(mock, 0);
            mock_free(mock);
        }
    } while (n++ < alloc_count());
    assert_in_range(n, 5, 100);
    assert_true(server_rig_stop(&rig));
    script_unref(script);
    ws_client_release(&client);
}

static void a_change_without_memory_changes_nothing(void **state) {
    (void)state;
    static const char second[] =
        "taburet: 1\n"
        "server:\n"
        "  routes:\n"
        "    /: { rules: [{ reply: 'new ${a} ${n}' }, { set: { a: b } }] }\n"
        "    /other: { rules: [{ every: 1h, log: x }] }\n";
    unsigned n = 0;
    int err;
    serve("taburet: 1\n"
          "server: { routes: { /: { rules: [{ set: { a: '${text}' }, reply: 'old ${n}' }] } } }\n");
    struct script *changed = read_script(second);
    open_client(&client);
    do {
        char expected[32];
        snprintf(expected, sizeof expected, "old %u", n);
        ask(&client, "x", expected);
        fail_alloc_at(n);
        err = mock_change(mock, 0, n + 1, changed);
        fail_alloc_off();
    } while (err == TB_ENOMEM && n++ < 100);
    assert_int_equal(err, TB_OK);
    assert_in_range(n, 3, 50);
    script_unref(changed);
    assert_true(ws_client_text(&client, "x"));
    struct ws_client_frame frame;
    assert_true(ws_client_receive(&client, &frame));
    assert_memory_equal(frame.data, "new", 3);
    stop();
}

static void nothing_is_freed_as_well(void **state) {
    (void)state;
    mock_free(NULL);
    mock = mock_new(&config, 3);
    assert_non_null(mock);
    mock_free(mock);
    ws_client_release(&client);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        TEST(rules_answer),
        TEST(a_change_is_in_force_at_once),
        TEST(a_loop_counts_with_those_that_have_the_same_file),
        TEST(a_change_that_comes_after_the_end_starts_nothing),
        TEST(fragments_that_wait_are_counted),
        TEST(routes_that_have_gone_stay_for_as_long_as_somebody_is_there),
        TEST(routes_that_have_gone_end_with_what_waits_there),
        TEST(every_can_be_told_from_outside),
        TEST(faults_are_switched_by_their_names),
        TEST(what_was_received_is_counted),
        TEST(the_oldest_that_was_received_goes_first),
        TEST(one_that_is_too_large_to_be_kept_is_missed),
        TEST(nothing_is_kept_unless_asked_for),
        TEST(as_many_rooms_as_there_may_be_are_found_at_once),
        TEST(rooms_have_so_many_members_at_most),
        TEST(a_failed_allocation_costs_no_more_than_a_conversation),
        TEST(a_mock_without_memory_does_not_begin),
        TEST(a_change_without_memory_changes_nothing),
        TEST(nothing_is_freed_as_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
