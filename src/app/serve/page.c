#include "app/serve/page.h"

#include "base/err.h"

static const char html_start[] =
    "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
    "<title>Taburet</title>\n"
    "<style>body{font:16px/1.5 sans-serif;max-width:40em;margin:3em auto;padding:0 1em}"
    "pre{background:#eee;color:#111;padding:1em;overflow:auto}"
    "td{padding:.2em 1em .2em 0;vertical-align:top}</style>\n"
    "<h1>This is a WebSocket server</h1>\n"
    "<p>It is Taburet, a practice server for testers. A browser's address bar speaks HTTP; this "
    "port speaks WebSocket, so the answer is 426 Upgrade Required.</p>\n";

static const char html_modes[] =
    "<p>Then try its modes:</p>\n<table>\n"
    "<tr><td><code>ws.send(\"hi\")</code><td>one answer, to everybody\n"
    "<tr><td><code>ws.send(\"double trouble\")</code><td>two answers, to everybody\n"
    "<tr><td><code>ws.send(\"please ignore me\")</code><td>no answer\n";

static const char html_unasked[] =
    "<tr><td>wait a few seconds<td><code>hello world 0</code>, which nobody asked for\n";

static const char html_end[] = "</table>\n";

static const char html_echo[] = "<p>Every message comes back to its sender.</p>\n";

static const char html_file[] = "<p>It behaves as a file says that somebody wrote for it.</p>\n";

static const char text_start[] = "This is Taburet, a WebSocket practice server. It answers plain "
                                 "HTTP with 426 Upgrade Required.\n";

static const char text_modes[] = "Send any text: it comes back, to everybody.\n"
                                 "A text with 'double' in it: two answers.\n"
                                 "A text with 'ignore' in it: no answer.\n";

static const char text_unasked[] = "Wait a few seconds: 'hello world 0', which nobody asked for.\n";

static const char text_file[] = "It behaves as a file says that somebody wrote for it.\n";

static const char text_echo[] = "Every message comes back to its sender.\n";

/* The pieces end with NULL. The terminator is appended, too. */
static int append_all(struct bytes *out, const char *const *pieces) {
    int err = TB_OK;
    for (; *pieces != NULL && err == TB_OK; pieces++) {
        err = bytes_append_str(out, *pieces);
    }
    return err == TB_OK ? bytes_append(out, "", 1) : err;
}

static int write_html(struct bytes *out, const char *url, enum page_behaviour behaviour) {
    const char *const end[][4] = {
        [PAGE_ECHO] = {html_echo},
        [PAGE_FILE] = {html_file},
        [PAGE_THREE] = {html_modes, html_end},
        [PAGE_FOUR_MODES] = {html_modes, html_unasked, html_end},
    };
    int err = bytes_append_str(out, html_start);
    if (err == TB_OK && url != NULL) {
        err = bytes_appendf(out,
                            "<p>To connect, open the browser's console (F12) and type:</p>\n"
                            "<pre>ws = new WebSocket(\"%s\")\n"
                            "ws.onmessage = e =&gt; console.log(e.data)</pre>\n",
                            url);
    }
    return err == TB_OK ? append_all(out, end[behaviour]) : err;
}

static int write_text(struct bytes *out, const char *url, enum page_behaviour behaviour) {
    const char *const end[][3] = {
        [PAGE_ECHO] = {text_echo},
        [PAGE_FILE] = {text_file},
        [PAGE_THREE] = {text_modes},
        [PAGE_FOUR_MODES] = {text_modes, text_unasked},
    };
    int err = bytes_append_str(out, text_start);
    if (err == TB_OK && url != NULL) {
        err = bytes_appendf(out,
                            "Connect to %s with a WebSocket client, for example in a browser's "
                            "console:\n\n"
                            "  ws = new WebSocket(\"%s\")\n"
                            "  ws.onmessage = e => console.log(e.data)\n"
                            "  ws.send(\"hi\")\n\n",
                            url, url);
    }
    return err == TB_OK ? append_all(out, end[behaviour]) : err;
}

int page_init(struct page *page, const char *url, enum page_behaviour behaviour) {
    *page = (struct page){BYTES_INIT, BYTES_INIT};
    int err = write_html(&page->html, url, behaviour);
    return err == TB_OK ? write_text(&page->text, url, behaviour) : err;
}

void page_release(struct page *page) {
    bytes_release(&page->html);
    bytes_release(&page->text);
}
