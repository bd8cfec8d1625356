/* How a conversation ended: in words, and as an exit code. */
#include <inttypes.h>

#include "app/command.h"
#include "app/connect/talk.h"
#include "conn/conn.h"

static int judge_peer_close(struct talk *t, const struct conn_ending *e) {
    bool good = e->code == WS_CLOSE_NORMAL || e->code == WS_CLOSE_GOING_AWAY;
    if (!good && !show_tells_close(&t->show)) {
        show_error(&t->show, "the server closed the connection: %u %s%s%.*s%s", e->code,
                   ws_close_phrase(e->code), e->reason_size > 0 ? " \"" : "", (int)e->reason_size,
                   e->reason_size > 0 ? (const char *)e->reason : "",
                   e->reason_size > 0 ? "\"" : "");
    }
    return good ? EXIT_OK : EXIT_CLOSED;
}

static int judge_our_close(struct talk *t, const struct conn_ending *e) {
    if (e->silent) {
        show_error(&t->show, "no answer to a ping within %.3g s (--ping-timeout)",
                   (double)t->settings->ping_timeout_ms / 1e3);
        return EXIT_TIME;
    }
    if (t->dropped || e->answered) {
        return EXIT_OK;
    }
    show_error(&t->show, "the server did not answer our close");
    return EXIT_CLOSED;
}

static bool is_expected(const struct talk *t, const struct conn_ending *e) {
    return t->settings->expect_close != CLOSE_NOT_GIVEN && e->closer != CONN_CLOSED_BY_US &&
           e->code == t->settings->expect_close;
}

int talk_judge_end(struct talk *t, const struct conn_ending *e) {
    if (e->violation != WS_V_NONE) {
        if (e->violation == WS_V_MESSAGE_TOO_BIG) {
            show_note(&t->show, "the limit is ours: --max-message-size SIZE takes larger messages");
        }
        return EXIT_BROKE_RULE; /* the view has told which */
    }
    if (is_expected(t, e)) {
        return EXIT_OK;
    }
    if (e->closer == CONN_CLOSED_BY_PEER) {
        return judge_peer_close(t, e);
    }
    if (e->closer == CONN_CLOSED_BY_US) {
        return judge_our_close(t, e);
    }
    if (t->dropped) {
        return EXIT_OK;
    }
    if (show_tells_close(&t->show)) {
        return EXIT_CLOSED;
    }
    show_error(&t->show, "the connection was lost without a close%s%s%s",
               e->why_lost == NULL ? "" : " (", e->why_lost == NULL ? "" : e->why_lost,
               e->why_lost == NULL ? "" : ")");
    return EXIT_CLOSED;
}

int talk_judge_expectations(struct talk *t, const struct conn_ending *e, int code) {
    const struct connect_settings *s = t->settings;
    if (code == EXIT_BROKE_RULE) {
        return code; /* that explains what did not come */
    }
    if (expect_is_pending(&t->expect)) {
        talk_miss_message(t);
        return EXIT_EXPECTED;
    }
    if (s->expect_close == CLOSE_NOT_GIVEN) {
        return code;
    }
    if (is_expected(t, e)) {
        return EXIT_OK;
    }
    show_error(&t->show, "a close with %" PRIu64 " was expected, and it was %u", s->expect_close,
               e->code);
    return EXIT_EXPECTED;
}

void talk_miss_message(struct talk *t) {
    struct bytes why = BYTES_INIT;
    expect_explain(&t->expect, &why);
    show_error(&t->show, "%.*s", (int)why.len, (const char *)why.data);
    bytes_release(&why);
}

void talk_miss_close(struct talk *t) {
    show_error(&t->show, "the server did not close in time; a close with %" PRIu64 " was expected",
               t->settings->expect_close);
}
