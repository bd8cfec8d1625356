#include "app/dial/headers.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "proto/http1.h"
#include "proto/http_host.h"

/* What a line wants. */
enum form {
    FORM_SET,    /* Name: value */
    FORM_EMPTY,  /* Name; */
    FORM_REMOVE, /* Name: */
};

struct line {
    const char *file; /* that it is from, or NULL */
    unsigned number;  /* in that file, from 1 */
    const char *text;
    struct http1_str name;
    struct http1_str value; /* without spaces around */
    enum form form;
};

struct reader {
    struct headers *headers;
    struct bytes *message;
};

/* what is a sentence that follows "option '--header' ...". */
static int refuse_line(const struct reader *r, const struct line *l, const char *what) {
    if (l->file == NULL) {
        return words_refuse(r->message, "option '--header' %s", what);
    }
    return words_refuse(r->message, "option '--header' %s (line %u of '%s')", what, l->number,
                        file_shown_name(l->file));
}

/* Says what is wrong behind the name with which the line begins, for the rest may be a secret. */
static int refuse_behind(const struct reader *r, const struct line *l, const char *what) {
    size_t n = 0;
    while (http1_is_token_char((unsigned char)l->text[n])) {
        n++;
    }
    struct bytes sentence = BYTES_INIT;
    int err = bytes_appendf(&sentence, "%s '%.*s'", what, (int)n, l->text);
    err = err == TB_OK ? bytes_append(&sentence, "", 1) : err;
    err = err == TB_OK ? refuse_line(r, l, (const char *)sentence.data) : err;
    bytes_release(&sentence);
    return err;
}

/* ---- the parts of a line ---- */

static bool is_space(char c) {
    return c == ' ' || c == '\t';
}

static struct http1_str trim(const char *p) {
    size_t n = strlen(p);
    while (n > 0 && is_space(*p)) {
        p++;
        n--;
    }
    while (n > 0 && is_space(p[n - 1])) {
        n--;
    }
    return (struct http1_str){p, n};
}

static int split(const struct reader *r, struct line *l) {
    size_t n = strcspn(l->text, ":");
    if (!http1_is_value(l->text)) {
        return refuse_behind(r, l, "takes no control character, as there is one behind");
    }
    l->form = FORM_SET;
    if (l->text[n] == '\0') {
        n = strcspn(l->text, ";");
        l->form = FORM_EMPTY;
        if (l->text[n] == '\0' || trim(l->text + n + 1).n > 0) {
            return refuse_behind(r, l, "needs 'Name: value', but there is no ':' behind");
        }
    }
    l->name = (struct http1_str){l->text, n};
    l->value = trim(l->text + n + 1);
    if (l->form == FORM_SET && l->value.n == 0) {
        l->form = FORM_REMOVE;
    }
    return http1_str_is_token(l->name)
               ? TB_OK
               : refuse_behind(r, l, "needs 'Name: value', but no name ends behind");
}

/* ---- what is done with it ---- */

/* Sent as it was typed; "Name;" is sent as "Name:". */
static int add_line(struct words *to, const struct line *l) {
    if (l->form == FORM_REMOVE) {
        return TB_OK;
    }
    return l->form == FORM_SET ? words_addf(to, "%s", l->text)
                               : words_addf(to, "%.*s:", (int)l->name.n, l->name.p);
}

static int choose(struct header_choice *choice, const struct line *l) {
    choice->made = true;
    if (l->form == FORM_REMOVE) {
        free(choice->value);
        choice->value = NULL;
        return TB_OK;
    }
    return words_set(&choice->value, "%.*s", (int)l->value.n, l->value.p);
}

static int take_host(const struct reader *r, const struct line *l) {
    if (l->form != FORM_SET || !http_host_is_valid(l->value)) {
        return refuse_line(r, l, "needs a host, perhaps with a port, behind 'Host:'");
    }
    return choose(&r->headers->host, l);
}

static int take_origin(const struct reader *r, const struct line *l) {
    return choose(&r->headers->origin, l);
}

/* An empty User-Agent is a header like any other: nobody else's value stands for it. */
static int take_user_agent(const struct reader *r, const struct line *l) {
    if (l->form != FORM_EMPTY) {
        return choose(&r->headers->user_agent, l);
    }
    struct line none = *l;
    none.form = FORM_REMOVE;
    int err = choose(&r->headers->user_agent, &none);
    return err == TB_OK ? add_line(&r->headers->lines, l) : err;
}

static int take_authorization(const struct reader *r, const struct line *l) {
    r->headers->has_authorization = true;
    return add_line(&r->headers->secrets, l);
}

static int take_cookie(const struct reader *r, const struct line *l) {
    r->headers->has_cookie = true;
    return add_line(&r->headers->secrets, l);
}

