#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/err.h"
#include "failing_alloc.h"
#include "guarded.h"
#include "tls_rig.h"

/* ---- shaking hands ---- */

static void a_trusted_server_is_told_as_secured(void **state) {
    (void)state;
    struct tls_rig f;
    char until[16], expected[200];
    const unsigned char *protocol;
    unsigned size;
    tls_rig_init(&f, &tls_rig_trusting, made.cert, false);
    tls_rig_assert_described(&f, "");
    assert_true(tls_rig_shake_hands(&f, "a.test"));
    assert_string_equal(SSL_get_servername(f.server, TLSEXT_NAMETYPE_host_name), "a.test");
    SSL_get0_alpn_selected(f.server, &protocol, &size);
    assert_int_equal(size, 8);
    assert_memory_equal(protocol, "http/1.1", 8);
    tls_rig_assert_talks(&f);
    snprintf(expected, sizeof expected,
             "TLSv1.3, TLS_AES_256_GCM_SHA384, certificate CN=server, issued by CN=Test Root, "
             "valid until %s",
             tls_rig_day(TLS_RIG_DAY, until));
    tls_rig_assert_described(&f, expected);
    assert_null(stream_tls_failure(&f.pair.stream));
    assert_null(stream_tls_distrust(&f.pair.stream));
    tls_rig_release(&f);
}

static void nothing_is_taken_before_hands_are_shaken(void **state) {
    (void)state;
    struct tls_rig f;
    uv_buf_t buf = uv_buf_init("hello", 5);
    tls_rig_init(&f, &tls_rig_trusting, made.cert, false);
    assert_int_equal(stream_secure(&f.pair.stream, f.context, "a.test"), TB_OK);
    assert_int_equal(stream_try(&f.pair.stream, &buf, 1), 0);
    assert_int_equal(stream_finish(&f.pair.stream, &buf, 1), TB_EINVAL);
    assert_false(stream_is_busy(&f.pair.stream));
    int result;
    while ((result = SSL_accept(f.server)) != 1) {
        assert_true(tls_rig_waits(&f, result));
    }
    assert_true(stream_pair_await(&f.pair, &f.pair.secured, 1));
    assert_int_equal(f.pair.writes, 0);
    tls_rig_assert_talks(&f);
    tls_rig_release(&f);
}

static void tls_1_2_is_spoken_and_nothing_below(void **state) {
    (void)state;
    struct tls_rig f;
    tls_rig_init(&f, &tls_rig_trusting, made.cert, false);
    SSL_set_max_proto_version(f.server, TLS1_2_VERSION);
    assert_true(tls_rig_shake_hands(&f, "a.test"));
    assert_int_equal(SSL_version(f.server), TLS1_2_VERSION);
    tls_rig_assert_talks(&f);
    tls_rig_release(&f);

    tls_rig_init(&f, &tls_rig_trusting, made.cert, false);
    SSL_set_security_level(f.server, 0);
    SSL_set_min_proto_version(f.server, TLS1_VERSION);
    SSL_set_max_proto_version(f.server, TLS1_1_VERSION);
    assert_false(tls_rig_shake_hands(&f, "a.test"));
    assert_true(stream_pair_await(&f.pair, &f.pair.ends, 1));
    assert_int_equal(f.pair.end_status, UV_EPROTO);
    assert_string_equal(stream_tls_failure(&f.pair.stream),
                        "the server refused: protocol version (TLS 1.2 and 1.3 were offered)");
    assert_null(stream_tls_distrust(&f.pair.stream));
    tls_rig_release(&f);
}

static void a_host_that_cannot_be_is_refused(void **state) {
    (void)state;
    struct tls_rig f;
    char long_name[300] = {0};
    memset(long_name, 'a', sizeof long_name - 1);
    const char *const hosts[] = {"", ".", "..", ".a.test", long_name};
    tls_rig_init(&f, &tls_rig_trusting, made.cert, false);
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        assert_int_equal(stream_secure(&f.pair.stream, f.context, hosts[i]), TB_EINVAL);
    }
    assert_null(stream_tls_failure(&f.pair.stream));
    tls_rig_release(&f);
}

/* ---- our own certificate ---- */

/* The server insists on a certificate. NULL: ours is taken, otherwise why TLS fails. In TLS 1.3
 * that is told after hands were shaken. */
