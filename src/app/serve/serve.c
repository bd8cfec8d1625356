#include "app/serve/serve.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "app/recording.h"
#include "app/serve/article.h"
#include "app/serve/echo.h"
#include "app/serve/page.h"
#include "app/serve/server.h"
#include "app/serve/settings.h"
#include "base/err.h"
#include "base/log.h"
#include "base/text.h"
#include "conn/trace.h"
#include "net/host.h"

enum {
    CLOSE_MS = 5000,
    MAX_CONNECTIONS = 10000,
    SPARE_DESCRIPTORS = 64,   /* files, and refusals of those who are too many */
    THREADS_DESCRIPTORS = 16, /* what each thread's loop and listeners may need */
    URL_MAX = 320,
};

/* All buffers together; then new connections are refused. */
static const uint64_t MAX_BUFFERS = 256ULL * 1024 * 1024;

/* Everything that one run holds; released in the reverse order. */
struct run {
    struct settings settings;
    struct bytes message; /* what went wrong, in one line */
    struct bindings bindings;
    struct bytes notes;
    struct page page;
    struct log *console;
    struct recording recording;
    struct trace *trace;
    struct endpoint_config config;
    struct tls_context *tls; /* NULL: plain */
    struct server server;
    struct article article;
};

/* ---- what may fail before anything is served ---- */

static int out_of_memory(struct run *r) {
    bytes_clear(&r->message);
    bytes_append_str(&r->message, "cannot start (out of memory)");
    return EXIT_SYSTEM;
}

/* As many descriptors as the system lets us have. */
static uint64_t raise_descriptor_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return 1024;
    }
    if (limit.rlim_cur < limit.rlim_max) {
        rlim_t before = limit.rlim_cur;
        limit.rlim_cur = limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
            return before;
        }
    }
    return limit.rlim_cur;
}

static int set_max_connections(struct run *r) {
    uint64_t descriptors = raise_descriptor_limit();
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
    r->config.max_connections = wanted > 0 ? wanted : MAX_CONNECTIONS;
    return EXIT_OK;
}

static int open_record(struct run *r) {
    const char *path = r->settings.record;
    return path == NULL ? EXIT_OK : recording_open(&r->recording, path, &r->message);
}

static enum log_level level_of(const struct settings *s) {
    static const enum log_level levels[] = {LOG_NORMAL, LOG_VERBOSE, LOG_DEBUG};
    return s->quiet ? LOG_ALWAYS : levels[s->verbose < 2 ? s->verbose : 2];
}

static int open_logs(struct run *r) {
    r->console =
        log_new(STDOUT_FILENO, (enum log_format)r->settings.log_format, level_of(&r->settings));
    if (r->console == NULL) {
        return out_of_memory(r);
    }
    int code = open_record(r);
    if (code == EXIT_OK) {
        r->trace = trace_new(r->console, r->recording.log);
        code = r->trace == NULL ? out_of_memory(r) : EXIT_OK;
    }
    return code;
}

static int load_tls(struct run *r) {
    const struct settings *s = &r->settings;
    if (s->tls_cert == NULL) {
        return EXIT_OK;
    }
    int err = tls_server_new(s->tls_cert, s->tls_key, NULL, &r->tls, &r->message);
    if (err == TB_OK) {
        tls_server_note(r->tls, &r->notes);
    }
    return err == TB_OK ? EXIT_OK : err == TB_ENOMEM ? out_of_memory(r) : EXIT_USAGE;
}

static int bind_all(struct run *r) {
    static const char *const localhost[] = {"localhost"};
    const struct settings *s = &r->settings;
    bool named = s->hosts.count > 0;
    unsigned loops = (unsigned)s->threads;
    int err = TB_OK;
    if (s->tcp) {
        err = bindings_add_hosts(&r->bindings, named ? s->hosts.items : localhost,
                                 named ? s->hosts.count : 1, (uint16_t)s->port, loops, &r->message,
                                 &r->notes);
    }
    if (err == TB_OK && s->unix_path != NULL) {
        err = bindings_add_unix(&r->bindings, s->unix_path, loops, &r->message);
    }
    switch (err) {
    case TB_OK:
        return EXIT_OK;
    case TB_EINVAL:
        return EXIT_USAGE;
    case TB_ENOMEM:
        return out_of_memory(r);
    default:
        return EXIT_SYSTEM;
    }
}

