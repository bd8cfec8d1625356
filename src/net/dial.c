#include "net/dial.h"

#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/text.h"
#include "net/host.h"
#include "net/lookup.h"
#include "net/race.h"
#include "net/source.h"
#include "net/targets.h"

/* How many addresses a message lists. */
enum { LISTED_MAX = 4 };

struct dial {
    struct loop_task begin; /* the first member: the mailbox finds the dial by it */
    struct loop *loop;
    struct dial_route route;
    struct dial_events events;
    void *ctx;
    struct lookup *lookup; /* what is under way, or NULL */
    struct race *race;
    struct targets targets;
    struct source source;
    struct dial_times times;
    struct bytes text; /* what is said next */
    bool is_text_lost; /* memory was out for a part of it */
    /* It is freed after its end, as soon as it is in neither place. */
    bool is_over;
    bool is_in_mailbox;
    bool is_in_callback; /* a function of the dial runs, and will look at it again */
};

static uint64_t now_us(void) {
    return uv_hrtime() / 1000;
}

/* ---- life ---- */

static void free_if_over(struct dial *d) {
    if (!d->is_over || d->is_in_mailbox || d->is_in_callback) {
        return;
    }
    targets_release(&d->targets);
    bytes_release(&d->text);
    free(d);
}

static void enter(struct dial *d) {
    d->is_in_callback = true;
}

static void leave(struct dial *d) {
    d->is_in_callback = false;
    free_if_over(d);
}

/* ---- what is said ---- */

__attribute__((format(printf, 2, 3))) static void say(struct dial *d, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    d->is_text_lost |= bytes_appendv(&d->text, fmt, ap) != TB_OK;
    va_end(ap);
}

/* Says what the user wrote. */
static void say_safe(struct dial *d, const char *s) {
    d->is_text_lost |= text_escape(&d->text, s, strlen(s), TEXT_ONE_LINE) != TB_OK;
}

static void say_host(struct dial *d) {
    char name[HOST_NAME_SIZE];
    say_safe(d, host_bare(d->route.host, name));
}

static void say_error(struct dial *d, int error) {
    char text[128];
    if (d->route.unix_path != NULL && error == EAGAIN) {
        say(d, "its queue of connections is full");
        return;
    }
    say(d, "%s", uv_strerror_r(uv_translate_sys_error(error), text, sizeof text));
}

static void say_nothing_yet(struct dial *d) {
    bytes_clear(&d->text);
    d->is_text_lost = false;
}

/* What was said, terminated; NULL if memory is out. */
static const char *said(struct dial *d) {
    bool is_lost = d->is_text_lost || bytes_append(&d->text, "", 1) != TB_OK;
    return is_lost ? NULL : (const char *)d->text.data;
}

/* Tells what was said. False: the dial was cancelled. */
static bool tell_stage(struct dial *d, enum dial_stage stage) {
    const char *text = said(d);
    if (d->events.on_stage != NULL) {
        const char *short_text = stage == DIAL_RESOLVING ? "resolving" : "connecting";
        d->events.on_stage(d->ctx, stage, text != NULL ? text : short_text);
    }
    return !d->is_over;
}

static void finish(struct dial *d, struct dial_outcome *outcome) {
    d->is_over = true;
    outcome->times = d->times;
    d->events.on_done(d->ctx, outcome);
}

/* Fails with what was said. */
static void fail(struct dial *d, enum dial_result result) {
    struct dial_outcome outcome = {.result = result, .fd = -1, .message = said(d)};
    if (result == DIAL_NOMEM || outcome.message == NULL) {
        outcome.result = DIAL_NOMEM;
        outcome.message = tb_err_text(TB_ENOMEM);
    }
    finish(d, &outcome);
}

static void fail_no_memory(struct dial *d) {
    say_nothing_yet(d);
    fail(d, DIAL_NOMEM);
}

/* ---- connecting ---- */

static void on_try(void *ctx, const struct target *target) {
    struct dial *d = ctx;
    char text[HOST_ADDRESS_TEXT_MAX];
    enter(d);
    say_nothing_yet(d);
    if (d->route.unix_path != NULL) {
        say(d, "connecting to the Unix socket ");
        say_safe(d, d->route.unix_path);
    } else {
        say(d, "connecting to %s port %u", host_address_text(&target->address, text),
            (unsigned)d->route.port);
    }
    tell_stage(d, DIAL_CONNECTING);
    leave(d);
}

