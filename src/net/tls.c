#include "net/tls.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/text.h"
#include "net/stream_ops.h"

enum { OWED_MAX = 64 * 1024 };

struct tls_context {
    SSL_CTX *ssl;
    BIO_METHOD *wire; /* reads what was received, collects what is to be sent */
};

/* One encrypted stream. */
struct tls_state {
    SSL *ssl;
    const uint8_t *in; /* received and not yet decrypted: in[0..in_len) */
    size_t in_len;
    struct bytes out; /* encrypted and not yet on the wire */
    const char *why;  /* it failed; OpenSSL's own string */
};

/* ---- the wire, as OpenSSL sees it ---- */

static int wire_read(BIO *bio, char *p, int n) {
    struct tls_state *t = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (t->in_len == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    size_t take = (size_t)n < t->in_len ? (size_t)n : t->in_len;
    memcpy(p, t->in, take);
    t->in += take;
    t->in_len -= take;
    return (int)take;
}

static int wire_write(BIO *bio, const char *p, int n) {
    struct tls_state *t = BIO_get_data(bio);
    return bytes_append(&t->out, p, (size_t)n) == TB_OK ? n : -1;
}

static long wire_ctrl(BIO *bio, int cmd, long num, void *p) {
    (void)bio;
    (void)num;
    (void)p;
    return cmd == BIO_CTRL_FLUSH;
}

/* ---- a stream's operations ---- */

/* Sends what is encrypted, unless a rest is still on its way. TB_OK, TB_ENOMEM or TB_ESYS. */
static int flush(struct stream *s) {
    struct bytes *out = &s->tls->out;
    if (s->busy || out->len == 0) {
        return TB_OK;
    }
    uv_buf_t buf = uv_buf_init((char *)out->data, (unsigned)out->len);
    ssize_t n = stream_raw_try(s, &buf, 1);
    if (n < 0) {
        return (int)n;
    }
    buf.base += n;
    buf.len -= (size_t)n;
    void *owned = out->data;
    *out = (struct bytes)BYTES_INIT;
    if (buf.len == 0) {
        free(owned);
        return TB_OK;
    }
    return stream_raw_rest(s, &buf, 1, owned);
}

static void report_read_failure(struct stream *s, int result) {
    switch (SSL_get_error(s->tls->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        return;
    case SSL_ERROR_ZERO_RETURN:
        stream_read_stop(s);
        s->events->on_end(s, 0);
        return;
    default:
        s->tls->why = ERR_reason_error_string(ERR_peek_error());
        stream_read_stop(s);
        s->events->on_end(s, UV_EPROTO);
        return;
    }
}

/* What was to be said to a peer that does not read, but asks on: key updates, for example. */
static bool owes_too_much(const struct stream *s) {
    return s->tls->out.len > OWED_MAX;
}

static void tls_received(struct stream *s, uint8_t *p, size_t n) {
    struct tls_state *t = s->tls;
    uint8_t *plain = stream_loop(s)->scratch;
    t->in = p;
    t->in_len = n;
    int got;
    do {
        ERR_clear_error();
        got = SSL_read(t->ssl, plain, LOOP_BUFFER_SIZE);
        if (got > 0) {
            s->events->on_read(s, plain, (size_t)got);
        }
    } while (got > 0 && !uv_is_closing(&s->uv.handle));
    if (uv_is_closing(&s->uv.handle)) {
        return;
    }
    int flushed = flush(s); /* handshake messages, and the alert that explains a failure */
    if (got <= 0) {
        report_read_failure(s, got);
    }
    if (!uv_is_closing(&s->uv.handle) && (flushed != TB_OK || owes_too_much(s))) {
        stream_read_stop(s);
        s->events->on_end(s, UV_EPIPE);
    }
}

static ssize_t tls_try_write(struct stream *s, const uv_buf_t *bufs, unsigned count) {
    ssize_t taken = 0;
    for (unsigned i = 0; i < count; i++) {
        size_t written = 0;
        ERR_clear_error();
        if (bufs[i].len > 0 &&
            SSL_write_ex(s->tls->ssl, bufs[i].base, bufs[i].len, &written) != 1) {
            return TB_ESYS;
        }
        taken += (ssize_t)written;
    }
    int err = flush(s);
    return err == TB_OK ? taken : err;
}

/* More may have been encrypted meanwhile: an answer to a key update, a close_notify. */
static int tls_rest_written(struct stream *s) {
    return flush(s);
}

static void tls_finish(struct stream *s) {
    ERR_clear_error();
    if (SSL_is_init_finished(s->tls->ssl) && SSL_shutdown(s->tls->ssl) >= 0) {
        (void)flush(s); /* the close that follows tells the peer as well */
    }
}

static void tls_release(struct stream *s) {
    SSL_free(s->tls->ssl);
    bytes_release(&s->tls->out);
    free(s->tls);
    s->tls = NULL;
}

const char *tls_why(const struct stream *s) {
    return s->tls == NULL ? NULL : s->tls->why;
}

static const struct stream_ops tls_ops = {
    .received = tls_received,
    .try_write = tls_try_write,
    .rest_written = tls_rest_written,
    .finish = tls_finish,
    .release = tls_release,
};

int tls_accept(struct stream *s, struct tls_context *context) {
    struct tls_state *t = calloc(1, sizeof *t);
    BIO *bio = BIO_new(context->wire);
    SSL *ssl = SSL_new(context->ssl);
    if (t == NULL || bio == NULL || ssl == NULL) {
        SSL_free(ssl);
        BIO_free(bio);
        free(t);
        return TB_ENOMEM;
    }
    BIO_set_data(bio, t);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl, bio, bio);
    SSL_set_accept_state(ssl);
    t->ssl = ssl;
    s->tls = t;
    s->ops = &tls_ops;
    return TB_OK;
}

/* ---- the context ---- */

/* Why OpenSSL refused, from what it said first, which is nearest to the cause. */
static const char *reason(const char *if_no_pem) {
    unsigned long first = ERR_peek_error();
    if (ERR_SYSTEM_ERROR(first)) {
        return strerror((int)ERR_GET_REASON(first));
    }
    int code = ERR_GET_REASON(first);
    if (code == PEM_R_NO_START_LINE || code == ERR_R_UNSUPPORTED) {
        return if_no_pem;
    }
    const char *text = ERR_reason_error_string(first);
    return text != NULL ? text : "not readable";
}

static void append_quoted(struct bytes *message, const char *before, const char *file) {
    bytes_appendf(message, "%s '", before);
    text_escape(message, file, strlen(file), TEXT_ONE_LINE);
    bytes_append_str(message, "'");
}

/* Why a file cannot be used, as one line. */
static int explain(struct bytes *message, const char *what, const char *file, const char *why) {
    append_quoted(message, what, file);
    bytes_appendf(message, " (%s)", why);
    ERR_clear_error();
    return TB_ECRYPTO;
}

/* A server is started by a script as often as by a person: nobody is there to answer. */
static int refuse_passphrase(char *buf, int size, int writing, void *asked) {
    (void)buf;
    (void)size;
    (void)writing;
    *(bool *)asked = true;
    return -1;
}

/* The caller frees the key; NULL if there is none, and *message says why. */
static EVP_PKEY *read_key(const char *file, struct bytes *message) {
    const char *const what = "cannot use the private key";
    bool asked = false;
    BIO *in = BIO_new_file(file, "r");
    EVP_PKEY *key =
        in == NULL ? NULL : PEM_read_bio_PrivateKey(in, NULL, refuse_passphrase, &asked);
    if (asked) {
        explain(message, what, file,
                "the private key is encrypted; taburet needs it without a passphrase");
    } else if (key == NULL) {
        explain(message, what, file, reason("it has no private key in PEM form"));
    }
    BIO_free(in);
    return key;
}

static void set_policy(SSL_CTX *ssl) {
    SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION);
    SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET);
    SSL_CTX_set_num_tickets(ssl, 0);
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS);
}

