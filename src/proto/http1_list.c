/* The words of a head: comparing them, and walking the lists that they stand in. */
#include <string.h>

#include "base/ascii.h"
#include "proto/http1.h"

bool http1_str_is(struct http1_str s, const char *text) {
    return strlen(text) == s.n && memcmp(s.p, text, s.n) == 0;
}

bool http1_str_is_nocase(struct http1_str s, const char *text) {
    for (size_t i = 0; i < s.n; i++) {
        if (text[i] == '\0' || ascii_lower(s.p[i]) != ascii_lower(text[i])) {
            return false;
        }
    }
    return text[s.n] == '\0';
}

bool http1_str_is_token(struct http1_str s) {
    for (size_t i = 0; i < s.n; i++) {
        if (!http1_is_token_char((unsigned char)s.p[i])) {
            return false;
        }
    }
    return s.n > 0;
}

static bool is_space(char c) {
    return c == ' ' || c == '\t';
}

static struct http1_str trimmed(struct http1_str s) {
    while (s.n > 0 && is_space(s.p[0])) {
        s.p++;
        s.n--;
    }
    while (s.n > 0 && is_space(s.p[s.n - 1])) {
        s.n--;
    }
    return s;
}

/* Cuts the first element, and the comma behind it, off s. */
static struct http1_str cut_element(struct http1_str *s) {
    const char *comma = memchr(s->p, ',', s->n);
    size_t n = comma == NULL ? s->n : (size_t)(comma - s->p);
    struct http1_str element = {s->p, n};
    size_t taken = comma == NULL ? n : n + 1;
    s->p += taken;
    s->n -= taken;
    return trimmed(element);
}

/* Moves on to the next header of the name; false if there is none. */
static bool next_header(struct http1_list *l) {
    size_t count = http1_header_count(l->head);
    while (l->next < count) {
        size_t i = l->next++;
        if (http1_str_is_nocase(http1_header_name(l->head, i), l->name)) {
            l->rest = http1_header_value(l->head, i);
            return true;
        }
    }
    return false;
}

void http1_list_init(struct http1_list *l, const struct http1 *h, const char *name) {
    *l = (struct http1_list){.head = h, .name = name};
}

bool http1_list_next(struct http1_list *l, struct http1_str *element) {
    do {
        while (l->rest.n > 0) {
            *element = cut_element(&l->rest);
            if (element->n > 0) {
                return true;
            }
        }
    } while (next_header(l));
    return false;
}

bool http1_has_body(const struct http1 *h) {
    size_t lengths, encodings;
    struct http1_str length = http1_header(h, "Content-Length", &lengths);
    http1_header(h, "Transfer-Encoding", &encodings);
    bool is_empty = lengths == 0 || (lengths == 1 && http1_str_is(length, "0"));
    return !is_empty || encodings > 0;
}

bool http1_has_token(const struct http1 *h, const char *name, const char *token) {
    struct http1_list list;
    struct http1_str element;
    http1_list_init(&list, h, name);
    while (http1_list_next(&list, &element)) {
        if (http1_str_is_nocase(element, token)) {
            return true;
        }
    }
    return false;
}
