/* Orders as JSON commands. */
#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "app/connect/order.h"
#include "base/err.h"
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

static int send_json(struct order *o, const json_t *value, struct bytes *message) {
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    if (text == NULL) {
        return TB_ENOMEM;
    }
    int err = order_compose(o, ORDER_TEXT, text, strlen(text), message);
    free(text);
    return err;
}

static int send_string(struct order *o, const char *key, const json_t *value,
                       struct bytes *message) {
    const char *text = json_string_value(value);
    size_t n = json_string_length(value);
    if (text == NULL) {
        return refuse(message, "\"%s\" needs a string", key);
    }
    if (strcmp(key, "file") == 0) {
        return order_file(o, ORDER_TEXT, text, message);
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

static int read_send(struct order *o, json_t *value, struct bytes *message) {
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
    return strcmp(form, "json") == 0 ? send_json(o, content, message)
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

static int read_ping(struct order *o, json_t *value, struct bytes *message) {
    return read_control(o, ORDER_PING, value, message);
}

static int read_pong(struct order *o, json_t *value, struct bytes *message) {
    return read_control(o, ORDER_PONG, value, message);
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
    return order_close(o, code, reason == NULL ? "" : json_string_value(reason), message);
}

static int read_raw(struct order *o, json_t *value, struct bytes *message) {
    if (!json_is_string(value)) {
        return refuse(message, "\"raw\" needs a string of hexadecimal bytes");
    }
    return order_raw(o, json_string_value(value), json_string_length(value), message);
}

static const struct {
    const char *key;
    int (*read)(struct order *o, json_t *value, struct bytes *message);
} commands[] = {
    {"send", read_send},   {"ping", read_ping}, {"pong", read_pong},
    {"close", read_close}, {"raw", read_raw},
};

enum { COMMANDS = sizeof commands / sizeof *commands };

static int read_command(struct order *o, json_t *root, struct bytes *message) {
    const char *names[COMMANDS];
    for (size_t i = 0; i < COMMANDS; i++) {
        names[i] = commands[i].key;
    }
    if (!json_is_object(root) || json_object_size(root) != 1) {
        return refuse(message,
                      "a command is an object with one key: send, ping, pong, close or raw");
    }
    int err = check_keys(root, names, COMMANDS, message);
    for (size_t i = 0; i < COMMANDS && err == TB_OK; i++) {
        json_t *value = json_object_get(root, commands[i].key);
        if (value != NULL) {
            return commands[i].read(o, value, message);
        }
    }
    return err;
}

int order_read_json(struct order *o, const char *line, size_t n, struct bytes *message) {
    json_error_t error;
    json_t *root = json_loadb(line, n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    if (root == NULL) {
        return refuse(message, "it is not JSON: %s (at character %d)", error.text, error.column);
    }
    int err = read_command(o, root, message);
    json_decref(root);
    return err;
}
