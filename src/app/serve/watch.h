/* app/serve/watch.h - a file that is served is loaded again when it changes.
 *
 * The folder is watched, for editors put a new file in the old one's place; where the file is a
 * link, what it leads to is looked at twice a second, besides. What has changed is read as soon as
 * it has been quiet for a moment. A file that is wrong is told, and the old one stays in force; one
 * that is right is in force on all threads, each on its own turn; connections stay.
 */
#ifndef TB_APP_SERVE_WATCH_H
#define TB_APP_SERVE_WATCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <uv.h>

#include "base/bytes.h"
#include "net/loop.h"

struct site;

struct watch {
    struct site *site;
    uv_fs_event_t events;
    uv_fs_poll_t looks; /* of a link */
    uv_timer_t quiet;
    struct bytes folder; /* terminated */
    const char *name;    /* of the file in it */
    bool active;
    unsigned version;       /* of the file: how often it has changed */
    atomic_bool incomplete; /* the last one could not be put in force everywhere */
};

/* Watches the site's file, on the loop, which is worker 0's. Where that cannot be done, the log
 * says so, and the server goes on. */
void watch_start(struct watch *w, struct site *site, struct loop *loop);

/* On the loop's thread; not started: nothing happens. */
void watch_stop(struct watch *w);
void watch_release(struct watch *w);

#endif
