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
    char *path; /* NULL: none */
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
    for (size_t i = 0; i < n && err == TB_OK; i++) {
        err = p[i] == '\n'   ? bytes_append(out, "\\n", 2)
              : p[i] == '\\' ? bytes_append(out, "\\\\", 2)
                             : bytes_append(out, p + i, 1);
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

/* Opens the directory of the history's file; *name is the file's name in it. */
static int open_directory(const struct history *h, const char **name) {
    char *path = h->path == NULL ? NULL : strdup(h->path);
    char *slash = path == NULL ? NULL : strrchr(path, '/');
    int directory = -1;
    if (slash != NULL && slash != path) {
        make_directories(path);
        *slash = '\0';
        *name = h->path + (slash - path) + 1;
        directory = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    }
    free(path);
    if (directory >= 0 && !is_ours(directory, S_IFDIR)) {
        close(directory);
        directory = -1;
    }
    return directory;
}

/* Not blocking: a FIFO would wait for its other end. */
static int open_file(int directory, const char *name, int flags) {
    int fd = openat(directory, name, flags | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600);
    if (fd >= 0 && !is_ours(fd, S_IFREG)) {
        close(fd);
        return -1;
    }
    if (fd >= 0) {
        fchmod(fd, 0600);
    }
    return fd;
}

/* Appends what the file holds from `at` on. */
static void read_all(int fd, off_t at, struct bytes *content) {
    ssize_t n = 1;
    while (n > 0 && bytes_reserve(content, 64 * 1024) == TB_OK) {
        n = pread(fd, content->data + content->len, content->cap - content->len, at);
        if (n > 0) {
            content->len += (size_t)n;
            at += n;
        }
    }
}

/* Reads the end of the file into the entries. Returns how many lines there were. */
static size_t load(struct history *h, int directory, const char *name) {
    struct bytes content = BYTES_INIT;
    int fd = open_file(directory, name, O_RDONLY);
    if (fd < 0) {
        return 0;
    }
    off_t size = lseek(fd, 0, SEEK_END);
    read_all(fd, size > FILE_READ_MAX ? size - FILE_READ_MAX : 0, &content);
    close(fd);
    size_t lines = size > FILE_READ_MAX ? HISTORY_MAX + 1 : 0;
    for (size_t i = 0; i < content.len; i++) {
        lines += content.data[i] == '\n' ? 1 : 0;
    }
    /* Where the front was cut, the first line is half a line. */
    const char *text = (const char *)content.data;
    const char *cut = size > FILE_READ_MAX ? memchr(text, '\n', content.len) : NULL;
    size_t skipped = cut == NULL ? 0 : (size_t)(cut - text) + 1;
    if (content.len > skipped) {
        remember_lines(h, (char *)content.data + skipped, content.len - skipped);
    }
    bytes_release(&content);
    return lines;
}

struct history *history_new(const char *path) {
    struct history *h = calloc(1, sizeof(*h));
    if (h == NULL) {
        return NULL;
    }
    if (path != NULL && (h->path = strdup(path)) == NULL) {
        free(h);
        return NULL;
    }
    const char *name;
    int directory = open_directory(h, &name);
    if (directory >= 0) {
        load(h, directory, name);
        close(directory);
    }
    return h;
}

/* One write, so that the lines of two instances cannot mix. */
static void append_to_file(const struct history *h, const char *p, size_t n) {
    const char *name;
    struct bytes line = BYTES_INIT;
    int directory = open_directory(h, &name);
    if (directory < 0) {
        return;
    }
    int fd = open_file(directory, name, O_WRONLY | O_APPEND | O_CREAT);
    if (fd >= 0) {
        if (append_line(&line, p, n) == TB_OK) {
            terminal_write(fd, line.data, line.len);
        }
        close(fd);
    }
    close(directory);
    bytes_release(&line);
}

void history_add(struct history *h, const char *p, size_t n) {
    if (remember(h, p, n) && n <= HISTORY_ENTRY_MAX) {
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
static void replace(struct history *h, int directory, const char *name) {
    char other[64];
    struct bytes content = BYTES_INIT;
    int err = TB_OK;
    for (size_t i = 0; i < h->count && err == TB_OK; i++) {
        const struct bytes *entry = entry_at(h, i);
        err = append_line(&content, (const char *)entry->data, entry->len);
    }
    snprintf(other, sizeof(other), "history.%ld.new", (long)getpid());
    int fd = err == TB_OK ? open_file(directory, other, O_WRONLY | O_CREAT | O_EXCL) : -1;
    if (fd >= 0) {
        bool written = terminal_write(fd, content.data, content.len) == TB_OK;
        if (close(fd) != 0 || !written || renameat(directory, other, directory, name) != 0) {
            unlinkat(directory, other, 0);
        }
    }
    bytes_release(&content);
}

/* What stands in the file now is what counts: other instances have added to it. */
static void cut_file(struct history *h) {
    const char *name;
    int directory = open_directory(h, &name);
    if (directory < 0) {
        return;
    }
    forget_all(h);
    if (load(h, directory, name) > HISTORY_MAX) {
        replace(h, directory, name);
    }
    close(directory);
}

void history_free(struct history *h) {
    if (h == NULL) {
        return;
    }
    cut_file(h);
    forget_all(h);
    free(h->path);
    free(h);
}
