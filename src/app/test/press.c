#include "app/test/press.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/command.h"
#include "base/err.h"
#include "base/terminal.h"
#include "base/text.h"

enum {
    NAME_SHOWN_MAX = 30, /* characters, which may be two columns wide each */
    NARROW = 80,         /* columns of a terminal that has room for a line of them */
};

#define ERASE "\r\x1b[K"

/* ---- opening ---- */

static bool is_dumb(void) {
    const char *term = getenv("TERM");
    return term == NULL || term[0] == '\0' || strcmp(term, "dumb") == 0;
}

static bool wants_colour(const struct test_settings *s, bool terminal) {
    const char *no_color = getenv("NO_COLOR");
    if (s->dial.color != DIAL_COLOR_AUTO) {
        return s->dial.color == DIAL_COLOR_ALWAYS;
    }
    return terminal && !is_dumb() && (no_color == NULL || no_color[0] == '\0');
}

static int refuse_file(struct bytes *message, const char *path, int error) {
    bytes_append_str(message, "cannot write to '");
    text_escape(message, path, strlen(path), TEXT_ONE_LINE);
    bytes_appendf(message, "' (%s)", strerror(error));
    return EXIT_OUTPUT;
}

/* A report of another run stays as it is until this one has its own. What is no regular file, a
 * link, or stands in a folder that is not ours, is written itself. */
static bool wants_draft(const char *path) {
    struct stat st;
    bool there = lstat(path, &st) == 0;
    return there ? S_ISREG(st.st_mode) && access(path, W_OK) == 0 : errno == ENOENT;
}

