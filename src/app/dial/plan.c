#include "app/dial/plan.h"

#include <stdlib.h>
#include <string.h>

#include "app/command.h"
#include "app/dial/plan_state.h"
#include "base/err.h"
#include "net/host.h"
#include "net/tls_client.h"

enum {
    PAUSE_MS = 1000,
    PAUSE_MAX_MS = 10 * 60 * 1000,
    RETRY_AFTER_MAX_S = 6 * 60 * 60 /* a server does not keep us longer, as in curl */
};

/* ---- TLS ---- */

/* Our certificate is for the host that was given: a redirect from ws:// may lead there by TLS. */
static bool shows_cert(const struct dial_plan *p, const struct url *url) {
    if (p->cert_file == NULL || p->first == NULL) {
        return p->cert_file != NULL;
    }
    const struct url *first = &p->first->url;
    return host_is_same(first->host, url->host) && (!first->secure || first->port == url->port);
}

int plan_tls(struct dial_plan *p, const struct url *url, struct tls_context **tls,
             struct bytes *message) {
    bool cert = shows_cert(p, url);
    struct tls_context **kept = cert ? &p->tls_keeper->tls_home : &p->tls_keeper->tls_away;
    const struct tls_client_settings settings = {
        .ca_file = p->flags->ca_file,
        .cert_file = cert ? p->cert_file : NULL,
        .key_file = cert ? p->flags->key_file : NULL,
        .passphrase = cert ? p->passphrase : NULL,
        .insecure = p->flags->insecure,
    };
    int err = *kept == NULL ? tls_client_new(&settings, kept, message) : TB_OK;
    *tls = *kept;
    return err == TB_ECRYPTO ? TB_EINVAL : err;
}

/* The files of TLS are read now if a redirect might need them later. */
static int check_tls(struct dial_plan *p, struct bytes *message) {
    const struct dial_flags *f = p->flags;
    struct tls_context *ignored;
    bool later = f->location && (f->ca_file != NULL || f->cert != NULL);
    return later ? plan_tls(p, &p->first->url, &ignored, message) : TB_OK;
}

/* ---- a plan ---- */

static int add_notes(const struct dial_plan *p, struct bytes *notes) {
    int err = TB_OK;
    if (p->flags->insecure) {
        err = bytes_append_str(notes, "warning: with --insecure anybody may pass for the server: "
                                      "neither certificate nor host name is verified\n");
    }
    if (err == TB_OK && p->first->url.had_fragment) {
        err = bytes_append_str(notes, "note: what stands behind '#' in the URL is not sent "
                                      "(RFC 6455 s.3)\n");
    }
    return err;
}

static int exit_code(int err, int if_wrong, size_t before, struct bytes *message) {
    if (err == TB_ENOMEM) {
        message->len = before;
        bytes_append_str(message, "out of memory");
        return EXIT_SYSTEM;
    }
    return err == TB_OK ? EXIT_OK : if_wrong;
}

/* What could become a line of its own in the request is a mistake of another kind than a URL's. */
static bool has_control(const char *url) {
    return url[strcspn(url, "\r\n")] != '\0';
}

static int fill(struct dial_plan *p, const char *url, const char *version, struct bytes *message,
                struct bytes *notes) {
    struct url parsed;
    size_t before = message->len;
    int err = url_parse(&parsed, url, message);
    if (err != TB_OK) {
        return exit_code(err, has_control(url) ? EXIT_USAGE : EXIT_URL, before, message);
    }
    err = plan_take_flags(p, version, message);
    if (err == TB_OK) {
        err = aim_new(p, &parsed, &p->first, message);
    }
    url_release(&parsed);
    err = err == TB_OK ? check_tls(p, message) : err;
    err = err == TB_OK ? add_notes(p, notes) : err;
    return exit_code(err, EXIT_USAGE, before, message);
}

int dial_plan_new_beside(struct dial_plan *other, const struct dial_flags *f, const char *url,
                         const char *version, struct dial_plan **plan, struct bytes *message,
                         struct bytes *notes) {
    struct dial_plan *p = calloc(1, sizeof *p);
    if (p == NULL) {
        return exit_code(TB_ENOMEM, EXIT_SYSTEM, message->len, message);
    }
    p->flags = f;
    p->tls_keeper = other != NULL ? other : p;
    p->pause_ms = PAUSE_MS;
    int code = fill(p, url, version, message, notes);
    if (code != EXIT_OK) {
        dial_plan_free(p);
        return code;
    }
    *plan = p;
    return EXIT_OK;
}

int dial_plan_new(const struct dial_flags *f, const char *url, const char *version,
                  struct dial_plan **plan, struct bytes *message, struct bytes *notes) {
    return dial_plan_new_beside(NULL, f, url, version, plan, message, notes);
}

void dial_plan_free(struct dial_plan *p) {
    if (p == NULL) {
        return;
    }
    aim_free(p->first);
    aim_free(p->now);
    headers_release(&p->headers);
    cookies_release(&p->cookies);
    bytes_release(&p->cookie_text);
    routes_release(&p->routes);
    free(p->user_agent);
    free(p->subprotocols);
    free(p->cert_file);
    free(p->cert_passphrase);
    tls_context_free(p->tls_home);
    tls_context_free(p->tls_away);
    bytes_release(&p->hint);
    free(p);
}

