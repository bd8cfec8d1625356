/* app/dial/plan_state.h - a plan's inside; for the files of this folder only. */
#ifndef TB_APP_DIAL_PLAN_STATE_H
#define TB_APP_DIAL_PLAN_STATE_H

#include "app/dial/cookies.h"
#include "app/dial/headers.h"
#include "app/dial/plan.h"
#include "app/dial/proxies.h"
#include "app/dial/routes.h"
#include "app/dial/words.h"
#include "proto/url.h"

/* What is dialled for one URL: the one that was given, or the one that redirects led to. */
struct aim {
    struct url url;
    bool is_home; /* it has the scheme, host and port of the URL that was given */
    char *text;   /* the URL without user and password */
    char *host;   /* of the Host header */
    struct words lines;
    bool has_login; /* among the lines */
    struct proxy_choice proxy;
    struct client_target target;
};

struct dial_plan {
    const struct dial_flags *flags;
    struct headers headers;
    struct cookies cookies;
    struct bytes cookie_text; /* of -b 'a=b; c=d' */
    struct routes routes;
    struct ws_deflate offer;
    char *user_agent; /* NULL: none */
    const char *origin;
    const char **subprotocols; /* of flags and headers */
    size_t subprotocol_count;
    char *cert_file;              /* of --cert, NULL: none */
    const char *passphrase;       /* of its key */
    char *cert_passphrase;        /* the one of --cert FILE:PASS */
    struct dial_plan *tls_keeper; /* whose contexts are used: another plan's, or its own */
    struct tls_context *tls_home; /* with our certificate, made once it is needed */
    struct tls_context *tls_away; /* without */
    struct aim *first;
    struct aim *now;    /* NULL: the first */
    uint64_t redirects; /* followed since the first */
    uint64_t tries;     /* retries so far */
    uint64_t pause_ms;  /* before the next one */
    struct bytes hint;  /* terminated */
};

/* Reads the plan's flags. TB_OK; TB_EINVAL, and *message names the flag; or TB_ENOMEM. */
int plan_take_flags(struct dial_plan *p, const char *version, struct bytes *message);

const struct aim *plan_aim(const struct dial_plan *p);

/* Whether the answer is one of 3xx with a Location. */
bool plan_is_redirect(const struct client_refusal *r);

/* Where such an answer leads. TB_OK; TB_EINVAL, and *message says why nowhere; or TB_ENOMEM. */
int plan_resolve(const struct dial_plan *p, const struct client_refusal *r, struct url *url,
                 struct bytes *message);

/* What the answer's Retry-After says in seconds, six hours at most; 0 if there is none. */
uint64_t plan_retry_after_s(const struct client_refusal *r);

/* The context for that URL; the plan keeps it. TB_OK, TB_ENOMEM, or TB_EINVAL and *message says
 * which file is wrong. */
int plan_tls(struct dial_plan *p, const struct url *url, struct tls_context **tls,
             struct bytes *message);

/* Aims at a URL, which is taken over, also where it fails. TB_OK; TB_EINVAL, and *message says why
 * not; or TB_ENOMEM. */
int aim_new(struct dial_plan *p, struct url *url, struct aim **aim, struct bytes *message);

/* NULL is allowed. */
void aim_free(struct aim *a);

#endif