static int open_draft(const struct press *p) {
    return open(p->junit_draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
}

/* It is not left there meanwhile: whatever ends the run, there is nothing to be cleaned up. */
static bool try_draft(struct press *p) {
    int fd = wants_draft(p->junit_path) && p->junit_draft != NULL ? open_draft(p) : -1;
    if (fd >= 0) {
        close(fd);
        unlink(p->junit_draft);
        return true;
    }
    free(p->junit_draft);
    p->junit_draft = NULL;
    return false;
}

static char *name_draft(const char *path) {
    size_t size = strlen(path) + 32;
    char *name = malloc(size);
    if (name != NULL) {
        (void)snprintf(name, size, "%s.%ld.tmp", path, (long)getpid());
    }
    return name;
}

/* Before anything is run: a report that could not be written is worth no run. */
static int open_junit(struct press *p, const struct selection *selection, struct bytes *message) {
    if (p->junit_path == NULL) {
        return EXIT_OK;
    }
    p->junit_draft = name_draft(p->junit_path);
    if (!try_draft(p)) {
        p->junit_fd = open(p->junit_path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
        if (p->junit_fd < 0) {
            return refuse_file(message, p->junit_path, errno);
        }
    }
    if (junit_init(&p->junit, selection) != TB_OK) {
        bytes_append_str(message, "cannot start (out of memory)");
        return EXIT_SYSTEM;
    }
    return EXIT_OK;
}

int press_open(struct press *p, const struct test_settings *s, const struct selection *selection,
               struct bytes *message) {
    bool terminal = terminal_is(STDOUT_FILENO);
    bool json = s->dial.output_format == DIAL_FORMAT_JSON;
    *p = (struct press){
        .kind = s->tap ? &report_tap
                : json ? &report_json
                       : &report_text,
        .info = {.files = selection->file_count,
                 .total = s->repeat * selection->count,
                 .repeat = s->repeat,
                 .seed = selection->seed,
                 .colour = !s->tap && !json && wants_colour(s, terminal),
                 .quiet = s->quiet,
                 .side_by_side = s->jobs > 1},
        .is_live =
            terminal && !s->tap && !json && !is_dumb() && terminal_width(STDOUT_FILENO) >= NARROW,
        .verbose = s->dial.verbose,
        .selection = selection,
        .junit_path = s->junit,
        .junit_fd = -1,
    };
    p->out = log_new(STDOUT_FILENO, LOG_TEXT, LOG_NORMAL);
    if (p->out == NULL) {
        bytes_append_str(message, "cannot start (out of memory)");
        return EXIT_SYSTEM;
    }
    log_keep_all(p->out);
    return open_junit(p, selection, message);
}

void press_release(struct press *p) {
    log_free(p->out);
    junit_release(&p->junit);
    free(p->junit_draft);
    if (p->junit_fd >= 0) {
        close(p->junit_fd);
    }
}

/* ---- printing ---- */

static void erase_line(struct press *p) {
    if (p->line_stands) {
        log_bytes(p->out, LOG_NORMAL, ERASE, sizeof ERASE - 1);
        p->line_stands = false;
    }
}

static void print(struct press *p, struct sheet *s) {
    if (s->nomem) {
        log_fail(p->out, ENOMEM);
    }
    if (s->text.len > 0) {
        erase_line(p);
        log_bytes(p->out, LOG_NORMAL, (const char *)s->text.data, s->text.len);
    }
    (void)log_flush(p->out);
    sheet_release(s);
}

void press_begin(struct press *p) {
    struct sheet s = SHEET_INIT;
    p->kind->begin(&s, &p->info);
    print(p, &s);
}

/* ---- the last line ---- */

/* The beginning of a text, so many characters of it. */
static void put_beginning(struct sheet *s, const struct sheet *text, size_t most) {
    size_t n = 0;
    for (size_t count = 0; n < text->text.len && count < most; count++) {
        n++;
        while (n < text->text.len && (text->text.data[n] & 0xc0) == 0x80) {
            n++;
        }
    }
    sheet_bytes(s, text->text.data, n);
    sheet_put(s, n < text->text.len ? "..." : "");
}

static uint64_t over(const struct press *p) {
    const uint64_t *verdicts = p->sum.verdicts;
    return verdicts[VERDICT_PASSED] + verdicts[VERDICT_FAILED] + verdicts[VERDICT_SKIPPED];
}

void press_start(struct press *p, const struct test_case *c, uint64_t round) {
    struct sheet name = SHEET_INIT;
    struct sheet line = SHEET_INIT;
    (void)round;
    if (!p->is_live) {
        return;
    }
    sheet_safe(&name, c->scenario->name);
    sheet_putf(&line, "%s     %" PRIu64 "/%" PRIu64 " ", ERASE, over(p), p->info.total);
    put_beginning(&line, &name, NAME_SHOWN_MAX);
    log_bytes(p->out, LOG_NORMAL, (const char *)line.text.data, line.text.len);
    (void)log_flush(p->out);
    p->line_stands = true;
    sheet_release(&name);
    sheet_release(&line);
}

/* ---- what happens ---- */

/* What a scenario says itself is shown; its steps where somebody wants to see them. */
void press_event(struct press *p, const struct report_event *e) {
    struct sheet s = SHEET_INIT;
    if (p->info.quiet || (e->step != NULL && p->verbose == 0)) {
        return;
    }
    p->kind->event(&s, &p->info, e);
    print(p, &s);
}

bool press_finding(struct press *p, const struct finding *f) {
    struct sheet s = SHEET_INIT;
    report_count(&p->sum, f);
    if (p->junit_path != NULL) {
        junit_add(&p->junit, &p->info, f);
    }
    p->kind->finding(&s, &p->info, f);
    print(p, &s);
    return log_failed(p->out) == 0;
}

/* ---- the end ---- */

/* 0 or errno. The descriptor is closed. */
static int write_sheet(int fd, const struct sheet *s) {
    struct stat st;
    int error = s->nomem ? ENOMEM : 0;
    if (error == 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && ftruncate(fd, 0) != 0) {
        error = errno;
    }
    if (error == 0 && terminal_write(fd, s->text.data, s->text.len) != TB_OK) {
        error = errno;
    }
    return close(fd) != 0 && error == 0 ? errno : error;
}

/* The same through the draft, which has the rights of the report that it replaces. */
static int write_draft(const struct press *p, const struct sheet *s) {
    struct stat st;
    int fd = open_draft(p);
    if (fd < 0) {
        return errno;
    }
    if (stat(p->junit_path, &st) == 0) {
        (void)fchmod(fd, st.st_mode & 0777);
    }
    int error = write_sheet(fd, s);
    if (error == 0 && rename(p->junit_draft, p->junit_path) != 0) {
        error = errno;
    }
    if (error != 0) {
        unlink(p->junit_draft);
    }
    return error;
}

static int write_junit(struct press *p, struct bytes *message) {
    struct sheet s = SHEET_INIT;
    if (p->junit_path == NULL) {
        return EXIT_OK;
    }
    if (p->sum.stopped != NULL) {
        junit_add_not_run(&p->junit, &p->info, p->selection, over(p), p->sum.stopped);
    }
    junit_write(&p->junit, &p->info, p->sum.duration_us, &s);
    int error = p->junit_draft != NULL ? write_draft(p, &s) : write_sheet(p->junit_fd, &s);
    p->junit_fd = -1;
    sheet_release(&s);
    return error == 0 ? EXIT_OK : refuse_file(message, p->junit_path, error);
}

int press_end(struct press *p, struct bytes *message) {
    struct sheet s = SHEET_INIT;
    p->kind->end(&s, &p->info, &p->sum);
    print(p, &s);
    int code = write_junit(p, message);
    int error = log_flush_all(p->out);
    if (error != 0 && code == EXIT_OK) {
        bytes_appendf(message, "cannot write the output (%s)", strerror(error));
        code = EXIT_OUTPUT;
    }
    return code;
}
