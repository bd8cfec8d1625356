#include "app/serve/site.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/command.h"
#include "app/serve/echo.h"
#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "conn/trace.h"
#include "net/host.h"
#include "script/chance.h"
#include "script/from/from.h"
#include "script/mock/mock.h"

enum {
    CLOSE_MS = 5000,
    URL_MAX = 320,
};

/* All buffers together; then new connections are refused. */
static const uint64_t MAX_BUFFERS = 256ULL * 1024 * 1024;

static const char *const localhost[] = {"localhost"};

static int out_of_memory(struct bytes *message) {
    bytes_clear(message);
    bytes_append_str(message, "cannot start (out of memory)");
    return EXIT_SYSTEM;
}

static int code_of(int err, struct bytes *message) {
    switch (err) {
    case TB_OK:
        return EXIT_OK;
    case TB_EINVAL:
        return EXIT_USAGE;
    case TB_ENOMEM:
        return out_of_memory(message);
    default:
        return EXIT_SYSTEM;
    }
}

/* ---- the file ---- */

void site_free_scripts(struct script **scripts, size_t count) {
    for (size_t i = 0; scripts != NULL && i < count; i++) {
        script_unref(scripts[i]);
    }
    free(scripts);
}

static int compile_one(const struct site *site, const char *text, size_t n, struct script **script,
                       struct bytes *message) {
    const char *name = site->settings->from != NULL ? site->made_name
                       : site->path == NULL         ? "article.yaml"
                                                    : file_shown_name(site->path);
    int err = script_parse(name, text, n, script, message);
    for (size_t i = 0; err == TB_OK && i < site->settings->vars.count; i++) {
        err = script_set(*script, site->settings->vars.items[i], message);
    }
    if (err == TB_OK && (*script)->server == NULL) {
        bytes_append_str(message, "there is no 'server' in ");
        text_escape(message, name, strlen(name), TEXT_ONE_LINE);
        err = TB_EINVAL;
    }
    return err;
}

int site_compile(const struct site *site, const char *text, size_t n, struct script ***scripts,
                 struct bytes *message) {
    size_t threads = site->settings->threads;
    struct script **made = calloc(threads, sizeof *made);
    int err = made == NULL ? TB_ENOMEM : TB_OK;
    for (size_t i = 0; i < threads && err == TB_OK; i++) {
        err = compile_one(site, text, n, &made[i], message);
    }
    if (err != TB_OK) {
        site_free_scripts(made, threads);
        return err;
    }
    *scripts = made;
    return TB_OK;
}

/* A note of what was left out of the recording is no mistake. */
static int write_mock(const char *recording, struct bytes *text, struct bytes *message) {
    struct from *f = NULL;
    int err = from_read(recording, &f, message);
    if (err == TB_OK) {
        bytes_clear(message);
        err = from_write_mock(f, text);
    }
    from_free(f);
    return err;
}

int site_make(const char *recording, struct bytes *text, struct bytes *message) {
    return code_of(write_mock(recording, text, message), message);
}

static void name_made(struct site *site) {
    snprintf(site->made_name, sizeof site->made_name, "the mock made of %s",
             file_shown_name(site->path));
}

static int load_file(struct site *site, struct bytes *message) {
    struct bytes *text = &site->text;
    int err = site->settings->from != NULL ? write_mock(site->settings->from, text, message)
              : site->path == NULL         ? bytes_append(text, script_article, script_article_size)
                                   : file_read_limited(site->path, FILE_SIZE_MAX, text, message);
    if (err == TB_OK) {
        err = site_compile(site, (const char *)text->data, text->len, &site->scripts, message);
    }
    return code_of(err, message);
}

static int choose_seed(struct site *site) {
    const struct script *script = site->scripts == NULL ? NULL : site->scripts[0];
    if (site->settings->has_seed) {
        site->seed = site->settings->seed;
    } else if (script != NULL && script->has_seed) {
        site->seed = script->seed;
    } else {
        return chance_seed(&site->seed);
    }
    return TB_OK;
}

