#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "failing_alloc.h"
#include "proto/url.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void parse(struct url *u, const char *text) {
    struct bytes message = BYTES_INIT;
    if (url_parse(u, text, &message) != TB_OK) {
        fail_msg("%.*s", (int)message.len, (const char *)message.data);
    }
    assert_int_equal(message.len, 0);
    bytes_release(&message);
}

static void resolve(struct url *u, const char *from, const char *reference) {
    struct url base;
    struct bytes message = BYTES_INIT;
    parse(&base, from);
    if (url_resolve(u, &base, reference, &message) != TB_OK) {
        fail_msg("%.*s", (int)message.len, (const char *)message.data);
    }
    bytes_release(&message);
    url_release(&base);
}

static void assert_written(int (*write)(const struct url *, struct bytes *), const struct url *u,
                           const char *expected) {
    struct bytes out = BYTES_INIT;
    assert_int_equal(write(u, &out), TB_OK);
    assert_int_equal(bytes_append(&out, "", 1), TB_OK);
    assert_string_equal((const char *)out.data, expected);
    bytes_release(&out);
}

static void assert_text(const char *actual, const char *expected) {
    if (expected == NULL) {
        assert_null(actual);
    } else {
        assert_non_null(actual);
        assert_string_equal(actual, expected);
    }
}

static void assert_message(struct bytes *message, const char *expected) {
    assert_int_equal(bytes_append(message, "", 1), TB_OK);
    assert_string_equal((const char *)message->data, expected);
    bytes_release(message);
}

static void assert_empty(const struct url *u) {
    assert_null(u->host);
    assert_null(u->target);
    assert_null(u->user);
    assert_null(u->password);
    assert_null(u->unix_path);
}

static void refuse(const char *text, const char *why) {
    struct url u;
    struct bytes message = BYTES_INIT;
    char expected[512];
    assert_int_equal(url_parse(&u, text, &message), TB_EINVAL);
    assert_empty(&u);
    snprintf(expected, sizeof(expected), "bad URL '%s': %s", text, why);
    assert_message(&message, expected);
}

/* The message is the whole one. */
static void refuse_with(const char *text, const char *expected) {
    struct url u;
    struct bytes message = BYTES_INIT;
    assert_int_equal(url_parse(&u, text, &message), TB_EINVAL);
    assert_message(&message, expected);
}

static void four_schemes_and_none_say_how(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool secure;
        uint16_t port;
        bool port_given;
        const char *host;
        const char *target;
    } urls[] = {
        {"ws://example.org", false, 80, false, "example.org", "/"},
        {"wss://example.org", true, 443, false, "example.org", "/"},
        {"http://example.org/a", false, 80, false, "example.org", "/a"},
        {"https://example.org/a?b", true, 443, false, "example.org", "/a?b"},
        {"WSS://Example.ORG/A", true, 443, false, "Example.ORG", "/A"},
        {"hTTp://h:1", false, 1, true, "h", "/"},
        {"wss://h:80/", true, 80, true, "h", "/"},
        {"ws://h:80", false, 80, true, "h", "/"},
        {"ws://h:/", false, 80, false, "h", "/"},
        {"ws://h:0080/", false, 80, true, "h", "/"},
        {"localhost", false, 80, false, "localhost", "/"},
        {"localhost:4000", false, 4000, true, "localhost", "/"},
        {"localhost:65535/path", false, 65535, true, "localhost", "/path"},
        {"ws:4000/path", false, 4000, true, "ws", "/path"},
        {"127.0.0.1/a", false, 80, false, "127.0.0.1", "/a"},
        {"host?x=1", false, 80, false, "host", "/?x=1"},
        {"a_b-c.d~.:9", false, 9, true, "a_b-c.d~.", "/"},
        {"ws://xn--e1afmkfd.xn--j1amh", false, 80, false, "xn--e1afmkfd.xn--j1amh", "/"},
    };
    for (size_t i = 0; i < COUNT(urls); i++) {
        struct url u;
        parse(&u, urls[i].text);
        assert_int_equal(u.secure, urls[i].secure);
        assert_int_equal(u.port, urls[i].port);
        assert_int_equal(u.port_given, urls[i].port_given);
        assert_string_equal(u.host, urls[i].host);
        assert_string_equal(u.target, urls[i].target);
        assert_false(u.ipv6);
        assert_false(u.had_fragment);
        assert_null(u.user);
        assert_null(u.password);
        assert_null(u.unix_path);
        url_release(&u);
        assert_empty(&u);
    }
}

