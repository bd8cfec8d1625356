#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "certificate.h"
#include "failing_alloc.h"
#include "guarded.h"
#include "net/tls.h"
#include "stream_pair.h"

/* ---- a certificate for the tests ---- */

static char folder[] = "/tmp/taburet-tls-XXXXXX";
static char cert_file[64], key_file[64], other_key_file[64], no_pem_file[64];
static char rsa_key_file[64], locked_key_file[64], dated_cert_file[64];

/* Signed by itself; valid from so many seconds from now on, to so many from now. */
static bool write_cert(const char *file, EVP_PKEY *key, long from, long to) {
    const struct certificate c = {.name = "localhost", .from = from, .to = to};
    X509 *cert = certificate_write(file, &c, key, NULL, NULL);
    X509_free(cert);
    return cert != NULL;
}

static int make_files(void **state) {
    (void)state;
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    snprintf(cert_file, sizeof cert_file, "%s/cert", folder);
    snprintf(key_file, sizeof key_file, "%s/key", folder);
    snprintf(other_key_file, sizeof other_key_file, "%s/other", folder);
    snprintf(no_pem_file, sizeof no_pem_file, "%s/no", folder);
    snprintf(rsa_key_file, sizeof rsa_key_file, "%s/rsa", folder);
    snprintf(locked_key_file, sizeof locked_key_file, "%s/locked", folder);
    snprintf(dated_cert_file, sizeof dated_cert_file, "%s/dated", folder);
    char passphrase[] = "secret";
    FILE *no = fopen(no_pem_file, "w");
    EVP_PKEY *key = certificate_write_key(key_file, EVP_EC_gen("P-256"), NULL);
    EVP_PKEY *other = certificate_write_key(other_key_file, EVP_EC_gen("P-256"), NULL);
    EVP_PKEY *rsa = certificate_write_key(rsa_key_file, EVP_RSA_gen(2048), NULL);
    bool ok = no != NULL && key != NULL && other != NULL && rsa != NULL &&
              certificate_write_key(locked_key_file, key, passphrase) == key &&
              write_cert(cert_file, key, 0, 3600);
    fputs("not a PEM file\n", no);
    fclose(no);
    EVP_PKEY_free(key);
    EVP_PKEY_free(other);
    EVP_PKEY_free(rsa);
    return ok ? 0 : -1;
}

static int remove_files(void **state) {
    (void)state;
    unlink(cert_file);
    unlink(key_file);
    unlink(other_key_file);
    unlink(no_pem_file);
    unlink(rsa_key_file);
    unlink(locked_key_file);
    unlink(dated_cert_file);
    return rmdir(folder);
}

/* ---- a stream and an OpenSSL client at its other end ---- */

struct fixture {
    struct stream_pair pair;
    struct tls_context *context;
    SSL_CTX *client_context;
    SSL *client;
};

static void set_up(struct fixture *f, bool small_buffers) {
    struct bytes message = BYTES_INIT;
    f->context = NULL;
    assert_int_equal(tls_server_new(cert_file, key_file, NULL, &f->context, &message), TB_OK);
    assert_int_equal(message.len, 0);
    assert_true(stream_pair_init(&f->pair, STREAM_TCP, f->context, small_buffers));
    f->client_context = SSL_CTX_new(TLS_client_method());
    assert_int_equal(SSL_CTX_load_verify_locations(f->client_context, cert_file, NULL), 1);
    SSL_CTX_set_verify(f->client_context, SSL_VERIFY_PEER, NULL);
    f->client = SSL_new(f->client_context);
    assert_int_equal(SSL_set1_host(f->client, "localhost"), 1);
    assert_int_equal(SSL_set_fd(f->client, f->pair.peer), 1);
}

static void tear_down(struct fixture *f) {
    SSL_free(f->client);
    SSL_CTX_free(f->client_context);
    stream_pair_release(&f->pair);
    tls_context_free(f->context);
}

/* Whether the client only waits for the wire; then the loop has a turn. */
static bool is_waiting(struct fixture *f, int result) {
    int why = SSL_get_error(f->client, result);
    if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) {
        return false;
    }
    stream_pair_turn(&f->pair);
    return true;
}

