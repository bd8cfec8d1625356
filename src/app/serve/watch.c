#include "app/serve/watch.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "app/serve/site.h"
#include "base/err.h"
#include "base/file.h"
#include "base/text.h"
#include "conn/trace.h"
#include "script/mock/mock.h"
#include "script/node.h"

enum { QUIET_MS = 50, LOOK_MS = 500 };

/* A script on its way to its thread. */
struct change {
    struct loop_task task;
    struct change_set *set;
    size_t thread;
    struct script *script;
};

/* A changed file, for all threads. The last one that took it tells, and frees it. */
struct change_set {
    struct watch *watch;
    unsigned version;
    bool same_setup;
    atomic_bool failed; /* on some thread */
    atomic_size_t left; /* threads that have yet to take it */
    struct change changes[];
};

static void tell_line(struct site *site, const char *p, size_t n) {
    struct bytes line = BYTES_INIT;
    if (text_escape(&line, p, n, TEXT_ONE_LINE) == TB_OK && bytes_append(&line, "", 1) == TB_OK) {
        trace_log(site->trace, (const char *)line.data);
    }
    bytes_release(&line);
}

static void tell(struct site *site, const char *text, size_t n) {
    for (const char *end = text + n; text < end;) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        const char *stop = newline == NULL ? end : newline;
        tell_line(site, text, (size_t)(stop - text));
        text = stop + 1;
    }
}

static void tell_text(struct site *site, const char *text) {
    tell(site, text, strlen(text));
}

/* ---- putting in force ---- */

static void end_change(struct change_set *set) {
    struct watch *w = set->watch;
    if (atomic_load(&set->failed)) {
        atomic_store(&w->incomplete, true);
        tell_text(w->site, "the file has changed, but is not in force on all threads (out of "
                           "memory): save it again");
    } else {
        tell_text(w->site, set->same_setup
                               ? "the file has changed, and is in force"
                               : "the file has changed, and is in force, but for 'listen', 'tls' "
                                 "and 'record', which are read at the start");
    }
    free(set);
}

static void run_change(struct loop_task *task) {
    struct change *c = (struct change *)task;
    struct change_set *set = c->set;
    if (mock_change(set->watch->site->mock, c->thread, set->version, c->script) != TB_OK) {
        atomic_store(&set->failed, true);
    }
    script_unref(c->script);
    if (atomic_fetch_sub(&set->left, 1) == 1) {
        end_change(set);
    }
}