static void assert_own(const struct tls_client_settings *settings, int version, const char *trusts,
                       const char *expected) {
    struct tls_rig f;
    tls_rig_init(&f, settings, made.cert, false);
    assert_int_equal(SSL_CTX_load_verify_file(f.server_context, trusts), 1);
    SSL_set_verify(f.server, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_set_max_proto_version(f.server, version);
    (void)tls_rig_shake_hands(&f, "a.test");
    if (expected == NULL) {
        tls_rig_assert_talks(&f);
    } else {
        assert_true(stream_pair_await(&f.pair, &f.pair.ends, 1));
        assert_int_equal(f.pair.ends, 1);
        assert_int_equal(f.pair.end_status, UV_EPROTO);
        assert_string_equal(stream_tls_failure(&f.pair.stream), expected);
        assert_null(stream_tls_distrust(&f.pair.stream));
    }
    tls_rig_release(&f);
}

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

static void a_server_that_wants_a_certificate_gets_ours(void **state) {
    (void)state;
    const struct tls_client_settings ways[] = {
        {.ca_file = made.ca_file, .cert_file = made.own_cert_file, .key_file = made.key_file},
        {.ca_file = made.ca_file, .cert_file = made.both_file},
        {.ca_file = made.ca_file, .cert_file = made.both_file, .passphrase = "not needed"},
        {.ca_file = made.ca_file,
         .cert_file = made.own_cert_file,
         .key_file = made.locked_key_file,
         .passphrase = "secret"},
    };
    for (size_t i = 0; i < 8; i++) {
        assert_own(&ways[i / 2], versions[i % 2], made.ca_file, NULL);
    }
}

static void a_server_that_misses_our_certificate_is_told_as_such(void **state) {
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        assert_own(&tls_rig_trusting, versions[i], made.ca_file,
                   "the server wants a client certificate (--cert)");
    }
}

static void a_server_that_does_not_like_our_certificate_is_told_as_such(void **state) {
    (void)state;
    const struct tls_client_settings settings = {.ca_file = made.ca_file,
                                                 .cert_file = made.both_file};
    for (size_t i = 0; i < 2; i++) {
        assert_own(&settings, versions[i], made.other_ca_file,
                   "the server refused the client certificate: unknown CA");
    }
}

/* ---- the owner's ways ---- */

static void close_it(struct stream_pair *pair) {
    stream_close(&pair->stream);
}

static void write_it(struct stream_pair *pair) {
    uv_buf_t buf = uv_buf_init("first", 5);
    assert_int_equal(stream_try(&pair->stream, &buf, 1), 5);
}

static void the_owner_may_write_at_once(void **state) {
    (void)state;
    struct tls_rig f;
    struct bytes got = BYTES_INIT;
    tls_rig_init(&f, &tls_rig_trusting, made.cert, false);
    f.pair.on_secured = write_it;
    assert_true(tls_rig_shake_hands(&f, "a.test"));
    tls_rig_receive(&f, &got, 5);
    assert_memory_equal(got.data, "first", 5);
    bytes_release(&got);
    tls_rig_release(&f);
}

static void a_stream_may_be_closed_when_it_is_secured_or_not(void **state) {
    (void)state;
    struct tls_rig f;
    tls_rig_init(&f, &tls_rig_trusting, made.cert, false);
    f.pair.on_secured = close_it;
    (void)tls_rig_shake_hands(&f, "a.test");
    assert_true(stream_pair_await(&f.pair, &f.pair.closes, 1));
    assert_int_equal(f.pair.ends, 0);
    tls_rig_release(&f);

    tls_rig_init(&f, &tls_rig_trusting, made.cert, false);
    f.pair.on_end = close_it;
    assert_false(tls_rig_shake_hands(&f, "b.c.test"));
    assert_true(stream_pair_await(&f.pair, &f.pair.closes, 1));
    assert_int_equal(f.pair.ends, 1);
    tls_rig_release(&f);

    tls_rig_init(&f, &tls_rig_trusting, made.cert, false);
    assert_int_equal(stream_secure(&f.pair.stream, f.context, "a.test"), TB_OK);
    stream_shutdown(&f.pair.stream);
    stream_close(&f.pair.stream);
    assert_true(stream_pair_await(&f.pair, &f.pair.closes, 1));
    tls_rig_release(&f);
}

/* Takes from the stream's socket what its owner would have read behind a proxy's answer. */
static ssize_t steal(struct tls_rig *f, uint8_t *p, size_t n) {
    uv_os_fd_t fd;
    assert_int_equal(uv_fileno(&f->pair.stream.uv.handle, &fd), 0);
    return recv(fd, p, n, 0);
}

static void bytes_that_the_owner_has_read_can_be_fed(void **state) {
    (void)state;
    struct tls_rig f;
    uint8_t flight[8192];
    tls_rig_init(&f, &tls_rig_trusting, made.cert, false);
    stream_read_stop(&f.pair.stream);
    assert_int_equal(stream_secure(&f.pair.stream, f.context, "a.test"), TB_OK);
    int result = SSL_accept(f.server);
    ssize_t n = steal(&f, flight, sizeof flight);
    while (n <= 0) {
        assert_true(tls_rig_waits(&f, result));
        result = SSL_accept(f.server);
        n = steal(&f, flight, sizeof flight);
    }
    assert_int_equal(f.pair.secured, 0);
    for (ssize_t i = 0; i < n; i++) {
        stream_feed(&f.pair.stream, flight + i, 1);
    }
    stream_feed(&f.pair.stream, flight, 0);
    assert_int_equal(f.pair.secured, 1);
    assert_int_equal(stream_read_start(&f.pair.stream), TB_OK);
    while ((result = SSL_accept(f.server)) != 1) {
        assert_true(tls_rig_waits(&f, result));
    }
    tls_rig_assert_talks(&f);
    stream_close(&f.pair.stream);
    stream_feed(&f.pair.stream, flight, 1);
    tls_rig_release(&f);
}

