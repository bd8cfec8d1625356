#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "app/dial/proxies.h"
#include "base/err.h"
#include "failing_alloc.h"

static const char *const variables[] = {"http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY",
                                        "all_proxy",  "ALL_PROXY",  "no_proxy",    "NO_PROXY"};

static struct proxy_choice choice;
static struct bytes message;

static int set_up(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++) {
        assert_int_equal(unsetenv(variables[i]), 0);
    }
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    proxy_choice_release(&choice);
    bytes_release(&message);
    return 0;
}

static void set(const char *name, const char *value) {
    assert_int_equal(setenv(name, value, 1), 0);
}

static int choose(const struct dial_flags *f, const char *to) {
    struct url url;
    proxy_choice_release(&choice);
    bytes_clear(&message);
    assert_int_equal(url_parse(&url, to, &message), TB_OK);
    int err = proxy_choose(&choice, f, &url, &message);
    url_release(&url);
    return err;
}

static void assert_proxy(const char *text, enum proxy_kind kind, const char *host, uint16_t port) {
    const struct dial_flags f = {.proxy = text};
    assert_int_equal(choose(&f, "ws://example.org"), TB_OK);
    assert_true(choice.chosen);
    assert_int_equal(choice.proxy.kind, kind);
    assert_string_equal(choice.proxy.host, host);
    assert_int_equal(choice.proxy.port, port);
}

static void a_proxy_is_a_url_or_a_host(void **state) {
    (void)state;
    assert_proxy("p.test", PROXY_HTTP, "p.test", 1080);
    assert_proxy("p.test:3128", PROXY_HTTP, "p.test", 3128);
    assert_proxy("http://p.test:80/", PROXY_HTTP, "p.test", 80);
    assert_proxy("HTTP://p.test", PROXY_HTTP, "p.test", 1080);
    assert_proxy("socks5://p.test", PROXY_SOCKS5H, "p.test", 1080);
    assert_proxy("socks5h://[::1]:9050", PROXY_SOCKS5H, "::1", 9050);
    assert_null(choice.proxy.user);
}

static void user_and_password_are_decoded(void **state) {
    (void)state;
    assert_proxy("http://me:p%40ss%3a@p.test:1", PROXY_HTTP, "p.test", 1);
    assert_string_equal(choice.proxy.user, "me");
    assert_string_equal(choice.proxy.password, "p@ss:");
    assert_proxy("me@p.test", PROXY_HTTP, "p.test", 1080);
    assert_string_equal(choice.proxy.user, "me");
    assert_null(choice.proxy.password);
}

static void assert_refused(const char *text, const char *expected) {
    const struct dial_flags f = {.proxy = text};
    assert_int_equal(choose(&f, "ws://example.org"), TB_EINVAL);
    assert_int_equal(bytes_append(&message, "", 1), TB_OK);
    assert_string_equal((char *)message.data, expected);
    assert_false(choice.chosen);
}

static void what_is_no_proxy_is_refused(void **state) {
    (void)state;
    static const char form[] =
        "option '--proxy': a proxy is [http|socks5h]://[USER:PASSWORD@]HOST[:PORT]";
    assert_refused("https://p", "option '--proxy': a proxy of the kind 'https' is not known, only "
                                "http, socks5 and socks5h");
    assert_refused("socks4://p", "option '--proxy': a proxy of the kind 'socks4' is not known, "
                                 "only http, socks5 and socks5h");
    assert_refused("http://http://p", form);
    assert_refused("http://ws+unix:/tmp/x", form);
    assert_refused("p:99999", "option '--proxy': bad URL 'p:99999': the port is not a number from "
                              "1 to 65535");
    assert_refused("http://", "option '--proxy': bad URL '': it is empty");
}

static void a_password_is_never_shown(void **state) {
    (void)state;
    static const char *const texts[] = {"http://me:secret@",       "me:secret@a b",
                                        "me:secret://x@p",         "http://me:secret%@p",
                                        "http://me:sec\nsecret@p", "ftp://me:secret@p"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const struct dial_flags f = {.proxy = texts[i]};
        assert_int_equal(choose(&f, "ws://example.org"), TB_EINVAL);
        assert_true(message.len > 0);
        assert_null(memmem(message.data, message.len, "secret", 6));
    }
}

static void assert_chosen(const struct dial_flags *f, const char *to, const char *expected) {
    assert_int_equal(choose(f, to), TB_OK);
    assert_string_equal(choice.chosen ? choice.proxy.host : "", expected);
}