static void an_ipv6_address_stands_in_brackets(void **state) {
    (void)state;
    static const struct {
        const char *text;
        const char *host;
        uint16_t port;
        const char *header;
        const char *written;
    } urls[] = {
        {"ws://[::1]", "::1", 80, "[::1]", "ws://[::1]/"},
        {"[::1]:4000/a", "::1", 4000, "[::1]:4000", "ws://[::1]:4000/a"},
        {"wss://[2001:DB8::1]:443?q", "2001:DB8::1", 443, "[2001:DB8::1]",
         "wss://[2001:DB8::1]/?q"},
        {"ws://u@[::ffff:1.2.3.4]:1/", "::ffff:1.2.3.4", 1, "[::ffff:1.2.3.4]:1",
         "ws://[::ffff:1.2.3.4]:1/"},
        {"ws://[fe80::1%25eth0]:1/", "fe80::1%eth0", 1, "[fe80::1]:1", "ws://[fe80::1%25eth0]:1/"},
        {"ws://[fe80::1%eth0]/", "fe80::1%eth0", 80, "[fe80::1]", "ws://[fe80::1%25eth0]/"},
    };
    for (size_t i = 0; i < COUNT(urls); i++) {
        struct url u;
        parse(&u, urls[i].text);
        assert_true(u.ipv6);
        assert_string_equal(u.host, urls[i].host);
        assert_int_equal(u.port, urls[i].port);
        assert_written(url_write_host, &u, urls[i].header);
        assert_written(url_write, &u, urls[i].written);
        url_release(&u);
    }
    refuse("::1", "an IPv6 address stands in brackets, as in [::1]:4000");
    refuse("ws://fe80::1/", "an IPv6 address stands in brackets, as in [::1]:4000");
    refuse("ws://[::1", "']' is missing behind the IPv6 address");
    refuse("ws://[::1]x", "only a port may stand behind ']'");
    refuse("ws://[::1]:x", "the port is not a number from 1 to 65535");
    const char *none = "no IPv6 address stands in the brackets";
    refuse("ws://[]", none);
    refuse("ws://[localhost]", none);
    refuse("ws://[1.2.3.4]", none);
    refuse("ws://[v1.a]", none);
    refuse("ws://[::1%]", none);
    refuse("ws://[::1%25]", none);
    refuse("ws://[::1%a/b]", "']' is missing behind the IPv6 address");
    refuse("ws://[::1%a%b]", none);
    refuse("ws://[::1%abcdefghijklmnop]", none);
    refuse("ws://[:: 1]", "a space in the host");
}

static void user_and_password_are_decoded(void **state) {
    (void)state;
    static const struct {
        const char *text;
        const char *user;
        const char *password;
    } urls[] = {
        {"ws://bob@h", "bob", NULL},
        {"ws://bob:@h", "bob", ""},
        {"ws://:pass@h", "", "pass"},
        {"bob:pass@h:1/", "bob", "pass"},
        {"ws://@h", NULL, NULL},
        {"ws://b%6Fb:p%3a%40%2f:s@h", "bob", "p:@/:s"},
        {"ws://\xd1\x97:%d1%97@h", "\xd1\x97", "\xd1\x97"},
        {"ws://h/@a:b@c", NULL, NULL},
        {"ws://h?@a:b@c", NULL, NULL},
    };
    for (size_t i = 0; i < COUNT(urls); i++) {
        struct url u;
        parse(&u, urls[i].text);
        assert_text(u.user, urls[i].user);
        assert_text(u.password, urls[i].password);
        assert_string_equal(u.host, "h");
        url_release(&u);
    }
}

