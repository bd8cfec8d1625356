#include "app/dial/outcome.h"

#include <stdarg.h>
#include <string.h>

#include "app/command.h"
#include "app/dial/plan_state.h"
#include "base/err.h"
#include "base/text.h"
#include "net/host.h"

int dial_exit_code(const struct client_refusal *r) {
    static const int codes[] = {
        [CLIENT_NO_PROXY_NAME] = EXIT_PROXY_NAME,
        [CLIENT_NO_NAME] = EXIT_HOST_NAME,
        [CLIENT_NO_CONNECTION] = EXIT_CONNECT,
        [CLIENT_TLS_FAILED] = EXIT_TLS,
        [CLIENT_NOT_TRUSTED] = EXIT_TRUST,
        [CLIENT_TIMED_OUT] = EXIT_TIME,
        [CLIENT_SEND_FAILED] = EXIT_SEND,
        [CLIENT_LOST] = EXIT_RECEIVE,
        [CLIENT_BROKE_RULE] = EXIT_BROKE_RULE,
        [CLIENT_REFUSED] = EXIT_REFUSED,
        [CLIENT_SYSTEM] = EXIT_SYSTEM,
    };
    return codes[r->failure];
}

/* What a hint is made of. */
struct asked {
    struct dial_plan *plan;
    const struct aim *aim;
    const struct client_refusal *refusal;
};

