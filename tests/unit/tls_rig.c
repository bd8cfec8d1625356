#include "tls_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"

struct tls_rig_files made = {.folder = "/tmp/taburet-tls-rig-XXXXXX"};

const struct tls_client_settings tls_rig_trusting = {.ca_file = made.ca_file};
const struct tls_client_settings tls_rig_insecure = {.insecure = true};

/* ---- files ---- */

X509 *tls_rig_issue(const char *file, const struct certificate *c) {
    return certificate_write(file, c, made.key, made.ca, made.ca_key);
}

static void append_file(FILE *out, const char *file) {
    char line[256];
    FILE *in = fopen(file, "r");
    assert_non_null(in);
    while (fgets(line, sizeof line, in) != NULL) {
        fputs(line, out);
    }
    fclose(in);
}

static void name_files(void) {
    char *const files[] = {made.ca_file,       made.key_file,        made.cert_file,
                           made.own_cert_file, made.locked_key_file, made.other_key_file,
                           made.empty_file,    made.both_file,       made.other_ca_file};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        snprintf(files[i], sizeof made.ca_file, "%s/%u", made.folder, (unsigned)i);
    }
}

int tls_rig_make_files(void **state) {
    (void)state;
    if (mkdtemp(made.folder) == NULL) {
        return -1;
    }
    name_files();
    char passphrase[] = "secret";
    const struct certificate issuer = {
        .name = "Test Root", .from = -TLS_RIG_DAY, .to = TLS_RIG_DAY, .is_issuer = true};
    const struct certificate other = {
        .name = "Another Root", .from = -TLS_RIG_DAY, .to = TLS_RIG_DAY, .is_issuer = true};
    const struct certificate server = {.name = "server",
                                       .hosts = "DNS:a.test,DNS:b.test",
                                       .from = -TLS_RIG_DAY,
                                       .to = TLS_RIG_DAY};
    const struct certificate own = {.name = "client", .from = -TLS_RIG_DAY, .to = TLS_RIG_DAY};
    made.ca_key = EVP_EC_gen("P-256");
    made.key = certificate_write_key(made.key_file, EVP_EC_gen("P-256"), NULL);
    made.other_key = certificate_write_key(made.other_key_file, EVP_EC_gen("P-256"), NULL);
    made.ca = certificate_write(made.ca_file, &issuer, made.ca_key, NULL, NULL);
    made.cert = tls_rig_issue(made.cert_file, &server);
    X509_free(tls_rig_issue(made.own_cert_file, &own));
    X509_free(certificate_write(made.other_ca_file, &other, made.other_key, NULL, NULL));
    FILE *both = fopen(made.both_file, "w");
    append_file(both, made.own_cert_file);
    append_file(both, made.key_file);
    fclose(both);
    fclose(fopen(made.empty_file, "w"));
    return certificate_write_key(made.locked_key_file, made.key, passphrase) == made.key &&
                   made.cert != NULL
               ? 0
               : -1;
}

int tls_rig_remove_files(void **state) {
    (void)state;
    const char *const files[] = {made.ca_file,       made.key_file,        made.cert_file,
                                 made.own_cert_file, made.other_key_file,  made.empty_file,
                                 made.both_file,     made.locked_key_file, made.other_ca_file};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        unlink(files[i]);
    }
    X509_free(made.cert);
    X509_free(made.ca);
    EVP_PKEY_free(made.key);
    EVP_PKEY_free(made.other_key);
    EVP_PKEY_free(made.ca_key);
    return rmdir(made.folder);
}

/* ---- a stream that is the client, and an OpenSSL server at its other end ---- */

static int choose_first(SSL *ssl, const unsigned char **out, unsigned char *size,
                        const unsigned char *in, unsigned in_size, void *arg) {
    (void)ssl;
    (void)arg;
    assert_in_range(in[0], 1, in_size - 1);
    *size = in[0];
    *out = in + 1;
    return SSL_TLSEXT_ERR_OK;
}

