#include "net/tls.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "net/stream_ops.h"
#include "net/tls_context.h"
#include "net/tls_peer.h"

enum { OWED_MAX = 64 * 1024, HOST_MAX = 255 };

/* One encrypted stream. */
struct tls_state {
    SSL *ssl;
    const uint8_t *in; /* received and not yet decrypted: in[0..in_len) */
    size_t in_len;
    struct bytes out;  /* encrypted and not yet on the wire */
    const char *why;   /* it failed; a constant, or in `said` */
    struct bytes said; /* a sentence that was made up, terminated */
    bool client;
    bool heard;       /* something has come */
    bool distrusted;  /* `why` is about the peer's certificate */
    bool cert_wanted; /* the server asked for a certificate, and we have none */
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
    if (bytes_append(&t->out, p, (size_t)n) != TB_OK) {
        t->why = t->why != NULL ? t->why : tb_err_text(TB_ENOMEM);
        return -1;
    }
    return n;
}

static long wire_ctrl(BIO *bio, int cmd, long num, void *p) {
    (void)bio;
    (void)num;
    (void)p;
    return cmd == BIO_CTRL_FLUSH;
}

BIO_METHOD *tls_wire_new(void) {
    BIO_METHOD *wire = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "taburet stream");
    if (wire != NULL) {
        BIO_meth_set_read(wire, wire_read);
        BIO_meth_set_write(wire, wire_write);
        BIO_meth_set_ctrl(wire, wire_ctrl);
    }
    return wire;
}

/* ---- why it failed ---- */

/* A server tells it in a line of its own, a client as a part of one. */
static int say_distrust(struct tls_state *t, X509_STORE_CTX *store) {
    const char *before = t->client ? "" : "the client is not trusted: ";
    int err = bytes_append_str(&t->said, before);
    return err == TB_OK ? tls_peer_distrust(store, &t->said) : err;
}

/* Takes the sentence in `said` if there was memory for it. */
static void say(struct tls_state *t, int err, const char *if_no_memory) {
    bool made = err == TB_OK && bytes_append(&t->said, "", 1) == TB_OK;
    t->why = made ? (const char *)t->said.data : if_no_memory;
}

int tls_judge_peer(int ok, X509_STORE_CTX *store) {
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct tls_state *t = BIO_get_data(SSL_get_rbio(ssl));
    if (ok != 1 && !t->distrusted) {
        t->distrusted = true;
        say(t, say_distrust(t, store),
            X509_verify_cert_error_string(X509_STORE_CTX_get_error(store)));
    }
    return ok;
}

int tls_has_no_cert(SSL *ssl, X509 **cert, EVP_PKEY **key) {
    (void)cert;
    (void)key;
    struct tls_state *t = BIO_get_data(SSL_get_rbio(ssl));
    t->cert_wanted = true;
    return 0;
}

static enum tls_own own_cert(const struct tls_state *t) {
    if (SSL_get_certificate(t->ssl) != NULL) {
        return TLS_OWN_GIVEN;
    }
    return t->cert_wanted ? TLS_OWN_MISSING : TLS_OWN_NOT_WANTED;
}