static void a_bad_user_or_password_is_refused_and_not_shown(void **state) {
    (void)state;
    static const char *const urls[][2] = {
        {"ws://b:se%cret@h", "a '%' in user or password is written %25"},
        {"ws://b:secret%4@h", "a '%' in user or password is written %25"},
        {"ws://b:secret%0a@h", "a control character in user or password"},
        {"ws://b:secret%00@h", "a control character in user or password"},
        {"ws://b:secret%7f@h", "a control character in user or password"},
        {"ws://b:sec ret@h", "a space in user or password"},
        {"ws://b:sec\nret@h", "a control character in user or password"},
        {"ws://b:se@cret@h", "an '@' in user or password is written %40"},
        {"ws://b:se\\cret@h", "a '\\' in user or password is written %5C"},
        {"ws://b:se/cret@h", "the port is not a number from 1 to 65535"},
        {"ws://b:1/se cret@h", "a space in the path"},
        {"ws://b:se#cr\tet@h", "the port is not a number from 1 to 65535"},
    };
    for (size_t i = 0; i < COUNT(urls); i++) {
        char expected[128];
        snprintf(expected, sizeof(expected), "bad URL 'ws://b:***@h': %s", urls[i][1]);
        refuse_with(urls[i][0], expected);
    }
    refuse_with("b:secret@", "bad URL 'b:***@': no host (a URL is ws://HOST:PORT/PATH)");
    refuse_with("b:secret@:80", "bad URL 'b:***@:80': no host (a URL is ws://HOST:PORT/PATH)");
    refuse_with("b:secret@h:x?http://a@b",
                "bad URL 'b:***@b': the port is not a number from 1 to 65535");
    refuse_with("ftp://b:secret@h",
                "bad URL 'ftp://b:***@h': the scheme 'ftp' is none of ws, wss, http and https");
}

static void a_target_stays_as_it_was_typed(void **state) {
    (void)state;
    static const char *const urls[][2] = {
        {"/a/../b//c/.", "/a/../b//c/."},
        {"/%zz%2f'()*!;=$&+,:@|\\^`{}", "/%zz%2f'()*!;=$&+,:@|\\^`{}"},
        {"?a=/b?c", "/?a=/b?c"},
        {"/\xd1\x97?\xd1\x97", "/%D1%97?%D1%97"},
        {"/a\"<b>", "/a%22%3Cb%3E"},
        {"/\xff", "/%FF"},
    };
    for (size_t i = 0; i < COUNT(urls); i++) {
        char text[128];
        struct url u;
        snprintf(text, sizeof(text), "ws://h%s", urls[i][0]);
        parse(&u, text);
        assert_string_equal(u.target, urls[i][1]);
        url_release(&u);
    }
}

static void a_fragment_is_left_out_and_told(void **state) {
    (void)state;
    static const char *const urls[][2] = {
        {"ws://h#", "/"}, {"ws://h/a#b", "/a"}, {"h?x#y?z#", "/?x"}, {"h:1#/a", "/"}};
    for (size_t i = 0; i < COUNT(urls); i++) {
        struct url u;
        parse(&u, urls[i][0]);
        assert_true(u.had_fragment);
        assert_string_equal(u.target, urls[i][1]);
        url_release(&u);
    }
}

static void a_missing_host_is_refused_with_what_was_meant(void **state) {
    (void)state;
    refuse("", "it is empty");
    refuse(":4000/path", "no host (did you mean 'localhost:4000/path'?)");
    refuse("wss://:4000", "no host (did you mean 'wss://localhost:4000'?)");
    const char *none = "no host (a URL is ws://HOST:PORT/PATH)";
    refuse("/path", none);
    refuse("ws://", none);
    refuse("ws:///path", none);
    refuse("?x", none);
    refuse("#x", none);
    refuse(":", none);
    refuse("//host/path", none);
    refuse("ws:/host", "'//' is missing behind 'ws:'");
    refuse("Https:host", "'//' is missing behind 'Https:'");
}

static void a_bad_scheme_or_port_is_refused(void **state) {
    (void)state;
    refuse("ftp://h", "the scheme 'ftp' is none of ws, wss, http and https");
    refuse("wsss://h", "the scheme 'wsss' is none of ws, wss, http and https");
    refuse("file:///a", "the scheme 'file' is none of ws, wss, http and https");
    const char *port = "the port is not a number from 1 to 65535";
    static const char *const wrong[] = {"h:0",  "h:65536", "h:x",  "h:-1",
                                        "h:1x", "h:+1",    "h:1.", "h:00000000000000000000000080"};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        refuse(wrong[i], port);
    }
    refuse("h:1 /", "a space in the port");
}

static void spaces_and_control_characters_are_refused_everywhere(void **state) {
    (void)state;
    refuse("ws://exa mple", "a space in the host");
    refuse(" ws://h", "a space in the host");
    refuse("ws://h/a b", "a space in the path");
    refuse("ws://h/?a b", "a space in the query");
    refuse("ws://h/#a b", "a space in the fragment");
    refuse_with("ws://h\r\n", "bad URL 'ws://h\\x0d\\n': a control character in the host");
    refuse_with("ws://h:1\t", "bad URL 'ws://h:1\\t': a control character in the port");
    refuse_with("ws://h/\r\nX: y",
                "bad URL 'ws://h/\\x0d\\nX: y': a control character in the path");
    refuse_with("ws://h?\x7f", "bad URL 'ws://h?\\x7f': a control character in the query");
    refuse_with("ws://h#\x1b", "bad URL 'ws://h#\\x1b': a control character in the fragment");
}

