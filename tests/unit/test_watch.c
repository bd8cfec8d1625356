#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/serve/server.h"
#include "app/serve/settings.h"
#include "app/serve/site.h"
#include "app/serve/watch.h"
#include "base/err.h"
#include "base/log.h"
#include "conn/trace.h"
#include "failing_alloc.h"
#include "script/mock/state.h"

enum { THREADS = 2, LOG_SIZE = 65536 };

/* Two threads' loops, which have their turns on the test's one. */
static char folder[64];
static char path[96];
static int log_fd;
static off_t log_seen;
static struct log *console;
static struct settings settings;
static struct site site;
static struct server server;
static struct watch watch;

static void on_leave(void *ctx, size_t thread) {
    site_end(ctx, thread);
}

static void write_file(const char *text) {
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void write_reply(unsigned n) {
    char text[128];
    snprintf(text, sizeof text,
             "taburet: 1\nserver: { rules: [{ when: { contains: a, times: 1 }, reply: '%u' }] }\n",
             n);
    write_file(text);
}

static void start_server(void) {
    char port[] = "0";
    char *argv[] = {(char[]){"--threads"}, (char[]){"2"}, (char[]){"--port"}, port, path};
    struct bytes message = BYTES_INIT;
    const struct endpoint_config *config = &site.config;
    assert_int_equal(settings_read(&settings, sizeof argv / sizeof *argv, argv, &message), TB_OK);
    settings.max_connections = 10;
    assert_int_equal(site_load(&site, &settings, path, &message), 0);
    assert_int_equal(site_bind(&site, &message, &message), 0);
    assert_int_equal(site_open(&site, console, &message), 0);
    assert_int_equal(server_init(&server, THREADS, &config, 1), TB_OK);
    server.on_leave = on_leave;
    server.ctx = &site;
    assert_int_equal(site_begin(&site, &server, 0, &message), 0);
    watch_start(&watch, &site, &server.workers[0].loop);
    bytes_release(&message);
}

static int set_up(void **state) {
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/taburet-test-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/log", folder);
    log_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_true(log_fd >= 0);
    assert_int_equal(unlink(path), 0);
    log_seen = 0;
    console = log_new(log_fd, LOG_TEXT, LOG_NORMAL);
    assert_non_null(console);
    snprintf(path, sizeof path, "%s/mock.yaml", folder);
    write_reply(0);
    start_server();
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    watch_stop(&watch);
    server_end(&server);
    watch_release(&watch);
    site_release(&site);
    server_release(&server);
    log_free(console);
    settings_release(&settings);
    close(log_fd);
    unlink(path);
    rmdir(folder);
    return 0;
}

static void turn(void) {
    for (size_t i = 0; i < THREADS; i++) {
        uv_run(&server.workers[i].loop.uv, UV_RUN_NOWAIT);
    }
}

static bool is_quiet(void) {
    return !uv_is_active((const uv_handle_t *)&watch.quiet);
}

/* Until the file was read, and all threads have had their turn. */
static void turn_until_quiet(void) {
    for (int i = 0; i < 2000 && !is_quiet(); i++) {
        (void)poll(NULL, 0, 1);
        turn();
    }
    assert_true(is_quiet());
    turn();
    turn();
}

/* As if the file had changed a moment ago; it was seen to change before. */
static void look_again(void) {
    uv_timer_set_repeat(&watch.quiet, 1);
    assert_int_equal(uv_timer_again(&watch.quiet), 0);
    uv_timer_set_repeat(&watch.quiet, 0);
    turn_until_quiet();
}

static const struct mock_loop *loop_of(size_t i) {
    return &site.mock->loops[i];
}

static bool is_everywhere(unsigned version) {
    return loop_of(0)->tally == loop_of(1)->tally && loop_of(0)->tally->version == version &&
           site.mock->newest->older == NULL;
}

/* Whether the log has that since it was asked last. */
static bool is_told(const char *text) {
    static char lines[LOG_SIZE];
    trace_flush(site.trace);
    off_t end = lseek(log_fd, 0, SEEK_END);
    ssize_t n = pread(log_fd, lines, sizeof lines - 1, log_seen);
    assert_true(n >= 0);
    lseek(log_fd, end, SEEK_SET);
    lines[n] = '\0';
    log_seen = end;
    return strstr(lines, text) != NULL;
}

static void wait_for_event(void) {
    for (int i = 0; i < 2000 && is_quiet(); i++) {
        (void)poll(NULL, 0, 1);
        turn();
    }
    turn_until_quiet();
}

static void a_change_is_told_when_all_threads_have_it(void **state) {
    (void)state;
    write_reply(1);
    wait_for_event();
    assert_true(is_told("the file has changed, and is in force"));
    assert_int_equal(watch.version, 1);
    assert_true(is_everywhere(1));
}

/* Whatever fails: saving it once more puts it in force, and nothing is told that is not so. */
static void without_memory_a_change_may_be_saved_again(void **state) {
    (void)state;
    unsigned n = 0;
    write_reply(1);
    wait_for_event();
    assert_true(is_told("and is in force"));
    uv_fs_event_stop(&watch.events);
    do {
        unsigned before = watch.version;
        write_reply(n + 2);
        fail_alloc_at(n);
        look_again();
        fail_alloc_off();
        bool told = is_told("and is in force");
        if (told) {
            assert_true(watch.version > before && is_everywhere(watch.version));
        }
        look_again();
        assert_false(is_told("and is in force") && told);
        assert_true(watch.version > before);
        assert_true(is_everywhere(watch.version));
    } while (n++ < alloc_count());
    assert_in_range(n, 20, 5000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_change_is_told_when_all_threads_have_it),
        TEST(without_memory_a_change_may_be_saved_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
