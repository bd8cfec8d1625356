/* Who speaks for us: a person at a prompt, or standard input. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/command.h"
#include "app/connect/history.h"
#include "app/connect/prompt.h"
#include "app/connect/slash.h"
#include "app/connect/talk.h"
#include "base/err.h"
#include "base/json_text.h"
#include "conn/conn.h"
#include "conn/trace.h"

static const size_t RECORD_MAX = (size_t)1 << 30; /* bytes of a line, or of whatever is a record */

/* ---- orders ---- */

/* What went wrong is told; in a pipe it ends the conversation, for a script cannot type it again.
 */
static void refuse_input(struct talk *t, int err, const struct bytes *why) {
    if (err == TB_ENOMEM) {
        show_error(&t->show, "out of memory");
        talk_leave(t, EXIT_SYSTEM);
    } else if (t->interactive) {
        show_error(&t->show, "%.*s; nothing was sent", (int)why->len, (const char *)why->data);
    } else {
        show_error(&t->show, "record %" PRIu64 " of the input cannot be sent: %.*s",
                   t->input.records, (int)why->len, (const char *)why->data);
        talk_leave(t, EXIT_USAGE);
    }
}

/* Says an order that was read, or tells why not; and releases it. */
static void say(struct talk *t, struct order *o, int err, struct bytes *why) {
    if (err == TB_OK && talk_say(t, o) != TB_OK) {
        err = bytes_append_str(why, "not connected") == TB_OK ? TB_EINVAL : TB_ENOMEM;
    }
    if (err != TB_OK) {
        refuse_input(t, err, why);
    }
    order_release(o);
    bytes_release(why);
}

static void say_message(struct talk *t, enum order_form form, const char *p, size_t n) {
    struct order o = ORDER_INIT;
    struct bytes why = BYTES_INIT;
    int err = order_compose(&o, form, p, n, &why);
    say(t, &o, err, &why);
}

static void say_command(struct talk *t, const char *p, size_t n) {
    struct order o = ORDER_INIT;
    struct bytes why = BYTES_INIT;
    int err = order_read_json(&o, p, n, &why);
    say(t, &o, err, &why);
}

/* ---- slash commands ---- */

static void show_text(struct talk *t, const struct bytes *text) {
    show_lines(&t->show, (const char *)text->data, text->len);
}

static void print_stats(struct talk *t) {
    const struct show_stats *n = &t->show.stats;
    struct bytes text = BYTES_INIT;
    static const char *const arrows[] = {"\u2192", "\u2190"};
    for (int from = TRACE_CLIENT; from <= TRACE_SERVER; from++) {
        bytes_appendf(&text,
                      "  %s %" PRIu64 " messages, %" PRIu64 " bytes, %" PRIu64 " on the wire\n",
                      arrows[from], n->messages[from], n->bytes[from], n->wire[from]);
    }
    bytes_appendf(&text, "  %" PRIu64 " pings and %" PRIu64 " pongs from the server", n->pings,
                  n->pongs);
    if (n->rtt_us >= 0) {
        bytes_appendf(&text, "; the last round trip took %.3f ms", (double)n->rtt_us / 1e3);
    }
    bytes_append_str(&text, "\n");
    show_text(t, &text);
    bytes_release(&text);
}

static void record(struct talk *t, const struct slash *s) {
    struct bytes why = BYTES_INIT;
    struct recording next = RECORDING_INIT;
    char *path = strndup(s->argument, s->argument_size);
    if (path == NULL) {
        return;
    }
    if (path[0] != '\0' && recording_open(&next, path, &why) != EXIT_OK) {
        show_error(&t->show, "%.*s", (int)why.len, (const char *)why.data);
        recording_close(&next);
    } else {
        trace_set_record(t->trace, next.log);
        recording_close(&t->recording);
        t->recording = next;
        show_event(&t->show, path[0] == '\0' ? "recording no more" : "recording to %s", path);
    }
    free(path);
    bytes_release(&why);
}

/* ---- JSON over several lines ---- */

static void end_draft(struct talk *t) {
    t->drafting = false;
    bytes_release(&t->draft);
    if (t->prompt != NULL) {
        prompt_set_text(t->prompt, "> ");
    }
}

static void add_to_draft(struct talk *t, const char *p, size_t n) {
    if (bytes_append(&t->draft, p, n) != TB_OK) {
        end_draft(t);
        return;
    }
    switch (json_text_look(t->draft.data, t->draft.len)) {
    case JSON_TEXT_COMPLETE:
        say_message(t, ORDER_TEXT, (const char *)t->draft.data, t->draft.len);
        end_draft(t);
        break;
    case JSON_TEXT_BROKEN:
        show_error(&t->show, "that is not JSON; nothing was sent");
        end_draft(t);
        break;
    case JSON_TEXT_INCOMPLETE:
        (void)bytes_append(&t->draft, "\n", 1);
        t->drafting = true;
        if (t->prompt != NULL) {
            prompt_set_text(t->prompt, "json> ");
        }
        break;
    }
}

