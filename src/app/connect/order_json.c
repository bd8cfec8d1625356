/* Orders as JSON commands. */
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "app/connect/order.h"
#include "base/err.h"
#include "base/json_text.h"
#include "base/text.h"
#include "proto/close.h"
#include "proto/frame.h"

static int __attribute__((format(printf, 2, 3)))
refuse(struct bytes *message, const char *fmt, ...) {
    struct bytes raw = BYTES_INIT;
    va_list ap;
    va_start(ap, fmt);
    int err = bytes_appendv(&raw, fmt, ap);
    va_end(ap);
    if (err == TB_OK) {
        err = text_escape(message, raw.data, raw.len, TEXT_ONE_LINE);
    }
    bytes_release(&raw);
    return err == TB_OK ? TB_EINVAL : err;
}

/* Refuses a key that is not one of the known, naming the nearest. */
static int check_keys(json_t *object, const char *const *known, size_t count,
                      struct bytes *message) {
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value) {
        size_t i = 0;
        while (i < count && strcmp(key, known[i]) != 0) {
            i++;
        }
        if (i == count) {
            const char *near = text_nearest(key, known, count);
            return near == NULL
                       ? refuse(message, "unknown key \"%s\"", key)
                       : refuse(message, "unknown key \"%s\" (did you mean \"%s\"?)", key, near);
        }
    }
    return TB_OK;
}

/* ---- {"send": {…}} ---- */

/* The value of {"send":{"json":…}} as it stands in the line: a number that is read and written
 * again is another one. p is NULL if there is none. */
struct verbatim {
    const char *p;
    size_t size;
};

static struct verbatim find_verbatim(const char *line, size_t n) {
    struct verbatim v = {.p = NULL};
    if (json_text_member(line, n, "send", &v.p, &v.size)) {
        const char *send = v.p;
        if (!json_text_member(send, v.size, "json", &v.p, &v.size)) {
            v.p = NULL;
        }
    }
    return v;
}

static int send_json(struct order *o, const struct verbatim *v, struct bytes *message) {
    if (v->p == NULL) {
        return refuse(message, "the value of \"json\" is nested too deep, or a key is written with "
                               "escapes");
    }
    o->kind = ORDER_SEND;
    o->opcode = WS_OP_TEXT;
    return json_text_compact(&o->data, v->p, v->size);
}

static int send_string(struct order *o, const char *key, const json_t *value,
                       struct bytes *message) {
    const char *text = json_string_value(value);
    size_t n = json_string_length(value);
    if (text == NULL) {
        return refuse(message, "\"%s\" needs a string", key);
    }
    if (strcmp(key, "file") == 0) {
        return strlen(text) == n ? order_file_now(o, text, message)
                                 : refuse(message, "the path of a file holds no NUL");
    }
    enum order_form form = strcmp(key, "text") == 0  ? ORDER_TEXT
                           : strcmp(key, "hex") == 0 ? ORDER_HEX
                                                     : ORDER_BASE64;
    return order_compose(o, form, text, n, message);
}

static int read_fragment(struct order *o, const json_t *value, struct bytes *message) {
    if (value == NULL) {
        return TB_OK;
    }
    if (json_integer_value(value) < 1) {
        return refuse(message, "\"fragment\" needs a number of bytes, 1 or more");
    }
    o->fragment = (uint64_t)json_integer_value(value);
    return TB_OK;
}

static int read_send(struct order *o, json_t *value, const struct verbatim *v,
                     struct bytes *message) {
    static const char *const keys[] = {"text", "json", "hex", "base64", "file", "fragment"};
    enum { FORMS = 5, KEYS = sizeof keys / sizeof *keys };
    const char *form = NULL;
    unsigned forms = 0;
    if (json_is_string(value)) {
        return send_string(o, "text", value, message);
    }
    if (!json_is_object(value)) {
        return refuse(message, "\"send\" needs a string or an object such as {\"text\":\"hi\"}");
    }
    int err = check_keys(value, keys, KEYS, message);
    for (size_t i = 0; i < FORMS; i++) {
        if (json_object_get(value, keys[i]) != NULL) {
            form = keys[i];
            forms++;
        }
    }
    if (err == TB_OK && forms != 1) {
        return refuse(message, "\"send\" needs one of text, json, hex, base64 and file");
    }
    if (err == TB_OK) {
        err = read_fragment(o, json_object_get(value, "fragment"), message);
    }
    if (err != TB_OK) {
        return err;
    }
    const json_t *content = json_object_get(value, form);
    return strcmp(form, "json") == 0 ? send_json(o, v, message)
                                     : send_string(o, form, content, message);
}

