#include <string.h>

#include "base/err.h"
#include "script/matcher_state.h"

static int describe(const struct matcher *m, struct bytes *out);

/* ---- of a value: what it does ---- */

static int value_verb(const struct matcher *m, struct bytes *out);

static int join(const struct matcher *m, const char *between, struct bytes *out,
                int (*put)(const struct matcher *m, struct bytes *out)) {
    int err = TB_OK;
    for (const struct matcher *part = m->first; err == TB_OK && part != NULL; part = part->next) {
        err = part == m->first ? TB_OK : bytes_append_str(out, between);
        err = err == TB_OK ? put(part, out) : err;
    }
    return err;
}

static int verb_and_wanted(const char *verb, const struct matcher *m, const char *behind,
                           struct bytes *out) {
    int err = bytes_append_str(out, verb);
    err = err == TB_OK ? phrase_wanted(out, m) : err;
    return err == TB_OK ? bytes_append_str(out, behind) : err;
}

static int verb_and_scalar(const char *verb, const struct matcher *m, struct bytes *out) {
    int err = bytes_append_str(out, verb);
    return err == TB_OK ? phrase_scalar(out, m->node->text, m->node->size) : err;
}

static int value_not(const struct matcher *m, struct bytes *out) {
    if (m->first->kind == MATCHER_TEXT) {
        return verb_and_scalar("is not ", m->first, out);
    }
    int err = bytes_append_str(out, "is none that ");
    return err == TB_OK ? value_verb(m->first, out) : err;
}

static int value_any(const struct matcher *m, struct bytes *out) {
    int err = bytes_append_str(out, "either ");
    return err == TB_OK ? join(m, " or ", out, value_verb) : err;
}

static int value_verb(const struct matcher *m, struct bytes *out) {
    switch (m->kind) {
    case MATCHER_TEXT:
        return verb_and_scalar("is ", m, out);
    case MATCHER_CONTAINS:
        return verb_and_wanted("has ", m, " in it", out);
    case MATCHER_STARTS:
        return verb_and_wanted("begins with ", m, "", out);
    case MATCHER_ENDS:
        return verb_and_wanted("ends with ", m, "", out);
    case MATCHER_REGEX:
        return verb_and_wanted("matches ", m, "", out);
    case MATCHER_EXISTS:
        return bytes_append_str(out, m->of.exists ? "is there" : "is missing");
    case MATCHER_NOT:
        return value_not(m, out);
    case MATCHER_ANY:
        return value_any(m, out);
    default:
        return m->first == NULL ? bytes_append_str(out, "is there")
                                : join(m, " and ", out, value_verb);
    }
}

/* ---- of a message: what it is like ---- */

static int like_value(const struct matcher *m, struct bytes *out) {
    if (m->first == NULL) {
        return bytes_append_str(out, "that is JSON");
    }
    int err = bytes_append_str(out, "where ");
    err = err == TB_OK ? phrase_place(out, m) : err;
    err = err == TB_OK ? bytes_append_str(out, " ") : err;
    return err == TB_OK ? value_verb(m->first, out) : err;
}

static int like_binary(const struct matcher *m, struct bytes *out) {
    int err = bytes_append_str(out, "of the bytes ");
    return err == TB_OK ? phrase_cut(out, m->node->text, m->node->size) : err;
}

static int like_size(const struct matcher *m, struct bytes *out) {
    int err = bytes_append_str(out, "of ");
    err = err == TB_OK ? phrase_size(out, m->of.size) : err;
    bool one = m->of.size.min == 1 && m->of.size.max == 1;
    return err == TB_OK ? bytes_append_str(out, one ? " byte" : " bytes") : err;
}

static int like_times(const struct matcher *m, struct bytes *out) {
    return m->of.times.limit == 1 ? bytes_append_str(out, "the first time")
                                  : bytes_appendf(out, "the first %u times", m->of.times.limit);
}

static int like_combined(const char *before, const struct matcher *m, const char *between,
                         struct bytes *out) {
    int err = bytes_append_str(out, before);
    return err == TB_OK ? join(m, between, out, describe) : err;
}