static bool shake_hands(struct fixture *f) {
    int result;
    do {
        ERR_clear_error();
        result = SSL_connect(f->client);
    } while (result != 1 && is_waiting(f, result));
    return result == 1;
}

static void client_sends(struct fixture *f, const uint8_t *p, size_t n) {
    while (n > 0) {
        int result = SSL_write(f->client, p, (int)(n < 16384 ? n : 16384));
        if (result > 0) {
            p += result;
            n -= (size_t)result;
        } else {
            assert_true(is_waiting(f, result));
        }
    }
}

static void client_receives(struct fixture *f, struct bytes *out, size_t n) {
    uint8_t part[16384];
    while (out->len < n) {
        int result = SSL_read(f->client, part, sizeof part);
        if (result > 0) {
            assert_int_equal(bytes_append(out, part, (size_t)result), TB_OK);
        } else {
            assert_true(is_waiting(f, result));
        }
    }
}

/* ---- the tests ---- */

static void a_client_that_verifies_the_certificate_shakes_hands(void **state) {
    (void)state;
    struct fixture f;
    struct bytes got = BYTES_INIT;
    set_up(&f, false);
    assert_true(shake_hands(&f));
    assert_int_equal(SSL_version(f.client), TLS1_3_VERSION);
    client_sends(&f, (const uint8_t *)"ahoy", 4);
    assert_true(stream_pair_await(&f.pair, &f.pair.reads, 1));
    assert_memory_equal(f.pair.received.data, "ahoy", 4);
    uv_buf_t bufs[3] = {uv_buf_init("hel", 3), uv_buf_init("", 0), uv_buf_init("lo", 2)};
    assert_int_equal(stream_try(&f.pair.stream, bufs, 3), 5);
    client_receives(&f, &got, 5);
    assert_memory_equal(got.data, "hello", 5);
    bytes_release(&got);
    tear_down(&f);
}

static void tls_1_2_is_spoken_and_nothing_below(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f, false);
    SSL_set_max_proto_version(f.client, TLS1_2_VERSION);
    assert_true(shake_hands(&f));
    assert_int_equal(SSL_version(f.client), TLS1_2_VERSION);
    assert_false(SSL_session_reused(f.client));
    assert_false(SSL_SESSION_has_ticket(SSL_get0_session(f.client)));
    tear_down(&f);

    set_up(&f, false);
    SSL_set_security_level(f.client, 0);
    SSL_set_min_proto_version(f.client, TLS1_VERSION);
    SSL_set_max_proto_version(f.client, TLS1_1_VERSION);
    assert_false(shake_hands(&f));
    assert_true(stream_pair_await(&f.pair, &f.pair.ends, 1));
    assert_int_equal(f.pair.end_status, UV_EPROTO);
    tear_down(&f);
}

static void a_client_may_not_negotiate_again(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f, false);
    SSL_set_max_proto_version(f.client, TLS1_2_VERSION);
    assert_true(shake_hands(&f));
    assert_int_equal(SSL_renegotiate(f.client), 1);
    int result;
    do {
        ERR_clear_error();
        result = SSL_do_handshake(f.client);
    } while (result != 1 && is_waiting(&f, result));
    assert_int_not_equal(result, 1);
    ERR_clear_error();
    tear_down(&f);
}

/* Megabytes both ways at once through small buffers: ciphertext is written in parts, and the
 * stream stays busy until all of it is on the wire. */