/* Keeps the hint, made safe. NULL if memory is out: a hint is no duty. */
static const char *say(const struct asked *a, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static const char *say(const struct asked *a, const char *fmt, ...) {
    struct bytes *hint = &a->plan->hint;
    struct bytes raw = BYTES_INIT;
    va_list ap;
    va_start(ap, fmt);
    int err = bytes_appendv(&raw, fmt, ap);
    va_end(ap);
    bytes_clear(hint);
    err = err == TB_OK ? text_escape(hint, raw.data, raw.len, TEXT_ONE_LINE) : err;
    err = err == TB_OK ? bytes_append(hint, "", 1) : err;
    bytes_release(&raw);
    return err == TB_OK ? (const char *)hint->data : NULL;
}

/* ---- an answer other than 101 ---- */

static const char *on_redirect(const struct asked *a) {
    struct bytes ignored = BYTES_INIT;
    struct bytes text = BYTES_INIT;
    struct url url;
    const char *hint = NULL;
    if (!plan_is_redirect(a->refusal) || a->plan->flags->location) {
        return NULL;
    }
    if (plan_resolve(a->plan, a->refusal, &url, &ignored) == TB_OK) {
        if (url_write(&url, &text) == TB_OK) {
            hint = say(a, "it leads to %.*s; --location (-L) follows", (int)text.len,
                       (const char *)text.data);
        }
        url_release(&url);
    }
    bytes_release(&ignored);
    bytes_release(&text);
    return hint;
}

static const char *on_401(const struct asked *a) {
    if (a->aim->has_login) {
        return "the server does not accept the credentials that were given";
    }
    if (a->plan->first->has_login) {
        return "the credentials were not sent: they stay with the scheme, host and port that they "
               "were given for";
    }
    return "--user USER:PASSWORD (-u) or --oauth2-bearer TOKEN logs in";
}

static const char *on_403(const struct asked *a) {
    const char *origin = a->plan->origin;
    if (origin == NULL) {
        return "some servers want to see the Origin of their own page: --origin URL";
    }
    return say(a, "perhaps the server does not welcome the Origin '%s': try --origin with another",
               origin);
}

static const char *on_404(const struct asked *a) {
    return say(a, "is the path right? It was '%s'", a->aim->url.target);
}

static bool has_in_body(const struct client_refusal *r, const char *word) {
    return r->body != NULL && memmem(r->body, r->body_size, word, strlen(word)) != NULL;
}

/* nginx, Apache and Go say so in their own words. */
static const char *on_400(const struct asked *a) {
    const struct client_refusal *r = a->refusal;
    bool tls = has_in_body(r, "sent to HTTPS port") || has_in_body(r, "HTTP request to an HTTPS") ||
               has_in_body(r, "speaking plain HTTP to an SSL-enabled");
    if (tls && !a->aim->url.secure) {
        return "the server speaks TLS on that port: try wss://";
    }
    return "the server does not understand the upgrade: is the path that of a WebSocket, and does "
           "every proxy in between let upgrades through?";
}

static const char *on_426(const struct asked *a) {
    struct http1_str version = http1_header(a->refusal->response, "Sec-WebSocket-Version", NULL);
    if (version.n > 0 && !http1_str_is(version, "13")) {
        return say(a, "the server speaks version %.*s of the protocol, we speak 13", (int)version.n,
                   version.p);
    }
    return "the upgrade did not come through as it was sent: a proxy in between may have taken the "
           "Upgrade header away";
}

static const char *on_407(const struct asked *a) {
    (void)a;
    return "a proxy wants to know us: --proxy http://USER:PASSWORD@HOST:PORT (-x)";
}

static const char *on_busy(const struct asked *a) {
    uint64_t seconds = plan_retry_after_s(a->refusal);
    if (seconds > 0) {
        return say(a, "the server asks to come back in %ju s; --retry N tries again",
                   (uintmax_t)seconds);
    }
    return "--retry N tries again";
}

static const char *on_gateway(const struct asked *a) {
    (void)a;
    return "a gateway in front of the server does not reach it; --retry N tries again";
}

static const char *on_page(const struct asked *a) {
    return say(a,
               "that is an ordinary web page or resource, no WebSocket: is the path right? It "
               "was '%s'",
               a->aim->url.target);
}

static const struct status_hint {
    unsigned status;
    const char *(*hint)(const struct asked *a);
} status_hints[] = {
    {200, on_page},     {301, on_redirect}, {302, on_redirect}, {303, on_redirect},
    {307, on_redirect}, {308, on_redirect}, {400, on_400},      {401, on_401},
    {403, on_403},      {404, on_404},      {407, on_407},      {426, on_426},
    {429, on_busy},     {502, on_gateway},  {503, on_busy},     {504, on_gateway},
};

static const char *on_refused(const struct asked *a) {
    if (a->refusal->response == NULL) {
        return NULL;
    }
    unsigned status = http1_status(a->refusal->response);
    for (size_t i = 0; i < sizeof status_hints / sizeof status_hints[0]; i++) {
        if (status_hints[i].status == status) {
            return status_hints[i].hint(a);
        }
    }
    return NULL;
}

/* ---- no answer ---- */

static const char *on_no_name(const struct asked *a) {
    return a->aim->url.ipv6 ? NULL : "--resolve HOST:PORT:ADDRESS gives a host its address";
}

static const char *on_no_proxy_name(const struct asked *a) {
    return a->plan->flags->proxy != NULL
               ? NULL
               : "the proxy is named in the environment; --noproxy '*' goes without it";
}

static bool is_our_own(const char *host) {
    return host_is_localhost(host) || strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0;
}

static const char *on_no_connection(const struct asked *a) {
    const struct dial_route *route = &a->aim->target.route;
    if (a->aim->proxy.chosen) {
        return on_no_proxy_name(a);
    }
    if (route->interface != NULL) {
        return NULL;
    }
    if (route->unix_path != NULL || is_our_own(route->host)) {
        return "is the server running?";
    }
    return NULL;
}

/* What OpenSSL says of an answer that is no TLS. */
static bool is_plain(const char *why) {
    return strstr(why, "wrong version number") != NULL || strstr(why, "http request") != NULL ||
           strstr(why, "packet length too long") != NULL;
}

static const char *on_tls_failed(const struct asked *a) {
    const char *why = a->refusal->why;
    if (why != NULL && is_plain(why)) {
        return "the server does not speak TLS on that port: try ws://";
    }
    return NULL;
}

static const char *on_not_trusted(const struct asked *a) {
    if (strstr(a->refusal->why, "the certificate is not for") != NULL) {
        return "use a name that the certificate has; --resolve and --connect-to lead a name to "
               "another address";
    }
    return "--cacert FILE trusts the certificate in that file, or whatever its owner has issued; "
           "--insecure (-k) looks away";
}

static const char *on_timed_out(const struct asked *a) {
    (void)a;
    return "--connect-timeout SEC gives it more time";
}

/* A TLS server answers plain text with an alert, or not at all. */
static const char *on_lost(const struct asked *a) {
    return a->aim->url.secure || a->aim->target.route.unix_path != NULL
               ? NULL
               : "does the server speak TLS on that port? Then it is wss://";
}

static const char *on_broken_rule(const struct asked *a) {
    switch (a->refusal->violation) {
    case WS_V_HTTP_SYNTAX:
    case WS_V_HTTP_BARE_LF:
    case WS_V_HTTP_VERSION:
        return on_lost(a);
    case WS_V_RESPONSE_PROTOCOL:
        return a->plan->subprotocol_count == 0 ? "--subprotocol NAME offers one" : NULL;
    default:
        return NULL;
    }
}

static const char *on_nothing(const struct asked *a) {
    (void)a;
    return NULL;
}

const char *dial_hint(struct dial_plan *p, const struct client_refusal *r) {
    static const char *(*const hints[])(const struct asked *a) = {
        [CLIENT_NO_PROXY_NAME] = on_no_proxy_name,
        [CLIENT_NO_NAME] = on_no_name,
        [CLIENT_NO_CONNECTION] = on_no_connection,
        [CLIENT_TLS_FAILED] = on_tls_failed,
        [CLIENT_NOT_TRUSTED] = on_not_trusted,
        [CLIENT_TIMED_OUT] = on_timed_out,
        [CLIENT_SEND_FAILED] = on_nothing,
        [CLIENT_LOST] = on_lost,
        [CLIENT_BROKE_RULE] = on_broken_rule,
        [CLIENT_REFUSED] = on_refused,
        [CLIENT_SYSTEM] = on_nothing,
    };
    const struct asked a = {p, plan_aim(p), r};
    return hints[r->failure](&a);
}
