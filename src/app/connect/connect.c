#include "app/connect/connect.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/connect/settings.h"
#include "app/connect/talk.h"
#include "base/err.h"
#include "base/terminal.h"
#include "base/text.h"
#include "conn/trace.h"

/* Everything that one run holds; released in the reverse order. */
struct run {
    struct connect_settings settings;
    struct bytes message; /* what went wrong before anything was dialled */
    struct bytes notes;
    int output_fd; /* of -o; -1: standard output */
    struct talk talk;
};

static int out_of_memory(struct run *r) {
    bytes_clear(&r->message);
    bytes_append_str(&r->message, "cannot start (out of memory)");
    return EXIT_SYSTEM;
}

static int exit_code_of(struct run *r, int err) {
    return err == TB_OK ? EXIT_OK : err == TB_ENOMEM ? out_of_memory(r) : EXIT_USAGE;
}

/* ---- the steps before the dial; each leaves a message if it fails ---- */

static int compile_expectations(struct run *r) {
    return exit_code_of(r, expect_init(&r->talk.expect, &r->settings.expect, &r->message));
}

/* One message of -d; what cannot be sent is found now. */
static int compose(struct run *r, const char *text, struct order *o) {
    struct bytes why = BYTES_INIT;
    enum order_form form = (enum order_form)r->settings.form;
    int err = text[0] == '@' ? order_file(o, form, text + 1, &why)
                             : order_compose(o, form, text, strlen(text), &why);
    if (err == TB_EINVAL) {
        bytes_append_str(&r->message, "option '--data': ");
        bytes_append(&r->message, why.data, why.len);
    }
    bytes_release(&why);
    return err;
}

static int compose_data(struct run *r) {
    const struct option_list *data = &r->settings.data;
    struct talk *t = &r->talk;
    if (data->count == 0) {
        return EXIT_OK;
    }
    t->orders = calloc(data->count, sizeof *t->orders);
    int err = t->orders == NULL ? TB_ENOMEM : TB_OK;
    while (err == TB_OK && t->order_count < data->count) {
        struct order *o = &t->orders[t->order_count];
        *o = (struct order)ORDER_INIT;
        err = compose(r, data->items[t->order_count++], o);
    }
    return exit_code_of(r, err);
}

static int make_plan(struct run *r) {
    return dial_plan_new(&r->settings.dial, r->settings.url, TABURET_VERSION, &r->talk.plan,
                         &r->message, &r->notes);
}

/* ---- what is shown, and where ---- */

static int fail_to_write(struct run *r, const char *path) {
    bytes_append_str(&r->message, "cannot write to '");
    text_escape(&r->message, path, strlen(path), TEXT_ONE_LINE);
    bytes_appendf(&r->message, "' (%s)", strerror(errno));
    return EXIT_OUTPUT;
}

static int open_output(struct run *r) {
    const char *path = r->settings.dial.output;
    int fd = STDOUT_FILENO;
    if (path != NULL && strcmp(path, "-") != 0) {
        fd = r->output_fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
        if (fd < 0) {
            return fail_to_write(r, path);
        }
    }
    bool json = r->settings.dial.output_format == DIAL_FORMAT_JSON;
    enum log_level level = r->settings.dial.verbose > 1 ? LOG_DEBUG : LOG_VERBOSE;
    if (outlet_init(&r->talk.out, fd, json ? LOG_JSON : LOG_TEXT, level, true) != TB_OK ||
        outlet_init(&r->talk.err, STDERR_FILENO, LOG_TEXT, LOG_DEBUG, false) != TB_OK) {
        return out_of_memory(r);
    }
    r->talk.out.truncates = r->output_fd >= 0;
    return EXIT_OK;
}

static int open_recording(struct run *r) {
    const char *path = r->settings.dial.record;
    return path == NULL ? EXIT_OK : recording_open(&r->talk.recording, path, &r->message);
}