static void large_data_goes_both_ways_through_small_buffers(void **state) {
    (void)state;
    enum { SIZE = 3 * 1024 * 1024 };
    struct fixture f;
    struct bytes got = BYTES_INIT;
    uint64_t seed = 3;
    uint8_t *data = malloc(SIZE);
    assert_non_null(data);
    random_fill(&seed, data, SIZE);
    set_up(&f, true);
    assert_true(shake_hands(&f));
    client_sends(&f, (const uint8_t *)"x", 1);
    assert_true(stream_pair_await(&f.pair, &f.pair.reads, 1));
    uv_buf_t buf = uv_buf_init((char *)data, SIZE);
    assert_int_equal(stream_try(&f.pair.stream, &buf, 1), SIZE);
    assert_true(stream_is_busy(&f.pair.stream));
    assert_int_equal(stream_try(&f.pair.stream, &buf, 1), 0);
    assert_int_equal(f.pair.writes, 0);
    client_sends(&f, data, SIZE);
    client_receives(&f, &got, SIZE);
    assert_memory_equal(got.data, data, SIZE);
    assert_true(stream_pair_await(&f.pair, &f.pair.writes, 1));
    assert_false(stream_is_busy(&f.pair.stream));
    while (f.pair.received.len < SIZE + 1) {
        assert_true(stream_pair_await(&f.pair, &f.pair.reads, f.pair.reads + 1));
    }
    assert_memory_equal(f.pair.received.data + 1, data, SIZE);
    bytes_release(&got);
    free(data);
    tear_down(&f);
}

static void a_client_that_says_goodbye_is_told_as_0(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f, false);
    assert_true(shake_hands(&f));
    client_sends(&f, (const uint8_t *)"bye", 3);
    assert_int_equal(SSL_shutdown(f.client), 0);
    assert_true(stream_pair_await(&f.pair, &f.pair.ends, 1));
    assert_int_equal(f.pair.end_status, 0);
    assert_memory_equal(f.pair.received.data, "bye", 3);
    tear_down(&f);
}

static void assert_client_hears_goodbye(struct fixture *f) {
    uint8_t part[16];
    int result;
    do {
        ERR_clear_error();
        result = SSL_read(f->client, part, sizeof part);
    } while (result > 0 || is_waiting(f, result));
    assert_int_equal(SSL_get_error(f->client, result), SSL_ERROR_ZERO_RETURN);
}

static void a_client_hears_our_goodbye(void **state) {
    (void)state;
    void (*const ways[])(struct stream * s) = {stream_shutdown, stream_close};
    struct fixture f;
    for (size_t i = 0; i < 2; i++) {
        set_up(&f, false);
        assert_true(shake_hands(&f));
        uv_buf_t buf = uv_buf_init("last words", 10);
        client_sends(&f, (const uint8_t *)"x", 1);
        assert_true(stream_pair_await(&f.pair, &f.pair.reads, 1));
        assert_int_equal(stream_try(&f.pair.stream, &buf, 1), 10);
        ways[i](&f.pair.stream);
        assert_client_hears_goodbye(&f);
        tear_down(&f);
    }
}

static void our_goodbye_comes_after_a_rest_that_is_still_on_its_way(void **state) {
    (void)state;
    enum { SIZE = 2 * 1024 * 1024 };
    struct fixture f;
    struct bytes got = BYTES_INIT;
    char *data = calloc(1, SIZE);
    assert_non_null(data);
    set_up(&f, true);
    assert_true(shake_hands(&f));
    client_sends(&f, (const uint8_t *)"x", 1);
    assert_true(stream_pair_await(&f.pair, &f.pair.reads, 1));
    uv_buf_t buf = uv_buf_init(data, SIZE);
    assert_int_equal(stream_try(&f.pair.stream, &buf, 1), SIZE);
    assert_true(stream_is_busy(&f.pair.stream));
    stream_shutdown(&f.pair.stream);
    client_receives(&f, &got, SIZE);
    assert_client_hears_goodbye(&f);
    bytes_release(&got);
    free(data);
    tear_down(&f);
}

static void close_it(struct stream_pair *pair) {
    stream_close(&pair->stream);
}

/* Several records in one read: nothing is told after the close. */
static void a_stream_may_be_closed_while_it_is_read(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f, false);
    assert_true(shake_hands(&f));
    f.pair.on_read = close_it;
    for (int i = 0; i < 10; i++) {
        assert_int_equal(SSL_write(f.client, "x", 1), 1);
    }
    assert_true(stream_pair_await(&f.pair, &f.pair.closes, 1));
    assert_int_equal(f.pair.reads, 1);
    assert_int_equal(f.pair.ends, 0);
    tear_down(&f);
}