/* Keeps what OpenSSL has just said. */
static void keep_reason(struct tls_state *t) {
    unsigned long error = ERR_peek_error();
    const char *text = ERR_reason_error_string(error);
    if (t->why != NULL) {
        return;
    }
    if (t->client) {
        say(t, tls_peer_failure(error, own_cert(t), &t->said), text);
    } else {
        t->why = text;
    }
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

/* What was to be said to a peer that does not read, but asks on: key updates, for example. */
static bool owes_too_much(const struct stream *s) {
    return s->tls->out.len > OWED_MAX;
}

static void end(struct stream *s, int status) {
    stream_read_stop(s);
    s->events->on_end(s, status);
}

/* A server's first record is of its handshake, or an alert (RFC 8446 s.5.1). */
static bool is_tls(uint8_t first) {
    return first == SSL3_RT_HANDSHAKE || first == SSL3_RT_ALERT;
}

/* 1 if it is complete, otherwise what SSL_get_error() wants. */
static int shake_hands(struct stream *s) {
    ERR_clear_error();
    int result = SSL_do_handshake(s->tls->ssl);
    if (result == 1) {
        s->securing = false;
        if (s->events->on_secured != NULL) {
            s->events->on_secured(s);
        }
    }
    return result;
}

/* Gives on what can be decrypted. Returns what SSL_get_error() wants. */
static int read_plain(struct stream *s) {
    uint8_t *plain = stream_loop(s)->scratch;
    int got = 1;
    while (got > 0 && !uv_is_closing(&s->uv.handle)) {
        ERR_clear_error();
        got = SSL_read(s->tls->ssl, plain, LOOP_BUFFER_SIZE);
        if (got > 0) {
            s->events->on_read(s, plain, (size_t)got);
        }
    }
    return got;
}

/* Says what has to be said (handshake messages, the alert that explains a failure), then what a
 * result without bytes means. */
static void conclude(struct stream *s, int result) {
    int why = SSL_get_error(s->tls->ssl, result);
    bool failed = why != SSL_ERROR_WANT_READ && why != SSL_ERROR_ZERO_RETURN;
    if (failed) {
        keep_reason(s->tls);
    }
    int flushed = flush(s);
    if (failed) {
        end(s, UV_EPROTO);
    } else if (flushed != TB_OK || owes_too_much(s)) {
        end(s, UV_EPIPE);
    } else if (why == SSL_ERROR_ZERO_RETURN) {
        end(s, 0);
    }
}

static void tls_received(struct stream *s, uint8_t *p, size_t n) {
    struct tls_state *t = s->tls;
    if (t->client && !t->heard && !is_tls(p[0])) {
        t->why = "the server does not speak TLS here; is it ws:// instead of wss://?";
        end(s, UV_EPROTO);
        return;
    }
    t->heard = true;
    t->in = p;
    t->in_len = n;
    int result = s->securing ? shake_hands(s) : 1;
    if (result == 1) {
        result = read_plain(s);
    }
    if (!uv_is_closing(&s->uv.handle)) {
        conclude(s, result);
    }
}

static void tls_ended(struct stream *s) {
    if (s->securing && s->tls->client && s->tls->why == NULL) {
        s->tls->why = "the server closed the connection during the TLS handshake";
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
    bytes_release(&s->tls->said);
    free(s->tls);
    s->tls = NULL;
}

static const struct stream_ops tls_ops = {
    .received = tls_received,
    .ended = tls_ended,
    .try_write = tls_try_write,
    .rest_written = tls_rest_written,
    .finish = tls_finish,
    .release = tls_release,
};

/* ---- a stream's life ---- */

/* Puts TLS below the stream, in neither role yet. TB_OK or TB_ENOMEM. */
static int put_below(struct stream *s, struct tls_context *context) {
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
    t->ssl = ssl;
    s->tls = t;
    s->ops = &tls_ops;
    s->securing = true;
    return TB_OK;
}

int tls_accept(struct stream *s, struct tls_context *context) {
    int err = put_below(s, context);
    if (err == TB_OK) {
        SSL_set_accept_state(s->tls->ssl);
    }
    return err;
}

/* An address has no SNI (RFC 6066 s.3), and its certificate says it as an address. */
static int expect_peer(SSL *ssl, const char *host) {
    uint8_t ip[16];
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
    if (inet_pton(AF_INET, host, ip) == 1) {
        return X509_VERIFY_PARAM_set1_ip(param, ip, 4) == 1 ? TB_OK : TB_ENOMEM;
    }
    if (inet_pton(AF_INET6, host, ip) == 1) {
        return X509_VERIFY_PARAM_set1_ip(param, ip, 16) == 1 ? TB_OK : TB_ENOMEM;
    }
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    bool set = SSL_set_tlsext_host_name(ssl, host) == 1 &&
               X509_VERIFY_PARAM_set1_host(param, host, 0) == 1;
    return set ? TB_OK : TB_ENOMEM;
}

/* Copies the host as a certificate has it: without the dot at the end of an absolute name, without
 * the zone of a link-local address. A dot in front would stand for any name (X509_check_host).
 * TB_OK or TB_EINVAL. */
static int plain_host(char plain[HOST_MAX + 1], const char *host) {
    size_t n = strchr(host, ':') != NULL ? strcspn(host, "%") : strlen(host);
    if (n > 0 && host[n - 1] == '.') {
        n--;
    }
    if (n == 0 || n > HOST_MAX || host[0] == '.') {
        return TB_EINVAL;
    }
    memcpy(plain, host, n);
    plain[n] = '\0';
    return TB_OK;
}

int stream_secure(struct stream *s, struct tls_context *context, const char *host) {
    char plain[HOST_MAX + 1];
    int err = plain_host(plain, host);
    err = err == TB_OK ? put_below(s, context) : err;
    err = err == TB_OK ? expect_peer(s->tls->ssl, plain) : err;
    if (err != TB_OK) {
        return err;
    }
    struct tls_state *t = s->tls;
    t->client = true;
    SSL_set_connect_state(t->ssl);
    ERR_clear_error();
    int result = SSL_do_handshake(t->ssl);
    if (SSL_get_error(t->ssl, result) != SSL_ERROR_WANT_READ) {
        keep_reason(t);
        return TB_ECRYPTO;
    }
    return flush(s);
}

/* ---- what is known of it ---- */

const char *stream_tls_failure(const struct stream *s) {
    return s->tls == NULL ? NULL : s->tls->why;
}

const char *stream_tls_distrust(const struct stream *s) {
    return s->tls == NULL || !s->tls->distrusted ? NULL : s->tls->why;
}

int stream_tls_describe(const struct stream *s, struct bytes *out) {
    return s->tls == NULL || s->securing ? TB_OK : tls_peer_describe(s->tls->ssl, out);
}
