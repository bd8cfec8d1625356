#include "app/serve/serve.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/descriptors.h"
#include "app/serve/server.h"
#include "app/serve/settings.h"
#include "app/serve/site.h"
#include "app/serve/watch.h"
#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "conn/trace.h"
#include "script/script.h"

enum {
    MAX_CONNECTIONS = 10000,
    SPARE_DESCRIPTORS = 64,   /* files, and refusals of those who are too many */
    THREADS_DESCRIPTORS = 16, /* what each thread's loop and listeners may need */
};

/* Everything that one run holds; released in the reverse order. */
struct run {
    struct settings settings;
    struct bytes message; /* what went wrong */
    struct bytes notes;
    struct log *console;
    struct site *sites;
    struct watch *watches;
    size_t count;
    struct server server;
};

/* ---- what may fail before anything is served ---- */

static int out_of_memory(struct run *r) {
    bytes_clear(&r->message);
    bytes_append_str(&r->message, "cannot start (out of memory)");
    return EXIT_SYSTEM;
}

static int set_max_connections(struct run *r) {
    uint64_t descriptors = descriptors_raise();
    uint64_t spare = SPARE_DESCRIPTORS + THREADS_DESCRIPTORS * r->settings.threads;
    uint64_t most = descriptors > spare ? descriptors - spare : 1;
    uint64_t wanted = r->settings.max_connections;
    if (wanted > most) {
        bytes_appendf(&r->message,
                      "option '--max-connections' is beyond the limit of descriptors (%" PRIu64
                      " of them allow %" PRIu64 " connections; see 'ulimit -n')",
                      descriptors, most);
        return EXIT_USAGE;
    }
    if (wanted == 0 && most < MAX_CONNECTIONS) {
        bytes_appendf(&r->notes,
                      "at most %" PRIu64 " connections: the limit of descriptors is %" PRIu64
                      ", see 'ulimit -n'\n",
                      most, descriptors);
        wanted = most;
    }
    r->settings.max_connections = wanted > 0 ? wanted : MAX_CONNECTIONS;
    return EXIT_OK;
}

static int load_sites(struct run *r) {
    const struct option_list *files = &r->settings.files;
    size_t count = files->count > 0 ? files->count : 1;
    int code = EXIT_OK;
    r->sites = calloc(count, sizeof *r->sites);
    r->watches = calloc(count, sizeof *r->watches);
    if (r->sites == NULL || r->watches == NULL) {
        return out_of_memory(r);
    }
    for (size_t i = 0; i < count && code == EXIT_OK; i++) {
        const char *path = files->count > 0 ? files->items[i] : NULL;
        r->count++;
        code = site_load(&r->sites[i], &r->settings, path, &r->message);
    }
    return code;
}

/* Who has taken the port may be another of the files. */
static void tell_taker(struct run *r, const struct site *refused) {
    static const char taken[] = "the port is taken";
    if (memmem(r->message.data, r->message.len, taken, sizeof taken - 1) == NULL) {
        return;
    }
    for (size_t i = 0; i < r->count && &r->sites[i] != refused; i++) {
        if (site_shares_place(&r->sites[i], refused)) {
            bytes_append_str(&r->message, ": '");
            const char *path = file_shown_name(r->sites[i].path);
            text_escape(&r->message, path, strlen(path), TEXT_ONE_LINE);
            bytes_append_str(&r->message, "' already listens there");
            return;
        }
    }
}

static int bind_sites(struct run *r) {
    int code = EXIT_OK;
    for (size_t i = 0; i < r->count && code == EXIT_OK; i++) {
        code = site_bind(&r->sites[i], &r->message, &r->notes);
        if (code != EXIT_OK) {
            tell_taker(r, &r->sites[i]);
        }
    }
    return code;
}