static int refuse_pair(const char *cert_file, const char *key_file, struct bytes *message) {
    append_quoted(message, "the private key", key_file);
    append_quoted(message, " does not belong to the certificate", cert_file);
    ERR_clear_error();
    return TB_ECRYPTO;
}

static int load_files(SSL_CTX *ssl, const char *cert_file, const char *key_file,
                      struct bytes *message) {
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(ssl, cert_file) != 1) {
        return explain(message, "cannot use the certificate", cert_file,
                       reason("it has no certificate in PEM form"));
    }
    EVP_PKEY *key = read_key(key_file, message);
    if (key == NULL) {
        return TB_ECRYPTO;
    }
    int err = TB_OK;
    if (X509_check_private_key(SSL_CTX_get0_certificate(ssl), key) != 1) {
        err = refuse_pair(cert_file, key_file, message);
    } else if (SSL_CTX_use_PrivateKey(ssl, key) != 1) {
        err = explain(message, "cannot use the private key", key_file, reason("not supported"));
    }
    EVP_PKEY_free(key);
    return err;
}

int tls_server_new(const char *cert_file, const char *key_file, struct tls_context **context,
                   struct bytes *message) {
    struct tls_context *c = calloc(1, sizeof *c);
    if (c == NULL) {
        return TB_ENOMEM;
    }
    int err = TB_ENOMEM;
    c->ssl = SSL_CTX_new(TLS_server_method());
    c->wire = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "taburet stream");
    if (c->ssl == NULL || c->wire == NULL) {
        goto fail;
    }
    BIO_meth_set_read(c->wire, wire_read);
    BIO_meth_set_write(c->wire, wire_write);
    BIO_meth_set_ctrl(c->wire, wire_ctrl);
    set_policy(c->ssl);
    err = load_files(c->ssl, cert_file, key_file, message);
    if (err != TB_OK) {
        goto fail;
    }
    *context = c;
    return TB_OK;

fail:
    tls_context_free(c);
    return err;
}

static void note_date(struct bytes *notes, const char *what, const ASN1_TIME *time) {
    struct tm date = {0};
    char day[32] = "?";
    if (ASN1_TIME_to_tm(time, &date) == 1) {
        strftime(day, sizeof day, "%Y-%m-%d", &date);
    }
    bytes_appendf(notes, "the certificate %s %s: clients that check it will refuse it\n", what,
                  day);
}

void tls_server_note(const struct tls_context *context, struct bytes *notes) {
    const X509 *cert = SSL_CTX_get0_certificate(context->ssl);
    const ASN1_TIME *from = X509_get0_notBefore(cert);
    const ASN1_TIME *to = X509_get0_notAfter(cert);
    if (X509_cmp_current_time(to) < 0) {
        note_date(notes, "expired on", to);
    } else if (X509_cmp_current_time(from) > 0) {
        note_date(notes, "is not valid before", from);
    }
}

void tls_context_free(struct tls_context *context) {
    if (context == NULL) {
        return;
    }
    SSL_CTX_free(context->ssl);
    BIO_meth_free(context->wire);
    free(context);
}
