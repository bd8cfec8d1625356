/* What the flags say, checked, and put together for every URL. */
#include <stdlib.h>
#include <string.h>

#include "app/dial/offer.h"
#include "app/dial/plan_state.h"
#include "base/err.h"

/* Tabs, too: nobody means one. */
static bool has_control(const char *s) {
    while ((unsigned char)*s >= ' ' && *s != 0x7f) {
        s++;
    }
    return *s != '\0';
}

/* The value is not shown: it may be a secret. */
static int check_clean(const char *value, const char *name, struct bytes *message) {
    if (value == NULL || !has_control(value)) {
        return TB_OK;
    }
    return words_refuse(message, "option '--%s' takes no control characters", name);
}

static int check_strings(const struct dial_flags *f, struct bytes *message) {
    const struct {
        const char *value, *name;
    } strings[] = {
        {f->user_agent, "user-agent"}, {f->user, "user"},
        {f->bearer, "oauth2-bearer"},  {f->origin, "origin"},
        {f->unix_path, "unix-socket"}, {f->interface, "interface"},
    };
    int err = TB_OK;
    for (size_t i = 0; i < sizeof strings / sizeof strings[0] && err == TB_OK; i++) {
        err = check_clean(strings[i].value, strings[i].name, message);
    }
    return err;
}

static int check_pairs(const struct dial_flags *f, struct bytes *message) {
    if (f->user != NULL && f->bearer != NULL) {
        return words_refuse(message, "options '--user' and '--oauth2-bearer' exclude each other");
    }
    if (f->unix_path != NULL && f->proxy != NULL && f->proxy[0] != '\0') {
        return words_refuse(message, "options '--unix-socket' and '--proxy' exclude each other");
    }
    if (f->unix_path != NULL && f->unix_path[0] == '\0') {
        return words_refuse(message, "option '--unix-socket' needs a path, not ''");
    }
    if (f->key_file != NULL && f->cert == NULL) {
        return words_refuse(message, "option '--key' needs '--cert', the certificate of the key");
    }
    return TB_OK;
}

/* A name of an existing file has no '=' in it, or an '@' in front. */
static int take_cookie(struct dial_plan *p, const char *item, struct bytes *message) {
    if (item[0] == '@' || (item[0] != '\0' && strchr(item, '=') == NULL)) {
        return cookies_read(&p->cookies, item + (item[0] == '@'), message);
    }
    int err = check_clean(item, "cookie", message);
    if (err == TB_OK && p->cookie_text.len > 0 && item[0] != '\0') {
        err = bytes_append_str(&p->cookie_text, "; ");
    }
    return err == TB_OK ? bytes_append_str(&p->cookie_text, item) : err;
}

static int take_cookies(struct dial_plan *p, struct bytes *message) {
    const struct option_list *list = &p->flags->cookies;
    int err = TB_OK;
    for (size_t i = 0; i < list->count && err == TB_OK; i++) {
        err = take_cookie(p, list->items[i], message);
    }
    return err;
}

static int take_agent(struct dial_plan *p, const char *version) {
    const struct header_choice *made = &p->headers.user_agent;
    const char *given = made->made ? made->value : p->flags->user_agent;
    if (given == NULL && !made->made) {
        return words_set(&p->user_agent, "taburet/%s", version);
    }
    return given != NULL && given[0] != '\0' ? words_set(&p->user_agent, "%s", given) : TB_OK;
}

/* Distinct tokens (RFC 6455 s.4.1 no. 10). */
static int take_subprotocol(struct dial_plan *p, const char *name, struct bytes *message) {
    if (!http1_str_is_token((struct http1_str){name, strlen(name)})) {
        return words_refuse(message,
                            "option '--subprotocol' needs a name without spaces, commas and the "
                            "like, not '%s'",
                            name);
    }
    for (size_t i = 0; i < p->subprotocol_count; i++) {
        if (strcmp(p->subprotocols[i], name) == 0) {
            return words_refuse(message, "option '--subprotocol' names '%s' twice", name);
        }
    }
    p->subprotocols[p->subprotocol_count++] = name;
    return TB_OK;
}

static int take_subprotocols(struct dial_plan *p, struct bytes *message) {
    const struct option_list *flags = &p->flags->subprotocols;
    const struct words *lines = &p->headers.subprotocols;
    int err = TB_OK;
    p->subprotocols = calloc(flags->count + lines->count + 1, sizeof *p->subprotocols);
    if (p->subprotocols == NULL) {
        return TB_ENOMEM;
    }
    for (size_t i = 0; i < flags->count && err == TB_OK; i++) {
        err = take_subprotocol(p, flags->items[i], message);
    }
    for (size_t i = 0; i < lines->count && err == TB_OK; i++) {
        err = take_subprotocol(p, lines->items[i], message);
    }
    return err;
}

/* FILE or FILE:PASS, as curl has it: "\:" is a colon, "\\" a backslash of the file's name. */
static int take_cert(struct dial_plan *p) {
    const char *from = p->flags->cert;
    if (from == NULL) {
        return TB_OK;
    }
    int err = words_set(&p->cert_file, "%s", from);
    if (err != TB_OK) {
        return err;
    }
    char *to = p->cert_file;
    for (; *from != '\0' && *from != ':'; from++) {
        from += *from == '\\' && (from[1] == ':' || from[1] == '\\');
        *to++ = *from;
    }
    *to = '\0';
    p->passphrase = p->flags->passphrase;
    if (*from == '\0' || p->passphrase != NULL) {
        return TB_OK;
    }
    err = words_set(&p->cert_passphrase, "%s", from + 1);
    p->passphrase = p->cert_passphrase;
    return err;
}

int plan_take_flags(struct dial_plan *p, const char *version, struct bytes *message) {
    const struct dial_flags *f = p->flags;
    int err = check_strings(f, message);
    err = err == TB_OK ? check_pairs(f, message) : err;
    err = err == TB_OK ? headers_read(&p->headers, &f->headers, message) : err;
    err = err == TB_OK ? take_cookies(p, message) : err;
    err = err == TB_OK ? routes_read(&p->routes, &f->resolve, &f->connect_to, message) : err;
    err = err == TB_OK ? offer_read(&f->deflate, &p->offer, message) : err;
    err = err == TB_OK ? take_agent(p, version) : err;
    err = err == TB_OK ? take_subprotocols(p, message) : err;
    p->origin = p->headers.origin.made ? p->headers.origin.value : f->origin;
    return err == TB_OK ? take_cert(p) : err;
}