static enum log_level level_of(const struct settings *s) {
    static const enum log_level levels[] = {LOG_NORMAL, LOG_VERBOSE, LOG_DEBUG};
    return s->quiet ? LOG_ALWAYS : levels[s->verbose < 2 ? s->verbose : 2];
}

static int open_sites(struct run *r) {
    const struct settings *s = &r->settings;
    r->console = log_new(STDOUT_FILENO, (enum log_format)s->log_format, level_of(s));
    if (r->console == NULL) {
        return out_of_memory(r);
    }
    int code = EXIT_OK;
    for (size_t i = 0; i < r->count && code == EXIT_OK; i++) {
        code = site_open(&r->sites[i], r->console, &r->message);
    }
    return code;
}

/* ---- what it serves ---- */

static void announce_notes(struct run *r) {
    struct trace *trace = r->sites[0].trace;
    for (size_t at = 0; at < r->notes.len; at++) {
        char *note = (char *)r->notes.data + at;
        char *newline = memchr(note, '\n', r->notes.len - at);
        if (newline == NULL) {
            break;
        }
        *newline = '\0';
        trace_log(trace, note);
        at += (size_t)(newline - note);
    }
}

/* Written out at once: scripts wait for it and read the port. */
static void announce(struct run *r) {
    for (size_t i = 0; i < r->count; i++) {
        site_announce(&r->sites[i]);
    }
    announce_notes(r);
    for (size_t i = 0; i < r->count; i++) {
        trace_flush(r->sites[i].trace);
    }
}

static void on_stop(void *ctx) {
    struct run *r = ctx;
    for (size_t i = 0; i < r->count; i++) {
        watch_stop(&r->watches[i]);
    }
    bool is_awaited = atomic_load_explicit(&r->server.shared.open, memory_order_relaxed) > 0;
    trace_log(r->sites[0].trace,
              is_awaited ? "stopping: clients have 5 seconds to answer; a second signal ends it at "
                           "once"
                         : "stopping");
}

static void on_leave(void *ctx, size_t thread) {
    struct run *r = ctx;
    for (size_t i = 0; i < r->count; i++) {
        site_end(&r->sites[i], thread);
    }
}

static int make_server(struct run *r) {
    const struct endpoint_config **configs = calloc(r->count, sizeof *configs);
    if (configs == NULL) {
        return out_of_memory(r);
    }
    for (size_t i = 0; i < r->count; i++) {
        configs[i] = &r->sites[i].config;
    }
    int err = server_init(&r->server, r->settings.threads, configs, r->count);
    free(configs);
    r->server.on_stop = on_stop;
    r->server.on_leave = on_leave;
    r->server.ctx = r;
    if (err != TB_OK) {
        bytes_appendf(&r->message, "cannot serve (%s)",
                      err == TB_ESYS ? strerror(errno) : tb_err_text(err));
    }
    return err == TB_OK ? EXIT_OK : EXIT_SYSTEM;
}

static int begin_sites(struct run *r) {
    int code = EXIT_OK;
    for (size_t i = 0; i < r->count && code == EXIT_OK; i++) {
        code = site_begin(&r->sites[i], &r->server, i, &r->message);
    }
    for (size_t i = 0; i < r->count && code == EXIT_OK; i++) {
        watch_start(&r->watches[i], &r->sites[i], &r->server.workers[0].loop);
    }
    return code;
}

static int serve(struct run *r) {
    announce(r);
    if (server_run(&r->server) != TB_OK) {
        bytes_appendf(&r->message, "cannot start a thread (%s)", strerror(errno));
        return EXIT_SYSTEM;
    }
    return r->server.stops > 1 ? EXIT_INTERRUPTED : EXIT_OK;
}

/* Each step leaves a message if it fails, and nothing is served before the last one. What is most
 * likely to fail comes before the recordings' files, which would stay behind. */