static bool is_same_text(const char *a, const char *b) {
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool is_same_place(const struct mock_listen *a, const struct mock_listen *b) {
    return a->tls == b->tls && a->port == b->port && strcmp(a->host, b->host) == 0;
}

/* Whether the files are served at the same place in the same way: sockets, certificates and
 * recordings stay as they are. */
static bool is_same_setup(const struct mock_setup *a, const struct mock_setup *b) {
    bool same = a->listen_count == b->listen_count && is_same_text(a->tls_cert, b->tls_cert) &&
                is_same_text(a->tls_key, b->tls_key) &&
                is_same_text(a->tls_client_ca, b->tls_client_ca) &&
                is_same_text(a->record, b->record);
    for (size_t i = 0; same && i < a->listen_count; i++) {
        same = is_same_place(&a->listen[i], &b->listen[i]);
    }
    return same;
}

/* On every thread, at its own time. The scripts, not their array, are the threads' from now on,
 * unless the memory is out. */
static int put_in_force(struct watch *w, struct script *const *scripts) {
    const struct site *site = w->site;
    size_t threads = site->settings->threads;
    struct change_set *set = calloc(1, sizeof *set + threads * sizeof *set->changes);
    if (set == NULL) {
        return TB_ENOMEM;
    }
    set->watch = w;
    set->version = ++w->version;
    set->same_setup = is_same_setup(mock_plan_setup(site->scripts[0]->server),
                                    mock_plan_setup(scripts[0]->server));
    atomic_init(&set->failed, false);
    atomic_init(&set->left, threads);
    for (size_t i = 0; i < threads; i++) {
        struct change *c = &set->changes[i];
        *c = (struct change){
            .task = {.run = run_change}, .set = set, .thread = i, .script = scripts[i]};
        loop_post(&site->server->workers[i].loop, &c->task);
    }
    return TB_OK;
}

/* ---- reading ---- */

static void refuse(struct site *site, const struct bytes *message) {
    tell_text(site, "the file has changed, but is wrong: the old one stays in force");
    tell(site, (const char *)message->data, message->len);
}

static bool is_same(const struct bytes *a, const struct bytes *b) {
    return a->len == b->len && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

/* What is there already need not be taken again. */
static bool is_news(struct watch *w, const struct bytes *text) {
    bool is_incomplete = atomic_exchange(&w->incomplete, false);
    return is_incomplete || !is_same(text, &w->site->text);
}

static void take(struct watch *w, const struct bytes *text) {
    struct site *site = w->site;
    struct script **scripts = NULL;
    struct bytes message = BYTES_INIT;
    int err = site_compile(site, (const char *)text->data, text->len, &scripts, &message);
    if (err == TB_OK && (err = put_in_force(w, scripts)) != TB_OK) {
        site_free_scripts(scripts, site->settings->threads);
    } else {
        free(scripts);
    }
    if (err == TB_ENOMEM) {
        atomic_store(&w->incomplete, true);
        tell_text(site, "the file has changed, but cannot be read (out of memory): the old one "
                        "stays in force");
    } else if (err != TB_OK) {
        refuse(site, &message);
    }
    bytes_release(&message);
}

/* Read whole, now: a regular file makes nobody wait. One that is not there for a moment, because an
 * editor is at work, comes again with another event. */
static void on_quiet(uv_timer_t *timer) {
    struct watch *w = timer->data;
    struct bytes text = BYTES_INIT;
    struct bytes message = BYTES_INIT;
    if (file_read_limited(w->site->path, FILE_SIZE_MAX, &text, &message) != TB_OK) {
        refuse(w->site, &message);
    } else if (is_news(w, &text)) {
        take(w, &text);
        bytes_release(&w->site->text);
        w->site->text = text;
        text = (struct bytes)BYTES_INIT;
    }
    bytes_release(&text);
    bytes_release(&message);
}

static void on_event(uv_fs_event_t *events, const char *name, int what, int status) {
    struct watch *w = events->data;
    (void)what;
    if (status == 0 && (name == NULL || strcmp(name, w->name) == 0)) {
        uv_timer_start(&w->quiet, on_quiet, QUIET_MS, 0);
    }
}

static void on_look(uv_fs_poll_t *looks, int status, const uv_stat_t *before,
                    const uv_stat_t *after) {
    struct watch *w = looks->data;
    (void)before;
    (void)after;
    if (status == 0) {
        uv_timer_start(&w->quiet, on_quiet, QUIET_MS, 0);
    }
}

/* ---- life ---- */

static int split_path(struct watch *w) {
    const char *path = w->site->path;
    const char *slash = strrchr(path, '/');
    w->name = slash == NULL ? path : slash + 1;
    int err = slash == NULL   ? bytes_append_str(&w->folder, ".")
              : slash == path ? bytes_append_str(&w->folder, "/")
                              : bytes_append(&w->folder, path, (size_t)(slash - path));
    return err == TB_OK ? bytes_append(&w->folder, "", 1) : err;
}

static void cannot_watch(struct site *site, const char *why) {
    struct bytes text = BYTES_INIT;
    if (bytes_appendf(&text, "changes of the file will not be seen (%s)", why) == TB_OK) {
        tell(site, (const char *)text.data, text.len);
    }
    bytes_release(&text);
}

static bool is_link(const char *path) {
    struct stat st;
    return lstat(path, &st) == 0 && S_ISLNK(st.st_mode);
}

static int start(struct watch *w) {
    int err = uv_fs_event_start(&w->events, on_event, (const char *)w->folder.data, 0);
    if (err == 0 && is_link(w->site->path)) {
        err = uv_fs_poll_start(&w->looks, on_look, w->site->path, LOOK_MS);
    }
    return err;
}

void watch_start(struct watch *w, struct site *site, struct loop *loop) {
    *w = (struct watch){.site = site, .folder = BYTES_INIT};
    if (site->path == NULL || site->settings->from != NULL || strcmp(site->path, "-") == 0) {
        return;
    }
    if (split_path(w) != TB_OK) {
        cannot_watch(site, "out of memory");
        return;
    }
    uv_timer_init(&loop->uv, &w->quiet);
    uv_fs_event_init(&loop->uv, &w->events);
    uv_fs_poll_init(&loop->uv, &w->looks);
    w->quiet.data = w;
    w->events.data = w;
    w->looks.data = w;
    w->active = true;
    int err = start(w);
    if (err != 0) {
        cannot_watch(site, uv_strerror(err));
    }
}

void watch_stop(struct watch *w) {
    if (w->active) {
        w->active = false;
        uv_close((uv_handle_t *)&w->events, NULL);
        uv_close((uv_handle_t *)&w->looks, NULL);
        uv_close((uv_handle_t *)&w->quiet, NULL);
    }
}

void watch_release(struct watch *w) {
    bytes_release(&w->folder);
}