static int like(const struct matcher *m, struct bytes *out) {
    switch (m->kind) {
    case MATCHER_TEXT:
        return verb_and_wanted("that is ", m, "", out);
    case MATCHER_CONTAINS:
        return verb_and_wanted("with ", m, " in it", out);
    case MATCHER_STARTS:
        return verb_and_wanted("that begins with ", m, "", out);
    case MATCHER_ENDS:
        return verb_and_wanted("that ends with ", m, "", out);
    case MATCHER_REGEX:
        return verb_and_wanted("that matches ", m, "", out);
    case MATCHER_BINARY:
        return like_binary(m, out);
    case MATCHER_SIZE:
        return like_size(m, out);
    case MATCHER_FROM:
        return bytes_append_str(out, m->of.from_client ? "from the client" : "from the server");
    case MATCHER_CHANCE:
        return bytes_appendf(out, "in %g %% of the cases", (double)m->of.millionths / 10000);
    case MATCHER_TIMES:
        return like_times(m, out);
    case MATCHER_NOT:
        return like_combined("but not ", m, "", out);
    case MATCHER_ANY:
        return like_combined("that is either ", m, " or ", out);
    case MATCHER_ALL:
        return like_combined("that is ", m, " and ", out);
    default:
        return like_value(m, out);
    }
}

/* ---- the whole ---- */

/* What a mapping is about, as far as its conditions show. */
struct noun {
    const struct matcher *type; /* that is written */
    const struct matcher *text; /* that it is, where no type is written */
    bool bytes;                 /* they are looked at as a text's */
    bool binary;
    bool handshake;
};

static struct noun find_noun(const struct matcher *m) {
    struct noun noun = {.bytes = false};
    bool message = false;
    for (const struct matcher *part = m->first; part != NULL; part = part->next) {
        noun.type = part->kind == MATCHER_TYPE && !part->implicit ? part : noun.type;
        noun.text = part->kind == MATCHER_TEXT ? part : noun.text;
        noun.bytes = noun.bytes ||
                     (part->kind >= MATCHER_CONTAINS && part->kind <= MATCHER_REGEX) ||
                     part->kind == MATCHER_JSON;
        noun.binary = noun.binary || part->kind == MATCHER_BINARY;
        noun.handshake =
            noun.handshake || (part->kind >= MATCHER_HEADER && part->kind <= MATCHER_PATH);
        message = message || (part->kind >= MATCHER_TEXT && part->kind <= MATCHER_JSON);
    }
    noun.text = noun.type == NULL ? noun.text : NULL;
    noun.handshake = noun.handshake && !message;
    return noun;
}

static int put_noun(const struct noun *noun, struct bytes *out) {
    if (noun->type != NULL) {
        return phrase_types_or(out, noun->type->of.types, phrase_types);
    }
    if (noun->text != NULL) {
        return verb_and_wanted("the text ", noun->text, "", out);
    }
    return bytes_append_str(out, noun->binary      ? "a binary message"
                                 : noun->bytes     ? "a text"
                                 : noun->handshake ? "a handshake"
                                                   : "a message");
}

static int describe(const struct matcher *m, struct bytes *out) {
    if (m->kind == MATCHER_TEXT) {
        return verb_and_wanted("the text ", m, "", out);
    }
    struct noun noun = find_noun(m);
    int err = put_noun(&noun, out);
    const char *before = " ";
    for (const struct matcher *part = m->first; err == TB_OK && part != NULL; part = part->next) {
        if (part->kind == MATCHER_TYPE || part == noun.text) {
            continue;
        }
        err = bytes_append_str(out, before);
        err = err == TB_OK ? like(part, out) : err;
        before = ", ";
    }
    return err;
}

int matcher_describe(const struct matcher *m, struct bytes *out) {
    size_t len_before = out->len;
    int err = describe(m, out);
    if (err != TB_OK) {
        out->len = len_before;
    }
    return err;
}

int matcher_describe_value(const struct matcher *m, struct bytes *out) {
    return value_verb(m, out);
}
