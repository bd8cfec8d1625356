#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/err.h"
#include "guarded.h"
#include "tls_rig.h"

/* ---- who the certificate is for ---- */

/* Shakes hands with a server that has such names. NULL: it is trusted, otherwise why it is not. */
static void assert_judged(const struct tls_client_settings *settings, X509 *server_cert,
                          const char *host, const char *expected) {
    struct tls_rig f;
    assert_non_null(server_cert);
    tls_rig_init(&f, settings, server_cert, false);
    assert_int_equal(tls_rig_shake_hands(&f, host), expected == NULL);
    if (expected == NULL) {
        assert_null(stream_tls_distrust(&f.pair.stream));
        tls_rig_assert_talks(&f);
    } else {
        assert_int_equal(f.pair.ends, 1);
        assert_int_equal(f.pair.end_status, UV_EPROTO);
        assert_int_equal(f.pair.secured, 0);
        assert_non_null(stream_tls_distrust(&f.pair.stream));
        assert_string_equal(stream_tls_distrust(&f.pair.stream), expected);
        assert_string_equal(stream_tls_failure(&f.pair.stream), expected);
    }
    tls_rig_release(&f);
}

static void assert_host(const char *name, const char *names, const char *host,
                        const char *expected) {
    const struct certificate c = {
        .name = name, .hosts = names, .from = -TLS_RIG_DAY, .to = TLS_RIG_DAY};
    X509 *shown = tls_rig_issue(made.cert_file, &c);
    assert_judged(&tls_rig_trusting, shown, host, expected);
    X509_free(shown);
}

static void a_host_name_is_verified(void **state) {
    (void)state;
    assert_host("x", "DNS:a.test,DNS:b.test", "b.test", NULL);
    assert_host("x", "DNS:a.test", "A.TEST.", NULL);
    assert_host("a.test", NULL, "a.test", NULL);
    assert_host("x", "DNS:a.test,DNS:b.test", "example.org",
                "the certificate is not for 'example.org' but for 'a.test', 'b.test'");
    assert_host("a.test", "DNS:b.test", "a.test",
                "the certificate is not for 'a.test' but for 'b.test'");
    assert_host("b.test", NULL, "a.test", "the certificate is not for 'a.test' but for 'b.test'");
    assert_host(NULL, NULL, "a.test",
                "the certificate is not for 'a.test', and names no host at all");
    assert_host(NULL, "DNS:1.test,DNS:2.test,DNS:3.test,DNS:4.test,DNS:5.test,IP:::1,DNS:7.test",
                "a.test",
                "the certificate is not for 'a.test' but for '1.test', '2.test', '3.test', "
                "'4.test', '5.test' and 2 more");
}

static void a_wildcard_is_the_whole_left_most_label(void **state) {
    (void)state;
    assert_host("x", "DNS:*.a.test", "www.a.test", NULL);
    assert_host("x", "DNS:*.a.test", "a.test",
                "the certificate is not for 'a.test' but for '*.a.test'");
    assert_host("x", "DNS:*.a.test", "b.www.a.test",
                "the certificate is not for 'b.www.a.test' but for '*.a.test'");
    assert_host("x", "DNS:w*.a.test", "www.a.test",
                "the certificate is not for 'www.a.test' but for 'w*.a.test'");
}

static void an_address_is_verified_as_one(void **state) {
    (void)state;
    const char *const names = "IP:127.0.0.1,IP:::1,DNS:a.test";
    assert_host("x", names, "127.0.0.1", NULL);
    assert_host("x", names, "::1", NULL);
    assert_host("x", names, "0:0::0:1%lo", NULL);
    assert_host("x", names, "127.0.0.2",
                "the certificate is not for '127.0.0.2' but for '127.0.0.1', '::1', 'a.test'");
    assert_host("x", names, "fe80::1%eth0",
                "the certificate is not for 'fe80::1' but for '127.0.0.1', '::1', 'a.test'");
    /* A name that looks like an address is none. */
    assert_host("127.0.0.1", "DNS:127.0.0.1", "127.0.0.1",
                "the certificate is not for '127.0.0.1' but for '127.0.0.1'");
}