static void a_plain_stream_can_be_fed(void **state) {
    (void)state;
    struct stream_pair pair;
    uint8_t bytes[] = "beyond";
    assert_true(stream_pair_init(&pair, STREAM_TCP, NULL, false));
    stream_feed(&pair.stream, bytes, 6);
    assert_int_equal(pair.reads, 1);
    assert_memory_equal(pair.received.data, "beyond", 6);
    stream_pair_release(&pair);
}

static void large_data_goes_both_ways_through_small_buffers(void **state) {
    (void)state;
    enum { SIZE = 3 * 1024 * 1024 };
    struct tls_rig f;
    struct bytes got = BYTES_INIT;
    uint64_t seed = 3;
    uint8_t *data = malloc(SIZE);
    assert_non_null(data);
    random_fill(&seed, data, SIZE);
    tls_rig_init(&f, &tls_rig_trusting, made.cert, true);
    assert_true(tls_rig_shake_hands(&f, "a.test"));
    uv_buf_t buf = uv_buf_init((char *)data, SIZE);
    assert_int_equal(stream_try(&f.pair.stream, &buf, 1), SIZE);
    assert_true(stream_is_busy(&f.pair.stream));
    assert_int_equal(stream_try(&f.pair.stream, &buf, 1), 0);
    tls_rig_send(&f, data, SIZE);
    tls_rig_receive(&f, &got, SIZE);
    assert_memory_equal(got.data, data, SIZE);
    assert_true(stream_pair_await(&f.pair, &f.pair.writes, 1));
    while (f.pair.received.len < SIZE) {
        assert_true(stream_pair_await(&f.pair, &f.pair.reads, f.pair.reads + 1));
    }
    assert_memory_equal(f.pair.received.data, data, SIZE);
    bytes_release(&got);
    free(data);
    tls_rig_release(&f);
}

/* ---- files ---- */

static void assert_refused(const struct tls_client_settings *settings, const char *format,
                           const char *file) {
    struct tls_context *context = NULL;
    struct bytes message = BYTES_INIT;
    char expected[300];
    assert_int_equal(tls_client_new(settings, &context, &message), TB_ECRYPTO);
    assert_null(context);
    assert_int_equal(bytes_append(&message, "", 1), TB_OK);
    snprintf(expected, sizeof expected, format, file);
    assert_string_equal((const char *)message.data, expected);
    assert_int_equal(ERR_peek_error(), 0);
    bytes_release(&message);
}

static void a_bad_ca_file_is_named_with_the_reason(void **state) {
    (void)state;
    const char *const files[] = {made.empty_file, made.key_file, made.folder};
    const struct tls_client_settings nowhere = {.ca_file = "/nowhere\033"};
    assert_refused(&nowhere, "cannot use the CA certificates '%s' (No such file or directory)",
                   "/nowhere\\x1b");
    for (size_t i = 0; i < 3; i++) {
        const struct tls_client_settings s = {.ca_file = files[i]};
        assert_refused(&s,
                       "cannot use the CA certificates '%s' (it has no certificate in PEM form)",
                       files[i]);
    }
}

static void a_bad_certificate_or_key_is_named_with_the_reason(void **state) {
    (void)state;
    const struct tls_client_settings no_cert = {.cert_file = made.empty_file,
                                                .key_file = made.key_file};
    const struct tls_client_settings no_key = {.cert_file = made.own_cert_file};
    const struct tls_client_settings lost_key = {.cert_file = made.own_cert_file,
                                                 .key_file = "/nowhere"};
    const struct tls_client_settings other = {.cert_file = made.own_cert_file,
                                              .key_file = made.other_key_file};
    char format[200];
    assert_refused(&no_cert, "cannot use the certificate '%s' (it has no certificate in PEM form)",
                   made.empty_file);
    assert_refused(&no_key, "cannot use the private key '%s' (it has no private key in PEM form)",
                   made.own_cert_file);
    assert_refused(&lost_key, "cannot use the private key '%s' (No such file or directory)",
                   "/nowhere");
    snprintf(format, sizeof format, "the private key '%s' does not belong to the certificate '%%s'",
             made.other_key_file);
    assert_refused(&other, format, made.own_cert_file);
}