/* ---- what it serves ---- */

static void write_url(const struct run *r, const char *host, char url[URL_MAX]) {
    char name[HOST_NAME_SIZE];
    bool is_ipv6 = strchr(host_bare(host, name), ':') != NULL;
    snprintf(url, URL_MAX, "%s://%s%s%s:%u", r->settings.tls_cert == NULL ? "ws" : "wss",
             is_ipv6 ? "[" : "", name, is_ipv6 ? "]" : "", (unsigned)r->bindings.port);
}

/* A host by which a person on this machine reaches the server: every address means this one, too.
 */
static const char *host_to_name(const struct settings *s) {
    const char *host = s->hosts.count > 0 ? s->hosts.items[0] : "localhost";
    char name[HOST_NAME_SIZE];
    bool is_any = strcmp(host, "0.0.0.0") == 0 || strcmp(host_bare(host, name), "::") == 0;
    return is_any ? "localhost" : host;
}

static enum page_behaviour behaviour_of(const struct settings *s) {
    return s->echo ? PAGE_ECHO : s->every_ms == 0 ? PAGE_THREE : PAGE_FOUR_MODES;
}

static int configure(struct run *r) {
    const struct settings *s = &r->settings;
    char url[URL_MAX];
    write_url(r, host_to_name(s), url);
    if (page_init(&r->page, s->tcp ? url : NULL, behaviour_of(s)) != TB_OK) {
        return out_of_memory(r);
    }
    struct endpoint_config *c = &r->config;
    c->policy = (struct ws_server_policy){.origins = s->origins.items,
                                          .origin_count = s->origins.count,
                                          .subprotocols = s->subprotocols.items,
                                          .subprotocol_count = s->subprotocols.count,
                                          .deflate = !s->no_deflate,
                                          .no_context_takeover = true};
    c->max_message = s->max_message;
    c->max_fragments = (uint32_t)s->max_fragments;
    c->max_backlog = s->max_backlog;
    c->max_buffers = MAX_BUFFERS;
    c->slow = (enum slow_policy)s->slow;
    c->handshake_ms = s->handshake_ms;
    c->ping_interval_ms = s->ping_interval_ms;
    c->ping_timeout_ms = s->ping_timeout_ms;
    c->close_ms = CLOSE_MS;
    c->frame_events = trace_wants(r->trace, LOG_DEBUG);
    c->page_html = (const char *)r->page.html.data;
    c->page_text = (const char *)r->page.text.data;
    c->behaviour = s->echo ? &echo_behaviour : &article_behaviour;
    c->trace = r->trace;
    c->ctx = &r->article;
    return EXIT_OK;
}

/* A path need not be UTF-8, but a line of JSON must. */
static void announce_url(struct run *r, const char *url) {
    struct bytes safe = BYTES_INIT;
    if (text_escape(&safe, url, strlen(url), TEXT_ONE_LINE) == TB_OK &&
        bytes_append(&safe, "", 1) == TB_OK) {
        trace_listening(r->trace, (const char *)safe.data);
    }
    bytes_release(&safe);
}

static void announce_notes(struct run *r) {
    for (size_t at = 0; at < r->notes.len; at++) {
        char *note = (char *)r->notes.data + at;
        char *newline = memchr(note, '\n', r->notes.len - at);
        if (newline == NULL) {
            break;
        }
        *newline = '\0';
        trace_log(r->trace, note);
        at += (size_t)(newline - note);
    }
}

/* One line an address, written out at once: scripts wait for it and read the port. */
static void announce(struct run *r) {
    const struct settings *s = &r->settings;
    char url[URL_MAX];
    for (size_t i = 0; s->tcp && (i == 0 || i < s->hosts.count); i++) {
        write_url(r, s->hosts.count > 0 ? s->hosts.items[i] : "localhost", url);
        announce_url(r, url);
    }
    if (s->unix_path != NULL) {
        snprintf(url, sizeof url, "%s+unix:%s", s->tls_cert == NULL ? "ws" : "wss", s->unix_path);
        announce_url(r, url);
    }
    announce_notes(r);
    trace_flush(r->trace);
}

/* ---- the run ---- */