static void what_is_not_tls_ends_the_stream(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f, false);
    assert_int_equal(send(f.pair.peer, "GET / HTTP/1.1\r\n\r\n", 18, 0), 18);
    assert_true(stream_pair_await(&f.pair, &f.pair.ends, 1));
    assert_int_equal(f.pair.end_status, UV_EPROTO);
    assert_int_equal(f.pair.reads, 0);
    tear_down(&f);
}

static void a_connection_that_is_cut_is_told(void **state) {
    (void)state;
    struct fixture f;
    set_up(&f, false);
    assert_true(shake_hands(&f));
    assert_int_equal(shutdown(f.pair.peer, SHUT_WR), 0);
    assert_true(stream_pair_await(&f.pair, &f.pair.ends, 1));
    tear_down(&f);
}

/* Each key update asks for one in return: a peer that reads none of them cannot make us owe without
 * bound. */
static void a_flood_of_key_updates_that_is_not_read_ends_the_stream(void **state) {
    (void)state;
    enum { UPDATES = 1000000 };
    struct fixture f;
    unsigned sent = 0;
    set_up(&f, true);
    assert_true(shake_hands(&f));
    while (sent < UPDATES && f.pair.ends == 0) {
        ERR_clear_error();
        (void)SSL_key_update(f.client, SSL_KEY_UPDATE_REQUESTED); /* not while one is half sent */
        if (SSL_do_handshake(f.client) == 1) {
            sent++;
        } else {
            stream_pair_turn(&f.pair);
        }
    }
    assert_int_equal(f.pair.ends, 1);
    assert_int_equal(f.pair.end_status, UV_EPIPE);
    ERR_clear_error();
    tear_down(&f);
}

static void assert_refused(const char *cert, const char *key, const char *format,
                           const char *name) {
    struct tls_context *context = NULL;
    struct bytes message = BYTES_INIT;
    char expected[300];
    assert_int_equal(tls_server_new(cert, key, NULL, &context, &message), TB_ECRYPTO);
    assert_null(context);
    assert_int_equal(bytes_append(&message, "", 1), TB_OK);
    snprintf(expected, sizeof expected, format, name);
    assert_string_equal((const char *)message.data, expected);
    bytes_release(&message);
}

static void a_bad_file_is_named_with_the_reason(void **state) {
    (void)state;
    assert_refused("/nowhere\033", key_file,
                   "cannot use the certificate '%s' (No such file or directory)", "/nowhere\\x1b");
    assert_refused(cert_file, "/nowhere",
                   "cannot use the private key '%s' (No such file or directory)", "/nowhere");
    const char *const no_certs[] = {no_pem_file, key_file, folder};
    const char *const no_keys[] = {no_pem_file, cert_file, folder};
    for (size_t i = 0; i < 3; i++) {
        assert_refused(no_certs[i], key_file,
                       "cannot use the certificate '%s' (it has no certificate in PEM form)",
                       no_certs[i]);
        assert_refused(cert_file, no_keys[i],
                       "cannot use the private key '%s' (it has no private key in PEM form)",
                       no_keys[i]);
    }
}

static void a_key_of_another_certificate_is_named_with_it(void **state) {
    (void)state;
    const char *const keys[] = {other_key_file, rsa_key_file};
    for (size_t i = 0; i < 2; i++) {
        char format[200];
        snprintf(format, sizeof format,
                 "the private key '%s' does not belong to the certificate '%%s'", keys[i]);
        assert_refused(cert_file, keys[i], format, cert_file);
    }
}

/* If it were asked for, the test would wait for the terminal, or see what it said. */
static void nobody_is_asked_for_a_passphrase(void **state) {
    (void)state;
    assert_refused(cert_file, locked_key_file,
                   "cannot use the private key '%s' (the private key is encrypted; taburet needs "
                   "it without a passphrase)",
                   locked_key_file);
}

