/* A server that wants certificates of its clients, and one that listens plainly and by TLS. */
#include "client_fixture.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "sockets.h"
#include "tls_rig.h"

static struct tls_context *server_tls, *client_tls;

static void use(const struct tls_client_settings *settings, const char *client_ca_file) {
    struct bytes message = BYTES_INIT;
    assert_int_equal(
        tls_server_new(made.cert_file, made.key_file, client_ca_file, &server_tls, &message),
        TB_OK);
    assert_int_equal(tls_client_new(settings, &client_tls, &message), TB_OK);
    bytes_release(&message);
    f.server_tls = server_tls;
    f.target.tls = client_tls;
    f.target.host = "a.test";
}

static int forget(void **state) {
    (void)state;
    tls_context_free(server_tls);
    tls_context_free(client_tls);
    server_tls = client_tls = NULL;
    return 0;
}

static void assert_talks(void) {
    unsigned messages = f.messages;
    dial();
    await(&f.opens, 1);
    conn_send(f.c, WS_OP_TEXT, (const uint8_t *)"hello", 5);
    await(&f.messages, messages + 1);
    assert_memory_equal(f.message.data, "hello", 5);
    conn_close(f.c, 1000, "");
    await(&f.closes, 1);
    await_connections(0);
    f.opens = f.closes = 0;
}

/* ---- certificates of clients ---- */

static void a_client_with_a_certificate_that_is_signed_by_the_ca_is_let_in(void **state) {
    (void)state;
    const struct tls_client_settings own = {
        .ca_file = made.ca_file, .cert_file = made.own_cert_file, .key_file = made.key_file};
    use(&own, made.ca_file);
    start();
    serve();
    assert_talks();
    stop();
}

/* As --cacert does it: what is in the file is trusted as it is. */
static void a_clients_own_certificate_may_stand_for_the_ca(void **state) {
    (void)state;
    const struct tls_client_settings own = {
        .ca_file = made.ca_file, .cert_file = made.own_cert_file, .key_file = made.key_file};
    use(&own, made.own_cert_file);
    start();
    serve();
    assert_talks();
    stop();
}

/* TLS 1.3 lets a client think that it is in before it is told that it is not. */
static void assert_not_let_in(const char *why_client, const char *why_server) {
    start();
    serve();
    dial();
    await(&f.refusals, 1);
    assert_string_equal(f.why, why_client);
    await_connections(0);
    assert_int_equal(f.opens, 0);
    assert_int_equal(recorded(why_server), 1);
    stop();
}

static void a_client_without_a_certificate_is_not_let_in(void **state) {
    (void)state;
    use(&tls_rig_trusting, made.ca_file);
    assert_not_let_in("the TLS handshake failed (the server wants a client certificate (--cert))",
                      "TLS failed: peer did not return a certificate");
}

static void a_client_with_somebody_elses_certificate_is_not_let_in(void **state) {
    (void)state;
    const struct tls_client_settings own = {
        .ca_file = made.ca_file, .cert_file = made.own_cert_file, .key_file = made.key_file};
    use(&own, made.other_ca_file);
    assert_not_let_in(
        "the TLS handshake failed (the server refused the client certificate: unknown CA)",
        "TLS failed: the client is not trusted: the certificate's chain ends in 'CN=Test Root', "
        "which is not trusted here");
}

static void nobody_is_asked_for_a_certificate_if_none_is_wanted(void **state) {
    (void)state;
    use(&tls_rig_trusting, NULL);
    start();
    serve();
    assert_talks();
    stop();
}

static void a_file_of_cas_that_cannot_be_used_is_named_with_the_reason(void **state) {
    (void)state;
    const char *const files[] = {"/nowhere", made.empty_file, made.key_file};
    const char *const why[] = {"No such file or directory", "it has no certificate in PEM form",
                               "it has no certificate in PEM form"};
    for (size_t i = 0; i < 3; i++) {
        struct bytes message = BYTES_INIT;
        char expected[200];
        assert_int_equal(
            tls_server_new(made.cert_file, made.key_file, files[i], &server_tls, &message),
            TB_ECRYPTO);
        assert_null(server_tls);
        snprintf(expected, sizeof expected, "cannot use the CA certificates '%s' (%s)", files[i],
                 why[i]);
        assert_int_equal(message.len, strlen(expected));
        assert_memory_equal(message.data, expected, message.len);
        bytes_release(&message);
    }
}

/* ---- one endpoint, several listeners ---- */

static void an_endpoint_listens_plainly_and_by_tls_at_once(void **state) {
    (void)state;
    use(&tls_rig_trusting, NULL);
    start();
    serve();
    uint16_t tls_port = f.port;
    f.server_tls = NULL;
    serve();
    uint16_t plain_port = f.port;
    for (int i = 0; i < 4; i++) {
        f.target.tls = i % 2 == 0 ? client_tls : NULL;
        f.target.route.port = i % 2 == 0 ? tls_port : plain_port;
        assert_talks();
    }
    stop();
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
#define TLS_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, forget)
    const struct CMUnitTest tests[] = {
        TLS_TEST(a_client_with_a_certificate_that_is_signed_by_the_ca_is_let_in),
        TLS_TEST(a_clients_own_certificate_may_stand_for_the_ca),
        TLS_TEST(a_client_without_a_certificate_is_not_let_in),
        TLS_TEST(a_client_with_somebody_elses_certificate_is_not_let_in),
        TLS_TEST(nobody_is_asked_for_a_certificate_if_none_is_wanted),
        TLS_TEST(a_file_of_cas_that_cannot_be_used_is_named_with_the_reason),
        TLS_TEST(an_endpoint_listens_plainly_and_by_tls_at_once),
    };
    return cmocka_run_group_tests(tests, tls_rig_make_files, tls_rig_remove_files);
}
