/* A recording's conversations as scenarios, one for each. */
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "proto/close.h"
#include "proto/http1.h"
#include "script/from/conversation.h"
#include "script/from/from.h"
#include "script/from/from_yaml.h"
#include "script/from/wording.h"

/* The limit of the file; what may come later than the second has a limit of its own, which is twice
 * that, but no more than the third above it. */
enum { PATIENCE_S = 5 };
#define PATIENCE_US INT64_C(2000000)
#define LENIENCE_US INT64_C(30000000)

/* What the server says later than this after anything else has a clock of its own. A scenario does
 * not pause where a person did, so such a message is waited for as long as the connection was old.
 */
#define PROMPT_US INT64_C(1000000)

enum { STEP_INDENT = 6, VARIABLE_SIZE = 32 };

/* ---- connect ---- */

/* The next subprotocol of a header's value; it moves on. */
static bool next_protocol(const char **at, struct http1_str *name) {
    *at += strspn(*at, ", \t");
    size_t n = strcspn(*at, ", \t");
    *name = (struct http1_str){.p = *at, .n = n};
    *at += n;
    return n > 0;
}

static bool is_offered(const char *list, struct http1_str wanted) {
    struct http1_str name;
    while (next_protocol(&list, &name) && name.p != wanted.p) {
        if (name.n == wanted.n && memcmp(name.p, wanted.p, name.n) == 0) {
            return true;
        }
    }
    return false;
}

/* What the client offered, each once; if that was not recorded, what was agreed on. */
static void put_protocols(struct yaml_out *y, const struct conversation *c) {
    const struct from_header *offer = from_header_find(c->request, "sec-websocket-protocol");
    const char *list = offer != NULL ? offer->value : c->protocol != NULL ? c->protocol : "";
    const char *at = list;
    const char *comma = "";
    struct http1_str name;
    while (next_protocol(&at, &name)) {
        if (http1_str_is_token(name) && !is_offered(list, name)) {
            yaml_put(y, *comma == '\0' ? "          protocols: [" : "%s", comma);
            yaml_text(y, name.p, name.n);
            comma = ", ";
        }
    }
    yaml_put(y, *comma == '\0' ? "" : "]\n");
}

static bool is_repeated(const struct conversation *c, const struct from_header *h) {
    const struct from_header *first = from_header_find(c->request, h->name);
    return first != h || from_header_find(h->next, h->name) != NULL;
}

static bool is_kept(const struct from_header *h) {
    return !from_header_is_noise(h) && !from_header_is_masked(h);
}

static void put_header(struct yaml_out *y, const struct from_header *h, bool as_list) {
    struct bytes line = BYTES_INIT;
    yaml_put(y, "            ");
    if (!as_list) {
        yaml_text(y, h->name, strlen(h->name));
        yaml_put(y, ": ");
        yaml_template(y, h->value, strlen(h->value));
    } else if (y->err == TB_OK) {
        y->err = bytes_appendf(&line, "%s: %s", h->name, h->value);
        yaml_put(y, "- ");
        yaml_template(y, line.data, y->err == TB_OK ? line.len : 0);
    }
    yaml_put(y, "\n");
    bytes_release(&line);
}

static void put_headers(struct yaml_out *y, const struct conversation *c) {
    size_t kept = 0;
    bool as_list = false;
    for (const struct from_header *h = c->request; h != NULL; h = h->next) {
        kept += is_kept(h);
        as_list = as_list || (is_kept(h) && is_repeated(c, h));
    }
    yaml_put(y, kept > 0 ? "          headers:\n" : "");
    for (const struct from_header *h = c->request; h != NULL; h = h->next) {
        if (is_kept(h)) {
            put_header(y, h, as_list);
        }
    }
}

/* A variable's name for a header's. */
static void name_variable(const char *header, char name[VARIABLE_SIZE]) {
    size_t n = 0;
    for (; n < VARIABLE_SIZE - 1 && header[n] != '\0'; n++) {
        char c = header[n];
        name[n] = (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c == '-' ? '_' : c);
    }
    name[n] = '\0';
}