/* A list is as good as several. Whether they are tokens is seen where all of them are together. */
static int take_subprotocols(const struct reader *r, const struct line *l) {
    const char *p = l->value.p;
    const char *end = p + l->value.n;
    int err = TB_OK;
    if (l->form == FORM_EMPTY) {
        return refuse_line(r, l, "needs names behind 'Sec-WebSocket-Protocol'");
    }
    while (err == TB_OK && p < end) {
        const char *comma = memchr(p, ',', (size_t)(end - p));
        const char *stop = comma != NULL ? comma : end;
        while (p < stop && is_space(*p)) {
            p++;
        }
        size_t n = (size_t)(stop - p);
        while (n > 0 && is_space(p[n - 1])) {
            n--;
        }
        err = words_addf(&r->headers->subprotocols, "%.*s", (int)n, p);
        p = comma != NULL ? comma + 1 : end;
    }
    return err;
}

/* ---- which it is ---- */

#define OF_THE_HANDSHAKE ", which every handshake has as it must be"
#define OF_A_BODY ", for the request has no body"

static const struct special {
    const char *name;
    int (*take)(const struct reader *r, const struct line *l); /* NULL: it is refused */
    const char *why;
} specials[] = {
    {"Host", take_host, NULL},
    {"Origin", take_origin, NULL},
    {"User-Agent", take_user_agent, NULL},
    {"Authorization", take_authorization, NULL},
    {"Cookie", take_cookie, NULL},
    {"Sec-WebSocket-Protocol", take_subprotocols, NULL},
    {"Sec-WebSocket-Extensions", NULL,
     "takes no Sec-WebSocket-Extensions: use --deflate or --no-deflate"},
    {"Sec-WebSocket-Key", NULL, "takes no Sec-WebSocket-Key" OF_THE_HANDSHAKE},
    {"Sec-WebSocket-Version", NULL, "takes no Sec-WebSocket-Version" OF_THE_HANDSHAKE},
    {"Upgrade", NULL, "takes no Upgrade" OF_THE_HANDSHAKE},
    {"Connection", NULL, "takes no Connection" OF_THE_HANDSHAKE},
    {"Proxy-Authorization", NULL,
     "takes no Proxy-Authorization, which would go to the server: write user and password into "
     "the URL of --proxy"},
    {"Content-Length", NULL, "takes no Content-Length" OF_A_BODY},
    {"Transfer-Encoding", NULL, "takes no Transfer-Encoding" OF_A_BODY},
};

static const struct special *find_special(struct http1_str name) {
    for (size_t i = 0; i < sizeof specials / sizeof specials[0]; i++) {
        if (http1_str_is_nocase(name, specials[i].name)) {
            return &specials[i];
        }
    }
    return NULL;
}

static int take_line(const struct reader *r, struct line *l) {
    int err = split(r, l);
    if (err != TB_OK) {
        return err;
    }
    const struct special *special = find_special(l->name);
    if (special == NULL) {
        return add_line(&r->headers->lines, l);
    }
    return special->take != NULL ? special->take(r, l) : refuse_line(r, l, special->why);
}

/* ---- files ---- */

/* The line p[0..n), which gets its terminator: a byte behind it is ours. */
static int take_file_line(const struct reader *r, struct line *l, char *p, size_t n) {
    l->number++;
    n -= n > 0 && p[n - 1] == '\r';
    p[n] = '\0';
    l->text = p;
    if (strlen(p) < n) {
        return refuse_behind(r, l, "takes no NUL byte, as there is one behind");
    }
    return n > 0 ? take_line(r, l) : TB_OK;
}

static int take_lines(const struct reader *r, const char *file, struct bytes *content) {
    struct line l = {.file = file};
    char *p = (char *)content->data;
    char *end = p + content->len - 1;
    int err = TB_OK;
    while (err == TB_OK && p < end) {
        char *newline = memchr(p, '\n', (size_t)(end - p));
        size_t n = newline != NULL ? (size_t)(newline - p) : (size_t)(end - p);
        err = take_file_line(r, &l, p, n);
        p += n + 1;
    }
    return err;
}

static int take_file(const struct reader *r, const char *file) {
    struct bytes content = BYTES_INIT;
    int err = file_read(file, &content, r->message);
    err = err == TB_OK ? bytes_append(&content, "", 1) : err;
    err = err == TB_OK ? take_lines(r, file, &content) : err;
    bytes_release(&content);
    return err;
}

int headers_read(struct headers *h, const struct option_list *list, struct bytes *message) {
    const struct reader r = {h, message};
    int err = TB_OK;
    for (size_t i = 0; i < list->count && err == TB_OK; i++) {
        const char *item = list->items[i];
        struct line l = {.text = item};
        err = item[0] == '@' ? take_file(&r, item + 1) : take_line(&r, &l);
    }
    return err;
}

void headers_release(struct headers *h) {
    words_release(&h->lines);
    words_release(&h->secrets);
    words_release(&h->subprotocols);
    free(h->host.value);
    free(h->origin.value);
    free(h->user_agent.value);
    *h = (struct headers){.has_cookie = false};
}