/* ---- the others ---- */

static int read_control(struct order *o, enum order_kind kind, json_t *value,
                        struct bytes *message) {
    if (json_is_true(value) || json_is_null(value)) {
        return order_control(o, kind, "", 0, message);
    }
    if (!json_is_string(value)) {
        return refuse(message, "a ping or a pong needs a string (\"\" for none)");
    }
    return order_control(o, kind, json_string_value(value), json_string_length(value), message);
}

static int read_close(struct order *o, json_t *value, struct bytes *message) {
    static const char *const keys[] = {"code", "reason"};
    char code[24] = "";
    if (!json_is_object(value)) {
        return refuse(message, "\"close\" needs an object such as {\"code\":1000}");
    }
    int err = check_keys(value, keys, sizeof keys / sizeof *keys, message);
    if (err != TB_OK) {
        return err;
    }
    const json_t *number = json_object_get(value, "code");
    const json_t *reason = json_object_get(value, "reason");
    if ((number != NULL && !json_is_integer(number)) ||
        (reason != NULL && !json_is_string(reason))) {
        return refuse(message, "\"close\" needs a number as \"code\", a string as \"reason\"");
    }
    if (number != NULL) {
        snprintf(code, sizeof code, "%" JSON_INTEGER_FORMAT, json_integer_value(number));
    }
    return order_close(o, code, reason == NULL ? "" : json_string_value(reason),
                       json_string_length(reason), message);
}

static int read_raw(struct order *o, json_t *value, struct bytes *message) {
    if (!json_is_string(value)) {
        return refuse(message, "\"raw\" needs a string of hexadecimal bytes");
    }
    return order_raw(o, json_string_value(value), json_string_length(value), message);
}

/* ---- a line ---- */

static int read_value(struct order *o, const char *key, json_t *value, const struct verbatim *v,
                      struct bytes *message) {
    if (strcmp(key, "send") == 0) {
        return read_send(o, value, v, message);
    }
    if (strcmp(key, "close") == 0) {
        return read_close(o, value, message);
    }
    if (strcmp(key, "raw") == 0) {
        return read_raw(o, value, message);
    }
    enum order_kind kind = strcmp(key, "ping") == 0 ? ORDER_PING : ORDER_PONG;
    return read_control(o, kind, value, message);
}

static int read_command(struct order *o, json_t *root, const struct verbatim *v,
                        struct bytes *message) {
    static const char *const names[] = {"send", "ping", "pong", "close", "raw"};
    if (!json_is_object(root) || json_object_size(root) != 1) {
        return refuse(message,
                      "a command is an object with one key: send, ping, pong, close or raw");
    }
    int err = check_keys(root, names, sizeof names / sizeof *names, message);
    if (err != TB_OK) {
        return err;
    }
    void *member = json_object_iter(root);
    return read_value(o, json_object_iter_key(member), json_object_iter_value(member), v, message);
}

static int read_line(struct order *o, const char *line, size_t n, const struct verbatim *v,
                     struct bytes *message) {
    json_error_t error;
    json_t *root = json_loadb(line, n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    if (root == NULL && json_error_code(&error) == json_error_out_of_memory) {
        return TB_ENOMEM;
    }
    if (root == NULL) {
        return refuse(message, "it is not JSON: %s (at character %d)", error.text, error.column);
    }
    int err = read_command(o, root, v, message);
    json_decref(root);
    return err;
}

/* The parser need not understand what is sent byte for byte: it sees a 0 in its place. */
static int read_around(struct order *o, const char *line, size_t n, const struct verbatim *v,
                       struct bytes *message) {
    struct bytes copy = BYTES_INIT;
    size_t at = (size_t)(v->p - line);
    int err = bytes_append(&copy, line, n);
    if (err == TB_OK) {
        memset(copy.data + at, ' ', v->size);
        copy.data[at] = '0';
        err = read_line(o, (const char *)copy.data, n, v, message);
    }
    bytes_release(&copy);
    return err;
}

int order_read_json(struct order *o, const char *line, size_t n, struct bytes *message) {
    const struct verbatim v = find_verbatim(line, n);
    return v.p == NULL ? read_line(o, line, n, &v, message) : read_around(o, line, n, &v, message);
}
