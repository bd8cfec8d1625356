#include "suite_rig.h"

#include <string.h>

#include "base/arena.h"
#include "base/err.h"

static int read_all(struct suite_rig *rig, const char *text) {
    int err = document_parse("test.yaml", text, strlen(text), &rig->doc, &rig->message);
    if (err != TB_OK) {
        return err;
    }
    rig->reader = (struct reader){
        .doc = rig->doc, .arena = rig->arena, .names = rig->names, .message = &rig->message};
    const struct node *root = document_root(rig->doc);
    err = suite_read(&rig->reader, node_get(root, "defaults"), node_get(root, "scenarios"),
                     &rig->suite);
    return err == TB_OK ? names_check(&rig->reader) : err;
}

int suite_rig_read(struct suite_rig *rig, const char *text) {
    memset(rig, 0, sizeof *rig);
    rig->arena = arena_new();
    rig->names = names_new();
    int err = rig->arena != NULL && rig->names != NULL ? read_all(rig, text) : TB_ENOMEM;
    if (bytes_append(&rig->message, "", 1) != TB_OK) {
        err = TB_ENOMEM;
    }
    return err;
}

void suite_rig_release(struct suite_rig *rig) {
    store_release(&rig->vars);
    arena_free(rig->arena);
    document_free(rig->doc);
    names_free(rig->names);
    bytes_release(&rig->message);
    memset(rig, 0, sizeof *rig);
}
