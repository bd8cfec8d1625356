#include "base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/text.h"

#define BUFFER_SIZE ((size_t)64 * 1024)  /* flushed when it is as full as this */
#define BUFFER_MAX ((size_t)1024 * 1024) /* what may wait for a slow reader */

enum { LAST_PATIENCE_MS = 2000 };

/* Deadlines: one that is always over (what the descriptor does not take now, it need not), and one
 * that never is. */
#define AT_ONCE ((int64_t)0)
#define NEVER INT64_MAX

struct log {
    int fd;
    bool is_file; /* a regular file takes everything */
    bool keeps_all;
    enum log_format format;
    enum log_level level;
    atomic_int failed;     /* the errno that silenced the log, or 0 */
    pthread_mutex_t mutex; /* guards what follows, and the order of writes to fd */
    struct bytes buffer;   /* whole lines that wait for a flush */
    uint64_t lost;         /* lines that there was no room for */
    struct bytes draft;    /* a line before it is made safe; kept to spare an allocation a line */
};

static int64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int left_until(int64_t deadline_ms) {
    if (deadline_ms == AT_ONCE) {
        return 0;
    }
    if (deadline_ms == NEVER) {
        return -1;
    }
    int64_t left = deadline_ms - now_ms();
    return left > 0 ? (int)left : 0;
}

/* Whether fd takes PIPE_BUF bytes, or tells an error, before the deadline. */
static bool takes_more(const struct log *log, int64_t deadline_ms) {
    struct pollfd p = {.fd = log->fd, .events = POLLOUT};
    int n;
    if (log->is_file) {
        return true;
    }
    do {
        n = poll(&p, 1, left_until(deadline_ms));
    } while (n < 0 && errno == EINTR);
    return n > 0;
}

/* Writes what the descriptor takes, in pieces that do not block once poll() has said yes. The
 * mutex is held. */
static void write_buffer(struct log *log, int64_t deadline_ms) {
    size_t done = 0;
    int err = 0;
    while (done < log->buffer.len && err == 0 && takes_more(log, deadline_ms)) {
        size_t rest = log->buffer.len - done;
        size_t piece = log->is_file || rest < PIPE_BUF ? rest : PIPE_BUF;
        ssize_t n = write(log->fd, log->buffer.data + done, piece);
        if (n >= 0) {
            done += (size_t)n;
        } else if (errno != EINTR && errno != EAGAIN) {
            err = errno;
        }
    }
    bytes_consume(&log->buffer, done);
    atomic_store(&log->failed, err);
}

/* One huge line must not hold its memory for good. */
static void empty(struct bytes *b) {
    if (b->cap > 2 * BUFFER_SIZE) {
        bytes_release(b);
    }
    bytes_clear(b);
}

/* Says that lines are missing. The mutex is held. */
static void tell_lost(struct log *log) {
    const char *fmt = log->format == LOG_TEXT
                          ? "%" PRIu64 " lines are missing here: nobody read this log in time\n"
                          : "{\"ev\":\"log\",\"id\":\"lost\",\"text\":\"%" PRIu64
                            " lines are missing here: nobody read this log in time\"}\n";
    if (bytes_appendf(&log->buffer, fmt, log->lost) == TB_OK) {
        log->lost = 0;
    }
}

/* The mutex is held. */
static void flush_locked(struct log *log, int64_t deadline_ms) {
    if (atomic_load(&log->failed) == 0 && log->buffer.len > 0) {
        write_buffer(log, deadline_ms);
    }
    if (atomic_load(&log->failed) != 0 || log->buffer.len == 0) {
        empty(&log->buffer);
    }
    if (log->lost > 0 && log->buffer.len < BUFFER_MAX / 2) {
        tell_lost(log);
    }
}

/* Whether the buffer takes one more line; if not, the line is counted. The mutex is held. */
static bool has_room(struct log *log) {
    if (!log->keeps_all && (log->lost > 0 || log->buffer.len >= BUFFER_MAX)) {
        log->lost++;
        return false;
    }
    return true;
}

/* Silences the log, behind what stands before the gap as far as the reader takes it now. The mutex
 * is held. */
static void fail_locked(struct log *log, int error) {
    int none = 0;
    flush_locked(log, AT_ONCE);
    atomic_compare_exchange_strong(&log->failed, &none, error);
}

