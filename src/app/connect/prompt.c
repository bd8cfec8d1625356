#include "app/connect/prompt.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/connect/history.h"
#include "app/connect/keys.h"
#include "app/connect/line.h"
#include "app/connect/recall.h"
#include "base/err.h"
#include "base/terminal.h"

#define CONTROL(c) ((c)&0x1f)

struct prompt {
    const struct prompt_events *events;
    void *ctx;
    int in_fd;
    int out_fd;
    struct line *line;
    struct history *history;
    struct recall recall;
    struct keys keys;
    bool is_shown;   /* not between Enter and the return of on_line */
    bool is_closing; /* prompt_free() was called */
    bool is_resumed; /* by ourselves; a SIGCONT that comes now is not news */
    uv_poll_t input;
    uv_signal_t resized, stopped, continued;
    unsigned handles; /* open */
};

/* ---- keys ---- */

/* The line is its owner's before the next one is shown: what the owner prints about it stands
 * between the two. */
static void submit(struct prompt *p) {
    struct bytes text = BYTES_INIT;
    int err = line_get(p->line, &text);
    line_end(p->line);
    p->is_shown = false;
    if (err == TB_OK) {
        const char *start = text.len > 0 ? (const char *)text.data : "";
        history_add(p->history, start, text.len);
        recall_reset(&p->recall);
        p->events->on_line(p->ctx, start, text.len);
    }
    bytes_release(&text);
    if (!p->is_closing) {
        p->is_shown = true;
        line_begin(p->line);
    }
}

static void on_control(struct prompt *p, const uint8_t *key) {
    switch (*key) {
    case '\r':
    case '\n':
        submit(p);
        break;
    case '\t':
        line_insert(p->line, "\t", 1);
        break;
    case CONTROL('L'):
        line_clear_screen(p->line);
        break;
    case CONTROL('P'):
        recall_older(&p->recall);
        break;
    case CONTROL('N'):
        recall_newer(&p->recall);
        break;
    case CONTROL('R'):
        recall_search(&p->recall);
        break;
    case CONTROL('D'):
        if (line_is_empty(p->line)) {
            p->events->on_end(p->ctx);
            break;
        }
        line_key(p->line, (const char *)key, 1);
        break;
    default:
        /* The others do nothing, or want a second key, for which libedit would have to wait. */
        if (*key != 0 && strchr("\x01\x02\x05\x06\x08\x0b\x14\x15\x17\x19\x7f", *key) != NULL) {
            line_key(p->line, (const char *)key, 1);
        }
    }
}

static bool is_sequence(const uint8_t *key, size_t n, char final) {
    return n == 3 && (key[1] == '[' || key[1] == 'O') && key[2] == (uint8_t) final;
}

static void on_sequence(struct prompt *p, const uint8_t *key, size_t n) {
    if (is_sequence(key, n, 'A')) {
        recall_older(&p->recall);
    } else if (is_sequence(key, n, 'B')) {
        recall_newer(&p->recall);
    } else if (key[1] >= 0x20 && key[1] != 'x' && key[1] != 'X') {
        /* Alt and X would ask for the name of a command. */
        line_key(p->line, (const char *)key, n);
    }
}

static void on_key(void *ctx, enum key_kind kind, const uint8_t *key, size_t n) {
    struct prompt *p = ctx;
    if (p->is_closing || recall_takes(&p->recall, kind, key, n)) {
        return;
    }
    switch (kind) {
    case KEY_TEXT:
    case KEY_PASTE:
        line_insert(p->line, (const char *)key, n);
        break;
    case KEY_CONTROL:
        on_control(p, key);
        break;
    case KEY_SEQUENCE:
        on_sequence(p, key, n);
        break;
    }
}

/* ---- the terminal's input ---- */

/* The descriptor blocks, and somebody else may have read what there was. */
static bool is_readable(int fd) {
    struct pollfd input = {.fd = fd, .events = POLLIN};
    return poll(&input, 1, 0) > 0;
}

static void on_input(uv_poll_t *handle, int status, int events) {
    struct prompt *p = handle->data;
    uint8_t buffer[4096];
    (void)events;
    if (status == 0 && !is_readable(p->in_fd)) {
        return;
    }
    ssize_t n = read(p->in_fd, buffer, sizeof(buffer));
    if (n > 0) {
        keys_feed(&p->keys, buffer, (size_t)n);
    } else if (n == 0 || (errno != EINTR && errno != EAGAIN)) {
        uv_poll_stop(&p->input);
        p->events->on_end(p->ctx);
    }
}

/* ---- signals ---- */

static void switch_paste(const struct prompt *p, const char *mark) {
    terminal_write(p->out_fd, mark, strlen(mark));
}

static void on_resized(uv_signal_t *handle, int number) {
    struct prompt *p = handle->data;
    (void)number;
    line_resize(p->line);
}

static void suspend(struct prompt *p) {
    line_suspend(p->line);
    terminal_restore();
}

static void resume(struct prompt *p) {
    line_resume(p->line);
    switch_paste(p, TERMINAL_PASTE_ON);
}

/* Ctrl+Z: stops as if nobody had asked to be told, and returns when it goes on. */
static void on_stopped(uv_signal_t *handle, int number) {
    struct prompt *p = handle->data;
    suspend(p);
    uv_signal_stop(handle);
    raise(number);
    uv_signal_start(handle, on_stopped, number);
    p->is_resumed = true;
    resume(p);
}