static void remark_secrets(struct yaml_out *y, const struct conversation *c) {
    for (const struct from_header *h = c->request; h != NULL; h = h->next) {
        char name[VARIABLE_SIZE];
        if (from_header_is_noise(h) || !from_header_is_masked(h)) {
            continue;
        }
        name_variable(h->name, name);
        yaml_comment(y, STEP_INDENT,
                     "The recording has no value for %s. To send one: vars: { %s: \"\" } at the "
                     "top of the",
                     h->name, name);
        yaml_comment(y, STEP_INDENT,
                     "file, headers: { %s: \"${%s}\" } in this step, and --var %s=VALUE.", h->name,
                     name, name);
    }
}

static bool has_options(const struct conversation *c) {
    const struct from_header *h = c->request;
    while (h != NULL && !is_kept(h)) {
        h = h->next;
    }
    return h != NULL || c->why != NULL || c->protocol != NULL ||
           from_header_find(c->request, "sec-websocket-protocol") != NULL;
}

/* As a reference that is resolved, a path of // would name a host (RFC 3986 s.4.2). */
static void put_url(struct yaml_out *y, const struct conversation *c, bool whole) {
    struct bytes url = BYTES_INIT;
    const char *front = whole ? c->origin : strncmp(c->target, "//", 2) == 0 ? "/." : "";
    if (y->err == TB_OK) {
        y->err = bytes_appendf(&url, "%s%s", front, c->target);
    }
    yaml_template(y, url.data != NULL ? (const char *)url.data : "", url.len);
    bytes_release(&url);
}

static void put_connect(struct yaml_out *y, const struct conversation *c, bool whole) {
    remark_secrets(y, c);
    yaml_put(y, has_options(c) ? "      - connect:\n          url: " : "      - connect: ");
    put_url(y, c, whole);
    yaml_put(y, "\n");
    put_protocols(y, c);
    put_headers(y, c);
    if (c->why != NULL) {
        yaml_put(y, "          expect_status: %u\n", c->status);
    }
}

/* ---- what was said ---- */

static void put_limit(struct yaml_out *y, int64_t waited_us) {
    int64_t more_us = waited_us < LENIENCE_US ? waited_us : LENIENCE_US;
    if (waited_us > PATIENCE_US) {
        yaml_put(y, "        within: %" PRId64 "s\n", (waited_us + more_us + 999999) / 1000000);
    }
}

static void put_message(struct yaml_out *y, const struct from_event *e, int64_t waited_us) {
    if (!wording_can_send(e)) {
        yaml_comment(y, STEP_INDENT, "here the %s sent a text that is not UTF-8",
                     e->side == FROM_CLIENT ? "client" : "server");
    } else if (e->side == FROM_CLIENT) {
        yaml_put(y, "      - send: ");
        wording_payload(y, e);
        yaml_put(y, "\n");
    } else {
        wording_remark(y, STEP_INDENT, e);
        yaml_put(y, "      - expect: ");
        wording_matcher(y, e);
        yaml_put(y, "\n");
        put_limit(y, waited_us);
    }
}

/* Programs keep connections alive with pings of four bytes: ours counts in them, others take random
 * ones. */
static bool is_keepalive(const struct from_event *e) {
    if (e->size != 4) {
        return false;
    }
    for (size_t i = 0; i < e->size; i++) {
        if (e->data[i] < 0x20 || e->data[i] > 0x7e) {
            return true;
        }
    }
    return false;
}

static void put_ping(struct yaml_out *y, const struct from_event *e) {
    struct from_event text = {.is_text = true, .data = e->data, .size = e->size};
    if (e->side != FROM_CLIENT || is_keepalive(e)) {
        return;
    }
    if (e->size == 0) {
        yaml_put(y, "      - ping\n");
    } else if (!wording_can_send(&text) || memchr(e->data, '\0', e->size) != NULL) {
        yaml_comment(y, STEP_INDENT, "here the client sent a ping with data that is no text");
    } else {
        yaml_put(y, "      - ping: ");
        yaml_template(y, e->data, e->size);
        yaml_put(y, "\n");
    }
}