/* What is noted of a certificate that is valid between these seconds from now. */
static void assert_noted(long from, long to, const char *expected, long day) {
    struct tls_context *context = NULL;
    struct bytes message = BYTES_INIT, notes = BYTES_INIT;
    char line[200] = "", date[16];
    time_t when = time(NULL) + day;
    FILE *in = fopen(key_file, "r");
    EVP_PKEY *key = PEM_read_PrivateKey(in, NULL, NULL, NULL);
    fclose(in);
    assert_true(write_cert(dated_cert_file, key, from, to));
    EVP_PKEY_free(key);
    assert_int_equal(tls_server_new(dated_cert_file, key_file, NULL, &context, &message), TB_OK);
    tls_server_note(context, &notes);
    assert_int_equal(bytes_append(&notes, "", 1), TB_OK);
    strftime(date, sizeof date, "%Y-%m-%d", gmtime(&when));
    if (expected != NULL) {
        snprintf(line, sizeof line, "the certificate %s %s: clients that check it will refuse it\n",
                 expected, date);
    }
    assert_string_equal((const char *)notes.data, line);
    bytes_release(&notes);
    tls_context_free(context);
}

static void a_certificate_that_is_not_valid_today_is_served_and_noted(void **state) {
    (void)state;
    enum { DAY = 86400 };
    assert_noted(-DAY, DAY, NULL, 0);
    assert_noted(-3 * DAY, -2 * DAY, "expired on", -2 * DAY);
    assert_noted(2 * DAY, 3 * DAY, "is not valid before", 2 * DAY);
}

static void each_failed_allocation_is_told_and_nothing_leaks(void **state) {
    (void)state;
    unsigned n = 0;
    int err;
    do {
        struct tls_context *context = NULL;
        struct bytes message = BYTES_INIT;
        fail_alloc_at(n);
        err = tls_server_new(cert_file, key_file, cert_file, &context, &message);
        fail_alloc_off();
        assert_true(err == TB_OK || err == TB_ENOMEM);
        tls_context_free(context);
        bytes_release(&message);
    } while (n++ < alloc_count());
    assert_int_equal(err, TB_OK);
    tls_context_free(NULL);
}

/* The client says something, and gets an answer. */
static bool talk(struct fixture *f) {
    uv_buf_t buf = uv_buf_init("hello", 5);
    if (!shake_hands(f) || SSL_write(f->client, "x", 1) != 1) {
        return false;
    }
    while (f->pair.reads == 0 && f->pair.ends == 0) {
        stream_pair_turn(&f->pair);
    }
    return f->pair.ends == 0 && stream_try(&f->pair.stream, &buf, 1) == 5;
}

/* An allocation fails while hands are shaken and data is sent: the stream ends, nothing else. */
static void a_stream_without_memory_ends(void **state) {
    (void)state;
    struct fixture f;
    unsigned n = 0;
    bool done;
    do {
        set_up(&f, false);
        f.pair.on_end = close_it;
        fail_alloc_at(n);
        done = talk(&f);
        fail_alloc_off();
        ERR_clear_error();
        assert_int_equal(done, n >= alloc_count());
        tear_down(&f);
    } while (n++ < alloc_count());
    assert_true(done);
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_that_verifies_the_certificate_shakes_hands),
        cmocka_unit_test(tls_1_2_is_spoken_and_nothing_below),
        cmocka_unit_test(a_client_may_not_negotiate_again),
        cmocka_unit_test(large_data_goes_both_ways_through_small_buffers),
        cmocka_unit_test(a_client_that_says_goodbye_is_told_as_0),
        cmocka_unit_test(a_client_hears_our_goodbye),
        cmocka_unit_test(our_goodbye_comes_after_a_rest_that_is_still_on_its_way),
        cmocka_unit_test(a_stream_may_be_closed_while_it_is_read),
        cmocka_unit_test(what_is_not_tls_ends_the_stream),
        cmocka_unit_test(a_connection_that_is_cut_is_told),
        cmocka_unit_test(a_flood_of_key_updates_that_is_not_read_ends_the_stream),
        cmocka_unit_test(a_bad_file_is_named_with_the_reason),
        cmocka_unit_test(a_key_of_another_certificate_is_named_with_it),
        cmocka_unit_test(nobody_is_asked_for_a_passphrase),
        cmocka_unit_test(a_certificate_that_is_not_valid_today_is_served_and_noted),
        cmocka_unit_test(each_failed_allocation_is_told_and_nothing_leaks),
        cmocka_unit_test(a_stream_without_memory_ends),
    };
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