static void obey(struct talk *t, const char *line, size_t n) {
    struct slash s;
    struct bytes why = BYTES_INIT;
    struct bytes text = BYTES_INIT;
    int err = slash_read(&s, line, n, &why);
    if (err != TB_OK || s.kind == SLASH_ORDER) {
        say(t, &s.order, err, &why);
        return;
    }
    switch (s.kind) {
    case SLASH_JSON:
        add_to_draft(t, s.argument, s.argument_size);
        break;
    case SLASH_STATS:
        print_stats(t);
        break;
    case SLASH_RECORD:
        record(t, &s);
        break;
    case SLASH_HELP:
        (void)slash_help(&text);
        show_text(t, &text);
        break;
    default:
        talk_leave(t, EXIT_OK);
        break;
    }
    bytes_release(&text);
}

/* ---- a person's lines ---- */

static void on_line(void *ctx, const char *p, size_t n) {
    struct talk *t = ctx;
    enum order_form form = (enum order_form)t->settings->form;
    if (t->drafting) {
        add_to_draft(t, p, n);
    } else if (n > 0 && p[0] == '/' && (n == 1 || p[1] != '/')) {
        obey(t, p, n);
    } else if (n > 0 && p[0] == '/') {
        say_message(t, form, p + 1, n - 1);
    } else if (n > 0) { /* Enter alone is no message */
        say_message(t, form, p, n);
    }
}

static void on_leave(void *ctx) {
    talk_leave(ctx, EXIT_OK);
}

/* ---- records of a pipe ---- */

static void on_record(void *ctx, const char *p, size_t n) {
    struct talk *t = ctx;
    if (t->interactive) { /* a terminal that can show no prompt */
        on_line(t, p, n);
    } else if (t->settings->input_format != DIAL_FORMAT_JSON) {
        say_message(t, (enum order_form)t->settings->form, p, n);
    } else if (n > 0) {
        say_command(t, p, n);
    }
}

static void on_input_end(void *ctx, int error) {
    struct talk *t = ctx;
    if (error == E2BIG) {
        show_error(&t->show, "record %" PRIu64 " of the input is larger than 1 GiB",
                   t->input.records + 1);
        talk_leave(t, EXIT_USAGE);
    } else if (error != 0) {
        show_error(&t->show, "cannot read the input (%s)", strerror(error));
        talk_leave(t, EXIT_USAGE);
    } else if (t->interactive) {
        talk_leave(t, EXIT_OK);
    } else {
        talk_input_ended(t);
    }
}

static const struct input_events input_events = {.on_record = on_record, .on_end = on_input_end};
static const struct prompt_events prompt_events = {.on_line = on_line, .on_end = on_leave};

/* ---- listening ---- */

static void open_prompt(struct talk *t) {
    struct bytes why = BYTES_INIT;
    char *history = history_path();
    t->prompt = prompt_new(&t->loop, STDIN_FILENO, STDOUT_FILENO, history, &prompt_events, t, &why);
    if (t->prompt == NULL) {
        show_note(&t->show, "no line editing: %.*s", (int)why.len, (const char *)why.data);
    }
    t->show.prompt = t->prompt;
    free(history);
    bytes_release(&why);
}

static void open_input(struct talk *t) {
    const struct bytes *ending = &t->settings->ending;
    input_init(&t->input, &t->loop.uv, STDIN_FILENO, &input_events, t);
    t->input.limit = RECORD_MAX;
    if (!t->interactive && t->settings->input_format != DIAL_FORMAT_JSON) {
        t->input.separator = ending->len > 0 ? (const char *)ending->data : NULL;
        t->input.separator_size = ending->len;
        t->input.drops_cr = t->settings->form != ORDER_BINARY;
    }
    input_want(&t->input, true);
}

void talk_listen(struct talk *t) {
    bool says_all = t->settings->data.count > 0 && t->settings->input_format != DIAL_FORMAT_JSON;
    if (t->interactive) {
        show_event(&t->show, "type a message and Enter; /help lists commands, Ctrl+D leaves");
        show_flush(&t->show);
        outlet_finish(&t->out); /* from now on the prompt writes to the terminal */
        open_prompt(t);
    }
    if (t->prompt != NULL) {
        return;
    }
    if (says_all && !t->interactive) {
        talk_input_ended(t);
    } else {
        open_input(t);
    }
}

void talk_listen_on(struct talk *t, bool wanted) {
    if (t->input.events != NULL) {
        input_want(&t->input, wanted && t->state == TALK_OPEN && conn_is_open(t->conn));
    }
}

void talk_stop_listening(struct talk *t) {
    show_flush(&t->show);
    prompt_free(t->prompt);
    t->prompt = NULL;
    t->show.prompt = NULL;
    if (t->input.events != NULL) {
        input_close(&t->input);
        t->input.events = NULL;
    }
    bytes_release(&t->draft);
}
