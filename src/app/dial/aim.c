/* What is dialled for one URL. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "app/dial/plan_state.h"
#include "base/err.h"
#include "net/host.h"
#include "proto/http_basic.h"

/* ---- the request's lines ---- */

/* Adds "NAME: value", the value being not terminated. */
static int add_line(struct aim *a, const char *name, const struct bytes *value) {
    return words_addf(&a->lines, "%s: %.*s", name, (int)value->len, (const char *)value->data);
}

static int add_basic(struct aim *a, const char *user, const char *password, struct bytes *message) {
    struct bytes value = BYTES_INIT;
    int err = http_basic_append(user, password, &value);
    if (err == TB_ERANGE) {
        err = words_refuse(message, "option '--user' takes at most 64K");
    } else if (err == TB_OK) {
        a->has_login = true;
        err = add_line(a, "Authorization", &value);
    }
    bytes_release(&value);
    return err;
}

/* USER:PASSWORD, or USER alone. */
static int add_user(struct aim *a, const char *login, struct bytes *message) {
    char *user = NULL;
    size_t n = strcspn(login, ":");
    int err = words_set(&user, "%.*s", (int)n, login);
    if (err == TB_OK) {
        err = add_basic(a, user, login[n] == ':' ? login + n + 1 : NULL, message);
    }
    free(user);
    return err;
}

static int add_bearer(struct aim *a, const char *token) {
    a->has_login = true;
    return words_addf(&a->lines, "Authorization: Bearer %s", token);
}

/* What was given for the first URL stays there; a URL's own user goes where that URL leads. */
static int add_authorization(const struct dial_plan *p, struct aim *a, struct bytes *message) {
    const struct dial_flags *f = p->flags;
    if (a->is_home && p->headers.has_authorization) {
        return TB_OK;
    }
    if (a->is_home && f->bearer != NULL) {
        return add_bearer(a, f->bearer);
    }
    if (a->is_home && f->user != NULL) {
        return add_user(a, f->user, message);
    }
    if (a->url.user != NULL) {
        return add_basic(a, a->url.user, a->url.password, message);
    }
    if (a->is_home && p->first != NULL && p->first->url.user != NULL) {
        return add_basic(a, p->first->url.user, p->first->url.password, message);
    }
    return TB_OK;
}

static int append_given(const struct bytes *given, struct bytes *out) {
    int err = out->len > 0 && given->len > 0 ? bytes_append_str(out, "; ") : TB_OK;
    return err == TB_OK ? bytes_append(out, given->data, given->len) : err;
}

static int add_cookies(const struct dial_plan *p, struct aim *a) {
    struct bytes value = BYTES_INIT;
    if (a->is_home && p->headers.has_cookie) {
        return TB_OK;
    }
    int err = cookies_append(&p->cookies, &a->url, time(NULL), &value);
    if (err == TB_OK && a->is_home) {
        err = append_given(&p->cookie_text, &value);
    }
    if (err == TB_OK && value.len > 0) {
        err = add_line(a, "Cookie", &value);
    }
    bytes_release(&value);
    return err;
}

static int add_words(struct aim *a, const struct words *lines) {
    int err = TB_OK;
    for (size_t i = 0; i < lines->count && err == TB_OK; i++) {
        err = words_addf(&a->lines, "%s", lines->items[i]);
    }
    return err;
}

static int add_lines(const struct dial_plan *p, struct aim *a, struct bytes *message) {
    int err = add_authorization(p, a, message);
    if (err == TB_OK && p->user_agent != NULL) {
        err = words_addf(&a->lines, "User-Agent: %s", p->user_agent);
    }
    err = err == TB_OK ? add_cookies(p, a) : err;
    err = err == TB_OK ? add_words(a, &p->headers.lines) : err;
    if (err == TB_OK && a->is_home) {
        a->has_login =
            a->has_login || (p->headers.has_authorization && p->headers.secrets.count > 0);
        err = add_words(a, &p->headers.secrets);
    }
    return err;
}

/* ---- the names ---- */

/* A Host that was given is meant for that host alone. */
static const char *given_host(const struct dial_plan *p, const struct url *url) {
    bool same = p->first == NULL || host_is_same(p->first->url.host, url->host);
    return same ? p->headers.host.value : NULL;
}

static int set_names(const struct dial_plan *p, struct aim *a) {
    struct bytes text = BYTES_INIT;
    const char *host = given_host(p, &a->url);
    int err = url_write(&a->url, &text);
    err = err == TB_OK ? words_set(&a->text, "%.*s", (int)text.len, (char *)text.data) : err;
    bytes_clear(&text);
    if (err == TB_OK) {
        err = host != NULL ? bytes_append_str(&text, host) : url_write_host(&a->url, &text);
    }
    err = err == TB_OK ? words_set(&a->host, "%.*s", (int)text.len, (char *)text.data) : err;
    bytes_release(&text);
    return err;
}

