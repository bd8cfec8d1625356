/* A reader of so much of PCRE2's syntax as is needed to be sure: what it does not know for certain,
 * in any version and at any depth, makes it give up. A literal that is missed costs time, a wrong
 * one a match.
 *
 * The pattern is a row of items: characters that stand for themselves, which run together into
 * literals, and others, which end a run. */
#include "base/pattern.h"

#include <string.h>

#include "base/ascii.h"
#include "base/err.h"

enum kind {
    KIND_CHAR,   /* stands for itself */
    KIND_OTHER,  /* whatever else may be repeated, or matches no text at all */
    KIND_UNKNOWN /* nothing is known of the whole pattern */
};

/* What may stand behind an item. */
struct repeat {
    bool present;
    bool may_be_none; /* zero times are allowed */
};

struct run {
    size_t begin; /* in the characters read so far */
    size_t len;
};

struct reader {
    const char *next;
    struct bytes chars; /* those that stand for themselves, of all runs */
    struct run run;
    struct run longest;
    bool failed; /* memory is out */
};

static bool is_punctuation(char c) {
    return c > ' ' && c < 0x7f && !ascii_is_alpha(c) && !ascii_is_digit(c);
}

/* Letters that make an item of their own, whatever follows. */
static bool is_one_item(char c) {
    return c != '\0' && strchr("dDwWsShHvVRXbBAzZaefnrt", c) != NULL;
}

/* \x, \p, \1 and their like: where an item ends that begins so is not known, but none of them hides
 * a bracket. */
static bool hides_no_bracket(char c) {
    return is_punctuation(c) || c == ' ' || is_one_item(c) || ascii_is_digit(c) ||
           (c != '\0' && strchr("xpP", c) != NULL);
}

/* From [: on; *p is left behind the :]. False: not understood. */
static bool skip_posix_class(const char **p) {
    const char *c = *p + 2;
    c += *c == '^';
    while (ascii_is_alpha(*c)) {
        c++;
    }
    if (c[0] != ':' || c[1] != ']') {
        return false;
    }
    *p = c + 2;
    return true;
}

/* From [ on; *p is left behind the ]. False: not understood. */
static bool skip_class(const char **p) {
    const char *c = *p + 1;
    c += *c == '^';
    c += *c == ']';
    while (*c != ']') {
        if (*c == '\0' || (*c == '\\' && !hides_no_bracket(c[1]))) {
            return false;
        }
        if (*c != '[') {
            c += *c == '\\' ? 2 : 1;
        } else if (c[1] != ':' || !skip_posix_class(&c)) {
            return false;
        }
    }
    *p = c + 1;
    return true;
}

/* From ( on; *p is left where the group's content, or its name, begins. Options, verbs, conditions,
 * comments and calls are not understood. */
static bool skip_group_opening(const char **p) {
    static const char *const openings[] = {
        "(?:", "(?=", "(?!", "(?<=", "(?<!", "(?>", "(?<", "(?P<"};
    const char *c = *p;
    if (c[1] != '?' && c[1] != '*') {
        *p = c + 1;
        return true;
    }
    for (size_t i = 0; i < sizeof(openings) / sizeof(openings[0]); i++) {
        size_t len = strlen(openings[i]);
        if (strncmp(c, openings[i], len) == 0) {
            *p = c + len;
            return true;
        }
    }
    return false;
}

/* One step over what stands in a group, which changes the depth at a bracket. */
static bool skip_in_group(const char **p, size_t *depth) {
    switch (**p) {
    case '\0':
        return false;
    case '(':
        (*depth)++;
        return skip_group_opening(p);
    case '[':
        return skip_class(p);
    case '\\':
        *p += 2;
        return hides_no_bracket((*p)[-1]);
    case ')':
        (*depth)--;
        break;
    default:
        break;
    }
    (*p)++;
    return true;
}

/* From ( on; *p is left behind the ). False: not understood. */
static bool skip_group(const char **p) {
    size_t depth = 0;
    do {
        if (!skip_in_group(p, &depth)) {
            return false;
        }
    } while (depth > 0);
    return true;
}

/* Digits, which must be there; whether all of them are 0. */
static bool read_number(const char **p, bool *is_zero) {
    const char *begin = *p;
    *is_zero = true;
    for (; ascii_is_digit(**p); (*p)++) {
        *is_zero = *is_zero && **p == '0';
    }
    return *p > begin;
}