/* ---- where ---- */

/* What the command line says of hosts, ports and sockets stands for all that the file says. */
static struct site_place place_of_settings(const struct settings *s, bool secure) {
    bool named = s->hosts.count > 0;
    return (struct site_place){.hosts = named ? s->hosts.items : localhost,
                               .host_count = named ? s->hosts.count : 1,
                               .unix_path = s->unix_path,
                               .port = (uint16_t)s->port,
                               .tcp = s->tcp,
                               .secure = secure};
}

static const struct mock_setup *setup_of(const struct site *site) {
    static const struct mock_setup none = {.listen = NULL};
    return site->scripts == NULL ? &none : mock_plan_setup(site->scripts[0]->server);
}

static int choose_places(struct site *site) {
    const struct settings *s = site->settings;
    const struct mock_setup *setup = setup_of(site);
    bool of_file = setup->listen_count > 0 && !s->says_where;
    size_t count = of_file ? setup->listen_count : 1;
    site->places = calloc(count, sizeof *site->places);
    site->hosts = calloc(count, sizeof *site->hosts);
    if (site->places == NULL || site->hosts == NULL) {
        return TB_ENOMEM;
    }
    site->place_count = count;
    if (!of_file) {
        bool secure = s->tls_cert != NULL || (setup->listen_count > 0 && setup->listen[0].tls);
        site->places[0] = place_of_settings(s, secure);
        return TB_OK;
    }
    for (size_t i = 0; i < count; i++) {
        site->hosts[i] = setup->listen[i].host;
        site->places[i] =
            (struct site_place){.hosts = &site->hosts[i],
                                .host_count = 1,
                                .port = setup->listen[i].port,
                                .tcp = true,
                                .secure = setup->listen[i].tls || s->tls_cert != NULL};
    }
    return TB_OK;
}

int site_load(struct site *site, const struct settings *settings, const char *path,
              struct bytes *message) {
    *site = (struct site){.settings = settings,
                          .path = settings->from != NULL ? settings->from : path,
                          .recording = RECORDING_INIT};
    if (settings->from != NULL) {
        name_made(site);
    }
    int code = settings->echo ? EXIT_OK : load_file(site, message);
    if (code != EXIT_OK) {
        return code;
    }
    int err = choose_seed(site);
    return code_of(err == TB_OK ? choose_places(site) : err, message);
}

static int load_tls(struct site *site, struct bytes *message, struct bytes *notes) {
    const struct settings *s = site->settings;
    const struct mock_setup *setup = setup_of(site);
    bool needed = false;
    for (size_t i = 0; i < site->place_count; i++) {
        needed = needed || site->places[i].secure;
    }
    if (!needed) {
        return TB_OK;
    }
    bool given = s->tls_cert != NULL;
    int err =
        tls_server_new(given ? s->tls_cert : setup->tls_cert, given ? s->tls_key : setup->tls_key,
                       setup->tls_client_ca, &site->tls, message);
    if (err == TB_OK) {
        tls_server_note(site->tls, notes);
    }
    return err == TB_ECRYPTO ? TB_EINVAL : err;
}

static int bind_place(struct site *site, struct site_place *place, struct bytes *message,
                      struct bytes *notes) {
    unsigned loops = (unsigned)site->settings->threads;
    int err = TB_OK;
    if (place->tcp) {
        err = bindings_add_hosts(&place->bindings, place->hosts, place->host_count, place->port,
                                 loops, message, notes);
    }
    if (err == TB_OK && place->unix_path != NULL) {
        err = bindings_add_unix(&place->bindings, place->unix_path, loops, message);
    }
    return err;
}

int site_bind(struct site *site, struct bytes *message, struct bytes *notes) {
    int err = load_tls(site, message, notes);
    for (size_t i = 0; i < site->place_count && err == TB_OK; i++) {
        err = bind_place(site, &site->places[i], message, notes);
    }
    return code_of(err, message);
}