static void a_bad_host_is_refused(void **state) {
    (void)state;
    refuse("ws://\xd1\x97.ua", "a host beyond ASCII is written in its xn-- form");
    static const char *const wrong[] = {"a<b", "a%41", "a\\b", "a^b", "a|b", "a]", "a[b]", "a\"b"};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        refuse(wrong[i], "the host has a character that no host has");
    }
    char longest[257];
    memset(longest, 'a', 255);
    longest[255] = '\0';
    struct url u;
    parse(&u, longest);
    url_release(&u);
    longest[255] = 'a';
    longest[256] = '\0';
    char expected[300];
    snprintf(expected, sizeof(expected),
             "bad URL '%.200s...': the host is longer than 255 characters", longest);
    refuse_with(longest, expected);
}

static void a_unix_socket_has_a_path_and_a_target(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool secure;
        const char *path;
        const char *target;
        const char *written;
    } urls[] = {
        {"ws+unix:/run/a.sock:/chat?x", false, "/run/a.sock", "/chat?x",
         "ws+unix:/run/a.sock:/chat?x"},
        {"wss+unix:///run/a.sock:/", true, "/run/a.sock", "/", "wss+unix:/run/a.sock:/"},
        {"WS+UNIX:a.sock", false, "a.sock", "/", "ws+unix:a.sock:/"},
        {"ws+unix:/a:", false, "/a", "/", "ws+unix:/a:/"},
        {"ws+unix:/a?x", false, "/a", "/?x", "ws+unix:/a:/?x"},
        {"ws+unix:/a:/b:c@d", false, "/a", "/b:c@d", "ws+unix:/a:/b:c@d"},
    };
    for (size_t i = 0; i < COUNT(urls); i++) {
        struct url u;
        parse(&u, urls[i].text);
        assert_int_equal(u.secure, urls[i].secure);
        assert_string_equal(u.unix_path, urls[i].path);
        assert_string_equal(u.target, urls[i].target);
        assert_written(url_write, &u, urls[i].written);
        assert_written(url_write_host, &u, "localhost");
        url_release(&u);
    }
    refuse("ws+unix:", "no socket (a URL is ws+unix:/SOCKET:/PATH)");
    refuse("ws+unix://host/a", "no socket (a URL is ws+unix:/SOCKET:/PATH)");
    refuse("ws+unix::/a", "no socket (a URL is ws+unix:/SOCKET:/PATH)");
    refuse("ws+unix:/a:b", "the path behind the socket begins with '/'");
    refuse("ws+unix:/a b", "a space in the socket's path");
}

static void a_url_is_written_without_its_secrets(void **state) {
    (void)state;
    static const char *const urls[][3] = {
        {"http://u:p@h:80/a?b#c", "ws://h/a?b", "h"},
        {"https://h:443", "wss://h/", "h"},
        {"wss://h:80", "wss://h:80/", "h:80"},
        {"h:443", "ws://h:443/", "h:443"},
    };
    for (size_t i = 0; i < COUNT(urls); i++) {
        struct url u;
        parse(&u, urls[i][0]);
        assert_written(url_write, &u, urls[i][1]);
        assert_written(url_write_host, &u, urls[i][2]);
        url_release(&u);
    }
}

