#include "base/log.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/text.h"

#define BUFFER_SIZE ((size_t)64 * 1024)

struct log {
    int fd;
    enum log_format format;
    enum log_level level;
    atomic_int failed;     /* the errno that silenced the log, or 0 */
    pthread_mutex_t mutex; /* guards what follows, and the order of writes to fd */
    struct bytes buffer;   /* whole lines that wait for a flush */
    struct bytes draft;    /* a line before it is made safe; kept to spare an allocation a line */
};

/* Waits until fd takes bytes. 0 or an errno. An error on fd itself shows in the next write. */
static int wait_writable(int fd) {
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    while (poll(&p, 1, -1) < 0) {
        if (errno != EINTR) {
            return errno;
        }
    }
    return 0;
}

/* Writes everything. 0 or an errno. */
static int write_all(int fd, const uint8_t *p, size_t n) {
    int err = 0;
    while (n > 0 && err == 0) {
        ssize_t written = write(fd, p, n);
        if (written >= 0) {
            p += written;
            n -= (size_t)written;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            err = wait_writable(fd);
        } else if (errno != EINTR) {
            err = errno;
        }
    }
    return err;
}

/* One huge line must not hold its memory for good. */
static void empty(struct bytes *b) {
    if (b->cap > 2 * BUFFER_SIZE) {
        bytes_release(b);
    }
    bytes_clear(b);
}

/* The mutex is held. */
static void flush_locked(struct log *log) {
    if (atomic_load(&log->failed) == 0) {
        atomic_store(&log->failed, write_all(log->fd, log->buffer.data, log->buffer.len));
    }
    empty(&log->buffer);
}

/* Ends the line that begins at `start`, or takes it back if it did not fit into memory. The
 * mutex is held. */
static void end_line(struct log *log, size_t start, int err) {
    if (err == TB_OK) {
        err = bytes_append(&log->buffer, "\n", 1);
    }
    if (err != TB_OK) {
        log->buffer.len = start;
    }
    if (log->buffer.len >= BUFFER_SIZE) {
        flush_locked(log);
    }
}

struct log *log_new(int fd, enum log_format format, enum log_level level) {
    struct log *log = calloc(1, sizeof(*log));
    if (log == NULL) {
        return NULL;
    }
    log->fd = fd;
    log->format = format;
    log->level = level;
    if (pthread_mutex_init(&log->mutex, NULL) != 0) {
        free(log);
        return NULL;
    }
    return log;
}

void log_free(struct log *log) {
    if (log == NULL) {
        return;
    }
    log_flush(log);
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
    size_t start = log->buffer.len;
    if (err == TB_OK) {
        err = text_escape(&log->buffer, log->draft.data, log->draft.len, TEXT_ONE_LINE);
    }
    end_line(log, start, err);
    empty(&log->draft);
    pthread_mutex_unlock(&log->mutex);
}

void log_line(struct log *log, enum log_level level, const char *p, size_t n) {
    if (!log_shows(log, level)) {
        return;
    }
    pthread_mutex_lock(&log->mutex);
    size_t start = log->buffer.len;
    end_line(log, start, bytes_append(&log->buffer, p, n));
    pthread_mutex_unlock(&log->mutex);
}

void log_flush(struct log *log) {
    pthread_mutex_lock(&log->mutex);
    flush_locked(log);
    pthread_mutex_unlock(&log->mutex);
}

int log_failed(const struct log *log) {
    return atomic_load(&log->failed);
}
