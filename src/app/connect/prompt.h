/* app/connect/prompt.h - the line that a person types while messages come.
 *
 * Owns the terminal from prompt_new() to prompt_free(): its mode, the line being typed, the
 * history, job control (Ctrl+Z) and the window's size. What is printed meanwhile goes through
 * prompt_print(), and never breaks the line. Ctrl+C stays the program's: it is a SIGINT.
 */
#ifndef TB_APP_CONNECT_PROMPT_H
#define TB_APP_CONNECT_PROMPT_H

#include <stddef.h>

#include "base/bytes.h"
#include "net/loop.h"

struct prompt;

/* What the owner is told; it may call prompt_free() in either. */
struct prompt_events {
    /* Enter: a whole line, which may contain newlines if it was pasted so; without the last
     * newline. Valid until it returns. */
    void (*on_line)(void *ctx, const char *p, size_t n);
    /* Ctrl+D on an empty line, or the terminal is gone. */
    void (*on_end)(void *ctx);
};

/* A prompt "> " on the terminal in_fd, out_fd, which stay the caller's. history_path NULL: none.
 * One prompt at a time. NULL on failure (no terminal, or one that TERM calls dumb, among others),
 * and a line is appended to *message. */
struct prompt *prompt_new(struct loop *loop, int in_fd, int out_fd, const char *history_path,
                          const struct prompt_events *events, void *ctx, struct bytes *message);

/* Prints whole lines of text that is safe for a terminal above the line being typed, which is drawn
 * again as it was, with its cursor. Waits for a terminal that is slow. */
void prompt_print(struct prompt *p, const char *text, size_t n);

/* Another prompt, from now on. */
void prompt_set_text(struct prompt *p, const char *prompt);

/* Takes the line off the screen, restores the terminal and saves the history. The memory goes when
 * the loop has turned. NULL is allowed. */
void prompt_free(struct prompt *p);

#endif