static void nobody_is_asked_for_a_passphrase(void **state) {
    (void)state;
    char long_one[5000] = {0};
    memset(long_one, 'x', sizeof long_one - 1);
    const char *const wrong[] = {"", "Secret", long_one};
    struct tls_client_settings s = {.cert_file = made.own_cert_file,
                                    .key_file = made.locked_key_file};
    assert_refused(&s, "cannot use the private key '%s' (the private key is encrypted; use --pass)",
                   made.locked_key_file);
    for (size_t i = 0; i < 3; i++) {
        s.passphrase = wrong[i];
        assert_refused(&s, "cannot use the private key '%s' (its passphrase is wrong)",
                       made.locked_key_file);
    }
}

/* ---- memory ---- */

static void each_failed_allocation_is_told_and_nothing_leaks(void **state) {
    (void)state;
    const struct tls_client_settings s = {.ca_file = made.ca_file, .cert_file = made.both_file};
    unsigned n = 0;
    int err;
    do {
        struct tls_context *context = NULL;
        struct bytes message = BYTES_INIT;
        fail_alloc_at(n);
        err = tls_client_new(&s, &context, &message);
        fail_alloc_off();
        assert_true(err == TB_OK || err == TB_ENOMEM);
        tls_context_free(context);
        bytes_release(&message);
    } while (n++ < alloc_count());
    assert_int_equal(err, TB_OK);
}

/* The client says something when hands are shaken, and gets an answer. */
static bool talk(struct tls_rig *f, const char *host) {
    int result;
    if (stream_secure(&f->pair.stream, f->context, host) != TB_OK) {
        return false;
    }
    do {
        ERR_clear_error();
        result = SSL_accept(f->server);
    } while (result != 1 && tls_rig_waits(f, result));
    while (f->pair.secured == 0 && f->pair.ends == 0) {
        stream_pair_turn(&f->pair);
    }
    uv_buf_t buf = uv_buf_init("hello", 5);
    return f->pair.ends == 0 && stream_try(&f->pair.stream, &buf, 1) == 5;
}

static void a_stream_without_memory_ends(void **state) {
    (void)state;
    struct tls_rig f;
    unsigned n = 0;
    bool done;
    do {
        tls_rig_init(&f, &tls_rig_trusting, made.cert, false);
        f.pair.on_end = close_it;
        fail_alloc_at(n);
        done = talk(&f, "a.test");
        fail_alloc_off();
        assert_int_equal(done, n >= alloc_count());
        tls_rig_release(&f);
    } while (n++ < alloc_count());
    assert_true(done);
}

/* There are words for distrust even where there is no memory for better ones. */
static void distrust_is_told_without_memory_too(void **state) {
    (void)state;
    struct tls_rig f;
    unsigned n = 0;
    do {
        tls_rig_init(&f, &tls_rig_trusting, made.cert, false);
        fail_alloc_at(n);
        assert_false(talk(&f, "c.test"));
        fail_alloc_off();
        const char *why = stream_tls_failure(&f.pair.stream);
        bool no_memory = why == NULL || strcmp(why, "out of memory") == 0;
        assert_int_equal(stream_tls_distrust(&f.pair.stream) == NULL, no_memory);
        tls_rig_release(&f);
    } while (n++ < alloc_count());
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_trusted_server_is_told_as_secured),
        cmocka_unit_test(nothing_is_taken_before_hands_are_shaken),
        cmocka_unit_test(tls_1_2_is_spoken_and_nothing_below),
        cmocka_unit_test(a_host_that_cannot_be_is_refused),
        cmocka_unit_test(a_server_that_wants_a_certificate_gets_ours),
        cmocka_unit_test(a_server_that_misses_our_certificate_is_told_as_such),
        cmocka_unit_test(a_server_that_does_not_like_our_certificate_is_told_as_such),
        cmocka_unit_test(the_owner_may_write_at_once),
        cmocka_unit_test(a_stream_may_be_closed_when_it_is_secured_or_not),
        cmocka_unit_test(bytes_that_the_owner_has_read_can_be_fed),
        cmocka_unit_test(a_plain_stream_can_be_fed),
        cmocka_unit_test(large_data_goes_both_ways_through_small_buffers),
        cmocka_unit_test(a_bad_ca_file_is_named_with_the_reason),
        cmocka_unit_test(a_bad_certificate_or_key_is_named_with_the_reason),
        cmocka_unit_test(nobody_is_asked_for_a_passphrase),
        cmocka_unit_test(each_failed_allocation_is_told_and_nothing_leaks),
        cmocka_unit_test(a_stream_without_memory_ends),
        cmocka_unit_test(distrust_is_told_without_memory_too),
    };
    return cmocka_run_group_tests(tests, tls_rig_make_files, tls_rig_remove_files);
}
