#include <string.h>

#include "base/err.h"
#include "script/document_state.h"

/* Where a saying points: at what libyaml stumbled over, or at the beginning of what it was reading
 * then; and, where the saying has a %u, the line of that beginning is put there. */
enum points_at { AT_PROBLEM, AT_CONTEXT };

/* libyaml's words (pieces of them; NULL: any), and ours. The first that fits counts. */
struct saying {
    const char *context;
    const char *problem;
    enum points_at at;
    const char *words;
};

#define TAGS "tags are not understood here (a text that begins with ! needs quotes)"

static const struct saying sayings[] = {
    {NULL, "tab character", AT_PROBLEM, "a tab cannot indent: use spaces"},
    {"block scalar", NULL, AT_PROBLEM,
     "nothing but a line's end may stand behind | or > (a text that begins with it needs quotes)"},
    {"an anchor", NULL, AT_CONTEXT,
     "a name stands behind &, in letters, digits, - and _ (a text that begins with & needs "
     "quotes)"},
    {"an alias", NULL, AT_CONTEXT,
     "a name stands behind *, in letters, digits, - and _ (a text that begins with * needs "
     "quotes)"},
    {"a tag", NULL, AT_CONTEXT, TAGS},
    {NULL, "undefined tag handle", AT_CONTEXT, TAGS},
    {"quoted scalar", "end of stream", AT_CONTEXT, "this quote has no end"},
    {"quoted scalar", "document indicator", AT_CONTEXT,
     "this quote has no end before a line with --- or ..."},
    {"quoted scalar", "unknown escape", AT_PROBLEM,
     "an unknown escape: in double quotes, \\\\ is a backslash; in single quotes, each is one"},
    {"quoted scalar", "hexdecimal", AT_PROBLEM,
     "hexadecimal digits are missing: an escape is \\xHH, \\uHHHH or \\UHHHHHHHH"},
    {"quoted scalar", "Unicode character escape", AT_PROBLEM,
     "no character has this number (surrogates: write the character itself, or \\UHHHHHHHH)"},
    {"simple key", "expected ':'", AT_CONTEXT,
     "a ':' and a space are missing behind this key (a text of several lines needs quotes or |)"},
    {NULL, "block sequence entries are not allowed", AT_PROBLEM,
     "a list cannot begin here: begin it on a line of its own, or write [a, b] (a text that begins "
     "with '- ' needs quotes)"},
    {NULL, "mapping values are not allowed", AT_PROBLEM,
     "a ':' cannot stand here (is the line above complete, and the indentation right?)"},
    {NULL, "mapping keys are not allowed", AT_PROBLEM,
     "a key cannot begin here (a text that begins with '? ' needs quotes)"},
    {"block collection", "'-' indicator", AT_PROBLEM,
     "this does not belong to the list that begins on line %u: its items begin with '- ' (is the "
     "indentation right?)"},
    {"block mapping", "expected key", AT_PROBLEM,
     "this is no key of the mapping that begins on line %u (is the indentation right?)"},
    {"flow sequence", "',' or ']'", AT_PROBLEM,
     "a ',' or ']' is missing before this, in the list that begins on line %u (a text with one of "
     "[ ] { } , in it needs quotes there)"},
    {"flow mapping", "',' or '}'", AT_PROBLEM,
     "a ',' or '}' is missing before this, in the mapping that begins on line %u (a text with one "
     "of [ ] { } , in it needs quotes there)"},
    {NULL, "expected node content", AT_PROBLEM,
     "a value is missing here (a text with one of [ ] { } , in front needs quotes)"},
    {NULL, "expected <document start>", AT_PROBLEM,
     "this stands behind the end of what the file says (is the indentation right?)"},
    {"plain scalar", "unexpected ':'", AT_PROBLEM,
     "a ':' cannot stand here (a text with ':' in it needs quotes between [ ] or { })"},
};

static bool has(const char *text, const char *piece) {
    return piece == NULL || (text != NULL && strstr(text, piece) != NULL);
}

static const struct saying *find_saying(const yaml_parser_t *parser) {
    for (size_t i = 0; i < sizeof(sayings) / sizeof(sayings[0]); i++) {
        const struct saying *s = &sayings[i];
        if (has(parser->context, s->context) && has(parser->problem, s->problem)) {
            return s;
        }
    }
    return NULL;
}

/* ---- sayings that depend on what stands there ---- */