static void an_address_is_never_sent_as_a_name(void **state) {
    (void)state;
    struct tls_rig f;
    const char *const hosts[] = {"127.0.0.1", "::1"};
    for (size_t i = 0; i < 2; i++) {
        tls_rig_init(&f, &tls_rig_insecure, made.cert, false);
        assert_true(tls_rig_shake_hands(&f, hosts[i]));
        assert_null(SSL_get_servername(f.server, TLSEXT_NAMETYPE_host_name));
        tls_rig_release(&f);
    }
}

static void hostile_names_are_escaped_and_shortened(void **state) {
    (void)state;
    char name[400], expected[400];
    assert_host("x", "DNS:\033[2J\xc2\x9b", "a.test",
                "the certificate is not for 'a.test' but for '\\x1b[2J\\u{9b}'");
    memset(name, 'a', sizeof name);
    memcpy(name, "DNS:", 4);
    name[304] = '\0';
    snprintf(expected, sizeof expected, "the certificate is not for 'a.test' but for '%.253s...'",
             name + 4);
    assert_host("x", name, "a.test", expected);

    struct tls_rig f;
    struct bytes line = BYTES_INIT;
    const struct certificate c = {
        .name = "\033]0;\xe2\x80\xae", .from = -TLS_RIG_DAY, .to = TLS_RIG_DAY};
    X509 *shown = tls_rig_issue(made.cert_file, &c);
    tls_rig_init(&f, &tls_rig_insecure, shown, false);
    assert_true(tls_rig_shake_hands(&f, "a.test"));
    assert_int_equal(stream_tls_describe(&f.pair.stream, &line), TB_OK);
    for (size_t i = 0; i < line.len; i++) {
        assert_in_range(line.data[i], 0x20, 0x7e);
    }
    bytes_release(&line);
    tls_rig_release(&f);
    X509_free(shown);
}

/* ---- who signed it ---- */

static void an_unknown_issuer_is_named(void **state) {
    (void)state;
    const struct tls_client_settings other = {.ca_file = made.other_ca_file};
    assert_judged(&other, made.cert, "a.test",
                  "the certificate's issuer 'CN=Test Root' is not known here");
}

static void an_untrusted_root_in_the_chain_is_named(void **state) {
    (void)state;
    const struct tls_client_settings other = {.ca_file = made.other_ca_file};
    struct tls_rig f;
    tls_rig_init(&f, &other, made.cert, false);
    assert_int_equal(SSL_add1_chain_cert(f.server, made.ca), 1);
    assert_false(tls_rig_shake_hands(&f, "a.test"));
    assert_string_equal(
        stream_tls_distrust(&f.pair.stream),
        "the certificate's chain ends in 'CN=Test Root', which is not trusted here");
    tls_rig_release(&f);
}

static void a_self_signed_certificate_is_trusted_only_where_it_is_named(void **state) {
    (void)state;
    const struct certificate c = {
        .name = "x", .hosts = "DNS:a.test", .from = -TLS_RIG_DAY, .to = TLS_RIG_DAY};
    const struct tls_client_settings itself = {.ca_file = made.cert_file};
    X509 *shown = certificate_write(made.cert_file, &c, made.key, NULL, NULL);
    assert_judged(&tls_rig_trusting, shown, "a.test", "self-signed certificate");
    assert_judged(&itself, shown, "a.test", NULL);
    assert_judged(&itself, shown, "b.test", "the certificate is not for 'b.test' but for 'a.test'");
    X509_free(shown);
    /* One that was signed by another may be trusted as it is, too. */
    shown = tls_rig_issue(made.cert_file, &c);
    assert_judged(&itself, shown, "a.test", NULL);
    X509_free(shown);
}

static void a_certificate_that_is_not_valid_today_is_told_with_its_date(void **state) {
    (void)state;
    char expected[100], date[16];
    const struct certificate old = {
        .name = "x", .hosts = "DNS:a.test", .from = -3 * TLS_RIG_DAY, .to = -2 * TLS_RIG_DAY};
    const struct certificate young = {
        .name = "x", .hosts = "DNS:a.test", .from = 2 * TLS_RIG_DAY, .to = 3 * TLS_RIG_DAY};
    X509 *shown = tls_rig_issue(made.cert_file, &old);
    snprintf(expected, sizeof expected, "the certificate expired on %s",
             tls_rig_day(-2 * TLS_RIG_DAY, date));
    assert_judged(&tls_rig_trusting, shown, "a.test", expected);
    X509_free(shown);
    shown = tls_rig_issue(made.cert_file, &young);
    snprintf(expected, sizeof expected, "the certificate is not valid before %s",
             tls_rig_day(2 * TLS_RIG_DAY, date));
    assert_judged(&tls_rig_trusting, shown, "a.test", expected);
    X509_free(shown);
}