static void put_client_close(struct yaml_out *y, const struct from_event *e) {
    if (!ws_close_code_is_valid((uint16_t)e->code)) {
        if (e->code == WS_CLOSE_NO_STATUS) {
            yaml_comment(y, STEP_INDENT, "the client's close frame had no code");
        }
        yaml_put(y, "      - close\n");
        return;
    }
    yaml_put(y, "      - close: ");
    wording_close(y, e, "");
    yaml_put(y, "\n");
}

static void put_server_close(struct yaml_out *y, const struct from_event *e, int64_t waited_us) {
    if (e->code == WS_CLOSE_GOING_AWAY) {
        yaml_comment(y, STEP_INDENT, "here the server was stopped (1001)");
        return;
    }
    struct from_event told = *e;
    told.code = e->code >= 1000 && e->code <= 4999 ? e->code : 0;
    yaml_put(y, "      - expect_close: ");
    wording_close(y, &told, " by: server");
    yaml_put(y, "\n");
    put_limit(y, waited_us);
}

/* Nobody closed: the other side of whoever recorded it was lost. */
static void put_loss(struct yaml_out *y, const struct conversation *c, int64_t waited_us) {
    if (c->by_client) {
        yaml_put(y, "      - expect_close: 1006\n");
        put_limit(y, waited_us);
    } else {
        yaml_put(y, "      - reset\n");
    }
}

static void put_close(struct yaml_out *y, const struct conversation *c, const struct from_event *e,
                      int64_t waited_us) {
    if (e->side == FROM_CLIENT) {
        put_client_close(y, e);
    } else if (e->side == FROM_SERVER) {
        put_server_close(y, e, waited_us);
    } else {
        put_loss(y, c, waited_us);
    }
}

static void put_violation(struct yaml_out *y, const struct from_event *e) {
    yaml_comment(y, STEP_INDENT,
                 "here the %s broke a rule, which cannot be done again from a recording: %.*s",
                 e->side == FROM_CLIENT ? "client" : "server", (int)e->size, (const char *)e->data);
}

static void put_events(struct yaml_out *y, const struct conversation *c) {
    int64_t before_us = c->t_us;
    for (const struct from_event *e = c->events; e != NULL; e = e->next) {
        int64_t waited_us = e->t_us - (e->t_us - before_us > PROMPT_US ? c->t_us : before_us);
        before_us = e->t_us;
        if (e->kind == FROM_MESSAGE) {
            put_message(y, e, waited_us);
        } else if (e->kind == FROM_PING) {
            put_ping(y, e);
        } else if (e->kind == FROM_CLOSE) {
            put_close(y, c, e, waited_us);
        } else {
            put_violation(y, e);
            return;
        }
    }
}

/* ---- a conversation ---- */

static void put_name(struct yaml_out *y, const struct conversation *c) {
    struct bytes name = BYTES_INIT;
    if (y->err == TB_OK) {
        y->err = bytes_appendf(&name, "connection %zu, %s", c->number, c->target);
    }
    yaml_text(y, name.data != NULL ? (const char *)name.data : "", name.len);
    bytes_release(&name);
}

static void put_scenario(struct yaml_out *y, const struct conversation *c, bool whole) {
    yaml_put(y, "\n  - name: ");
    put_name(y, c);
    yaml_put(y, "\n    steps:\n");
    if (c->why != NULL) {
        yaml_comment(y, STEP_INDENT, "refused: %s", c->why);
    }
    put_connect(y, c, whole);
    put_events(y, c);
}

