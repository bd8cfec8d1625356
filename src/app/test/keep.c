#include "app/test/keep.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/command.h"
#include "base/err.h"
#include "base/text.h"

enum { WORD_MAX = 80, COPY_SIZE = 64 * 1024 };

static int refuse(struct bytes *message, const char *path, const char *why) {
    bytes_append_str(message, "cannot keep a recording in '");
    text_escape(message, path, strlen(path), TEXT_ONE_LINE);
    bytes_appendf(message, "' (%s)", why);
    return TB_ESYS;
}

int keep_open(struct keep *k, const char *folder, struct bytes *message) {
    struct stat st;
    *k = (struct keep){.folder = folder};
    if (mkdir(folder, 0777) == 0 || errno == EEXIST) {
        if (stat(folder, &st) == 0 && S_ISDIR(st.st_mode)) {
            return EXIT_OK;
        }
        errno = ENOTDIR;
    }
    (void)refuse(message, folder, strerror(errno));
    return EXIT_USAGE;
}

void keep_release(struct keep *k) {
    for (size_t i = 0; i < k->count; i++) {
        free(k->names[i].name);
    }
    free(k->names);
    *k = (struct keep){.folder = NULL};
}

/* ---- the name ---- */

static bool is_safe(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
}

/* Appends at most so much of p[0..n), one - for everything that a name does not have. */
static void add_word(struct sheet *name, const char *p, size_t n) {
    size_t begin = name->text.len;
    for (size_t i = 0; i < n && name->text.len - begin < WORD_MAX; i++) {
        size_t len = name->text.len;
        if (is_safe(p[i])) {
            sheet_bytes(name, &p[i], 1);
        } else if (len > begin && name->text.data[len - 1] != '-') {
            sheet_put(name, "-");
        }
    }
    size_t len = name->text.len;
    if (len > begin && name->text.data[len - 1] == '-') {
        name->text.len--;
    }
    if (name->text.len == begin) {
        sheet_put(name, "_");
    }
}

/* The file's own name, without its folder and what stands behind the last dot. */
static void add_file(struct sheet *name, const struct test_file *file) {
    const char *path = test_file_name(file);
    const char *slash = strrchr(path, '/');
    const char *base = slash != NULL ? slash + 1 : path;
    const char *dot = strrchr(base, '.');
    add_word(name, base, dot != NULL && dot != base ? (size_t)(dot - base) : strlen(base));
}

/* Where the name stands, or would stand; for some file systems a and A are the same. */
static size_t find_name(const struct keep *k, const char *name, bool *taken) {
    size_t low = 0;
    size_t high = k->count;
    *taken = false;
    while (low < high && !*taken) {
        size_t middle = low + (high - low) / 2;
        int order = strcasecmp(k->names[middle].name, name);
        *taken = order == 0;
        low = order < 0 ? middle + 1 : order == 0 ? middle : low;
        high = order > 0 ? middle : high;
    }
    return low;
}

/* Gives the name, which is the stem so far, a number if it is taken; and where it is to stand. */
static size_t choose_name(struct keep *k, const struct sheet *stem, char *name, size_t size) {
    bool taken = false;
    size_t at = find_name(k, name, &taken);
    struct kept_name *first = &k->names[at];
    while (taken) {
        (void)snprintf(name, size, "%.*s-%zu", (int)stem->text.len, (const char *)stem->text.data,
                       first->next++);
        at = find_name(k, name, &taken);
    }
    return at;
}

static int take_name(struct keep *k, const struct sheet *stem, char **name) {
    struct kept_name *more = realloc(k->names, (k->count + 1) * sizeof *more);
    size_t size = stem->text.len + 32;
    *name = malloc(size);
    if (more != NULL) {
        k->names = more;
    }
    if (more == NULL || *name == NULL || stem->nomem) {
        free(*name);
        return TB_ENOMEM;
    }
    (void)snprintf(*name, size, "%.*s", (int)stem->text.len, (const char *)stem->text.data);
    size_t at = choose_name(k, stem, *name, size);
    memmove(&more[at + 1], &more[at], (k->count - at) * sizeof *more);
    more[at] = (struct kept_name){.name = *name, .next = 2};
    k->count++;
    return TB_OK;
}

static int make_path(struct keep *k, const struct finding *f, enum target target, char **path) {
    struct sheet stem = SHEET_INIT;
    struct sheet whole = SHEET_INIT;
    char *name = NULL;
    bool both = f->outcomes[TARGET_MOCK].ran && f->outcomes[TARGET_SERVER].ran;
    const char *scenario = f->c->scenario->name;
    add_file(&stem, f->c->file);
    sheet_put(&stem, "-");
    add_word(&stem, scenario, strlen(scenario));
    if (both) {
        sheet_putf(&stem, "-%s", target_names[target]);
    }
    int err = take_name(k, &stem, &name);
    if (err == TB_OK) {
        sheet_putf(&whole, "%s/%s.jsonl", k->folder, name);
        sheet_bytes(&whole, "", 1);
        err = whole.nomem ? TB_ENOMEM : TB_OK;
    }
    if (err == TB_OK) {
        *path = (char *)whole.text.data;
        whole.text = (struct bytes)BYTES_INIT;
    }
    sheet_release(&stem);
    sheet_release(&whole);
    return err;
}

/* ---- the file ---- */

static bool write_all(int fd, const char *p, size_t n) {
    while (n > 0) {
        ssize_t done = write(fd, p, n);
        if (done < 0 && errno != EINTR) {
            return false;
        }
        p += done > 0 ? done : 0;
        n -= done > 0 ? (size_t)done : 0;
    }
    return true;
}

static bool copy(int from, int to) {
    char *piece = malloc(COPY_SIZE);
    off_t at = 0;
    ssize_t n = piece != NULL ? 1 : -1;
    while (n > 0) {
        n = pread(from, piece, COPY_SIZE, at);
        if (n > 0 && !write_all(to, piece, (size_t)n)) {
            n = -1;
        }
        at += n > 0 ? n : 0;
    }
    free(piece);
    return n == 0;
}

static int write_file(int from, const char *path, struct bytes *message) {
    struct stat st;
    int fd =
        open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (fd < 0) {
        return refuse(message, path, errno == ELOOP ? "it is a symbolic link" : strerror(errno));
    }
    int err = TB_OK;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        err = refuse(message, path, "it is not a regular file");
    } else if (ftruncate(fd, 0) != 0 || !copy(from, fd)) {
        err = refuse(message, path, strerror(errno));
    }
    close(fd);
    return err;
}

int keep_file(struct keep *k, const struct finding *f, enum target target, int fd, char **path,
              struct bytes *message) {
    *path = NULL;
    int err = make_path(k, f, target, path);
    if (err != TB_OK) {
        return refuse(message, k->folder, "out of memory");
    }
    err = write_file(fd, *path, message);
    if (err != TB_OK) {
        free(*path);
        *path = NULL;
    }
    return err;
}