static void without_a_file_the_systems_store_is_trusted(void **state) {
    (void)state;
    const struct tls_client_settings systems = {0};
    setenv("SSL_CERT_DIR", "/nowhere", 1);
    setenv("SSL_CERT_FILE", made.ca_file, 1);
    assert_judged(&systems, made.cert, "a.test", NULL);
    setenv("SSL_CERT_FILE", made.other_ca_file, 1);
    assert_judged(&systems, made.cert, "a.test",
                  "the certificate's issuer 'CN=Test Root' is not known here");
    /* A file stands instead of the store. */
    setenv("SSL_CERT_FILE", made.ca_file, 1);
    const struct tls_client_settings other = {.ca_file = made.other_ca_file};
    assert_judged(&other, made.cert, "a.test",
                  "the certificate's issuer 'CN=Test Root' is not known here");
    unsetenv("SSL_CERT_DIR");
    unsetenv("SSL_CERT_FILE");
}

static void an_insecure_client_takes_any_certificate_and_says_so(void **state) {
    (void)state;
    struct tls_rig f;
    char until[16], expected[200];
    const struct certificate c = {.name = "x", .from = -3 * TLS_RIG_DAY, .to = -2 * TLS_RIG_DAY};
    X509 *shown = certificate_write(made.cert_file, &c, made.key, NULL, NULL);
    tls_rig_init(&f, &tls_rig_insecure, shown, false);
    assert_true(tls_rig_shake_hands(&f, "a.test"));
    tls_rig_assert_talks(&f);
    snprintf(expected, sizeof expected,
             "TLSv1.3, TLS_AES_256_GCM_SHA384, certificate CN=x, issued by CN=x, valid until %s, "
             "not verified",
             tls_rig_day(-2 * TLS_RIG_DAY, until));
    tls_rig_assert_described(&f, expected);
    assert_null(stream_tls_distrust(&f.pair.stream));
    tls_rig_release(&f);
    X509_free(shown);
}

/* ---- what is not TLS, or ends early ---- */

static void a_server_without_tls_is_recognised_by_its_first_byte(void **state) {
    (void)state;
    const char *const greetings[] = {"HTTP/1.1 400 Bad Request\r\n\r\n", "SSH-2.0-x\r\n", "2", ""};
    struct tls_rig f;
    for (size_t i = 0; i < 4; i++) {
        size_t n = strlen(greetings[i]);
        tls_rig_init(&f, &tls_rig_trusting, made.cert, false);
        assert_int_equal(stream_secure(&f.pair.stream, f.context, "a.test"), TB_OK);
        n = n == 0 ? 1 : n; /* the last one is a zero */
        assert_int_equal(send(f.pair.peer, greetings[i], n, 0), n);
        assert_true(stream_pair_await(&f.pair, &f.pair.ends, 1));
        assert_int_equal(f.pair.ends, 1);
        assert_int_equal(f.pair.end_status, UV_EPROTO);
        assert_int_equal(f.pair.reads, 0);
        assert_string_equal(stream_tls_failure(&f.pair.stream),
                            "the server does not speak TLS here; is it ws:// instead of wss://?");
        tls_rig_release(&f);
    }
}

static void an_alert_is_told_in_words(void **state) {
    (void)state;
    static const struct {
        uint8_t alert;
        const char *expected;
    } rows[] = {
        {40, "the server refused: handshake failure"},
        {48, "the server refused: unknown CA"},
        {70, "the server refused: protocol version (TLS 1.2 and 1.3 were offered)"},
        {80, "the server refused: internal error"},
        {112, "the server refused: unrecognized name"},
        {120, "the server refused: no application protocol"},
        {199, "the server refused: unknown"},
    };
    struct tls_rig f;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const uint8_t record[] = {SSL3_RT_ALERT, 3, 3, 0, 2, SSL3_AL_FATAL, rows[i].alert};
        tls_rig_init(&f, &tls_rig_trusting, made.cert, false);
        assert_int_equal(stream_secure(&f.pair.stream, f.context, "a.test"), TB_OK);
        assert_int_equal(send(f.pair.peer, record, sizeof record, 0), sizeof record);
        assert_true(stream_pair_await(&f.pair, &f.pair.ends, 1));
        assert_int_equal(f.pair.end_status, UV_EPROTO);
        assert_string_equal(stream_tls_failure(&f.pair.stream), rows[i].expected);
        assert_null(stream_tls_distrust(&f.pair.stream));
        tls_rig_release(&f);
    }
}