/* A host that means every address has all of a port. */
static bool is_every_host(const char *host) {
    char name[HOST_NAME_SIZE];
    return strcmp(host, "0.0.0.0") == 0 || strcmp(host_bare(host, name), "::") == 0;
}

static bool is_loopback_host(const char *host) {
    char name[HOST_NAME_SIZE];
    host_bare(host, name);
    return host_is_localhost(name) || strncmp(name, "127.", 4) == 0 || strcmp(name, "::1") == 0;
}

/* Names are not looked up: those of loopback may be the same place. */
static bool is_near_host(const char *a, const char *b) {
    return is_every_host(a) || is_every_host(b) || host_is_same(a, b) ||
           (is_loopback_host(a) && is_loopback_host(b));
}

static bool is_same_place(const struct site_place *bound, const struct site_place *wanted) {
    return bound->bindings.count > 0 && wanted->bindings.count == 0 && bound->port != 0 &&
           bound->port == wanted->port && is_near_host(bound->hosts[0], wanted->hosts[0]);
}

bool site_shares_place(const struct site *site, const struct site *refused) {
    for (size_t i = 0; i < site->place_count; i++) {
        for (size_t k = 0; k < refused->place_count; k++) {
            if (is_same_place(&site->places[i], &refused->places[k])) {
                return true;
            }
        }
    }
    return false;
}

static void write_url(const struct site_place *place, const char *host, char url[URL_MAX]) {
    char name[HOST_NAME_SIZE];
    bool is_ipv6 = strchr(host_bare(host, name), ':') != NULL;
    snprintf(url, URL_MAX, "%s://%s%s%s:%u", place->secure ? "wss" : "ws", is_ipv6 ? "[" : "", name,
             is_ipv6 ? "]" : "", (unsigned)place->bindings.port);
}

/* A host by which a person on this machine reaches the server: every address means this one, too.
 */
static const char *host_to_name(const struct site_place *place) {
    const char *host = place->hosts[0];
    char name[HOST_NAME_SIZE];
    bool is_any = strcmp(host, "0.0.0.0") == 0 || strcmp(host_bare(host, name), "::") == 0;
    return is_any ? "localhost" : host;
}

/* A path need not be UTF-8, but a line of JSON must. */
static void announce_url(const struct site *site, const char *url) {
    struct bytes safe = BYTES_INIT;
    if (text_escape(&safe, url, strlen(url), TEXT_ONE_LINE) == TB_OK &&
        bytes_append(&safe, "", 1) == TB_OK) {
        trace_listening(site->trace, (const char *)safe.data);
    }
    bytes_release(&safe);
}

static void announce_place(const struct site *site, const struct site_place *place) {
    char url[URL_MAX];
    for (size_t i = 0; place->tcp && i < place->host_count; i++) {
        write_url(place, place->hosts[i], url);
        announce_url(site, url);
    }
    if (place->unix_path != NULL) {
        snprintf(url, sizeof url, "%s+unix:%s", place->secure ? "wss" : "ws", place->unix_path);
        announce_url(site, url);
    }
}

/* A seed that nobody gave is told, so that the run can be had again. */
static void announce_seed(const struct site *site) {
    char text[80];
    bool given = site->settings->has_seed || site->scripts == NULL || site->scripts[0]->has_seed;
    if (!given && site->scripts[0]->takes_chance) {
        snprintf(text, sizeof text, "chance has the seed %" PRIu64 " (--seed)", site->seed);
        trace_log(site->trace, text);
    }
}

void site_announce(const struct site *site) {
    for (size_t i = 0; i < site->place_count; i++) {
        announce_place(site, &site->places[i]);
    }
    announce_seed(site);
}

/* ---- what it does ---- */

static enum page_behaviour behaviour_of(const struct site *site) {
    const struct settings *s = site->settings;
    bool is_silent = s->has_every && s->every_ms == 0;
    return s->echo              ? PAGE_ECHO
           : site->path != NULL ? PAGE_FILE
           : is_silent          ? PAGE_THREE
                                : PAGE_FOUR_MODES;
}

