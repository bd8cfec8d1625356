/* What a step does, in a few words. */
#include "base/err.h"
#include "script/matcher.h"
#include "script/scenario/scenario.h"

static int describe_send(const struct payloads *payloads, struct bytes *out) {
    int err = bytes_append_str(out, " ");
    err = err == TB_OK && payloads->count > 0 ? payload_describe(payloads->items[0], out) : err;
    return err == TB_OK && payloads->count > 1
               ? bytes_appendf(out, " and %zu more", payloads->count - 1)
               : err;
}

static int describe_close(const struct expected_close *e, struct bytes *out) {
    int err = e->has_code ? bytes_appendf(out, " %u", e->code) : TB_OK;
    if (err == TB_OK && e->has_closer) {
        err = bytes_append_str(out, e->closer == CONN_CLOSED_BY_US ? " by the client"
                                                                   : " by the server");
    }
    if (err == TB_OK && e->reason != NULL) {
        err = bytes_append_str(out, ", the reason ");
        err = err == TB_OK ? matcher_describe(e->reason, out) : err;
    }
    return err;
}

static int describe_matcher(const struct matcher *m, struct bytes *out) {
    int err = bytes_append_str(out, " ");
    return err == TB_OK ? matcher_describe(m, out) : err;
}

int step_describe(const struct step *step, struct bytes *out) {
    size_t before = out->len;
    int err = bytes_append_str(out, step_verb_names[step->verb]);
    if (err != TB_OK) {
        return err;
    }
    switch (step->verb) {
    case STEP_SEND:
        err = describe_send(&step->send, out);
        break;
    case STEP_EXPECT:
    case STEP_AWAIT:
        err = describe_matcher(step->expect.matcher, out);
        break;
    case STEP_SILENCE:
        err = bytes_appendf(out, " for %.3g s", (double)step->silence_ms / 1e3);
        break;
    case STEP_UNORDERED:
        err = bytes_appendf(out, ": %zu messages", step->unordered.count);
        break;
    case STEP_EXPECT_CLOSE:
        err = describe_close(&step->expect_close, out);
        break;
    case STEP_CLOSE:
        err = bytes_appendf(out, " with %u", step->close.code);
        break;
    case STEP_VERIFY:
        err = describe_matcher(step->verify.matcher, out);
        break;
    default:
        break;
    }
    if (err != TB_OK) {
        out->len = before;
    }
    return err;
}
