/* Whatever a file says in a template or a comparison is compiled or refused; what was compiled is
 * expanded to the same twice, leaves what stood before it, and as JSON it is JSON. The first line
 * is the file's, the rest is the message. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json_text.h"
#include "base/json_write.h"
#include "script/chance.h"
#include "script/check.h"
#include "script/message.h"
#include "script/names.h"
#include "script/reader.h"
#include "script/template.h"

static void require(bool holds) {
    if (!holds) {
        abort();
    }
}

struct world {
    struct chance chance;
    struct message message;
    struct store vars;
    const struct store *clients[2];
    struct scope scope;
};

static void begin(struct world *w, const uint8_t *p, size_t n) {
    static const struct path_part parts[] = {{"a", "1", 1}};
    static const struct peer peer = {.id = 1, .address = "::1", .path_count = 1, .path = parts};
    *w = (struct world){0};
    message_set(&w->message, MESSAGE_TEXT, true, p, n);
    require(store_set(&w->vars, 0, "5", 1) == TB_OK);
    w->clients[0] = &w->vars;
    w->clients[1] = &w->vars;
    w->scope = (struct scope){.message = &w->message,
                              .own = &w->vars,
                              .peer = &peer,
                              .n = 2,
                              .chance = &w->chance,
                              .clients = w->clients};
    chance_init(&w->chance, 1);
}

static void end(struct world *w) {
    message_release(&w->message);
    store_release(&w->vars);
}

static void expand(struct world *w, const struct template *t, struct bytes *out) {
    chance_init(&w->chance, 1);
    require(bytes_append_str(out, ">") == TB_OK);
    int err = template_expand(t, &w->scope, out);
    require(err == TB_OK || err == TB_ERANGE);
    require(out->data[0] == '>' && (err == TB_OK || out->len == 1));
    require(out->len <= TEMPLATE_SIZE_MAX + 1);
}

static bool is_same(const struct bytes *a, const struct bytes *b) {
    return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

static void check_template(struct world *w, const struct node *node, const struct template *t) {
    struct bytes once = BYTES_INIT;
    struct bytes twice = BYTES_INIT;
    size_t n = 0;
    expand(w, t, &once);
    expand(w, t, &twice);
    require(strstr(node->text, "now") != NULL || is_same(&once, &twice));
    const char *literal = template_literal(t, &n);
    require(literal == NULL || (n == once.len - 1 && memcmp(literal, once.data + 1, n) == 0));
    require(literal == NULL || !template_is_single(t));
    bytes_clear(&once);
    if (template_expand_json(t, &w->scope, &once) == TB_OK) {
        require(json_text_is_valid(once.data, once.len));
    }
    bytes_release(&once);
    bytes_release(&twice);
}

static void check_comparison(struct world *w, const struct check *check) {
    struct bytes left = BYTES_INIT;
    struct bytes right = BYTES_INIT;
    bool holds = false;
    int err = check_holds(check, &w->scope, &holds, &left, &right);
    require(err == TB_OK || !holds);
    require(w->scope.missing == NULL || !holds);
    bytes_release(&left);
    bytes_release(&right);
}

static void read_all(struct reader *r, const struct node *node, struct world *w) {
    static const char *const clients[] = {"alice", "bob-2", NULL};
    const struct template *t;
    const struct check *check;
    for (unsigned i = 0; i < 2; i++) {
        r->clients = i == 0 ? NULL : clients;
        if (template_read(r, node, &t) == TB_OK) {
            check_template(w, node, t);
        }
    }
    if (check_read(r, node, &check) == TB_OK) {
        check_comparison(w, check);
    }
    (void)names_check(r);
}

/* In quotes anything is a scalar, but for some characters that YAML does not have. */
static struct document *parse(const uint8_t *p, size_t n, struct bytes *message) {
    struct bytes text = BYTES_INIT;
    struct document *doc = NULL;
    require(bytes_append_str(&text, "t: ") == TB_OK && json_write_string(&text, p, n) == TB_OK);
    (void)document_parse("fuzz", (const char *)text.data, text.len, &doc, message);
    bytes_release(&text);
    return doc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const uint8_t *line_end = size > 0 ? memchr(data, '\n', size) : NULL;
    size_t n = line_end != NULL ? (size_t)(line_end - data) : size;
    struct bytes message = BYTES_INIT;
    struct document *doc = parse(data, n, &message);
    if (doc != NULL) {
        struct world w;
        struct reader r = {
            .doc = doc, .arena = arena_new(), .names = names_new(), .message = &message};
        begin(&w, data + n, size - n);
        read_all(&r, node_get(document_root(doc), "t"), &w);
        end(&w);
        names_free(r.names);
        arena_free(r.arena);
    }
    document_free(doc);
    bytes_release(&message);
    return 0;
}