static void the_environment_names_a_proxy_for_each_scheme(void **state) {
    (void)state;
    const struct dial_flags f = {.proxy = NULL};
    assert_chosen(&f, "ws://h", "");
    set("ALL_PROXY", "all2");
    assert_chosen(&f, "ws://h", "all2");
    set("all_proxy", "all1");
    assert_chosen(&f, "ws://h", "all1");
    assert_chosen(&f, "wss://h", "all1");
    set("HTTPS_PROXY", "s2");
    assert_chosen(&f, "wss://h", "s2");
    assert_chosen(&f, "ws://h", "all1");
    set("https_proxy", "s1");
    assert_chosen(&f, "wss://h", "s1");
    set("http_proxy", "p1");
    assert_chosen(&f, "ws://h", "p1");
    assert_chosen(&f, "wss://h", "s1");
    set("http_proxy", "");
    assert_chosen(&f, "ws://h", "all1");
}

/* httpoxy, CVE-2016-5385 and its kin: a CGI program finds a client's Proxy header there. */
static void cve_2016_5385_http_proxy_counts_in_small_letters_only(void **state) {
    (void)state;
    const struct dial_flags f = {.proxy = NULL};
    set("HTTP_PROXY", "evil");
    assert_chosen(&f, "ws://h", "");
}

static void the_flag_counts_more_than_the_environment(void **state) {
    (void)state;
    set("http_proxy", "env");
    assert_chosen(&(struct dial_flags){.proxy = "flag"}, "ws://h", "flag");
    assert_chosen(&(struct dial_flags){.proxy = ""}, "ws://h", "");
}

static void exceptions_go_without(void **state) {
    (void)state;
    const struct dial_flags f = {.proxy = "p"};
    set("NO_PROXY", "b.test");
    assert_chosen(&f, "ws://a.test", "p");
    assert_chosen(&f, "ws://x.b.test", "");
    set("no_proxy", "a.test");
    assert_chosen(&f, "ws://a.test", "");
    assert_chosen(&f, "ws://b.test", "p");
    assert_chosen(&(struct dial_flags){.proxy = "p", .noproxy = ""}, "ws://a.test", "p");
    assert_chosen(&(struct dial_flags){.proxy = "p", .noproxy = "*"}, "ws://b.test", "");
    assert_chosen(&(struct dial_flags){.proxy = "p", .noproxy = "::1"}, "ws://[::1]:80", "");
}

static void a_unix_socket_needs_none(void **state) {
    (void)state;
    set("http_proxy", "env");
    assert_chosen(&(struct dial_flags){.unix_path = "/tmp/x"}, "ws://h", "");
    assert_chosen(&(struct dial_flags){.unix_path = NULL}, "ws+unix:/tmp/x", "");
}

static void a_wrong_variable_is_named(void **state) {
    (void)state;
    const struct dial_flags f = {.proxy = NULL};
    set("https_proxy", "https://p");
    assert_int_equal(choose(&f, "wss://h"), TB_EINVAL);
    assert_memory_equal(message.data, "https_proxy: a proxy of the kind 'https'", 40);
    assert_int_equal(choose(&f, "ws://h"), TB_OK);
}

static void memory_may_run_out(void **state) {
    (void)state;
    const struct dial_flags f = {.proxy = "http://a:b@p:1"};
    struct url url;
    assert_int_equal(url_parse(&url, "ws://h", &message), TB_OK);
    unsigned n = 0;
    do {
        proxy_choice_release(&choice);
        fail_alloc_at(n);
        int err = proxy_choose(&choice, &f, &url, &message);
        fail_alloc_off();
        assert_int_equal(err, n < alloc_count() ? TB_ENOMEM : TB_OK);
    } while (n++ < alloc_count());
    url_release(&url);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_proxy_is_a_url_or_a_host),
        TEST(user_and_password_are_decoded),
        TEST(what_is_no_proxy_is_refused),
        TEST(a_password_is_never_shown),
        TEST(the_environment_names_a_proxy_for_each_scheme),
        TEST(cve_2016_5385_http_proxy_counts_in_small_letters_only),
        TEST(the_flag_counts_more_than_the_environment),
        TEST(exceptions_go_without),
        TEST(a_unix_socket_needs_none),
        TEST(a_wrong_variable_is_named),
        TEST(memory_may_run_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