static void succeed(struct dial *d, const struct target *winner, int fd) {
    struct dial_outcome outcome = {.result = DIAL_OK, .fd = fd};
    outcome.kind = d->route.unix_path != NULL ? STREAM_UNIX : STREAM_TCP;
    address_of_sockaddr(&outcome.peer, &winner->address.sa.any);
    d->times.connected_us = now_us();
    finish(d, &outcome);
}

/* An address that is all of the host's name is not said twice. */
static bool is_host_itself(const struct dial *d, const char *address) {
    char name[HOST_NAME_SIZE];
    return d->targets.count == 1 && strcmp(host_bare(d->route.host, name), address) == 0;
}

static void say_target_errors(struct dial *d) {
    for (size_t i = 0; i < d->targets.count; i++) {
        char text[HOST_ADDRESS_TEXT_MAX];
        if (i == LISTED_MAX) {
            say(d, "; and %zu more", d->targets.count - i);
            return;
        }
        host_address_text(&d->targets.items[i].address, text);
        say(d, "%s", i == 0 ? "" : "; ");
        if (!is_host_itself(d, text)) {
            say(d, "%s: ", text);
        }
        say_error(d, d->targets.items[i].error);
    }
}

static void fail_to_connect(struct dial *d) {
    say_nothing_yet(d);
    if (d->route.unix_path != NULL) {
        say(d, "cannot connect to the Unix socket '");
        say_safe(d, d->route.unix_path);
        say(d, "' (");
        say_error(d, d->targets.items[0].error);
    } else {
        say(d, "cannot connect to ");
        say_host(d);
        say(d, " port %u (", (unsigned)d->route.port);
        say_target_errors(d);
    }
    say(d, ")");
    fail(d, DIAL_NO_CONNECTION);
}

static void on_race_end(void *ctx, const struct target *winner, int fd) {
    struct dial *d = ctx;
    enter(d);
    d->race = NULL;
    if (winner != NULL) {
        succeed(d, winner, fd);
    } else {
        fail_to_connect(d);
    }
    leave(d);
}

static void connect_to_targets(struct dial *d) {
    static const struct race_events events = {on_try, on_race_end};
    d->times.resolved_us = now_us();
    d->race = race_start(d->loop, &d->targets, &d->source, &events, d);
    if (d->race == NULL) {
        fail_no_memory(d);
    }
}

/* ---- resolving ---- */

/* Of AF_UNSPEC: "". */
static const char *family_name(int family) {
    return family == AF_INET6 ? "IPv6 " : family == AF_INET ? "IPv4 " : "";
}

static void fail_to_resolve(struct dial *d, const char *why) {
    say_nothing_yet(d);
    say(d, "cannot resolve '");
    say_host(d);
    say(d, "' (");
    say_safe(d, why);
    if (source_family(&d->source) != AF_UNSPEC) {
        say(d, "; the interface has an %saddress", family_name(source_family(&d->source)));
    }
    say(d, ")");
    fail(d, DIAL_NO_NAME);
}

/* The host has addresses of other families at best. */
static void fail_without_address(struct dial *d) {
    char why[32];
    snprintf(why, sizeof why, "no %saddress", family_name(d->targets.family));
    fail_to_resolve(d, why);
}

static void connect_to_any(struct dial *d) {
    if (d->targets.count == 0) {
        fail_without_address(d);
        return;
    }
    targets_interleave(&d->targets);
    connect_to_targets(d);
}

/* The name may exist for another family. */
static void fail_by_answer(struct dial *d, const char *answer) {
    char why[160];
    bool is_any = d->targets.family == AF_UNSPEC;
    snprintf(why, sizeof why, "%s%s%s%s", answer, is_any ? "" : ", or no ",
             family_name(d->targets.family), is_any ? "" : "address");
    fail_to_resolve(d, why);
}

static void fail_by_system(struct dial *d, int system_error) {
    char why[128];
    fail_to_resolve(d, uv_strerror_r(uv_translate_sys_error(system_error), why, sizeof why));
}

static void fail_lookup(struct dial *d, int error, int system_error) {
    switch (error) {
    case EAI_MEMORY:
        fail_no_memory(d);
        break;
    case EAI_SYSTEM:
        fail_by_system(d, system_error);
        break;
    case EAI_ADDRFAMILY:
    case EAI_NODATA:
        fail_without_address(d);
        break;
    default:
        fail_by_answer(d, gai_strerror(error));
        break;
    }
}

static int take_addresses(struct dial *d, const struct addrinfo *addresses) {
    int err = TB_OK;
    for (; addresses != NULL && err == TB_OK; addresses = addresses->ai_next) {
        err = targets_add(&d->targets, addresses->ai_addr, d->route.port);
    }
    return err;
}