static void put_reason(struct yaml_out *y, const struct conversation *c) {
    yaml_put(y, "\n");
    if (!c->is_begun) {
        yaml_comment(y, 2, "connection %zu is left out: its handshake is not in the recording",
                     c->number);
    } else {
        yaml_comment(y, 2, "connection %zu is left out: it cannot be had again (%s)", c->number,
                     c->why != NULL ? c->why : "nothing says to which path");
    }
}

/* ---- the file ---- */

/* The server that every client dialled, or NULL. */
static const char *common_origin(const struct from *f) {
    const char *origin = f->first != NULL ? f->first->origin : NULL;
    for (const struct conversation *c = f->first; c != NULL; c = c->next) {
        if (!c->by_client || c->origin == NULL || origin == NULL ||
            strcmp(c->origin, origin) != 0) {
            return NULL;
        }
    }
    return origin;
}

/* When it was over. One whose end was not recorded lasted until the end. */
static int64_t end_of(const struct conversation *c) {
    return c->last != NULL && c->last->kind == FROM_CLOSE ? c->last->t_us : INT64_MAX;
}

/* The first that opened while another one was open, which is *other; or NULL. */
static const struct conversation *find_overlap(const struct from *f,
                                               const struct conversation **other) {
    const struct conversation *longest = NULL; /* of this recording, so far */
    for (const struct conversation *c = f->first; c != NULL; c = c->next) {
        if (!c->is_begun || c->why != NULL) {
            continue;
        }
        bool together = longest != NULL && longest->recording == c->recording;
        if (together && c->t_us < end_of(longest)) {
            *other = longest;
            return c;
        }
        longest = together && end_of(longest) > end_of(c) ? longest : c;
    }
    return NULL;
}

/* Of several who hear one another, each alone waits in vain for what another one caused. */
static void warn_of_overlap(struct yaml_out *y, const struct from *f) {
    const struct conversation *first = NULL;
    const struct conversation *second = find_overlap(f, &first);
    if (second == NULL) {
        return;
    }
    yaml_comment(y, 0,
                 "Some of these clients were connected at the same time (connections %zu and %zu, "
                 "to begin",
                 first->number, second->number);
    yaml_comment(y, 0,
                 "with) and may have heard one another: what one caused does not come where "
                 "another is alone.");
    yaml_comment(y, 0,
                 "To have them together, make one scenario of theirs, with several 'clients'.");
}

static void put_head(struct yaml_out *y, const struct from *f, const char *origin) {
    yaml_comment(y, 0, "The conversations of %s%s%s, as scenarios.", f->name,
                 f->started != NULL ? ", recorded at " : "", f->started != NULL ? f->started : "");
    yaml_comment(y, 0,
                 "Times, UUIDs and milliseconds since 1970 in what the server said are "
                 "patterns here: they are");
    yaml_comment(y, 0,
                 "never the same again. Other things may change, too: make patterns of them.");
    warn_of_overlap(y, f);
    yaml_put(y, "taburet: 1\n\ndefaults:\n");
    if (origin != NULL) {
        yaml_put(y, "  url: ");
        yaml_template(y, origin, strlen(origin));
        yaml_put(y, "\n");
    } else {
        yaml_comment(y, 2, "url: ws://localhost:4000   # the server, unless --url says it");
    }
    yaml_put(y, "  within: %ds\n\nscenarios:", PATIENCE_S);
}

int from_write_scenarios(const struct from *f, struct bytes *yaml) {
    struct yaml_out y = {.out = yaml, .err = TB_OK};
    const char *origin = common_origin(f);
    size_t count = 0;
    put_head(&y, f, origin);
    for (const struct conversation *c = f->first; c != NULL; c = c->next) {
        count += c->is_begun && conversation_can_come_again(c);
    }
    yaml_put(&y, count > 0 ? "" : " []\n");
    for (const struct conversation *c = f->first; c != NULL; c = c->next) {
        if (c->is_begun && conversation_can_come_again(c)) {
            put_scenario(&y, c, c->by_client && c->origin != NULL && origin == NULL);
        } else {
            put_reason(&y, c);
        }
    }
    return y.err;
}
