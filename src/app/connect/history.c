#include "app/connect/history.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/terminal.h"

/* The end of a file that is larger is read, the rest is forgotten. */
#define FILE_READ_MAX ((off_t)4 * 1024 * 1024)

struct history {
    struct bytes entries[HISTORY_MAX]; /* a ring */
    size_t first;
    size_t count;
    int directory; /* of the file; -1: no file */
    char *name;    /* of the file in it */
};

char *history_path(void) {
    char *path = NULL;
    const char *state = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    int printed = -1;
    if (state != NULL && state[0] == '/') {
        printed = asprintf(&path, "%s/taburet/history", state);
    } else if (home != NULL && home[0] == '/') {
        printed = asprintf(&path, "%s/.local/state/taburet/history", home);
    }
    return printed < 0 ? NULL : path;
}

/* ---- entries ---- */

static struct bytes *entry_at(struct history *h, size_t i) {
    return &h->entries[(h->first + i) % HISTORY_MAX];
}

static bool is_last(struct history *h, const char *p, size_t n) {
    const struct bytes *last = h->count > 0 ? entry_at(h, h->count - 1) : NULL;
    return last != NULL && last->len == n && memcmp(last->data, p, n) == 0;
}

/* Returns whether it is a new one. */
static bool remember(struct history *h, const char *p, size_t n) {
    if (n == 0 || is_last(h, p, n)) {
        return false;
    }
    struct bytes entry = BYTES_INIT;
    if (bytes_append(&entry, p, n) != TB_OK) {
        return false;
    }
    if (h->count == HISTORY_MAX) {
        bytes_release(entry_at(h, 0));
        h->first = (h->first + 1) % HISTORY_MAX;
        h->count--;
    }
    *entry_at(h, h->count++) = entry;
    return true;
}

size_t history_count(const struct history *h) {
    return h->count;
}

const char *history_entry(const struct history *h, size_t i, size_t *n) {
    const struct bytes *entry = &h->entries[(h->first + i) % HISTORY_MAX];
    *n = entry->len;
    return (const char *)entry->data;
}

/* ---- the form in the file ---- */

static int append_line(struct bytes *out, const char *p, size_t n) {
    int err = TB_OK;
    size_t done = 0;
    for (size_t i = 0; i < n && err == TB_OK; i++) {
        if (p[i] == '\n' || p[i] == '\\') {
            err = bytes_append(out, p + done, i - done);
            err = err == TB_OK ? bytes_append(out, p[i] == '\n' ? "\\n" : "\\\\", 2) : err;
            done = i + 1;
        }
    }
    if (err == TB_OK) {
        err = bytes_append(out, p + done, n - done);
    }
    return err == TB_OK ? bytes_append(out, "\n", 1) : err;
}

/* Undoes the escapes of a line in its place; returns its size. */
static size_t unescape(char *p, size_t n) {
    size_t size = 0;
    for (size_t i = 0; i < n; i++) {
        if (p[i] == '\\' && i + 1 < n) {
            i++;
            p[size++] = p[i] == 'n' ? '\n' : p[i];
        } else {
            p[size++] = p[i];
        }
    }
    return size;
}

static void remember_lines(struct history *h, char *p, size_t n) {
    char *end = p + n;
    for (char *line = p; line < end;) {
        char *newline = memchr(line, '\n', (size_t)(end - line));
        if (newline == NULL) {
            break; /* half a line: another instance is writing it */
        }
        remember(h, line, unescape(line, (size_t)(newline - line)));
        line = newline + 1;
    }
}

/* ---- the file ---- */

/* Makes the directories of the path, but not the last name in it. */
static void make_directories(char *path) {
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0700);
        *slash = '/';
    }
}

static bool is_ours(int fd, mode_t type) {
    struct stat status;
    return fstat(fd, &status) == 0 && (status.st_mode & S_IFMT) == type &&
           status.st_uid == geteuid();
}

/* Makes and opens the directory of the path, which is changed. Returns -1 where there is none. */
static int open_directory(char *path, char *slash) {
    make_directories(path);
    *slash = '\0';
    int directory = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (directory >= 0 && !is_ours(directory, S_IFDIR)) {
        close(directory);
        directory = -1;
    }
    return directory;
}

/* Not blocking: a FIFO would wait for its other end. */
static int open_file(const struct history *h, const char *name, int flags) {
    int fd =
        openat(h->directory, name, flags | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600);
    if (fd >= 0 && !is_ours(fd, S_IFREG)) {
        close(fd);
        return -1;
    }
    if (fd >= 0) {
        fchmod(fd, 0600);
    }
    return fd;
}