static void what_only_begins_like_tls_ends_the_stream(void **state) {
    (void)state;
    struct tls_rig f;
    uint64_t seed = 7;
    uint8_t noise[2000];
    for (size_t i = 0; i < 50; i++) {
        random_fill(&seed, noise, sizeof noise);
        noise[0] = SSL3_RT_HANDSHAKE;
        tls_rig_init(&f, &tls_rig_trusting, made.cert, false);
        assert_int_equal(stream_secure(&f.pair.stream, f.context, "a.test"), TB_OK);
        assert_int_equal(send(f.pair.peer, noise, sizeof noise, 0), sizeof noise);
        assert_true(stream_pair_await(&f.pair, &f.pair.ends, 1));
        assert_int_equal(f.pair.ends, 1);
        assert_int_equal(f.pair.end_status, UV_EPROTO);
        assert_non_null(stream_tls_failure(&f.pair.stream));
        tls_rig_release(&f);
    }
}

static void a_server_that_leaves_in_the_handshake_is_told(void **state) {
    (void)state;
    const uint8_t half[] = {SSL3_RT_HANDSHAKE, 3, 3, 0, 99, 2, 0};
    struct tls_rig f;
    for (size_t n = 0; n <= sizeof half; n++) {
        tls_rig_init(&f, &tls_rig_trusting, made.cert, false);
        assert_int_equal(stream_secure(&f.pair.stream, f.context, "a.test"), TB_OK);
        assert_int_equal(send(f.pair.peer, half, n, 0), n);
        assert_int_equal(shutdown(f.pair.peer, SHUT_WR), 0);
        assert_true(stream_pair_await(&f.pair, &f.pair.ends, 1));
        assert_int_equal(f.pair.end_status, 0);
        assert_int_equal(f.pair.secured, 0);
        assert_string_equal(stream_tls_failure(&f.pair.stream),
                            "the server closed the connection during the TLS handshake");
        tls_rig_release(&f);
    }
}

static void a_server_that_says_goodbye_is_told_as_0(void **state) {
    (void)state;
    struct tls_rig f;
    tls_rig_init(&f, &tls_rig_trusting, made.cert, false);
    assert_true(tls_rig_shake_hands(&f, "a.test"));
    tls_rig_send(&f, (const uint8_t *)"bye", 3);
    assert_int_equal(SSL_shutdown(f.server), 0);
    assert_true(stream_pair_await(&f.pair, &f.pair.ends, 1));
    assert_int_equal(f.pair.end_status, 0);
    assert_memory_equal(f.pair.received.data, "bye", 3);
    assert_null(stream_tls_failure(&f.pair.stream));
    tls_rig_release(&f);
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_host_name_is_verified),
        cmocka_unit_test(a_wildcard_is_the_whole_left_most_label),
        cmocka_unit_test(an_address_is_verified_as_one),
        cmocka_unit_test(an_address_is_never_sent_as_a_name),
        cmocka_unit_test(hostile_names_are_escaped_and_shortened),
        cmocka_unit_test(an_unknown_issuer_is_named),
        cmocka_unit_test(an_untrusted_root_in_the_chain_is_named),
        cmocka_unit_test(a_self_signed_certificate_is_trusted_only_where_it_is_named),
        cmocka_unit_test(a_certificate_that_is_not_valid_today_is_told_with_its_date),
        cmocka_unit_test(without_a_file_the_systems_store_is_trusted),
        cmocka_unit_test(an_insecure_client_takes_any_certificate_and_says_so),
        cmocka_unit_test(a_server_without_tls_is_recognised_by_its_first_byte),
        cmocka_unit_test(an_alert_is_told_in_words),
        cmocka_unit_test(what_only_begins_like_tls_ends_the_stream),
        cmocka_unit_test(a_server_that_leaves_in_the_handshake_is_told),
        cmocka_unit_test(a_server_that_says_goodbye_is_told_as_0),
    };
    return cmocka_run_group_tests(tests, tls_rig_make_files, tls_rig_remove_files);
}