const struct aim *plan_aim(const struct dial_plan *p) {
    return p->now != NULL ? p->now : p->first;
}

const struct client_target *dial_plan_target(const struct dial_plan *p) {
    return &plan_aim(p)->target;
}

/* ---- redirects ---- */

bool plan_is_redirect(const struct client_refusal *r) {
    size_t count = 0;
    if (r->failure != CLIENT_REFUSED || r->response == NULL) {
        return false;
    }
    http1_header(r->response, "Location", &count);
    unsigned status = http1_status(r->response);
    return status >= 300 && status < 400 && count > 0;
}

int plan_resolve(const struct dial_plan *p, const struct client_refusal *r, struct url *url,
                 struct bytes *message) {
    struct http1_str location = http1_header(r->response, "Location", NULL);
    char *reference = NULL;
    if (location.p == NULL) {
        return words_refuse(message, "the server's answer has more than one Location");
    }
    int err = words_set(&reference, "%.*s", (int)location.n, location.p);
    err = err == TB_OK ? url_resolve(url, &plan_aim(p)->url, reference, message) : err;
    free(reference);
    return err;
}

static int follow(struct dial_plan *p, const struct client_refusal *r, struct bytes *message) {
    struct url url;
    struct aim *aim = NULL;
    int err = plan_resolve(p, r, &url, message);
    err = err == TB_OK ? aim_new(p, &url, &aim, message) : err;
    if (err == TB_OK) {
        aim_free(p->now);
        p->now = aim;
        p->redirects++;
    }
    return err;
}

enum dial_redirect dial_plan_redirect(struct dial_plan *p, const struct client_refusal *r,
                                      struct bytes *message) {
    static const char cannot[] = "cannot follow the redirect: ";
    if (!p->flags->location || !plan_is_redirect(r)) {
        return DIAL_STAY;
    }
    size_t before = message->len;
    if (p->redirects >= p->flags->max_redirects) {
        bytes_appendf(message, "gave up after %ju redirects (--max-redirs)",
                      (uintmax_t)p->redirects);
        return DIAL_WRONG;
    }
    struct bytes why = BYTES_INIT;
    int err = follow(p, r, &why);
    if (err == TB_EINVAL) {
        bytes_appendf(message, "%s%.*s", cannot, (int)why.len, (const char *)why.data);
    } else if (err != TB_OK) {
        exit_code(err, EXIT_SYSTEM, before, message);
    }
    bytes_release(&why);
    return err == TB_OK ? DIAL_FOLLOW : DIAL_WRONG;
}

/* ---- tries ---- */

static bool status_may_pass(unsigned status) {
    static const unsigned passing[] = {408, 429, 500, 502, 503, 504};
    for (size_t i = 0; i < sizeof passing / sizeof passing[0]; i++) {
        if (passing[i] == status) {
            return true;
        }
    }
    return false;
}

static bool may_pass(const struct client_refusal *r) {
    switch (r->failure) {
    case CLIENT_NO_PROXY_NAME:
    case CLIENT_NO_NAME:
    case CLIENT_NO_CONNECTION:
    case CLIENT_TLS_FAILED:
    case CLIENT_TIMED_OUT:
    case CLIENT_SEND_FAILED:
    case CLIENT_LOST:
        return true;
    case CLIENT_REFUSED:
        return r->response != NULL && status_may_pass(http1_status(r->response));
    case CLIENT_NOT_TRUSTED:
    case CLIENT_BROKE_RULE:
    case CLIENT_SYSTEM:
        return false;
    }
    return false;
}

uint64_t plan_retry_after_s(const struct client_refusal *r) {
    struct http1_str value = {NULL, 0};
    uint64_t seconds = 0;
    if (r->failure == CLIENT_REFUSED && r->response != NULL) {
        value = http1_header(r->response, "Retry-After", NULL);
    }
    for (size_t i = 0; i < value.n; i++) {
        if (value.p[i] < '0' || value.p[i] > '9') {
            return 0;
        }
        seconds = seconds * 10 + (uint64_t)(value.p[i] - '0');
        seconds = seconds < RETRY_AFTER_MAX_S ? seconds : RETRY_AFTER_MAX_S;
    }
    return seconds;
}

static void go_back(struct dial_plan *p) {
    aim_free(p->now);
    p->now = NULL;
    p->redirects = 0;
}

bool dial_plan_retry(struct dial_plan *p, const struct client_refusal *r, uint64_t *delay_ms) {
    if (p->tries >= p->flags->retries || !may_pass(r)) {
        return false;
    }
    uint64_t asked_ms = plan_retry_after_s(r) * 1000;
    uint64_t pause_ms = p->flags->retry_delay_ms != 0 ? p->flags->retry_delay_ms : p->pause_ms;
    *delay_ms = asked_ms > pause_ms ? asked_ms : pause_ms;
    p->pause_ms = p->pause_ms < PAUSE_MAX_MS / 2 ? p->pause_ms * 2 : PAUSE_MAX_MS;
    p->tries++;
    go_back(p);
    return true;
}

void dial_plan_restart(struct dial_plan *p) {
    go_back(p);
    p->tries = 0;
    p->pause_ms = PAUSE_MS;
}