static char byte_at(const struct document *doc, size_t at) {
    return at < doc->text.len ? (char)doc->text.data[at] : '\0';
}

/* Whether only white space stands in text[from..to). */
static bool is_blank(const struct document *doc, size_t from, size_t to) {
    while (from < to && memchr(" \t\r\n", doc->text.data[from], 4) != NULL) {
        from++;
    }
    return from >= to;
}

/* Something behind a value on its line is no matter of indentation. */
static bool is_behind_a_value(const struct document *doc, size_t at) {
    size_t begin, end;
    place_line(doc, at, &begin, &end);
    return !is_blank(doc, begin, at);
}

/* A second ": " on a line belongs to a text. */
static bool is_behind_a_colon(const struct document *doc, size_t at) {
    size_t begin, end;
    place_line(doc, at, &begin, &end);
    return memmem(doc->text.data + begin, at - begin, ": ", 2) != NULL;
}

/* A character with which nothing begins. */
static int refuse_character(const struct document *doc, size_t at, struct bytes *message) {
    char c = byte_at(doc, at);
    return c == '\t' ? document_refuse_byte(doc, at, message, "a tab cannot indent: use spaces")
                     : document_refuse_byte(doc, at, message,
                                            "a text cannot begin with '%c': put it in quotes", c);
}

/* Those that no saying tells well enough; *told says whether it was one. */
static int refuse_in_sight(const struct document *doc, const yaml_parser_t *parser, size_t problem,
                           size_t context, struct bytes *message, bool *told) {
    *told = true;
    if (has(parser->problem, "cannot start any token")) {
        return refuse_character(doc, problem, message);
    }
    if (has(parser->problem, "mapping values") && is_behind_a_colon(doc, problem)) {
        return document_refuse_byte(doc, problem, message,
                                    "a ':' cannot stand here (a text with ': ' in it needs "
                                    "quotes)");
    }
    bool at_end = is_blank(doc, problem, doc->text.len);
    if (at_end && has(parser->context, "flow node")) {
        return document_refuse_byte(doc, problem, message,
                                    "the file ends here, and a [ or { is still open");
    }
    if (at_end && has(parser->problem, "',' or ")) {
        return document_refuse_byte(doc, context, message, "this '%c' is never closed",
                                    byte_at(doc, context));
    }
    bool key = has(parser->problem, "expected key") || has(parser->problem, "'-' indicator");
    if (key && is_behind_a_value(doc, problem)) {
        return document_refuse_byte(doc, problem, message,
                                    "something stands behind the value (a text that only begins "
                                    "with a quote, [ or { needs quotes around all of it)");
    }
    *told = false;
    return TB_OK;
}

/* ---- the whole ---- */

static struct place place_of(const struct document *doc, const yaml_mark_t *mark) {
    struct place place;
    place_init(&place, doc);
    place_to_character(&place, doc, mark->index);
    return place;
}

static int refuse_saying(const struct document *doc, const struct saying *s,
                         const struct place *problem, const struct place *context,
                         struct bytes *message) {
    const char *line = strstr(s->words, "%u");
    size_t at = s->at == AT_CONTEXT ? context->byte : problem->byte;
    if (line == NULL) {
        return document_refuse_byte(doc, at, message, "%s", s->words);
    }
    return document_refuse_byte(doc, at, message, "%.*s%u%s", (int)(line - s->words), s->words,
                                context->line, line + 2);
}

int document_refuse_yaml(const struct document *doc, const yaml_parser_t *parser,
                         struct bytes *message) {
    if (parser->error == YAML_MEMORY_ERROR) {
        return TB_ENOMEM;
    }
    if (parser->error == YAML_READER_ERROR) {
        return document_refuse_byte(doc, doc->start + parser->problem_offset, message, "%s",
                                    parser->problem);
    }
    struct place problem = place_of(doc, &parser->problem_mark);
    struct place context = parser->context != NULL ? place_of(doc, &parser->context_mark) : problem;
    bool told;
    int err = refuse_in_sight(doc, parser, problem.byte, context.byte, message, &told);
    if (told) {
        return err;
    }
    const struct saying *s = find_saying(parser);
    return s != NULL ? refuse_saying(doc, s, &problem, &context, message)
                     : document_refuse_byte(doc, problem.byte, message, "%s%s%s",
                                            parser->context != NULL ? parser->context : "",
                                            parser->context != NULL ? ": " : "", parser->problem);
}