static int open_trace(struct run *r) {
    struct talk *t = &r->talk;
    bool json = r->settings.dial.output_format == DIAL_FORMAT_JSON;
    t->trace = trace_new(json ? t->out.log : NULL, t->recording.log);
    if (t->trace == NULL) {
        return out_of_memory(r);
    }
    trace_set_view(t->trace, &show_view, &t->show);
    return EXIT_OK;
}

static bool wants_colour(const struct connect_settings *s, bool terminal) {
    const char *no_color = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    bool dumb = term == NULL || term[0] == '\0' || strcmp(term, "dumb") == 0;
    if (s->dial.color != DIAL_COLOR_AUTO) {
        return s->dial.color == DIAL_COLOR_ALWAYS;
    }
    return terminal && !dumb && (no_color == NULL || no_color[0] == '\0');
}

static enum show_binary binary_of(const struct connect_settings *s) {
    if (s->form == ORDER_BINARY || s->raw || s->null_terminated || s->separator != NULL) {
        return s->form == ORDER_HEX      ? SHOW_AS_HEX
               : s->form == ORDER_BASE64 ? SHOW_AS_BASE64
                                         : SHOW_AS_BYTES;
    }
    return s->form == ORDER_BASE64 ? SHOW_AS_BASE64 : SHOW_AS_HEX;
}

/* A terminal is for a person, whatever stands in front of it; everything else is a pipe. */
static int choose_manner(struct run *r) {
    const struct connect_settings *s = &r->settings;
    struct talk *t = &r->talk;
    bool terminal = terminal_is(t->out.fd);
    bool json = s->dial.output_format == DIAL_FORMAT_JSON;
    if (s->raw && terminal && !s->force) {
        bytes_append_str(&r->message, "option '--raw' would let the server write to your terminal "
                                      "whatever it likes (--force allows it)");
        return EXIT_USAGE;
    }
    t->interactive = terminal && !json && s->input_format != DIAL_FORMAT_JSON && !s->raw &&
                     terminal_is(STDIN_FILENO) && t->out.fd == STDOUT_FILENO;
    t->show = (struct show){
        .manner = json                  ? SHOW_JSON
                  : terminal && !s->raw ? SHOW_PERSON
                                        : SHOW_PIPE,
        .times = (enum show_times)s->timestamps,
        .binary = binary_of(s),
        .out = &t->out,
        .err = &t->err,
        .err_is_screen = terminal && terminal_is(STDERR_FILENO),
        .separator = (const char *)s->ending.data,
        .separator_size = s->ending.len,
        .line_by_line = s->ending.len == 1 && s->ending.data[0] == '\n',
        .pretty = s->pretty != 0,
        .colour = wants_colour(s, terminal),
        .colour_errors = wants_colour(s, terminal_is(STDERR_FILENO)),
        .frames = s->dial.verbose > 1 || !wire_shape_is_plain(&s->shape),
        .pings = s->show_pings,
        .silent = s->dial.silent,
        .errors = s->dial.show_error,
        .verbose = s->dial.verbose,
        .told_binary = s->form == ORDER_HEX || s->form == ORDER_BASE64, /* it was asked for */
        .stats = {.rtt_us = -1},
    };
    return EXIT_OK;
}

static int announce_notes(struct run *r) {
    const char *note = (const char *)r->notes.data;
    size_t left = r->notes.len;
    while (left > 0) {
        const char *newline = memchr(note, '\n', left);
        size_t n = newline == NULL ? left : (size_t)(newline - note);
        show_note(&r->talk.show, "%.*s", (int)n, note);
        n += newline != NULL;
        note += n;
        left -= n;
    }
    return EXIT_OK;
}

/* ---- the run ---- */

static int talk(struct run *r) {
    r->talk.settings = &r->settings;
    return talk_run(&r->talk);
}

