/* app/serve/page.h - what a plain GET is answered: what this is, and how to connect. */
#ifndef TB_APP_SERVE_PAGE_H
#define TB_APP_SERVE_PAGE_H

#include "base/bytes.h"

struct page {
    struct bytes html; /* terminated */
    struct bytes text; /* terminated */
};

/* How the server behaves. */
enum page_behaviour {
    PAGE_ECHO,  /* every message comes back to its sender */
    PAGE_FILE,  /* as somebody's file says */
    PAGE_THREE, /* the article's modes, but nothing unasked */
    PAGE_FOUR_MODES
};

/* Writes both pages for a server that listens on that URL, whose host is one that resolves (it has
 * no character that HTML would take for markup); NULL: on a Unix socket only. TB_OK or TB_ENOMEM;
 * release in any case. */
int page_init(struct page *page, const char *url, enum page_behaviour behaviour);
void page_release(struct page *page);

#endif
