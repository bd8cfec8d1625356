#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/text.h"

#define MIB ((size_t)1024 * 1024)
#define SMALL MIB /* what is written by hand */

enum { READ_SIZE = 64 * 1024 };

const char *file_shown_name(const char *path) {
    return strcmp(path, "-") == 0 ? "standard input" : path;
}

static int refuse(const char *path, const char *why, struct bytes *message) {
    struct bytes raw = BYTES_INIT;
    int err = bytes_appendf(&raw, "cannot read '%s' (%s)", file_shown_name(path), why);
    err = err == TB_OK ? text_escape(message, raw.data, raw.len, TEXT_ONE_LINE) : err;
    bytes_release(&raw);
    return err == TB_OK ? TB_EINVAL : err;
}

/* What a name may stand for. */
enum source { ANY, REGULAR_OR_INPUT, REGULAR };

/* Why what is open is not read, or NULL. */
static const char *why_not(int fd, enum source source) {
    struct stat st;
    if (fstat(fd, &st) != 0) {
        return strerror(errno);
    }
    if (S_ISDIR(st.st_mode)) {
        return "it is a directory";
    }
    if (S_ISREG(st.st_mode) || source == ANY) {
        return NULL;
    }
    return source == REGULAR ? "not a regular file" : "not a regular file; '-' is standard input";
}

/* Appends what there is to read, which may be nothing. TB_OK, TB_ENOMEM, TB_ESYS. */
static int read_some(int fd, struct bytes *content, bool *more) {
    int err = bytes_reserve(content, READ_SIZE);
    if (err != TB_OK) {
        return err;
    }
    ssize_t n;
    do {
        n = read(fd, content->data + content->len, READ_SIZE);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        return TB_ESYS;
    }
    content->len += (size_t)n;
    *more = n > 0;
    return TB_OK;
}

static int refuse_size(const char *path, size_t limit, struct bytes *message) {
    char why[64];
    snprintf(why, sizeof(why), "it is larger than %zu MiB", limit / MIB);
    return refuse(path, why, message);
}

static int read_all(int fd, const char *path, size_t limit, struct bytes *content,
                    struct bytes *message) {
    size_t before = content->len;
    bool more = true;
    while (more) {
        int err = read_some(fd, content, &more);
        if (err != TB_OK) {
            return err == TB_ESYS ? refuse(path, strerror(errno), message) : err;
        }
        if (content->len - before > limit) {
            return refuse_size(path, limit, message);
        }
    }
    return TB_OK;
}

/* A file of any kind is read as it comes; of a regular one, opening a pipe must not wait. */
static int read_file(const char *path, enum source source, size_t limit, struct bytes *content,
                     struct bytes *message) {
    if (strcmp(path, "-") == 0) {
        return source == REGULAR ? refuse(path, "not a regular file", message)
                                 : read_all(STDIN_FILENO, path, limit, content, message);
    }
    int fd = open(path, O_RDONLY | O_NOCTTY | O_CLOEXEC | (source == ANY ? 0 : O_NONBLOCK));
    if (fd < 0) {
        return refuse(path, strerror(errno), message);
    }
    const char *why = why_not(fd, source);
    int err =
        why != NULL ? refuse(path, why, message) : read_all(fd, path, limit, content, message);
    close(fd);
    return err;
}

int file_read(const char *path, struct bytes *content, struct bytes *message) {
    return file_read_limited(path, SMALL, content, message);
}

int file_read_limited(const char *path, size_t limit, struct bytes *content,
                      struct bytes *message) {
    return read_file(path, REGULAR_OR_INPUT, limit, content, message);
}

int file_read_whole(const char *path, struct bytes *content, struct bytes *message) {
    return read_file(path, ANY, SIZE_MAX, content, message);
}

int file_read_now(const char *path, struct bytes *content, struct bytes *message) {
    return read_file(path, REGULAR, SIZE_MAX, content, message);
}