static int prepare_and_talk(struct run *r) {
    static int (*const steps[])(struct run * r) = {
        compile_expectations, compose_data, make_plan,      open_output, choose_manner,
        open_recording,       open_trace,   announce_notes, talk};
    int code = EXIT_OK;
    for (size_t i = 0; i < sizeof steps / sizeof *steps && code == EXIT_OK; i++) {
        code = steps[i](r);
    }
    return code;
}

static void run_release(struct run *r) {
    struct talk *t = &r->talk;
    trace_free(t->trace);
    recording_close(&t->recording);
    outlet_release(&t->out);
    outlet_release(&t->err);
    show_release(&t->show);
    for (size_t i = 0; i < t->order_count; i++) {
        order_release(&t->orders[i]);
    }
    free(t->orders);
    expect_release(&t->expect);
    dial_plan_free(t->plan);
    if (r->output_fd >= 0) {
        close(r->output_fd);
    }
    connect_settings_release(&r->settings);
    bytes_release(&r->notes);
    bytes_release(&r->message);
}

static int run(int argc, char **argv) {
    struct run r = {.output_fd = -1, .talk = {.recording = RECORDING_INIT}};
    int err = connect_settings_read(&r.settings, argc, argv, &r.message);
    r.talk.expect.texts = &r.settings.expect;
    int code = exit_code_of(&r, err);
    signal(SIGPIPE, SIG_IGN);
    if (code == EXIT_OK && r.settings.help) {
        command_print_help(&connect_command);
    } else if (code == EXIT_OK) {
        code = prepare_and_talk(&r);
    }
    if (r.message.len > 0) {
        command_tell(TB_EINVAL, &r.message);
    }
    run_release(&r);
    return code;
}

static const char about[] =
    "A WebSocket client. In a terminal you type messages, and see what comes; in a pipe each line\n"
    "of standard input is a message, and each message that comes is a line of standard output.\n"
    "Nothing but messages goes there: what else there is to say goes to standard error.\n\n"
    "URL is ws://HOST:PORT/PATH or wss://...; without a scheme it is ws://. In a terminal, a line\n"
    "that begins with / is a command: /help lists them.\n\n"
    "Durations: 20ms, 5s, 2m, 1h; a bare number is seconds. Sizes: 64K, 1M, 1G.\n";

static const struct command_note examples[] = {
    {"taburet connect ws://localhost:4000", "Talk to the practice server"},
    {"taburet connect -d hi -1 ws://localhost:4000", "Send a message, print one answer, leave"},
    {"echo hi | taburet connect localhost:4000", "The same from a pipe, for a second"},
    {"taburet connect -v -H 'Authorization: Bearer abc' wss://example.org/feed",
     "Show the handshake"},
    {"taburet connect --expect '\"ok\": *true' -d '{\"op\":\"ping\"}' URL",
     "Fail with 103 unless the answer comes"},
    {"taburet connect --output-format json --input-format json URL",
     "Drive it from a program, line by line"},
    {NULL, NULL},
};

static const struct command_note exit_codes[] = {
    {"0", "The conversation ended as it should"},
    {"1", "The system refused"},
    {"2", "A bad option, file or line of input"},
    {"3", "A bad URL"},
    {"5, 6", "The proxy's, or the host's name is not known"},
    {"7", "Could not connect"},
    {"22", "The server refused the upgrade"},
    {"23", "Could not write the output"},
    {"28", "A time limit passed"},
    {"35, 60", "The TLS handshake failed; the certificate is not trusted"},
    {"55, 56", "Sending, or receiving, failed before the connection was open"},
    {"101", "The server closed with a code other than 1000 and 1001, or without a close frame"},
    {"102", "The server broke the protocol"},
    {"103", "What was expected did not come"},
    {"130", "Interrupted"},
    {NULL, NULL},
};

const struct command connect_command = {
    .name = "connect",
    .operands = "URL",
    .summary = "A client, for a terminal and for a pipe",
    .about = about,
    .options = connect_options,
    .examples = examples,
    .exit_codes = exit_codes,
    .run = run,
};