static void on_stop(void *ctx) {
    struct run *r = ctx;
    if (!r->settings.echo) {
        article_stop(&r->article);
    }
    bool is_awaited = atomic_load_explicit(&r->server.shared.open, memory_order_relaxed) > 0;
    trace_log(r->trace, is_awaited ? "stopping: clients have 5 seconds to answer; a second signal "
                                     "ends it at once"
                                   : "stopping");
}

static int serve(struct run *r) {
    int err = server_init(&r->server, r->settings.threads, &r->config);
    err = err == TB_OK ? server_listen(&r->server, &r->bindings, r->tls) : err;
    if (err != TB_OK) {
        bytes_appendf(&r->message, "cannot serve (%s)",
                      err == TB_ESYS ? strerror(errno) : tb_err_text(err));
        return EXIT_SYSTEM;
    }
    r->server.on_stop = on_stop;
    r->server.ctx = r;
    if (!r->settings.echo) {
        article_start(&r->article, &r->server, r->trace, r->settings.every_ms);
    }
    announce(r);
    if (server_run(&r->server) != TB_OK) {
        bytes_appendf(&r->message, "cannot start a thread (%s)", strerror(errno));
        return EXIT_SYSTEM;
    }
    return r->server.stops > 1 ? EXIT_INTERRUPTED : EXIT_OK;
}

/* Each step leaves a message if it fails, and nothing is served before the last one. What is most
 * likely to fail comes before the recording's file, which would stay behind. */
static int start_and_serve(struct run *r) {
    static int (*const steps[])(struct run * r) = {set_max_connections, load_tls,  bind_all,
                                                   open_logs,           configure, serve};
    int code = EXIT_OK;
    for (size_t i = 0; i < sizeof steps / sizeof *steps && code == EXIT_OK; i++) {
        code = steps[i](r);
    }
    return code;
}

static void run_release(struct run *r) {
    server_release(&r->server);
    bindings_release(&r->bindings);
    bytes_release(&r->notes);
    page_release(&r->page);
    tls_context_free(r->tls);
    trace_free(r->trace);
    recording_close(&r->recording);
    log_free(r->console);
    settings_release(&r->settings);
    bytes_release(&r->message);
}

static int run(int argc, char **argv) {
    struct run r = {.recording = RECORDING_INIT};
    int err = settings_read(&r.settings, argc, argv, &r.message);
    int code = EXIT_OK;
    signal(SIGPIPE, SIG_IGN);
    if (err != TB_OK) {
        code = err == TB_ENOMEM ? out_of_memory(&r) : EXIT_USAGE;
    } else if (r.settings.help) {
        command_print_help(&serve_command);
    } else {
        code = start_and_serve(&r);
    }
    if (r.message.len > 0) {
        command_error("%.*s", (int)r.message.len, (const char *)r.message.data);
    }
    run_release(&r);
    return code;
}

static const char about[] =
    "A WebSocket server to practise on, on ws://localhost:4000. Any path, any Origin. It shows "
    "the\n"
    "four modes of a WebSocket conversation:\n\n"
    "  any text               comes back, to everybody\n"
    "  a text with 'double'   gets two answers, to everybody\n"
    "  a text with 'ignore'   gets none\n"
    "  every 5 seconds        'hello world N' to everybody, which nobody asked for\n\n"
    "Durations: 20ms, 5s, 2m, 1h; a bare number is seconds. Sizes: 64K, 1M, 1G.\n"
    "Ctrl+C stops it: everybody is told (1001) and has 5 seconds to answer; again: at once.\n";

static const struct command_note examples[] = {
    {"taburet serve", "The four modes on ws://localhost:4000"},
    {"taburet serve --echo --port 0 --every 0", "An echo server on any free port, for a test"},
    {"taburet serve --host 0.0.0.0 --tls-cert cert.pem --tls-key key.pem",
     "wss:// for the whole network"},
    {.label = NULL},
};

static const struct command_note exit_codes[] = {
    {"0", "stopped as asked"},
    {"1", "the system refused: the port is taken, memory is out"},
    {"2", "a bad option, certificate or file"},
    {"130", "stopped by a second signal"},
    {.label = NULL},
};

const struct command serve_command = {
    .name = "serve",
    .operands = "",
    .summary = "A practice server on ws://localhost:4000",
    .about = about,
    .options = settings_options,
    .examples = examples,
    .exit_codes = exit_codes,
    .run = run,
};