static void set_up_server(struct tls_rig *f, X509 *server_cert) {
    f->server_context = SSL_CTX_new(TLS_server_method());
    assert_int_equal(SSL_CTX_use_certificate(f->server_context, server_cert), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(f->server_context, made.key), 1);
    SSL_CTX_set_alpn_select_cb(f->server_context, choose_first, NULL);
    f->server = SSL_new(f->server_context);
    assert_int_equal(SSL_set_fd(f->server, f->pair.peer), 1);
}

void tls_rig_init(struct tls_rig *f, const struct tls_client_settings *settings, X509 *server_cert,
                  bool small_buffers) {
    struct bytes message = BYTES_INIT;
    memset(f, 0, sizeof *f);
    assert_int_equal(tls_client_new(settings, &f->context, &message), TB_OK);
    assert_int_equal(message.len, 0);
    assert_true(stream_pair_init(&f->pair, STREAM_TCP, NULL, small_buffers));
    set_up_server(f, server_cert);
}

void tls_rig_release(struct tls_rig *f) {
    SSL_free(f->server);
    SSL_CTX_free(f->server_context);
    stream_pair_release(&f->pair);
    tls_context_free(f->context);
    ERR_clear_error();
}

bool tls_rig_waits(struct tls_rig *f, int result) {
    int why = SSL_get_error(f->server, result);
    if ((why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) || f->pair.ends > 0) {
        return false;
    }
    stream_pair_turn(&f->pair);
    return true;
}

bool tls_rig_shake_hands(struct tls_rig *f, const char *host) {
    assert_int_equal(stream_secure(&f->pair.stream, f->context, host), TB_OK);
    int result;
    do {
        ERR_clear_error();
        result = SSL_accept(f->server);
    } while (result != 1 && tls_rig_waits(f, result));
    while (f->pair.secured == 0 && f->pair.ends == 0) {
        stream_pair_turn(&f->pair);
    }
    return f->pair.secured == 1 && f->pair.ends == 0;
}

void tls_rig_send(struct tls_rig *f, const uint8_t *p, size_t n) {
    while (n > 0) {
        int result = SSL_write(f->server, p, (int)(n < 16384 ? n : 16384));
        if (result > 0) {
            p += result;
            n -= (size_t)result;
        } else {
            assert_true(tls_rig_waits(f, result));
        }
    }
}

void tls_rig_receive(struct tls_rig *f, struct bytes *out, size_t n) {
    uint8_t part[16384];
    while (out->len < n) {
        ERR_clear_error();
        int result = SSL_read(f->server, part, sizeof part);
        if (result > 0) {
            assert_int_equal(bytes_append(out, part, (size_t)result), TB_OK);
        } else {
            assert_true(tls_rig_waits(f, result));
        }
    }
}

void tls_rig_assert_talks(struct tls_rig *f) {
    struct bytes got = BYTES_INIT;
    uv_buf_t buf = uv_buf_init("hello", 5);
    unsigned reads = f->pair.reads;
    assert_int_equal(stream_try(&f->pair.stream, &buf, 1), 5);
    tls_rig_receive(f, &got, 5);
    assert_memory_equal(got.data, "hello", 5);
    tls_rig_send(f, (const uint8_t *)"ahoy", 4);
    assert_true(stream_pair_await(&f->pair, &f->pair.reads, reads + 1));
    assert_memory_equal(f->pair.received.data, "ahoy", 4);
    bytes_release(&got);
}

void tls_rig_assert_described(const struct tls_rig *f, const char *expected) {
    struct bytes line = BYTES_INIT;
    assert_int_equal(stream_tls_describe(&f->pair.stream, &line), TB_OK);
    assert_int_equal(bytes_append(&line, "", 1), TB_OK);
    assert_string_equal((const char *)line.data, expected);
    bytes_release(&line);
}

const char *tls_rig_day(long from_now, char text[16]) {
    time_t when = time(NULL) + from_now;
    strftime(text, 16, "%Y-%m-%d", gmtime(&when));
    return text;
}
