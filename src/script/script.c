#include "script/script.h"

#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "script/mock/mock.h"
#include "script/reader.h"
#include "script/scenario/scenario.h"

/* What is read of a file; `defaults` and `scenarios` are read together. */
struct script_reader {
    struct script *script;
    const struct node *defaults;
    const struct node *scenarios;
};

static int read_version(struct reader *r, const struct node *value, void *into) {
    (void)into;
    int err = reader_scalar(r, value, "the format's version, 1");
    return err == TB_OK && strcmp(value->text, "1") != 0
               ? reader_refuse(r, value, "the format's version is 1, not '%s'", value->text)
               : err;
}

static int read_seed(struct reader *r, const struct node *value, void *into) {
    struct script_reader *s = into;
    s->script->has_seed = true;
    return reader_number(r, value, 0, (UINT64_C(1) << 53) - 1, &s->script->seed);
}

static int read_var(struct reader *r, const struct node *key, struct store *vars) {
    unsigned slot = 0;
    int err = names_define(r, key, key->text, key->size, &slot);
    err = err == TB_OK ? reader_scalar(r, key->value, "the variable's value") : err;
    return err == TB_OK ? store_set(vars, slot, key->value->text, key->value->size) : err;
}

static int read_vars(struct reader *r, const struct node *value, void *into) {
    struct script_reader *s = into;
    if (value->kind != NODE_MAP) {
        return reader_refuse(r, value, "vars are a mapping of names and values, not %s",
                             node_kind_name(value));
    }
    int err = TB_OK;
    for (const struct node *key = value->first; key != NULL && err == TB_OK; key = key->next) {
        err = read_var(r, key, &s->script->vars);
    }
    return err;
}

static int read_server(struct reader *r, const struct node *value, void *into) {
    struct script_reader *s = into;
    return mock_plan_read(r, value, &s->script->server);
}

static int read_defaults(struct reader *r, const struct node *value, void *into) {
    struct script_reader *s = into;
    (void)r;
    s->defaults = value;
    return TB_OK;
}

static int read_scenarios(struct reader *r, const struct node *value, void *into) {
    struct script_reader *s = into;
    (void)r;
    s->scenarios = value;
    return TB_OK;
}

static const struct field fields[] = {
    {.name = "taburet", .read = read_version},
    {.name = "seed", .read = read_seed},
    {.name = "vars", .read = read_vars},
    {.name = "server", .read = read_server},
    {.name = "defaults", .read = read_defaults},
    {.name = "scenarios", .read = read_scenarios},
    {.name = NULL},
};

/* Whatever it is, it is no file of this program's. */
static int refuse_foreign(struct reader *r, const struct node *root) {
    return root->kind != NODE_MAP || root->count == 0
               ? reader_refuse(r, root,
                               "a file is a mapping that has 'taburet: 1', and 'server', "
                               "'scenarios' or both")
               : reader_refuse(r, root,
                               "'taburet: 1' is missing, which says that the file is one of "
                               "Taburet's, and in which version of the format");
}

static int compile(struct script *script, struct bytes *message) {
    struct reader r = {
        .doc = script->doc, .arena = script->arena, .names = script->names, .message = message};
    struct script_reader s = {.script = script};
    const struct node *root = document_root(script->doc);
    if (root->kind != NODE_MAP || node_get(root, "taburet") == NULL) {
        return refuse_foreign(&r, root);
    }
    int err = reader_map(&r, root, fields, "the file", &s);
    err = err == TB_OK ? suite_read(&r, s.defaults, s.scenarios, &script->suite) : err;
    err = err == TB_OK ? names_check(&r) : err;
    script->counters = r.counters;
    script->reads_head = r.reads_head;
    script->reads_address = r.reads_address;
    script->takes_chance = r.takes_chance;
    return err;
}

/* The document becomes the script's in any case. */
static int make(struct document *doc, struct script **script, struct bytes *message) {
    struct arena *arena = arena_new();
    struct script *made = arena == NULL ? NULL : arena_alloc(arena, sizeof *made);
    struct names *names = names_new();
    if (made == NULL || names == NULL) {
        names_free(names);
        arena_free(arena);
        document_free(doc);
        return TB_ENOMEM;
    }
    *made = (struct script){.arena = arena, .doc = doc, .names = names, .refs = 1};
    int err = compile(made, message);
    if (err != TB_OK) {
        script_unref(made);
        return err;
    }
    *script = made;
    return TB_OK;
}

int script_load(const char *path, struct script **script, struct bytes *message) {
    struct document *doc = NULL;
    int err = document_load(path, &doc, message);
    return err == TB_OK ? make(doc, script, message) : err;
}

int script_parse(const char *name, const char *text, size_t n, struct script **script,
                 struct bytes *message) {
    struct document *doc = NULL;
    int err = document_parse(name, text, n, &doc, message);
    return err == TB_OK ? make(doc, script, message) : err;
}

struct script *script_ref(struct script *script) {
    script->refs++;
    return script;
}

void script_unref(struct script *script) {
    if (script == NULL || --script->refs > 0) {
        return;
    }
    store_release(&script->vars);
    names_free(script->names);
    document_free(script->doc);
    arena_free(script->arena);
}

/* ---- --var ---- */

static int refuse_name(const struct script *script, const char *name, struct bytes *message) {
    size_t count = names_count(script->names);
    const char **known = arena_alloc(script->arena, (count + 1) * sizeof *known);
    if (known == NULL) {
        return TB_ENOMEM;
    }
    for (unsigned i = 0; i < count; i++) {
        known[i] = names_text(script->names, i);
    }
    const char *near = text_nearest(name, known, count);
    int err = bytes_append_str(message, "the file has no variable '");
    err = err == TB_OK ? text_escape(message, name, strlen(name), TEXT_ONE_LINE) : err;
    err = err == TB_OK && near != NULL ? bytes_appendf(message, "' (did you mean '%s'?)", near)
          : err == TB_OK               ? bytes_append_str(message, "'")
                                       : err;
    return err == TB_OK ? TB_EINVAL : err;
}

int script_set(struct script *script, const char *assignment, struct bytes *message) {
    const char *equals = strchr(assignment, '=');
    if (equals == NULL || equals == assignment) {
        int err = bytes_append_str(message, "a variable is set as NAME=VALUE, not '");
        err = err == TB_OK ? text_escape(message, assignment, strlen(assignment), TEXT_ONE_LINE)
                           : err;
        err = err == TB_OK ? bytes_append_str(message, "'") : err;
        return err == TB_OK ? TB_EINVAL : err;
    }
    char *name = arena_text(script->arena, assignment, (size_t)(equals - assignment));
    if (name == NULL) {
        return TB_ENOMEM;
    }
    int slot = names_find(script->names, name);
    return slot >= 0 ? store_set(&script->vars, (unsigned)slot, equals + 1, strlen(equals + 1))
                     : refuse_name(script, name, message);
}