/* Appends what the file holds from `at` on, its size now being that. False if not all of it. */
static bool read_rest(int fd, off_t at, off_t size, struct bytes *content) {
    if (bytes_reserve(content, (size_t)(size - at)) != TB_OK) {
        return false;
    }
    while (at < size) {
        ssize_t n = pread(fd, content->data + content->len, (size_t)(size - at), at);
        if (n <= 0) {
            return false;
        }
        content->len += (size_t)n;
        at += n;
    }
    return true;
}

static size_t count_lines(const struct bytes *content) {
    size_t lines = 0;
    for (size_t i = 0; i < content->len; i++) {
        lines += content->data[i] == '\n' ? 1 : 0;
    }
    return lines;
}

/* Reads the end of the file into the entries. Returns how many lines there are, more than
 * HISTORY_MAX if not all was read; 0 if nothing could be. */
static size_t load(struct history *h) {
    struct bytes content = BYTES_INIT;
    int fd = open_file(h, h->name, O_RDONLY);
    off_t size = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
    off_t start = size > FILE_READ_MAX ? size - FILE_READ_MAX : 0;
    size_t lines = 0;
    if (size > 0 && read_rest(fd, start, size, &content)) {
        char *text = (char *)content.data;
        /* Where the front was cut, the first line is half a line. */
        const char *cut = start > 0 ? memchr(text, '\n', content.len) : NULL;
        size_t skipped = cut == NULL ? 0 : (size_t)(cut - text) + 1;
        remember_lines(h, text + skipped, content.len - skipped);
        lines = count_lines(&content) + (start > 0 ? HISTORY_MAX : 0);
    }
    if (fd >= 0) {
        close(fd);
    }
    bytes_release(&content);
    return lines;
}

/* TB_OK also where there is to be no file. */
static int open_place(struct history *h, const char *path) {
    const char *last = path == NULL ? NULL : strrchr(path, '/');
    h->directory = -1;
    if (last == NULL || last == path || last[1] == '\0') {
        return TB_OK;
    }
    char *place = strdup(path);
    h->name = strdup(last + 1);
    if (place != NULL && h->name != NULL) {
        h->directory = open_directory(place, place + (last - path));
    }
    free(place);
    return place != NULL && h->name != NULL ? TB_OK : TB_ENOMEM;
}

struct history *history_new(const char *path) {
    struct history *h = calloc(1, sizeof(*h));
    if (h == NULL) {
        return NULL;
    }
    if (open_place(h, path) != TB_OK) {
        free(h->name);
        free(h);
        return NULL;
    }
    if (h->directory >= 0) {
        load(h);
    }
    return h;
}

/* One write, so that the lines of two instances cannot mix. */
static void append_to_file(const struct history *h, const char *p, size_t n) {
    struct bytes line = BYTES_INIT;
    int fd = open_file(h, h->name, O_WRONLY | O_APPEND | O_CREAT);
    if (fd >= 0 && append_line(&line, p, n) == TB_OK) {
        terminal_write(fd, line.data, line.len);
    }
    if (fd >= 0) {
        close(fd);
    }
    bytes_release(&line);
}

void history_add(struct history *h, const char *p, size_t n) {
    if (remember(h, p, n) && n <= HISTORY_ENTRY_MAX && h->directory >= 0) {
        append_to_file(h, p, n);
    }
}

/* ---- the end ---- */

static void forget_all(struct history *h) {
    while (h->count > 0) {
        bytes_release(entry_at(h, --h->count));
    }
}

/* Puts the entries in the place of the file, which is at no time half a file. */
static void replace(struct history *h) {
    char other[64];
    struct bytes content = BYTES_INIT;
    int err = TB_OK;
    for (size_t i = 0; i < h->count && err == TB_OK; i++) {
        const struct bytes *entry = entry_at(h, i);
        err = append_line(&content, (const char *)entry->data, entry->len);
    }
    snprintf(other, sizeof(other), "history.%ld.new", (long)getpid());
    int fd = err == TB_OK ? open_file(h, other, O_WRONLY | O_CREAT | O_EXCL) : -1;
    if (fd >= 0) {
        bool written = terminal_write(fd, content.data, content.len) == TB_OK;
        if (close(fd) != 0 || !written ||
            renameat(h->directory, other, h->directory, h->name) != 0) {
            unlinkat(h->directory, other, 0);
        }
    }
    bytes_release(&content);
}

/* What stands in the file now is what counts: other instances have added to it. */
static void cut_file(struct history *h) {
    forget_all(h);
    if (load(h) > HISTORY_MAX) {
        replace(h);
    }
}

void history_free(struct history *h) {
    if (h == NULL) {
        return;
    }
    if (h->directory >= 0) {
        cut_file(h);
        close(h->directory);
    }
    forget_all(h);
    free(h->name);
    free(h);
}