/* After a SIGSTOP, which nobody is told of: the shell has had the terminal. */
static void on_continued(uv_signal_t *handle, int number) {
    struct prompt *p = handle->data;
    (void)number;
    if (!p->is_resumed) {
        suspend(p);
        resume(p);
    }
    p->is_resumed = false;
}

static int start_signal(struct prompt *p, struct loop *loop, uv_signal_t *handle, int number,
                        uv_signal_cb on_signal) {
    int err = uv_signal_init(&loop->uv, handle);
    if (err == 0) {
        p->handles++;
        handle->data = p;
        uv_unref((uv_handle_t *)handle);
        err = uv_signal_start(handle, on_signal, number);
    }
    return err;
}

/* libuv makes the descriptor one that does not block, and with it every other of the same terminal,
 * the shell's too. We read only what is there. */
static int start_input(struct prompt *p, struct loop *loop) {
    int flags = fcntl(p->in_fd, F_GETFL);
    int err = uv_poll_init(&loop->uv, &p->input, p->in_fd);
    if (err == 0) {
        p->handles++;
        p->input.data = p;
        fcntl(p->in_fd, F_SETFL, flags);
        err = uv_poll_start(&p->input, UV_READABLE, on_input);
    }
    return err;
}

static int start_handles(struct prompt *p, struct loop *loop) {
    int err = start_input(p, loop);
    if (err == 0) {
        err = start_signal(p, loop, &p->resized, SIGWINCH, on_resized);
    }
    if (err == 0) {
        err = start_signal(p, loop, &p->stopped, SIGTSTP, on_stopped);
    }
    return err == 0 ? start_signal(p, loop, &p->continued, SIGCONT, on_continued) : err;
}

/* ---- the prompt ---- */

static void release(struct prompt *p) {
    keys_release(&p->keys);
    recall_release(&p->recall);
    free(p);
}

static void on_closed(uv_handle_t *handle) {
    struct prompt *p = handle->data;
    if (--p->handles == 0) {
        release(p);
    }
}

/* Closes the handles that were opened, in their order. */
static void close_handles(struct prompt *p) {
    uv_handle_t *const all[] = {(uv_handle_t *)&p->input, (uv_handle_t *)&p->resized,
                                (uv_handle_t *)&p->stopped, (uv_handle_t *)&p->continued};
    unsigned count = p->handles;
    for (unsigned i = 0; i < count; i++) {
        uv_close(all[i], on_closed);
    }
    if (count == 0) {
        release(p);
    }
}

static bool start(struct prompt *p, struct loop *loop, const char *history_path) {
    if (terminal_guard(p->in_fd, p->out_fd) != TB_OK) {
        return false;
    }
    p->history = history_new(history_path);
    p->line = p->history == NULL ? NULL : line_new(p->in_fd, p->out_fd, "> ");
    if (p->line == NULL) {
        return false;
    }
    recall_init(&p->recall, p->history, p->line);
    switch_paste(p, TERMINAL_PASTE_ON);
    int err = start_handles(p, loop);
    errno = -err;
    p->is_shown = err == 0;
    return err == 0;
}

static bool is_dumb(void) {
    const char *name = getenv("TERM");
    return name == NULL || name[0] == '\0' || strcmp(name, "dumb") == 0;
}

/* Appends why a prompt cannot be, and returns whether it can. */
static bool is_possible(int in_fd, int out_fd, struct bytes *message) {
    if (!terminal_is(in_fd) || !terminal_is(out_fd)) {
        bytes_append_str(message, "cannot show a prompt: input or output is not a terminal");
        return false;
    }
    if (is_dumb()) {
        bytes_append_str(message, "cannot show a prompt: the terminal cannot move its cursor (TERM "
                                  "is not set, or dumb)");
        return false;
    }
    return true;
}

struct prompt *prompt_new(struct loop *loop, int in_fd, int out_fd, const char *history_path,
                          const struct prompt_events *events, void *ctx, struct bytes *message) {
    if (!is_possible(in_fd, out_fd, message)) {
        return NULL;
    }
    struct prompt *p = calloc(1, sizeof(*p));
    if (p == NULL) {
        bytes_append_str(message, "cannot show a prompt: out of memory");
        return NULL;
    }
    p->events = events;
    p->ctx = ctx;
    p->in_fd = in_fd;
    p->out_fd = out_fd;
    keys_init(&p->keys, on_key, p);
    errno = ENOMEM;
    if (!start(p, loop, history_path)) {
        bytes_appendf(message, "cannot show a prompt: the terminal refused (%s)", strerror(errno));
        prompt_free(p);
        return NULL;
    }
    return p;
}

void prompt_print(struct prompt *p, const char *text, size_t n) {
    if (p->is_shown) {
        line_print(p->line, text, n);
    } else {
        terminal_write(p->out_fd, text, n);
    }
}

void prompt_set_text(struct prompt *p, const char *prompt) {
    line_set_prompt(p->line, prompt);
    if (p->is_shown) {
        line_insert(p->line, "", 0);
    }
}

void prompt_free(struct prompt *p) {
    if (p == NULL || p->is_closing) {
        return;
    }
    p->is_closing = true;
    line_free(p->line);
    p->line = NULL;
    terminal_unguard();
    history_free(p->history);
    p->history = NULL;
    close_handles(p);
}