static int start_and_serve(struct run *r) {
    static int (*const steps[])(struct run * r) = {
        set_max_connections, load_sites, bind_sites, open_sites, make_server, begin_sites, serve};
    int code = EXIT_OK;
    for (size_t i = 0; i < sizeof steps / sizeof *steps && code == EXIT_OK; i++) {
        code = steps[i](r);
    }
    return code;
}

static void run_release(struct run *r) {
    for (size_t i = 0; i < r->count; i++) {
        watch_stop(&r->watches[i]);
    }
    server_end(&r->server);
    for (size_t i = 0; i < r->count; i++) {
        watch_release(&r->watches[i]);
        site_release(&r->sites[i]);
    }
    server_release(&r->server);
    free(r->watches);
    free(r->sites);
    log_free(r->console);
    bytes_release(&r->notes);
    settings_release(&r->settings);
    bytes_release(&r->message);
}

static void print_article(void) {
    (void)fwrite(script_article, 1, script_article_size, stdout);
}

/* What --from makes, for a person to look at and to go on with; it is not served. */
static int print_made(struct run *r) {
    struct bytes text = BYTES_INIT;
    int code = site_make(r->settings.from, &text, &r->message);
    if (code == EXIT_OK) {
        (void)fwrite(text.data, 1, text.len, stdout);
    }
    bytes_release(&text);
    return code;
}

static int run(int argc, char **argv) {
    struct run r = {.count = 0};
    int err = settings_read(&r.settings, argc, argv, &r.message);
    int code = EXIT_OK;
    signal(SIGPIPE, SIG_IGN);
    if (err != TB_OK) {
        code = err == TB_ENOMEM ? out_of_memory(&r) : EXIT_USAGE;
    } else if (r.settings.help) {
        command_print_help(&serve_command);
    } else if (r.settings.print_article) {
        print_article();
    } else if (r.settings.print) {
        code = print_made(&r);
    } else {
        code = start_and_serve(&r);
    }
    if (r.message.len > 0) {
        command_tell(TB_EINVAL, &r.message);
    }
    run_release(&r);
    return code;
}

static const char about[] =
    "A WebSocket server that behaves as a file says (docs/format.md): rules, states, rooms, "
    "clocks,\n"
    "faults. A file that changes is loaded again; connections stay. Several files are several "
    "servers.\n"
    "Without a file it is one to practise on, on ws://localhost:4000. Any path, any Origin. It "
    "shows\n"
    "the four modes of a WebSocket conversation:\n\n"
    "  any text               comes back, to everybody\n"
    "  a text with 'double'   gets two answers, to everybody\n"
    "  a text with 'ignore'   gets none\n"
    "  every 5 seconds        'hello world N' to everybody, which nobody asked for\n\n"
    "Durations: 20ms, 5s, 2m, 1h; a bare number is seconds. Sizes: 64K, 1M, 1G.\n"
    "Ctrl+C stops it: everybody is told (1001) and has 5 seconds to answer; again: at once.\n";

static const struct command_note examples[] = {
    {"taburet serve", "The four modes on ws://localhost:4000"},
    {"taburet serve chat.yaml", "What the file says, where the file says"},
    {"taburet serve --print-article > my.yaml", "A file to begin with"},
    {"taburet serve --echo --port 0 --every 0", "An echo server on any free port, for a test"},
    {"taburet serve --host 0.0.0.0 --tls-cert cert.pem --tls-key key.pem",
     "wss:// for the whole network"},
    {.label = NULL},
};

static const struct command_note exit_codes[] = {
    {"0", "stopped as asked"},
    {"1", "the system refused: the port is taken, memory is out"},
    {"2", "a bad option, certificate or file"},
    {"23", "the output cannot be written"},
    {"130", "stopped by a second signal"},
    {.label = NULL},
};

const struct command serve_command = {
    .name = "serve",
    .operands = "[FILE]...",
    .summary = "A practice and mock server, on ws://localhost:4000",
    .about = about,
    .options = settings_options,
    .examples = examples,
    .exit_codes = exit_codes,
    .run = run,
};