static void configure(struct site *site) {
    const struct settings *s = site->settings;
    struct endpoint_config *c = &site->config;
    c->policy = (struct ws_server_policy){.origins = s->origins.items,
                                          .origin_count = s->origins.count,
                                          .subprotocols = s->subprotocols.items,
                                          .subprotocol_count = s->subprotocols.count,
                                          .deflate = !s->no_deflate,
                                          .no_context_takeover = true};
    c->max_connections = s->max_connections;
    c->max_message = s->max_message;
    c->max_fragments = (uint32_t)s->max_fragments;
    c->max_backlog = s->max_backlog;
    c->max_buffers = MAX_BUFFERS;
    c->slow = (enum slow_policy)s->slow;
    c->handshake_ms = s->handshake_ms;
    c->ping_interval_ms = s->ping_interval_ms;
    c->ping_timeout_ms = s->ping_timeout_ms;
    c->close_ms = CLOSE_MS;
    c->frame_events = trace_wants(site->trace, LOG_DEBUG);
    c->page_html = (const char *)site->page.html.data;
    c->page_text = (const char *)site->page.text.data;
    c->behaviour = s->echo ? &echo_behaviour : &mock_behaviour;
    c->trace = site->trace;
}

int site_open(struct site *site, struct log *console, struct bytes *message) {
    const char *record =
        site->settings->record != NULL ? site->settings->record : setup_of(site)->record;
    char url[URL_MAX];
    int code = record == NULL ? EXIT_OK : recording_open(&site->recording, record, message);
    if (code != EXIT_OK) {
        return code;
    }
    bool has_url = site->places[0].tcp;
    if (has_url) {
        write_url(&site->places[0], host_to_name(&site->places[0]), url);
    }
    site->trace = trace_new(console, site->recording.log);
    if (site->trace == NULL ||
        page_init(&site->page, has_url ? url : NULL, behaviour_of(site)) != TB_OK) {
        return out_of_memory(message);
    }
    configure(site);
    return EXIT_OK;
}

static int begin_mock(struct site *site) {
    const struct settings *s = site->settings;
    const struct mock_config config = {.trace = site->trace,
                                       .bus = &site->server->buses[site->part],
                                       .seed = site->seed,
                                       .has_every = s->has_every,
                                       .every_ms = s->every_ms};
    site->mock = mock_new(&config, s->threads);
    int err = site->mock == NULL ? TB_ENOMEM : TB_OK;
    site->config.ctx = site->mock;
    for (size_t i = 0; i < s->threads && err == TB_OK; i++) {
        struct endpoint *ep = &site->server->workers[i].endpoints[site->part];
        err = mock_begin(site->mock, i, ep, site->scripts[i]);
    }
    return err;
}

int site_begin(struct site *site, struct server *server, size_t part, struct bytes *message) {
    site->server = server;
    site->part = part;
    int err = site->scripts == NULL ? TB_OK : begin_mock(site);
    for (size_t i = 0; i < site->place_count && err == TB_OK; i++) {
        struct site_place *place = &site->places[i];
        err = server_listen(server, part, &place->bindings, place->secure ? site->tls : NULL);
    }
    if (err != TB_OK) {
        bytes_appendf(message, "cannot serve (%s)",
                      err == TB_ESYS ? strerror(errno) : tb_err_text(err));
    }
    return err == TB_OK ? EXIT_OK : EXIT_SYSTEM;
}

void site_end(struct site *site, size_t thread) {
    if (site->mock != NULL) {
        mock_end(site->mock, thread);
    }
}

void site_release(struct site *site) {
    mock_free(site->mock);
    for (size_t i = 0; i < site->place_count; i++) {
        bindings_release(&site->places[i].bindings);
    }
    tls_context_free(site->tls);
    page_release(&site->page);
    trace_free(site->trace);
    recording_close(&site->recording);
    if (site->settings != NULL) {
        site_free_scripts(site->scripts, site->settings->threads);
    }
    bytes_release(&site->text);
    free(site->places);
    free(site->hosts);
}
