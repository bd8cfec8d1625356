/* What a client connects to: the wishes of the step, the client, the scenario and the defaults made
 * into one, with their templates filled in. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "proto/http1.h"
#include "script/scenario/play.h"
#include "script/template.h"

enum { WISHES = 4 };

struct wishes {
    const struct dial_wish *items[WISHES]; /* the nearest first */
};

static struct wishes wishes_of(const struct play_client *k, const struct dial_wish *step) {
    static const struct dial_wish none;
    const struct player *p = k->player;
    return (struct wishes){{step != NULL ? step : &none, &k->plan->wish,
                            &p->scenario->settings.wish, &p->config->suite->defaults.wish}};
}

/* Fills in a template. */
static int expand(struct play_client *k, const struct template *t, struct bytes *out,
                  struct bytes *why) {
    struct scope *scope = play_scope(k->player, k);
    int err = template_expand(t, scope, out);
    if (err == TB_ERANGE) {
        err = bytes_append_str(why, "what the templates make is too large");
    } else if (err == TB_OK && scope->missing != NULL) {
        err = bytes_appendf(why, "'%s' has no value", scope->missing);
    }
    if (err == TB_OK && why->len > 0) {
        err = TB_EINVAL;
    }
    return err;
}

/* ---- the URL ---- */

bool player_url_is_absolute(const char *text) {
    size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.");
    return n > 0 && text[n] == ':' && strpbrk(text, "/") != NULL;
}

/* An absolute URL of the file, where another server is tested. */
static int move(const struct player *p, const char *text, bool by_default, struct url *u,
                struct bytes *why) {
    struct url was = {.host = NULL};
    if (by_default && strcmp(p->base.target, "/") != 0) {
        return url_resolve(u, &p->base, p->base.target, why);
    }
    int err = url_parse(&was, text, why);
    err = err == TB_OK ? url_resolve(u, &p->base, was.target, why) : err;
    url_release(&was);
    return err;
}

static int resolve(struct play_client *k, const char *text, bool by_default, struct bytes *why) {
    const struct player *p = k->player;
    struct url u = {.host = NULL};
    int err = TB_OK;
    bool absolute = player_url_is_absolute(text);
    if (absolute && p->has_base && p->config->base_wins) {
        err = move(p, text, by_default, &u, why);
    } else if (absolute || !p->has_base) {
        err = url_parse(&u, text, why);
    } else {
        err = url_resolve(&u, &p->base, text, why);
    }
    bytes_clear(&k->url);
    err = err == TB_OK ? url_write(&u, &k->url) : err;
    err = err == TB_OK ? bytes_append(&k->url, "", 1) : err;
    url_release(&u);
    return err;
}

static int make_url(struct play_client *k, const struct wishes *w, struct bytes *why) {
    const struct player *p = k->player;
    const struct template *t = NULL;
    struct bytes text = BYTES_INIT;
    size_t i = 0;
    while (i < WISHES && (t = w->items[i]->url) == NULL) {
        i++;
    }
    if (t == NULL && !p->has_base) {
        int err = bytes_append_str(why, "nothing says to which URL");
        return err == TB_OK ? TB_EINVAL : err;
    }
    int err = t != NULL ? expand(k, t, &text, why) : bytes_append_str(&text, p->base.target);
    err = err == TB_OK ? bytes_append(&text, "", 1) : err;
    err = err == TB_OK ? resolve(k, (const char *)text.data, i == WISHES - 1, why) : err;
    bytes_release(&text);
    return err;
}

/* ---- headers and subprotocols ---- */

static int make_line(struct play_client *k, const struct header_line *header, struct bytes *why) {
    struct bytes line = BYTES_INIT;
    int err = bytes_appendf(&line, "%s: ", header->name);
    err = err == TB_OK ? expand(k, header->value, &line, why) : err;
    err = err == TB_OK ? bytes_append(&line, "", 1) : err;
    if (err == TB_OK && (strlen((const char *)line.data) + 1 != line.len ||
                         !http1_is_value((const char *)line.data))) {
        err = bytes_appendf(why, "the value of the header '%s' has control characters in it",
                            header->name);
        err = err == TB_OK ? TB_EINVAL : err;
    }
    if (err != TB_OK) {
        bytes_release(&line);
        return err;
    }
    k->lines[k->line_count++] = (char *)line.data;
    return TB_OK;
}

static int make_headers(struct play_client *k, const struct wishes *w, struct bytes *why) {
    size_t i = 0;
    while (i < WISHES - 1 && !w->items[i]->says_headers) {
        i++;
    }
    const struct dial_wish *wish = w->items[i];
    k->lines = calloc(wish->header_count + 1, sizeof *k->lines);
    int err = k->lines != NULL ? TB_OK : TB_ENOMEM;
    for (size_t j = 0; err == TB_OK && j < wish->header_count; j++) {
        err = make_line(k, &wish->headers[j], why);
    }
    return err;
}

static void choose_protocols(struct play_client *k, const struct wishes *w) {
    static const char *const none[] = {NULL};
    size_t i = 0;
    while (i < WISHES - 1 && !w->items[i]->says_protocols) {
        i++;
    }
    k->want.protocols = w->items[i]->protocols != NULL ? w->items[i]->protocols : none;
    k->want.protocol_count = 0;
    while (k->want.protocols[k->want.protocol_count] != NULL) {
        k->want.protocol_count++;
    }
}

/* ---- all of it ---- */

static int make_target(struct play_client *k, struct bytes *why) {
    const struct player_dialler *d = &k->player->config->dialler;
    k->want.url = (const char *)k->url.data;
    k->want.headers = (const char *const *)k->lines;
    k->want.header_count = k->line_count;
    k->hold = NULL;
    int err = d->target(d->ctx, &k->want, &k->target, &k->hold, why);
    k->has_target = err == TB_OK;
    return err;
}

bool play_dial_make(struct play_client *k, const struct dial_wish *step, struct bytes *why) {
    const struct wishes w = wishes_of(k, step);
    bytes_clear(why);
    play_dial_release(k);
    int err = make_url(k, &w, why);
    err = err == TB_OK ? make_headers(k, &w, why) : err;
    if (err == TB_OK) {
        choose_protocols(k, &w);
        err = make_target(k, why);
    }
    if (err == TB_ENOMEM) {
        bytes_clear(why);
    }
    if (err != TB_OK) {
        play_dial_release(k);
    }
    return err == TB_OK;
}

void play_dial_release(struct play_client *k) {
    const struct player_dialler *d = &k->player->config->dialler;
    if (k->has_target) {
        d->release(d->ctx, k->hold);
        k->has_target = false;
    }
    for (size_t i = 0; i < k->line_count; i++) {
        free(k->lines[i]);
    }
    free(k->lines);
    k->lines = NULL;
    k->line_count = 0;
}
