/* base/log.h - lines for a person or for a script, on one descriptor.
 *
 * Owns a buffer in front of the descriptor. A line is whole or absent, whichever thread wrote
 * it. Lines are buffered until log_flush(), which every loop calls at the end of its turn: a
 * thousand lines of one turn are one write.
 *
 * A log never makes a loop wait. What the reader of a pipe or terminal does not take stays in the
 * buffer; when 1 MiB waits, new lines are left out, and a line says how many as soon as there is
 * room again. A file always takes everything. When the reader has gone, or the disk is full, the
 * log goes silent and log_failed() tells the errno; the program goes on.
 */
#ifndef TB_BASE_LOG_H
#define TB_BASE_LOG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

enum log_format { LOG_TEXT, LOG_JSON };

/* What a line is worth; a log shows everything up to its level. */
enum log_level {
    LOG_ALWAYS,  /* also with -q: where it listens, what went wrong */
    LOG_NORMAL,  /* connects, disconnects, what the rules say */
    LOG_VERBOSE, /* -v: handshakes and messages */
    LOG_DEBUG    /* -vv: every frame */
};

struct log;

/* A log that writes to fd (not closed by log_free). NULL if memory is out. */
struct log *log_new(int fd, enum log_format format, enum log_level level);

/* From now on nothing is ever left out, however slow the reader: for what is not a log of the work
 * but the work itself. The owner looks at log_waiting() and stops in time. A piece for which memory
 * is out silences the log, with ENOMEM. */
void log_keep_all(struct log *log);

/* Bytes that wait for the reader. */
size_t log_waiting(struct log *log);

/* Flushes, waiting up to two seconds in all for a slow reader, and frees. NULL is allowed. */
void log_free(struct log *log);

enum log_format log_get_format(const struct log *log);

/* Whether a line of that level would be shown: ask before building a costly one. */
bool log_shows(const struct log *log, enum log_level level);

/* Writes one line of text; control characters in it are escaped (TEXT_ONE_LINE) and a newline
 * is appended. Nothing in a JSON log. */
void log_textf(struct log *log, enum log_level level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Writes p[0..n) as it stands and a newline: for JSON lines, encoded by the caller, and for text
 * that is safe already. */
void log_line(struct log *log, enum log_level level, const char *p, size_t n);

/* Writes p[0..n) as it stands, and nothing behind it. Whole or not at all. */
void log_bytes(struct log *log, enum log_level level, const char *p, size_t n);

/* Writes the buffered lines to the descriptor, as far as it takes them now. Returns whether some
 * still wait for the reader, and so for another flush. Safe from any thread. */
bool log_flush(struct log *log);

/* Writes everything, waiting for the reader as long as it takes. Returns 0, or the errno that
 * silenced the log. */
int log_flush_all(struct log *log);

/* Silences the log with that errno, unless it is silent already: for who could not even build a
 * piece of a log that keeps all. What was written before still goes out, as far as the reader takes
 * it now. */
void log_fail(struct log *log, int error);

/* 0, or the errno that silenced the log. */
int log_failed(const struct log *log);

#endif
