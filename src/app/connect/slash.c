#include "app/connect/slash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "base/units.h"

/* What stands behind the command, terminated, for whoever wants a string. */
struct words {
    char *text;
    size_t size;
};

static int refuse(struct bytes *message, const char *why) {
    int err = bytes_append_str(message, why);
    return err == TB_OK ? TB_EINVAL : err;
}

static size_t end_of_word(const char *p, size_t n) {
    size_t i = 0;
    while (i < n && p[i] != ' ' && p[i] != '\t' && p[i] != '\n') {
        i++;
    }
    return i;
}

static size_t end_of_spaces(const char *p, size_t n) {
    size_t i = 0;
    while (i < n && (p[i] == ' ' || p[i] == '\t' || p[i] == '\n')) {
        i++;
    }
    return i;
}

/* Cuts the first word off, and the spaces behind it; returns it, terminated. */
static const char *cut_word(struct words *w) {
    const char *word = w->text;
    size_t n = end_of_word(w->text, w->size);
    size_t next = n + end_of_spaces(w->text + n, w->size - n);
    w->text[n] = '\0';
    w->text += next;
    w->size -= next;
    return word;
}

static int read_ping(struct slash *s, struct words *w, struct bytes *message) {
    return order_control(&s->order, ORDER_PING, w->text, w->size, message);
}

static int read_pong(struct slash *s, struct words *w, struct bytes *message) {
    return order_control(&s->order, ORDER_PONG, w->text, w->size, message);
}

static int read_close(struct slash *s, struct words *w, struct bytes *message) {
    const char *code = cut_word(w);
    return order_close(&s->order, code, w->text, w->size, message);
}

static int read_hex(struct slash *s, struct words *w, struct bytes *message) {
    return order_compose(&s->order, ORDER_HEX, w->text, w->size, message);
}

static int read_base64(struct slash *s, struct words *w, struct bytes *message) {
    return order_compose(&s->order, ORDER_BASE64, w->text, w->size, message);
}

static int read_file(struct slash *s, struct words *w, struct bytes *message) {
    if (w->size == 0 || strlen(w->text) != w->size) {
        return refuse(message, "/file needs the path of a file");
    }
    return order_file_now(&s->order, w->text, message);
}

static int read_frag(struct slash *s, struct words *w, struct bytes *message) {
    const char *size = cut_word(w);
    if (units_size(size, &s->order.fragment) != TB_OK || s->order.fragment == 0) {
        return refuse(message, "/frag needs the bytes of a frame and a text: /frag 3 hello");
    }
    return order_compose(&s->order, ORDER_TEXT, w->text, w->size, message);
}

static int read_raw(struct slash *s, struct words *w, struct bytes *message) {
    return order_raw(&s->order, w->text, w->size, message);
}

static const struct command {
    const char *name;
    const char *argument;
    const char *help;
    enum slash_kind kind;
    int (*read)(struct slash *s, struct words *w, struct bytes *message); /* of an ORDER */
} commands[] = {
    {"ping", "[DATA]", "send a ping; its pong is shown with the round trip", SLASH_ORDER,
     read_ping},
    {"pong", "[DATA]", "send a pong that nobody asked for", SLASH_ORDER, read_pong},
    {"close", "[CODE [REASON]]", "close; without a code: a close frame without one", SLASH_ORDER,
     read_close},
    {"hex", "BYTES", "send a binary message, in hexadecimal", SLASH_ORDER, read_hex},
    {"base64", "BYTES", "send a binary message, in base64", SLASH_ORDER, read_base64},
    {"file", "PATH", "send a file: as text if it is UTF-8, else as binary", SLASH_ORDER, read_file},
    {"json", "[TEXT]", "send JSON; lines are gathered until it is whole", SLASH_JSON, NULL},
    {"frag", "N TEXT", "send a text in frames of N bytes", SLASH_ORDER, read_frag},
    {"raw", "BYTES", "send bytes as they stand, in hexadecimal, lawful or not", SLASH_ORDER,
     read_raw},
    {"stats", "", "what was sent and received so far", SLASH_STATS, NULL},
    {"record", "[FILE]", "record to this file from now on; without one: no more", SLASH_RECORD,
     NULL},
    {"help", "", "this list; a message that begins with / is typed //", SLASH_HELP, NULL},
    {"quit", "", "close and leave, as Ctrl+D does", SLASH_QUIT, NULL},
};

enum { COMMANDS = sizeof commands / sizeof *commands };

static const struct command *find(const char *name, size_t n) {
    for (size_t i = 0; i < COMMANDS; i++) {
        if (strlen(commands[i].name) == n && memcmp(commands[i].name, name, n) == 0) {
            return &commands[i];
        }
    }
    return NULL;
}

static int refuse_unknown(const char *name, size_t n, struct bytes *message) {
    const char *names[COMMANDS];
    struct bytes word = BYTES_INIT;
    for (size_t i = 0; i < COMMANDS; i++) {
        names[i] = commands[i].name;
    }
    int err = text_escape(&word, name, n, TEXT_ONE_LINE);
    err = err == TB_OK ? bytes_append(&word, "", 1) : err;
    if (err == TB_OK) {
        const char *near = text_nearest((const char *)word.data, names, COMMANDS);
        err = near == NULL ? bytes_appendf(message,
                                           "unknown command '/%s' (/help lists them; a "
                                           "message that begins with / is typed //)",
                                           (const char *)word.data)
                           : bytes_appendf(message, "unknown command '/%s' (did you mean '/%s'?)",
                                           (const char *)word.data, near);
    }
    bytes_release(&word);
    return err == TB_OK ? TB_EINVAL : err;
}

static int read_order(struct slash *s, const struct command *command, struct bytes *message) {
    struct words w = {.text = malloc(s->argument_size + 1), .size = s->argument_size};
    if (w.text == NULL) {
        return TB_ENOMEM;
    }
    memcpy(w.text, s->argument, w.size); /* a NUL in it does not end it */
    w.text[w.size] = '\0';
    char *memory = w.text;
    int err = command->read(s, &w, message);
    free(memory);
    return err;
}

int slash_read(struct slash *s, const char *line, size_t n, struct bytes *message) {
    *s = (struct slash){.order = ORDER_INIT};
    const char *name = line + 1;
    size_t size = end_of_word(name, n - 1);
    const struct command *command = find(name, size);
    if (command == NULL) {
        return refuse_unknown(name, size, message);
    }
    size_t spaces = end_of_spaces(name + size, n - 1 - size);
    const char *argument = name + size + spaces;
    size_t rest = n - 1 - size - spaces;
    s->kind = command->kind;
    s->argument = argument;
    s->argument_size = rest;
    return command->kind == SLASH_ORDER ? read_order(s, command, message) : TB_OK;
}

int slash_help(struct bytes *out) {
    int err = TB_OK;
    for (size_t i = 0; i < COMMANDS && err == TB_OK; i++) {
        char label[32];
        snprintf(label, sizeof label, "/%s %s", commands[i].name, commands[i].argument);
        err = bytes_appendf(out, "  %-24s %s\n", label, commands[i].help);
    }
    return err;
}