/* RFC 3986 s.5.4, as far as there are hosts and the four schemes. */
static void references_are_resolved_as_the_rfc_says(void **state) {
    (void)state;
    static const char *const references[][2] = {
        {"g", "/b/c/g"},
        {"./g", "/b/c/g"},
        {"g/", "/b/c/g/"},
        {"/g", "/g"},
        {"?y", "/b/c/d;p?y"},
        {"g?y", "/b/c/g?y"},
        {"#s", "/b/c/d;p?q"},
        {"g#s", "/b/c/g"},
        {"g?y#s", "/b/c/g?y"},
        {";x", "/b/c/;x"},
        {"g;x", "/b/c/g;x"},
        {"", "/b/c/d;p?q"},
        {".", "/b/c/"},
        {"./", "/b/c/"},
        {"..", "/b/"},
        {"../", "/b/"},
        {"../g", "/b/g"},
        {"../..", "/"},
        {"../../", "/"},
        {"../../g", "/g"},
        {"../../../g", "/g"},
        {"../../../../g", "/g"},
        {"/./g", "/g"},
        {"/../g", "/g"},
        {"g.", "/b/c/g."},
        {".g", "/b/c/.g"},
        {"g..", "/b/c/g.."},
        {"..g", "/b/c/..g"},
        {"./../g", "/b/g"},
        {"./g/.", "/b/c/g/"},
        {"g/./h", "/b/c/g/h"},
        {"g/../h", "/b/c/h"},
        {"g;x=1/./y", "/b/c/g;x=1/y"},
        {"g;x=1/../y", "/b/c/y"},
        {"g?y/./x", "/b/c/g?y/./x"},
        {"g?y/../x", "/b/c/g?y/../x"},
        {"g#s/../x", "/b/c/g"},
        {"..?x", "/b/?x"},
        {".?x", "/b/c/?x"},
        {"/a//../b", "/a/b"},
        {"/..//h/x", "//h/x"},
        {"/\xd1\x97", "/%D1%97"},
        {"/\\h", "/\\h"},
    };
    for (size_t i = 0; i < COUNT(references); i++) {
        struct url u;
        resolve(&u, "ws://u:p@a:81/b/c/d;p?q", references[i][0]);
        assert_string_equal(u.target, references[i][1]);
        assert_string_equal(u.host, "a");
        assert_int_equal(u.port, 81);
        assert_string_equal(u.user, "u");
        assert_string_equal(u.password, "p");
        assert_int_equal(u.had_fragment, strchr(references[i][0], '#') != NULL);
        url_release(&u);
    }
}

static void a_reference_may_name_another_host(void **state) {
    (void)state;
    static const char *const references[][3] = {
        {"ws://a/b", "//h:1/x/../y", "ws://h:1/y"},
        {"wss://a/b", "//h", "wss://h/"},
        {"ws://a/b", "https://h/./x?y", "wss://h/x?y"},
        {"wss://a:1/b", "WS://h", "ws://h/"},
        {"ws+unix:/s:/b", "//h/x", "ws://h/x"},
        {"ws+unix:/s:/b/c", "../x", "ws+unix:/s:/x"},
        {"wss://[fe80::1%25e]:1/b", "c", "wss://[fe80::1%25e]:1/c"},
    };
    for (size_t i = 0; i < COUNT(references); i++) {
        struct url u;
        resolve(&u, references[i][0], references[i][1]);
        assert_null(u.user);
        assert_written(url_write, &u, references[i][2]);
        url_release(&u);
    }
    struct url u;
    resolve(&u, "ws://u:p@a/b", "//v:q@h/");
    assert_string_equal(u.user, "v");
    assert_string_equal(u.password, "q");
    url_release(&u);
    resolve(&u, "ws://u:p@a/b", "ws://a/c");
    assert_null(u.user);
    assert_null(u.password);
    url_release(&u);
}

static void a_reference_leads_to_no_other_scheme(void **state) {
    (void)state;
    static const char *const references[][2] = {
        {"ftp://h/", "bad URL 'ftp://h/': the scheme 'ftp' is none of ws, wss, http and https"},
        {"ws+unix:/s:/",
         "bad URL 'ws+unix:/s:/': the scheme 'ws+unix' is none of ws, wss, http and https"},
        {"javascript:x", "bad URL 'javascript:x': the scheme 'javascript' is none of ws, wss, http "
                         "and https"},
        {"localhost:1/", "bad URL 'localhost:1/': the scheme 'localhost' is none of ws, wss, http "
                         "and https"},
        {"ws:/x", "bad URL 'ws:/x': '//' is missing behind 'ws:'"},
        {"//", "bad URL '//': no host (a URL is ws://HOST:PORT/PATH)"},
        {"///x", "bad URL '///x': no host (a URL is ws://HOST:PORT/PATH)"},
        {"a b", "bad URL 'a b': a space in the path"},
        {"//b:secret@h h/", "bad URL '//b:***@h h/': a space in the host"},
    };
    struct url base;
    parse(&base, "ws://a/");
    for (size_t i = 0; i < COUNT(references); i++) {
        struct url u;
        struct bytes message = BYTES_INIT;
        assert_int_equal(url_resolve(&u, &base, references[i][0], &message), TB_EINVAL);
        assert_empty(&u);
        assert_message(&message, references[i][1]);
    }
    url_release(&base);
}

