#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/dial/cookies.h"
#include "base/err.h"
#include "failing_alloc.h"

enum { NOW = 1000000 };

static char folder[32];
static struct cookies cookies;
static struct bytes message, text;

static int set_up(void **state) {
    (void)state;
    strcpy(folder, "/tmp/taburet-cookie-XXXXXX");
    assert_non_null(mkdtemp(folder));
    return chdir(folder);
}

static int tear_down(void **state) {
    (void)state;
    cookies_release(&cookies);
    bytes_release(&message);
    bytes_release(&text);
    unlink("jar");
    assert_int_equal(chdir("/"), 0);
    return rmdir(folder);
}

static void write_jar(const void *p, size_t n) {
    FILE *f = fopen("jar", "w");
    assert_non_null(f);
    assert_int_equal(fwrite(p, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

static void read_jar(const char *content) {
    cookies_release(&cookies);
    write_jar(content, strlen(content));
    assert_int_equal(cookies_read(&cookies, "jar", &message), TB_OK);
}

static void assert_sent(const char *to, const char *expected) {
    struct url url;
    assert_int_equal(url_parse(&url, to, &message), TB_OK);
    bytes_clear(&text);
    assert_int_equal(cookies_append(&cookies, &url, NOW, &text), TB_OK);
    assert_int_equal(bytes_append(&text, "", 1), TB_OK);
    if (strcmp((char *)text.data, expected) != 0) {
        fail_msg("%s gets '%s', not '%s'", to, (char *)text.data, expected);
    }
    url_release(&url);
}

#define JAR(domain, below, path, secure, ends)                                                     \
    domain "\t" below "\t" path "\t" secure "\t" ends "\ta\tb\n"

static void a_cookie_is_for_its_host_alone(void **state) {
    (void)state;
    read_jar(JAR("example.org", "FALSE", "/", "FALSE", "0"));
    assert_sent("ws://example.org/", "a=b");
    assert_sent("ws://EXAMPLE.org:8080/x", "a=b");
    assert_sent("ws://example.org./", "a=b");
    assert_sent("ws://www.example.org/", "");
    assert_sent("ws://example.com/", "");
}

static void a_cookie_may_be_for_hosts_below(void **state) {
    (void)state;
    static const char *const jars[] = {JAR("example.org", "TRUE", "/", "FALSE", "0"),
                                       JAR(".example.org", "TRUE", "/", "FALSE", "0"),
                                       JAR(".example.org", "FALSE", "/", "FALSE", "0")};
    for (size_t i = 0; i < 3; i++) {
        read_jar(jars[i]);
        assert_sent("ws://example.org/", "a=b");
        assert_sent("ws://www.example.org/", "a=b");
        assert_sent("ws://badexample.org/", "");
        assert_sent("ws://org/", "");
    }
}

static void nothing_is_below_an_address(void **state) {
    (void)state;
    read_jar(JAR("0.2.1", "TRUE", "/", "FALSE", "0") JAR("192.0.2.1", "TRUE", "/", "FALSE", "0"));
    assert_sent("ws://192.0.2.1/", "a=b");
}

static void a_path_counts_in_whole_segments(void **state) {
    (void)state;
    read_jar(JAR("h", "FALSE", "/a", "FALSE", "0"));
    assert_sent("ws://h/a", "a=b");
    assert_sent("ws://h/a/b", "a=b");
    assert_sent("ws://h/a?q", "a=b");
    assert_sent("ws://h/ab", "");
    assert_sent("ws://h/", "");
    assert_sent("ws://h/?/a", "");
    read_jar(JAR("h", "FALSE", "/a/", "FALSE", "0"));
    assert_sent("ws://h/a/b", "a=b");
    assert_sent("ws://h/a", "");
}

static void a_secure_cookie_wants_tls(void **state) {
    (void)state;
    read_jar(JAR("example.org", "FALSE", "/", "TRUE", "0")
                 JAR("localhost", "FALSE", "/", "TRUE", "0"));
    assert_sent("wss://example.org/", "a=b");
    assert_sent("ws://example.org/", "");
    assert_sent("ws://localhost:4000/", "a=b");
}

static void a_cookie_ends(void **state) {
    (void)state;
    read_jar(JAR("h", "FALSE", "/", "FALSE", "1000000"));
    assert_sent("ws://h/", "");
    read_jar(JAR("h", "FALSE", "/", "FALSE", "1000001"));
    assert_sent("ws://h/", "a=b");
    read_jar(JAR("h", "FALSE", "/", "FALSE", "-1"));
    assert_sent("ws://h/", "a=b");
}

static void the_longest_path_comes_first(void **state) {
    (void)state;
    read_jar("# Netscape HTTP Cookie File\r\n"
             "\r\n"
             "h\tFALSE\t/\tFALSE\t0\tone\t1\r\n"
             "#HttpOnly_h\tFALSE\t/a\tfalse\t0\ttwo\t2\r\n"
             "h\tFALSE\t/\tFALSE\t0\tthree\r\n"
             "h\tFALSE\t/a\tFALSE\t0\tfour\tx=y\"");
    assert_sent("ws://h/a", "two=2; four=x=y\"; one=1; three=");
}

static void more_is_put_behind(void **state) {
    (void)state;
    struct url url;
    read_jar(JAR("h", "FALSE", "/", "FALSE", "0"));
    assert_int_equal(url_parse(&url, "h", &message), TB_OK);
    assert_int_equal(bytes_append_str(&text, "x=y"), TB_OK);
    assert_int_equal(cookies_append(&cookies, &url, NOW, &text), TB_OK);
    assert_int_equal(text.len, strlen("x=y; a=b"));
    assert_memory_equal(text.data, "x=y; a=b", text.len);
    url_release(&url);
}

static void what_is_no_cookie_is_told_with_its_line(void **state) {
    (void)state;
    static const struct {
        const char *text, *expected;
    } rows[] = {
        {"#\nhello", "jar:2: a line of a cookie file has seven fields with a tab between"},
        {"h\tTRUE\t/\tTRUE\t0",
         "jar:1: a line of a cookie file has seven fields with a tab between"},
        {"h\tTRUE\t/\tTRUE\t0\ta\tb\tc",
         "jar:1: a line of a cookie file has seven fields with a tab between"},
        {"h\tyes\t/\tTRUE\t0\ta\tb",
         "jar:1: the second and the fourth field of a cookie are TRUE or FALSE"},
        {"h\tTRUE\t/\t\t0\ta\tb",
         "jar:1: the second and the fourth field of a cookie are TRUE or FALSE"},
        {"h\tTRUE\t/\tTRUE\tsoon\ta\tb", "jar:1: the fifth field of a cookie is a time in seconds"},
        {"h\tTRUE\t/\tTRUE\t0\t\tb", "jar:1: the cookie cannot be sent (its name or value)"},
        {"h\tTRUE\t/\tTRUE\t0\ta\tb; c=d", "jar:1: the cookie cannot be sent (its name or value)"},
        {"h\tTRUE\t/\tTRUE\t0\ta\tb\rX: y", "jar:1: the cookie cannot be sent (its name or value)"},
        {"h\tTRUE\t/\tTRUE\t0\ta\x1b\tb", "jar:1: the cookie cannot be sent (its name or value)"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bytes_clear(&message);
        cookies_release(&cookies);
        write_jar(rows[i].text, strlen(rows[i].text));
        assert_int_equal(cookies_read(&cookies, "jar", &message), TB_EINVAL);
        assert_int_equal(bytes_append(&message, "", 1), TB_OK);
        assert_string_equal((char *)message.data, rows[i].expected);
    }
    bytes_clear(&message);
    write_jar("\na\0b", 4);
    assert_int_equal(cookies_read(&cookies, "jar", &message), TB_EINVAL);
    assert_memory_equal(message.data, "jar:2: a NUL byte", message.len);
}

static void memory_may_run_out(void **state) {
    (void)state;
    static const char two[] =
        JAR("h", "FALSE", "/", "FALSE", "0") JAR("h", "FALSE", "/", "FALSE", "0");
    struct url url;
    assert_int_equal(url_parse(&url, "h", &message), TB_OK);
    write_jar(two, sizeof two - 1);
    unsigned n = 0;
    do {
        cookies_release(&cookies);
        bytes_release(&text);
        fail_alloc_at(n);
        int err = cookies_read(&cookies, "jar", &message);
        err = err == TB_OK ? cookies_append(&cookies, &url, NOW, &text) : err;
        fail_alloc_off();
        assert_int_equal(err, n < alloc_count() ? TB_ENOMEM : TB_OK);
    } while (n++ < alloc_count());
    url_release(&url);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_cookie_is_for_its_host_alone),
        TEST(a_cookie_may_be_for_hosts_below),
        TEST(nothing_is_below_an_address),
        TEST(a_path_counts_in_whole_segments),
        TEST(a_secure_cookie_wants_tls),
        TEST(a_cookie_ends),
        TEST(the_longest_path_comes_first),
        TEST(more_is_put_behind),
        TEST(what_is_no_cookie_is_told_with_its_line),
        TEST(memory_may_run_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