/* Ends what begins at `start`, or takes it back if it did not fit into memory. The mutex is held.
 */
static void end_piece(struct log *log, size_t start, int err) {
    if (err != TB_OK) {
        log->buffer.len = start;
    }
    if (err != TB_OK && log->keeps_all) {
        fail_locked(log, ENOMEM);
    } else if (log->buffer.len >= BUFFER_SIZE) {
        flush_locked(log, AT_ONCE);
    }
}

static void end_line(struct log *log, size_t start, int err) {
    end_piece(log, start, err == TB_OK ? bytes_append(&log->buffer, "\n", 1) : err);
}

struct log *log_new(int fd, enum log_format format, enum log_level level) {
    struct log *log = calloc(1, sizeof(*log));
    if (log == NULL) {
        return NULL;
    }
    struct stat st;
    log->fd = fd;
    log->is_file = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    log->format = format;
    log->level = level;
    if (pthread_mutex_init(&log->mutex, NULL) != 0) {
        free(log);
        return NULL;
    }
    return log;
}

void log_keep_all(struct log *log) {
    log->keeps_all = true;
}

size_t log_waiting(struct log *log) {
    pthread_mutex_lock(&log->mutex);
    size_t waiting = log->buffer.len;
    pthread_mutex_unlock(&log->mutex);
    return waiting;
}

void log_free(struct log *log) {
    if (log == NULL) {
        return;
    }
    int64_t deadline_ms = now_ms() + LAST_PATIENCE_MS;
    flush_locked(log, deadline_ms);
    flush_locked(log, deadline_ms); /* for the line that says what is missing */
    pthread_mutex_destroy(&log->mutex);
    bytes_release(&log->buffer);
    bytes_release(&log->draft);
    free(log);
}

enum log_format log_get_format(const struct log *log) {
    return log->format;
}

bool log_shows(const struct log *log, enum log_level level) {
    return level <= log->level && atomic_load_explicit(&log->failed, memory_order_relaxed) == 0;
}

void log_textf(struct log *log, enum log_level level, const char *fmt, ...) {
    if (log->format != LOG_TEXT || !log_shows(log, level)) {
        return;
    }
    pthread_mutex_lock(&log->mutex);
    va_list ap;
    va_start(ap, fmt);
    int err = bytes_appendv(&log->draft, fmt, ap);
    va_end(ap);
    if (has_room(log)) {
        size_t start = log->buffer.len;
        if (err == TB_OK) {
            err = text_escape(&log->buffer, log->draft.data, log->draft.len, TEXT_ONE_LINE);
        }
        end_line(log, start, err);
    }
    empty(&log->draft);
    pthread_mutex_unlock(&log->mutex);
}

void log_line(struct log *log, enum log_level level, const char *p, size_t n) {
    if (!log_shows(log, level)) {
        return;
    }
    pthread_mutex_lock(&log->mutex);
    if (has_room(log)) {
        size_t start = log->buffer.len;
        end_line(log, start, bytes_append(&log->buffer, p, n));
    }
    pthread_mutex_unlock(&log->mutex);
}

void log_bytes(struct log *log, enum log_level level, const char *p, size_t n) {
    if (!log_shows(log, level)) {
        return;
    }
    pthread_mutex_lock(&log->mutex);
    if (has_room(log)) {
        size_t start = log->buffer.len;
        end_piece(log, start, bytes_append(&log->buffer, p, n));
    }
    pthread_mutex_unlock(&log->mutex);
}

bool log_flush(struct log *log) {
    pthread_mutex_lock(&log->mutex);
    flush_locked(log, AT_ONCE);
    bool waits = log->buffer.len > 0 && atomic_load(&log->failed) == 0;
    pthread_mutex_unlock(&log->mutex);
    return waits;
}

int log_flush_all(struct log *log) {
    pthread_mutex_lock(&log->mutex);
    flush_locked(log, NEVER);
    pthread_mutex_unlock(&log->mutex);
    return log_failed(log);
}

void log_fail(struct log *log, int error) {
    pthread_mutex_lock(&log->mutex);
    fail_locked(log, error);
    pthread_mutex_unlock(&log->mutex);
}

int log_failed(const struct log *log) {
    return atomic_load(&log->failed);
}