static void an_origin_is_scheme_host_and_port(void **state) {
    (void)state;
    static const struct {
        const char *a;
        const char *b;
        bool same;
    } pairs[] = {
        {"ws://h", "http://u:p@H:80/x?y", true},
        {"wss://h:443", "https://h/", true},
        {"ws://[::1]", "ws://[::1]/a", true},
        {"ws+unix:/a", "ws+unix:/a:/b", true},
        {"ws://h", "wss://h", false},
        {"ws://h:443", "wss://h", false},
        {"ws://h", "ws://h:81", false},
        {"ws://h", "ws://h.", false},
        {"ws://h", "ws://www.h", false},
        {"ws+unix:/a", "ws+unix:/A", false},
        {"ws+unix:/a", "ws://localhost", false},
    };
    for (size_t i = 0; i < COUNT(pairs); i++) {
        struct url a, b;
        parse(&a, pairs[i].a);
        parse(&b, pairs[i].b);
        assert_int_equal(url_same_origin(&a, &b), pairs[i].same);
        assert_int_equal(url_same_origin(&b, &a), pairs[i].same);
        url_release(&a);
        url_release(&b);
    }
}

static void fail_each_allocation(const char *text, const char *reference, int expected) {
    struct url base = {.secure = false};
    struct bytes message = BYTES_INIT;
    unsigned n = 0;
    if (reference != NULL) {
        parse(&base, text);
    }
    do {
        struct url u;
        bytes_release(&message);
        fail_alloc_at(n);
        int err = reference != NULL ? url_resolve(&u, &base, reference, &message)
                                    : url_parse(&u, text, &message);
        fail_alloc_off();
        assert_int_equal(err, n < alloc_count() ? TB_ENOMEM : expected);
        if (err != TB_OK) {
            assert_empty(&u);
        }
        url_release(&u);
    } while (n++ < alloc_count());
    bytes_release(&message);
    url_release(&base);
    assert_true(n > 2);
}

static void each_failed_allocation_is_reported(void **state) {
    (void)state;
    fail_each_allocation("ws://u:p@h/a?b", NULL, TB_OK);
    fail_each_allocation("[fe80::1%25eth0]:1", NULL, TB_OK);
    fail_each_allocation("ws+unix:/s:/a", NULL, TB_OK);
    fail_each_allocation("ws://u:p@h h/", NULL, TB_EINVAL);
    fail_each_allocation("ws://u:p@h/a?b", "c", TB_OK);
    fail_each_allocation("ws+unix:/s:/a", "../c", TB_OK);
    fail_each_allocation("ws://h", "ftp://x", TB_EINVAL);
}

static void what_was_written_before_stays_when_memory_is_out(void **state) {
    (void)state;
    struct url u;
    parse(&u, "ws://a-host-with-a-name-that-is-long-enough-for-a-larger-buffer:81/a/b/c/d/e/f/g");
    unsigned n = 0;
    do {
        struct bytes out = BYTES_INIT;
        assert_int_equal(bytes_append_str(&out, "GET "), TB_OK);
        fail_alloc_at(n);
        int err = url_write(&u, &out);
        fail_alloc_off();
        assert_int_equal(err, n < alloc_count() ? TB_ENOMEM : TB_OK);
        assert_true(err == TB_OK || out.len == 4);
        bytes_release(&out);
    } while (n++ < alloc_count());
    assert_true(n > 1);
    url_release(&u);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(four_schemes_and_none_say_how),
        cmocka_unit_test(an_ipv6_address_stands_in_brackets),
        cmocka_unit_test(user_and_password_are_decoded),
        cmocka_unit_test(a_bad_user_or_password_is_refused_and_not_shown),
        cmocka_unit_test(a_target_stays_as_it_was_typed),
        cmocka_unit_test(a_fragment_is_left_out_and_told),
        cmocka_unit_test(a_missing_host_is_refused_with_what_was_meant),
        cmocka_unit_test(a_bad_scheme_or_port_is_refused),
        cmocka_unit_test(spaces_and_control_characters_are_refused_everywhere),
        cmocka_unit_test(a_bad_host_is_refused),
        cmocka_unit_test(a_unix_socket_has_a_path_and_a_target),
        cmocka_unit_test(a_url_is_written_without_its_secrets),
        cmocka_unit_test(references_are_resolved_as_the_rfc_says),
        cmocka_unit_test(a_reference_may_name_another_host),
        cmocka_unit_test(a_reference_leads_to_no_other_scheme),
        cmocka_unit_test(an_origin_is_scheme_host_and_port),
        cmocka_unit_test(each_failed_allocation_is_reported),
        cmocka_unit_test(what_was_written_before_stays_when_memory_is_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