/* {n}, {n,} or {n,m}, from the { on. */
static bool read_braces(const char **p, struct repeat *repeat) {
    bool ignored;
    (*p)++;
    if (!read_number(p, &repeat->may_be_none)) {
        return false;
    }
    if (**p == ',') {
        (*p)++;
        read_number(p, &ignored);
    }
    repeat->present = true;
    return *(*p)++ == '}';
}

/* Whether what begins with this { might be a repetition; some versions know {,n} and blanks. */
static bool is_brace_of_repeat(const char *p) {
    return p[0] == '{' && (ascii_is_digit(p[1]) || p[1] == ',' || p[1] == ' ' || p[1] == '\t');
}

static bool is_repeat(const char *p) {
    return *p == '*' || *p == '+' || *p == '?' || is_brace_of_repeat(p);
}

/* A repetition, if there is one, and its ? or +. False: not understood. */
static bool read_repeat(const char **p, struct repeat *repeat) {
    *repeat = (struct repeat){0};
    if (!is_repeat(*p)) {
        return true;
    }
    if (**p == '{') {
        if (!read_braces(p, repeat)) {
            return false;
        }
    } else {
        *repeat = (struct repeat){.present = true, .may_be_none = **p != '+'};
        (*p)++;
    }
    *p += **p == '?' || **p == '+';
    return !is_repeat(*p);
}

static void end_run(struct reader *r) {
    if (r->run.len > r->longest.len) {
        r->longest = r->run;
    }
    r->run = (struct run){.begin = r->chars.len, .len = 0};
}

static void add_char(struct reader *r, const char *p, size_t n, const struct repeat *repeat) {
    if (!repeat->may_be_none) {
        r->failed = r->failed || bytes_append(&r->chars, p, n) != TB_OK;
        r->run.len += n;
    }
    if (repeat->present) {
        end_run(r);
    }
}

/* The bytes of the UTF-8 character at p. */
static size_t char_len(const char *p) {
    size_t len = 1;
    while (((unsigned char)p[len] & 0xc0) == 0x80) {
        len++;
    }
    return len;
}

/* From \ on. */
static enum kind read_escape(const char **p) {
    char c = (*p)[1];
    if (is_punctuation(c) || c == ' ') {
        *p += 1;
        return KIND_CHAR;
    }
    *p += 2;
    return is_one_item(c) ? KIND_OTHER : KIND_UNKNOWN;
}

/* Leaves *p at a character, or behind anything else. */
static enum kind read_item(const char **p) {
    switch (**p) {
    case '\\':
        return read_escape(p);
    case '(':
        return skip_group(p) ? KIND_OTHER : KIND_UNKNOWN;
    case '[':
        return skip_class(p) ? KIND_OTHER : KIND_UNKNOWN;
    case '|':
    case ')':
        return KIND_UNKNOWN;
    case '.':
    case '^':
    case '$':
        (*p)++;
        return KIND_OTHER;
    default:
        return is_repeat(*p) ? KIND_UNKNOWN : KIND_CHAR;
    }
}

/* An item and its repetition. False: not understood. */
static bool read_repeated(struct reader *r) {
    struct repeat repeat;
    enum kind kind = read_item(&r->next);
    if (kind == KIND_UNKNOWN) {
        return false;
    }
    const char *begin = r->next;
    size_t len = kind == KIND_CHAR ? char_len(begin) : 0;
    r->next += len;
    if (!read_repeat(&r->next, &repeat)) {
        return false;
    }
    if (kind == KIND_CHAR) {
        add_char(r, begin, len, &repeat);
    } else {
        end_run(r);
    }
    return true;
}

/* Gives r->longest; none where something is not understood. */
static void read_all(struct reader *r) {
    while (*r->next != '\0') {
        if (!read_repeated(r)) {
            r->longest.len = 0;
            return;
        }
    }
    end_run(r);
}

int pattern_required(const char *text, struct bytes *literal) {
    struct reader r = {.next = text};
    read_all(&r);
    int err = r.failed ? TB_ENOMEM : TB_OK;
    if (err == TB_OK && r.longest.len > 0) {
        err = bytes_append(literal, r.chars.data + r.longest.begin, r.longest.len);
    }
    bytes_release(&r.chars);
    return err;
}
