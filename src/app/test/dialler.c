#include "app/test/dialler.h"

#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "app/command.h"
#include "base/err.h"

/* A dial: its flags, with what the file says among them, and the plan that was made of them. */
struct hold {
    struct dial_flags flags;
    char *empties; /* "NAME;" of headers without a value, one behind the other */
    struct dial_plan *plan;
};

/* ---- what the command line has said ---- */

static size_t name_size(const char *line) {
    return strcspn(line, ":;");
}

static bool is_same_name(const char *a, size_t n, const char *b) {
    return n == name_size(b) && strncasecmp(a, b, n) == 0;
}

/* A flag that stands for a header. */
static bool is_flag(const struct dial_flags *f, const char *line) {
    const struct {
        const char *name;
        bool given;
    } flags[] = {
        {"Authorization", f->user != NULL || f->bearer != NULL},
        {"User-Agent", f->user_agent != NULL},
        {"Origin", f->origin != NULL},
        {"Cookie", f->cookies.count > 0},
        {"Sec-WebSocket-Protocol", f->subprotocols.count > 0},
    };
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        if (flags[i].given && is_same_name(flags[i].name, strlen(flags[i].name), line)) {
            return true;
        }
    }
    return false;
}

static bool is_overridden(const struct dial_flags *f, const char *line) {
    for (size_t i = 0; i < f->headers.count; i++) {
        if (is_same_name(line, name_size(line), f->headers.items[i])) {
            return true;
        }
    }
    return is_flag(f, line);
}

/* ---- what the file says beside it ---- */

/* A header without a value is written "NAME;", for "NAME:" removes one. */
static const char *line_of(const char *line, char **room) {
    size_t n = name_size(line);
    if (line[n] != ':' || line[n + 1 + strspn(line + n + 1, " \t")] != '\0') {
        return line;
    }
    char *copy = *room;
    memcpy(copy, line, n);
    memcpy(copy + n, ";", 2);
    *room += n + 2;
    return copy;
}

static int add_headers(struct hold *h, const struct dial_flags *f, const struct player_dial *want) {
    size_t room = 1;
    for (size_t i = 0; i < want->header_count; i++) {
        room += strlen(want->headers[i]) + 2;
    }
    size_t most = want->header_count + f->headers.count;
    const char **lines = calloc(most + 1, sizeof *lines);
    h->empties = malloc(room);
    h->flags.headers = (struct option_list){.items = lines, .count = 0};
    if (lines == NULL || h->empties == NULL) {
        return TB_ENOMEM;
    }
    char *free_room = h->empties;
    size_t count = 0;
    for (size_t i = 0; i < want->header_count; i++) {
        if (!is_overridden(f, want->headers[i])) {
            lines[count++] = line_of(want->headers[i], &free_room);
        }
    }
    for (size_t i = 0; i < f->headers.count; i++) {
        lines[count++] = f->headers.items[i];
    }
    h->flags.headers.count = count;
    return TB_OK;
}

static int add_protocols(struct hold *h, const struct dial_flags *f,
                         const struct player_dial *want) {
    bool given = f->subprotocols.count > 0;
    size_t count = given ? f->subprotocols.count : want->protocol_count;
    const char *const *names = given ? f->subprotocols.items : want->protocols;
    const char **items = calloc(count + 1, sizeof *items);
    h->flags.subprotocols = (struct option_list){.items = items, .count = 0};
    if (items == NULL) {
        return TB_ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        items[i] = names[i];
    }
    h->flags.subprotocols.count = count;
    return TB_OK;
}

/* ---- a dial ---- */

static void release(void *ctx, void *hold) {
    struct hold *h = hold;
    (void)ctx;
    if (h != NULL) {
        dial_plan_free(h->plan);
        option_list_release(&h->flags.headers);
        option_list_release(&h->flags.subprotocols);
        free(h->empties);
        free(h);
    }
}

static int make_plan(struct dialler *d, struct hold *h, const char *url, struct bytes *message) {
    struct bytes notes = BYTES_INIT; /* told once, at the start */
    int code =
        dial_plan_new_beside(d->keeper, &h->flags, url, TABURET_VERSION, &h->plan, message, &notes);
    bytes_release(&notes);
    return code == EXIT_OK ? TB_OK : code == EXIT_SYSTEM ? TB_ENOMEM : TB_EINVAL;
}

/* A player's URLs are for people to see, and have no login any more. */
static int add_login(struct dialler *d, struct hold *h, const char *url, struct bytes *message) {
    struct url to = {.host = NULL};
    if (d->login.len == 0 || h->flags.user != NULL || h->flags.bearer != NULL) {
        return TB_OK;
    }
    int err = url_parse(&to, url, message);
    if (err == TB_OK && url_same_origin(&to, &d->home)) {
        h->flags.user = (const char *)d->login.data;
    }
    url_release(&to);
    return err;
}

static int make_target(void *ctx, const struct player_dial *want, struct client_target *target,
                       void **hold, struct bytes *message) {
    struct dialler *d = ctx;
    struct hold *h = calloc(1, sizeof *h);
    if (h == NULL) {
        return TB_ENOMEM;
    }
    h->flags = d->flags;
    h->flags.headers = h->flags.subprotocols = (struct option_list){.items = NULL};
    int err = add_headers(h, &d->flags, want);
    err = err == TB_OK ? add_protocols(h, &d->flags, want) : err;
    err = err == TB_OK ? add_login(d, h, want->url, message) : err;
    err = err == TB_OK ? make_plan(d, h, want->url, message) : err;
    if (err != TB_OK) {
        release(d, h);
        return err;
    }
    *target = *dial_plan_target(h->plan);
    *hold = h;
    return TB_OK;
}

struct player_dialler dialler_for_player(struct dialler *d) {
    return (struct player_dialler){.target = make_target, .release = release, .ctx = d};
}

/* ---- life ---- */

static void go_straight(struct dial_flags *f) {
    f->resolve = f->connect_to = (struct option_list){.items = NULL};
    f->unix_path = f->interface = NULL;
    f->family = AF_UNSPEC;
    f->proxy = "";
    f->insecure = false; /* there is no TLS, and nothing to be warned of */
}

static int keep_login(struct dialler *d, const char *url, struct bytes *message) {
    int err = url_parse(&d->home, url, message);
    if (err == TB_OK && d->home.user != NULL) {
        err = bytes_appendf(&d->login, "%s%s%s", d->home.user, d->home.password != NULL ? ":" : "",
                            d->home.password != NULL ? d->home.password : "");
        err = err == TB_OK ? bytes_append(&d->login, "", 1) : err;
    }
    return err;
}

int dialler_init(struct dialler *d, const struct dial_flags *flags, bool to_mock, const char *url,
                 struct bytes *message, struct bytes *notes) {
    *d = (struct dialler){.flags = *flags};
    if (to_mock) {
        go_straight(&d->flags);
    }
    int code = dial_plan_new(&d->flags, url != NULL ? url : "ws://127.0.0.1/", TABURET_VERSION,
                             &d->keeper, message, notes);
    if (code == EXIT_OK && url != NULL && keep_login(d, url, message) != TB_OK) {
        bytes_append_str(message, "cannot start (out of memory)");
        code = EXIT_SYSTEM;
    }
    return code;
}

void dialler_release(struct dialler *d) {
    dial_plan_free(d->keeper);
    d->keeper = NULL;
    url_release(&d->home);
    bytes_release(&d->login);
}
