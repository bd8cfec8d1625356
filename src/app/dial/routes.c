#include "app/dial/routes.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/units.h"
#include "net/host.h"

/* Cuts a host off at the ':' behind it and takes away its brackets; *text goes on behind the ':'.
 * NULL if there is none and one is needed. */
static char *cut_host(char **text, bool is_last) {
    char *host = *text;
    char *end = host[0] == '[' ? strchr(host, ']') : host;
    char *colon = end != NULL ? strchr(end, ':') : NULL;
    if (end == NULL || (colon == NULL && !is_last) ||
        (host[0] == '[' && end[1] != '\0' && end[1] != ':')) {
        return NULL;
    }
    *text = colon != NULL ? colon + 1 : end + strlen(end);
    if (colon != NULL) {
        *colon = '\0';
    }
    if (host[0] == '[') {
        *end = '\0';
        host++;
    }
    return host;
}

/* text is empty or a port. */
static bool read_port(const char *text, uint16_t *port) {
    uint64_t value = 0;
    bool good = *text == '\0' || units_count(text, 1, UINT16_MAX, &value) == TB_OK;
    *port = (uint16_t)value;
    return good;
}

/* Cuts a port off at the ':' behind it; *text goes on there. */
static bool cut_port(char **text, uint16_t *port) {
    char *word = *text;
    char *colon = strchr(word, ':');
    if (colon == NULL) {
        return false;
    }
    *colon = '\0';
    *text = colon + 1;
    return read_port(word, port);
}

/* ---- --resolve ---- */

static bool is_address(const char *text) {
    struct host_address ignored;
    return host_parse(&ignored, text, 0) == TB_OK;
}

/* Cuts the list at its commas. False if something in it is no address. */
static bool cut_addresses(char *list, const char **addresses, size_t *count) {
    *count = 0;
    for (char *p = list; p != NULL;) {
        char *comma = strchr(p, ',');
        if (comma != NULL) {
            *comma++ = '\0';
        }
        if (!is_address(p)) {
            return false;
        }
        addresses[(*count)++] = p;
        p = comma;
    }
    return *count > 0;
}

static size_t count_commas(const char *text) {
    size_t n = 0;
    for (; *text != '\0'; text++) {
        n += *text == ',';
    }
    return n;
}

/* text is ours to cut. A '+' in front lets curl forget the addresses after a while. */
static bool cut_override(char *text, struct dial_override *o, const char **addresses) {
    char *rest = text + (*text == '+');
    o->host = cut_host(&rest, false);
    if (o->host == NULL || o->host[0] == '\0') {
        return false;
    }
    bool good = cut_port(&rest, &o->port) && o->port != 0;
    o->addresses = addresses;
    return good && cut_addresses(rest, addresses, &o->address_count);
}

static int add_override(struct routes *r, const char *argument, struct bytes *message) {
    const char **addresses = calloc(count_commas(argument) + 1, sizeof *addresses);
    int err = addresses != NULL ? words_addf(&r->texts, "%s", argument) : TB_ENOMEM;
    if (err != TB_OK) {
        free(addresses);
        return err;
    }
    struct dial_override *o = &r->overrides[r->override_count++];
    o->addresses = addresses;
    if (!cut_override(r->texts.items[r->texts.count - 1], o, addresses)) {
        return words_refuse(message,
                            "option '--resolve' needs HOST:PORT:ADDRESS[,ADDRESS], "
                            "not '%s'",
                            argument);
    }
    return TB_OK;
}

/* ---- --connect-to ---- */

static bool cut_rule(char *rest, struct connect_rule *rule) {
    rule->from.host = cut_host(&rest, false);
    if (rule->from.host == NULL || !cut_port(&rest, &rule->from.port)) {
        return false;
    }
    rule->to.host = cut_host(&rest, true);
    return rule->to.host != NULL && read_port(rest, &rule->to.port);
}

static int add_rule(struct routes *r, const char *argument, struct bytes *message) {
    int err = words_addf(&r->texts, "%s", argument);
    if (err != TB_OK) {
        return err;
    }
    if (!cut_rule(r->texts.items[r->texts.count - 1], &r->rules[r->rule_count++])) {
        return words_refuse(message,
                            "option '--connect-to' needs HOST1:PORT1:HOST2:PORT2, each of "
                            "which may be empty, not '%s'",
                            argument);
    }
    return TB_OK;
}

static bool fits(const struct route_end *from, const struct route_end *end) {
    return (from->host[0] == '\0' || host_is_same(from->host, end->host)) &&
           (from->port == 0 || from->port == end->port);
}

struct route_end routes_end(const struct routes *r, struct route_end end) {
    for (size_t i = 0; i < r->rule_count; i++) {
        const struct connect_rule *rule = &r->rules[i];
        if (fits(&rule->from, &end)) {
            return (struct route_end){rule->to.host[0] != '\0' ? rule->to.host : end.host,
                                      rule->to.port != 0 ? rule->to.port : end.port};
        }
    }
    return end;
}

/* ---- both ---- */

int routes_read(struct routes *r, const struct option_list *resolve,
                const struct option_list *connect_to, struct bytes *message) {
    int err = TB_OK;
    r->overrides = calloc(resolve->count + 1, sizeof *r->overrides);
    r->rules = calloc(connect_to->count + 1, sizeof *r->rules);
    if (r->overrides == NULL || r->rules == NULL) {
        return TB_ENOMEM;
    }
    for (size_t i = 0; i < resolve->count && err == TB_OK; i++) {
        err = add_override(r, resolve->items[i], message);
    }
    for (size_t i = 0; i < connect_to->count && err == TB_OK; i++) {
        err = add_rule(r, connect_to->items[i], message);
    }
    return err;
}

void routes_release(struct routes *r) {
    for (size_t i = 0; i < r->override_count; i++) {
        free((void *)r->overrides[i].addresses);
    }
    free(r->overrides);
    free(r->rules);
    words_release(&r->texts);
    *r = (struct routes){.overrides = NULL};
}
