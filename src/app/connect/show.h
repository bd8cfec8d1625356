/* app/connect/show.h - what of a conversation is seen, and in which manner.
 *
 * A view of the trace (conn/trace.h). For a person it is lines with arrows and colours, above the
 * line being typed; for a pipe the messages that come, and nothing else, go to the outlet, and the
 * rest to stderr. What a server said is escaped wherever a terminal may show it.
 */
#ifndef TB_APP_CONNECT_SHOW_H
#define TB_APP_CONNECT_SHOW_H

#include <stdbool.h>
#include <stdint.h>

#include "app/connect/outlet.h"
#include "base/bytes.h"
#include "conn/client.h"
#include "conn/trace.h"

struct prompt;

enum show_manner { SHOW_PERSON, SHOW_PIPE, SHOW_JSON };
enum show_times { SHOW_NO_TIMES, SHOW_RELATIVE_TIMES, SHOW_ABSOLUTE_TIMES };
/* How a binary message stands in a pipe. */
enum show_binary { SHOW_AS_HEX, SHOW_AS_BASE64, SHOW_AS_BYTES };

struct show_stats {
    uint64_t messages[2], bytes[2], wire[2]; /* by enum trace_from */
    uint64_t pings, pongs;                   /* that came */
    int64_t rtt_us;                          /* of the last ping; negative: none yet */
};

struct show {
    enum show_manner manner;
    enum show_times times;
    enum show_binary binary;
    struct outlet *out;    /* stdout, or the file of -o */
    struct outlet *err;    /* stderr */
    bool err_is_screen;    /* stderr is a terminal, and so is stdout: the same one */
    struct prompt *prompt; /* NULL: none */
    const char *separator; /* behind each message in a pipe */
    size_t separator_size; /* 0: nothing */
    bool line_by_line;     /* a message is one line: newlines in it are not newlines */
    bool pretty;           /* JSON on several lines */
    bool colour;           /* what a person sees on stdout */
    bool colour_errors;    /* … and what goes to stderr */
    bool raw;              /* even to a terminal */
    bool frames;           /* every frame is shown, and a message's sizes */
    bool pings;            /* pings and pongs are shown */
    bool silent;           /* -s */
    bool errors;           /* -S: but errors are told */
    unsigned verbose;
    unsigned pings_asked; /* by a person, whose pongs are shown in any case */
    bool told_binary;     /* how binary messages are written was said, or asked for */
    /* private */
    struct bytes pending; /* lines for the terminal, printed at the end of the turn */
    uint64_t opened_us;
    bool told_newline;
    unsigned stage_columns; /* that the word of show_stage() takes */
    struct show_stats stats;
};

extern const struct trace_view show_view;

void show_release(struct show *s);

/* Prints what was gathered for the terminal, at the end of a turn. */
void show_flush(struct show *s);

/* Whether the end of a connection is shown, whoever ended it. */
bool show_tells_close(const struct show *s);

/* A line about what happens ("connected to …"): a person sees it, a pipe only with -v. */
void show_event(struct show *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* What is awaited before the connection is open: with -v a line, else, in a terminal, a word that
 * goes when something else is shown. */
void show_stage(struct show *s, const char *text);

/* A line that whoever runs the program should know, on stderr unless a prompt is there: a note, and
 * an error ("taburet: …"). -s silences both, -S lets errors through. The text is escaped. */
void show_note(struct show *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void show_error(struct show *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A refusal's head and body, below the error. */
void show_answer(struct show *s, const struct client_refusal *r);

/* Lines for a person, safe for a terminal and whole. */
void show_lines(struct show *s, const char *text, size_t n);

#endif