/* ---- the way there ---- */

/* The client asks the proxy for the host whose certificate it wants. */
static int refuse_detour(struct bytes *message) {
    return words_refuse(message, "option '--connect-to' does not go through a proxy (--noproxy '*' "
                                 "goes without one)");
}

static bool is_same_end(struct route_end a, struct route_end b) {
    return a.port == b.port && host_is_same(a.host, b.host);
}

static int set_route(const struct dial_plan *p, struct aim *a, struct bytes *message) {
    const struct dial_flags *f = p->flags;
    struct route_end server = {a->url.host, a->url.port};
    struct route_end end = routes_end(&p->routes, server);
    if (a->proxy.chosen && !is_same_end(end, server)) {
        return refuse_detour(message);
    }
    if (a->proxy.chosen) {
        end = (struct route_end){a->proxy.proxy.host, a->proxy.proxy.port};
    }
    a->target.route = (struct dial_route){
        .host = end.host,
        .port = end.port,
        .unix_path = f->unix_path != NULL ? f->unix_path : a->url.unix_path,
        .family = f->family,
        .interface = f->interface,
        .overrides = p->routes.overrides,
        .override_count = p->routes.override_count,
    };
    return TB_OK;
}

static void set_target(const struct dial_plan *p, struct aim *a) {
    struct client_target *t = &a->target;
    t->url = a->text;
    t->proxy = a->proxy.chosen ? &a->proxy.proxy : NULL;
    t->host = a->url.host;
    t->port = a->url.port;
    t->user_agent = p->user_agent;
    t->request = (struct ws_request){
        .host = a->host,
        .target = a->url.target,
        .origin = p->origin,
        .subprotocols = p->subprotocols,
        .subprotocol_count = p->subprotocol_count,
        .headers = (const char *const *)a->lines.items,
        .header_count = a->lines.count,
        .deflate = p->offer,
    };
}

/* ---- what would fail later ---- */

static int check_request(const struct client_target *t, struct bytes *message) {
    struct ws_request request = t->request;
    struct bytes ignored = BYTES_INIT;
    memset(request.key, 'A', sizeof request.key);
    int err = ws_request_write(&request, &ignored);
    bytes_release(&ignored);
    return err == TB_EINVAL ? words_refuse(message, "the request to '%s' cannot be written", t->url)
                            : err;
}

static int check_proxy(const struct client_target *t, struct bytes *message) {
    struct bytes ignored = BYTES_INIT;
    if (t->proxy == NULL) {
        return TB_OK;
    }
    struct tunnel *tunnel = tunnel_new(t->proxy, t->host, t->port, t->user_agent, &ignored);
    int err = tunnel == NULL ? TB_ENOMEM : TB_OK;
    if (err == TB_OK && tunnel_why(tunnel) != NULL) {
        err = words_refuse(message, "%s", tunnel_why(tunnel));
    } else if (err == TB_OK && ignored.len == 0) {
        err = TB_ENOMEM;
    }
    tunnel_free(tunnel);
    bytes_release(&ignored);
    return err;
}

/* ---- the whole ---- */

static int fill(struct dial_plan *p, struct aim *a, struct bytes *message) {
    int err = set_names(p, a);
    err = err == TB_OK ? add_lines(p, a, message) : err;
    err = err == TB_OK ? proxy_choose(&a->proxy, p->flags, &a->url, message) : err;
    err = err == TB_OK ? set_route(p, a, message) : err;
    if (err == TB_OK && a->url.secure) {
        err = plan_tls(p, &a->url, &a->target.tls, message);
    }
    if (err != TB_OK) {
        return err;
    }
    set_target(p, a);
    err = check_request(&a->target, message);
    return err == TB_OK ? check_proxy(&a->target, message) : err;
}

int aim_new(struct dial_plan *p, struct url *url, struct aim **aim, struct bytes *message) {
    struct aim *a = calloc(1, sizeof *a);
    if (a == NULL) {
        url_release(url);
        return TB_ENOMEM;
    }
    a->url = *url;
    *url = (struct url){.host = NULL};
    a->is_home = p->first == NULL || url_same_origin(&p->first->url, &a->url);
    int err = fill(p, a, message);
    if (err != TB_OK) {
        aim_free(a);
        return err;
    }
    *aim = a;
    return TB_OK;
}

void aim_free(struct aim *a) {
    if (a == NULL) {
        return;
    }
    url_release(&a->url);
    free(a->text);
    free(a->host);
    words_release(&a->lines);
    proxy_choice_release(&a->proxy);
    free(a);
}