static void on_looked_up(void *ctx, int error, const struct addrinfo *addresses) {
    struct dial *d = ctx;
    int system_error = errno;
    enter(d);
    d->lookup = NULL;
    if (error != 0) {
        fail_lookup(d, error, system_error);
    } else if (take_addresses(d, addresses) != TB_OK) {
        fail_no_memory(d);
    } else {
        connect_to_any(d);
    }
    leave(d);
}

static void look_up(struct dial *d) {
    char name[HOST_NAME_SIZE];
    if (strlen(d->route.host) >= sizeof name) {
        fail_to_resolve(d, "the name is too long");
        return;
    }
    say_nothing_yet(d);
    say(d, "resolving ");
    say_host(d);
    if (!tell_stage(d, DIAL_RESOLVING)) {
        return;
    }
    switch (lookup_start(&d->lookup, d->loop, host_bare(d->route.host, name), d->targets.family,
                         on_looked_up, d)) {
    case TB_OK:
        break;
    case TB_ENOMEM:
        fail_no_memory(d);
        break;
    default:
        fail_by_system(d, errno);
        break;
    }
}

/* ---- the beginning ---- */

static void fail_override(struct dial *d, const char *bad) {
    say_nothing_yet(d);
    say(d, "cannot resolve '");
    say_host(d);
    say(d, "' ('");
    say_safe(d, bad);
    say(d, "' is not an address)");
    fail(d, DIAL_NO_NAME);
}

static void begin_host(struct dial *d) {
    const char *bad;
    switch (targets_add_host(&d->targets, d->route.host, d->route.port, d->route.overrides,
                             d->route.override_count, &bad)) {
    case TB_OK:
        connect_to_any(d);
        break;
    case TB_ENOMEM:
        fail_no_memory(d);
        break;
    default:
        if (bad != NULL) {
            fail_override(d, bad);
        } else {
            look_up(d);
        }
        break;
    }
}

static void fail_interface(struct dial *d, int error) {
    say_nothing_yet(d);
    say(d, "cannot use the interface '");
    say_safe(d, d->route.interface);
    say(d, "' (");
    if (error == ENODEV) {
        say(d, "no such device or address");
    } else {
        say_error(d, error);
    }
    say(d, ")");
    fail(d, error == ENOMEM ? DIAL_NOMEM : DIAL_NO_CONNECTION);
}

/* False: the dial has failed. */
static bool begin_interface(struct dial *d) {
    int error = source_init(&d->source, d->route.interface);
    int family = source_family(&d->source);
    if (error == 0 && family != AF_UNSPEC && d->route.family != AF_UNSPEC &&
        family != d->route.family) {
        error = EAFNOSUPPORT;
    }
    if (error != 0) {
        fail_interface(d, error);
        return false;
    }
    d->targets.family = family != AF_UNSPEC ? family : d->route.family;
    return true;
}

static void begin_unix(struct dial *d) {
    switch (targets_add_unix(&d->targets, d->route.unix_path)) {
    case TB_OK:
        connect_to_targets(d);
        break;
    case TB_ENOMEM:
        fail_no_memory(d);
        break;
    default:
        say_nothing_yet(d);
        say(d, "cannot connect to the Unix socket '");
        say_safe(d, d->route.unix_path);
        say(d, "' (a socket's path has 1 to 107 bytes)");
        fail(d, DIAL_NO_CONNECTION);
        break;
    }
}

static void on_begin(struct loop_task *task) {
    struct dial *d = (struct dial *)task;
    enter(d);
    d->is_in_mailbox = false;
    if (!d->is_over) {
        if (d->route.unix_path != NULL) {
            begin_unix(d);
        } else if (begin_interface(d)) {
            begin_host(d);
        }
    }
    leave(d);
}

struct dial *dial_start(struct loop *loop, const struct dial_route *route,
                        const struct dial_events *events, void *ctx) {
    struct dial *d = calloc(1, sizeof *d);
    if (d == NULL) {
        return NULL;
    }
    d->begin.run = on_begin;
    d->loop = loop;
    d->route = *route;
    d->events = *events;
    d->ctx = ctx;
    d->targets = (struct targets)TARGETS_INIT;
    d->times.started_us = now_us();
    d->is_in_mailbox = true;
    loop_post(loop, &d->begin);
    return d;
}

void dial_cancel(struct dial *d) {
    d->is_over = true;
    if (d->lookup != NULL) {
        lookup_cancel(d->lookup);
        d->lookup = NULL;
    }
    if (d->race != NULL) {
        race_cancel(d->race);
        d->race = NULL;
    }
    free_if_over(d);
}
