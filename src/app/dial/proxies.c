#include "app/dial/proxies.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "app/dial/noproxy.h"
#include "app/dial/words.h"
#include "base/err.h"

enum { PORT_DEFAULT = 1080 }; /* curl's, of all kinds */

/* What names a proxy, and where that is from. */
struct source {
    const char *text; /* NULL: nothing does */
    const char *from; /* "option '--proxy'" */
};

/* ---- the environment ---- */

static bool look_up(struct source *s, const char *name) {
    const char *value = getenv(name);
    if (value == NULL || value[0] == '\0') {
        return false;
    }
    *s = (struct source){value, name};
    return true;
}

static struct source from_environment(bool secure) {
    struct source s = {NULL, NULL};
    (void)((secure ? look_up(&s, "https_proxy") || look_up(&s, "HTTPS_PROXY")
                   : look_up(&s, "http_proxy")) ||
           look_up(&s, "all_proxy") || look_up(&s, "ALL_PROXY"));
    return s;
}

static const char *exceptions(const struct dial_flags *f) {
    struct source s = {"", NULL};
    if (f->noproxy != NULL) {
        return f->noproxy;
    }
    (void)(look_up(&s, "no_proxy") || look_up(&s, "NO_PROXY"));
    return s.text;
}

/* ---- a proxy's URL ---- */

/* socks5:// would have us resolve the name; it is given to the proxy all the same, which knows its
 * own network best. */
static const struct scheme {
    const char *name;
    enum proxy_kind kind;
} schemes[] = {
    {"http", PROXY_HTTP},
    {"socks5", PROXY_SOCKS5H},
    {"socks5h", PROXY_SOCKS5H},
};

static const struct scheme *find_scheme(const char *name, size_t n) {
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        if (strlen(schemes[i].name) == n && strncasecmp(schemes[i].name, name, n) == 0) {
            return &schemes[i];
        }
    }
    return NULL;
}

static int refuse_scheme(const char *from, const char *scheme, size_t n, struct bytes *message) {
    return words_refuse(message,
                        "%s: a proxy of the kind '%.*s' is not known, only http, socks5 and "
                        "socks5h",
                        from, (int)n, scheme);
}

static int refuse_form(const char *from, struct bytes *message) {
    return words_refuse(message, "%s: a proxy is [http|socks5h]://[USER:PASSWORD@]HOST[:PORT]",
                        from);
}

/* Reads what stands behind the scheme. */
static int take_rest(struct proxy_choice *c, const struct source *s, const char *rest,
                     struct bytes *message) {
    struct bytes why = BYTES_INIT;
    int err = url_parse(&c->url, rest, &why);
    if (err == TB_EINVAL) {
        err = words_refuse(message, "%s: %.*s", s->from, (int)why.len, (const char *)why.data);
    }
    bytes_release(&why);
    return err;
}

static int take(struct proxy_choice *c, const struct source *s, struct bytes *message) {
    const char *end = strstr(s->text, "://");
    size_t n = end != NULL ? (size_t)(end - s->text) : 0;
    const struct scheme *scheme = end != NULL ? find_scheme(s->text, n) : &schemes[0];
    if (scheme == NULL) {
        return refuse_scheme(s->from, s->text, strcspn(s->text, ":"), message);
    }
    const char *rest = end != NULL ? end + 3 : s->text;
    if (strstr(rest, "://") != NULL) {
        return refuse_form(s->from, message);
    }
    int err = take_rest(c, s, rest, message);
    if (err != TB_OK) {
        return err;
    }
    if (c->url.unix_path != NULL) {
        return refuse_form(s->from, message);
    }
    c->chosen = true;
    c->proxy = (struct proxy){.kind = scheme->kind,
                              .host = c->url.host,
                              .port = c->url.port_given ? c->url.port : PORT_DEFAULT,
                              .user = c->url.user,
                              .password = c->url.password};
    return TB_OK;
}

int proxy_choose(struct proxy_choice *c, const struct dial_flags *f, const struct url *url,
                 struct bytes *message) {
    struct source s = {f->proxy, "option '--proxy'"};
    if (f->proxy == NULL) {
        s = from_environment(url->secure);
    }
    bool direct = f->unix_path != NULL || url->unix_path != NULL;
    if (s.text == NULL || s.text[0] == '\0' || direct ||
        noproxy_matches(exceptions(f), url->host)) {
        return TB_OK;
    }
    return take(c, &s, message);
}

void proxy_choice_release(struct proxy_choice *c) {
    url_release(&c->url);
    *c = (struct proxy_choice){.chosen = false};
}
