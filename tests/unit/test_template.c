#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "failing_alloc.h"
#include "proto/http1.h"
#include "reading.h"
#include "script/chance.h"
#include "script/message.h"
#include "script/template.h"

/* ---- what templates look at ---- */

static const char json_text[] =
    " {\"id\": 7, \"name\": \"A \\\"b\\\"\", \"ok\": true, \"none\": null, \"num\": \"12\",\n"
    "\"price\": 1.50, \"plain\": \"x\", \"list\": [{\"k\": 1}, {\"k\": 2}], \"a}b\": 3, \"big\": "
    "12345678901234567890} ";

struct world {
    struct chance chance;
    struct message message;
    struct captures captures;
    struct store own;
    struct store vars;
    struct store bob;
    const struct store *clients[2];
    struct peer peer;
    struct http1 *head;
    struct scope scope;
};

static struct world w;

static const struct path_part path_parts[] = {{"symbol", "EUR/USD", 7}, {"user-id", "9", 1}};

static int make_world(void **state) {
    (void)state;
    static const char request[] = "GET /feed?user=J%c3%bcrgen+B&n=5 HTTP/1.1\r\n"
                                  "User-Agent: test 1.0\r\nX-Tag: a\r\nX-Tag: b\r\n\r\n";
    size_t used;
    w = (struct world){0};
    chance_init(&w.chance, 42);
    message_set(&w.message, MESSAGE_TEXT, true, json_text, strlen(json_text));
    w.head = http1_new(HTTP1_REQUEST, &http1_default_limits);
    if (http1_feed(w.head, (const uint8_t *)request, strlen(request), &used) != HTTP1_DONE) {
        return -1;
    }
    w.peer = (struct peer){
        .id = 3, .address = "127.0.0.1:5000", .head = w.head, .path_count = 2, .path = path_parts};
    w.clients[0] = &w.own;
    w.clients[1] = &w.bob;
    w.scope = (struct scope){.message = &w.message,
                             .captures = &w.captures,
                             .own = &w.own,
                             .vars = &w.vars,
                             .peer = &w.peer,
                             .n = 4,
                             .chance = &w.chance,
                             .clients = w.clients};
    return 0;
}

static int end_world(void **state) {
    (void)state;
    message_release(&w.message);
    store_release(&w.own);
    store_release(&w.vars);
    store_release(&w.bob);
    http1_free(w.head);
    return 0;
}

static void say(const char *text) {
    message_set(&w.message, MESSAGE_TEXT, true, text, strlen(text));
}

/* ---- compiling and expanding ---- */

static const char *const no_clients[] = {NULL};
static const char *const two_clients[] = {"alice", "bob", NULL};

static void compile(struct reading *x, const char *text, const struct template **t) {
    assert_true(reading_init(x, text));
    int err = template_read(&x->r, x->node, t);
    if (err != TB_OK) {
        fail_msg("%.*s", (int)x->message.len, (const char *)x->message.data);
    }
}

typedef int expand(const struct template *t, struct scope *s, struct bytes *out);

static void assert_expanded_by(expand *f, const char *text, const char *expected,
                               const char *missing) {
    struct reading x;
    const struct template *t;
    struct bytes out = BYTES_INIT;
    compile(&x, text, &t);
    assert_int_equal(bytes_append_str(&out, ">"), TB_OK);
    w.scope.missing = "stale";
    assert_int_equal(f(t, &w.scope, &out), TB_OK);
    assert_int_equal(bytes_append(&out, "", 1), TB_OK);
    assert_string_equal((char *)out.data + 1, expected);
    assert_int_equal(w.scope.missing != NULL, missing != NULL);
    if (missing != NULL) {
        assert_string_equal(w.scope.missing, missing);
    }
    bytes_release(&out);
    reading_release(&x);
}

static void assert_expanded(const char *text, const char *expected) {
    assert_expanded_by(template_expand, text, expected, NULL);
}

static void assert_missing(const char *text, const char *expected, const char *missing) {
    assert_expanded_by(template_expand, text, expected, missing);
}

static void assert_json(const char *text, const char *expected) {
    assert_expanded_by(template_expand_json, text, expected, NULL);
}

static void assert_refused_to(const char *const *clients, const char *text, unsigned offset,
                              const char *why) {
    struct reading x;
    const struct template *t = NULL;
    assert_true(reading_init(&x, text));
    x.r.clients = clients;
    assert_int_equal(template_read(&x.r, x.node, &t), TB_EINVAL);
    reading_says(&x, 4 + offset, why);
    reading_release(&x);
}

static void assert_refused(const char *text, unsigned offset, const char *why) {
    assert_refused_to(NULL, text, offset, why);
}

/* ---- text ---- */

static void plain_text_stays(void **state) {
    (void)state;
    static const char *const texts[] = {"hi", "5 $ for $5", "a } b { c", "$", "$$", "it's $ {x}"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        struct reading x;
        const struct template *t;
        size_t n;
        compile(&x, texts[i], &t);
        const char *literal = template_literal(t, &n);
        assert_non_null(literal);
        assert_string_equal(literal, texts[i]);
        assert_int_equal(n, strlen(texts[i]));
        assert_false(template_is_single(t));
        reading_release(&x);
        assert_expanded(texts[i], texts[i]);
    }
}

static void two_dollars_and_a_brace_are_one_and_a_brace(void **state) {
    (void)state;
    struct reading x;
    const struct template *t;
    size_t n;
    compile(&x, "a $${n} b", &t);
    assert_string_equal(template_literal(t, &n), "a ${n} b");
    assert_int_equal(n, 8);
    reading_release(&x);
    assert_expanded("$$${n}", "$${n}");
    assert_expanded("$$$${n}", "$$${n}");
    assert_expanded("$ ${n} $${n}", "$ 4 ${n}");
}

static void a_single_one_is_known(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool single;
    } examples[] = {{"${text}", true},   {"${n + 1}", true}, {"${x:-a b}", true},
                    {"${n}${n}", false}, {"a${n}", false},   {"${n} b", false}};
    for (size_t i = 0; i < sizeof(examples) / sizeof(*examples); i++) {
        struct reading x;
        const struct template *t;
        size_t n;
        compile(&x, examples[i].text, &t);
        assert_int_equal(template_is_single(t), examples[i].single);
        assert_null(template_literal(t, &n));
        reading_release(&x);
    }
}

static void a_piece_of_a_scalar_is_compiled_alone(void **state) {
    (void)state;
    struct reading x;
    const struct template *t;
    size_t n;
    assert_true(reading_init(&x, "ab ${n} cd"));
    assert_int_equal(template_read_part(&x.r, x.node, 8, 2, &t), TB_OK);
    assert_string_equal(template_literal(t, &n), "cd");
    assert_int_equal(template_read_part(&x.r, x.node, 5, 0, &t), TB_OK);
    assert_string_equal(template_literal(t, &n), "");
    assert_int_equal(n, 0);
    assert_int_equal(template_read_part(&x.r, x.node, 3, 3, &t), TB_EINVAL);
    reading_says(&x, 7, "this ${ has no } that ends it");
    reading_release(&x);
}

/* ---- variables ---- */

static void the_message_is_text_as_it_came(void **state) {
    (void)state;
    say("hello");
    assert_expanded("${text}", "hello");
    assert_expanded("${text} #1, ${ text } #2", "hello #1, hello #2");
    message_set(&w.message, MESSAGE_TEXT, true, NULL, 0);
    assert_expanded("<${text}>", "<>");
    w.scope.message = NULL;
    assert_missing("<${text}>", "<>", "text");
    assert_missing("<${json}>", "<>", "json");
}

static void a_path_leads_into_the_messages_json(void **state) {
    (void)state;
    assert_expanded("${json.id}", "7");
    assert_expanded("${json.name}", "A \"b\"");
    assert_expanded("${json.plain}", "x");
    assert_expanded("${json.price} ${json.ok} ${json.none}", "1.50 true null");
    assert_expanded("${json.list[1].k}${json['list'][0][\"k\"]}", "21");
    assert_expanded("${json.list[-1]}", "{\"k\": 2}");
    assert_expanded("${json.list[*].k}", "1");
    assert_expanded("${json['a}b']}", "3");
    assert_missing("<${json.nope}>", "<>", "json.nope");
    assert_missing("<${json.list[2]}>", "<>", "json.list[2]");
}

static void json_alone_is_all_of_it(void **state) {
    (void)state;
    say(" [1, \"a\"] ");
    assert_expanded("${json}", "[1, \"a\"]");
    say("\"a\\n\"");
    assert_expanded("${json}", "\"a\\n\"");
    say("not json");
    assert_missing("<${json}>", "<>", "json");
    assert_missing("<${json.a}>", "<>", "json.a");
}

static void the_rule_and_the_connection_are_known(void **state) {
    (void)state;
    assert_expanded("${n} ${conn.id} ${conn.addr}", "4 3 127.0.0.1:5000");
    assert_expanded("${path.symbol} ${path.user-id}", "EUR/USD 9");
    assert_expanded("${query.user}", "J\xc3\xbcrgen B");
    assert_expanded("${header.user-agent} ${header.X-Tag}", "test 1.0 a, b");
    assert_missing("<${path.other}>", "<>", "path.other");
    assert_missing("<${query.other}>", "<>", "query.other");
    assert_missing("<${header.other}>", "<>", "header.other");
    w.peer.address = NULL;
    assert_missing("<${conn.addr}>", "<>", "conn.addr");
    w.scope.peer = NULL;
    assert_missing("<${conn.id}${conn.addr}${path.symbol}${query.user}${header.x-tag}>", "<>",
                   "conn.id");
}

/* A connection keeps what somebody asks for, and no more. */
static void what_a_connection_has_to_keep_is_said(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool head, address;
    } examples[] = {
        {"${text} ${conn.id} ${path.symbol} ${n}", false, false},
        {"${header.x-tag}", true, false},
        {"a ${nobody:-${query.n}}", true, false},
        {"${conn.addr}", false, true},
    };
    for (size_t i = 0; i < sizeof(examples) / sizeof(*examples); i++) {
        struct reading x;
        const struct template *t;
        compile(&x, examples[i].text, &t);
        assert_int_equal(x.r.reads_head, examples[i].head);
        assert_int_equal(x.r.reads_address, examples[i].address);
        reading_release(&x);
    }
}

static void the_environment_is_asked_each_time(void **state) {
    (void)state;
    struct reading x;
    const struct template *t;
    struct bytes out = BYTES_INIT;
    compile(&x, "${env.TABURET_TEST:-none};", &t);
    assert_int_equal(unsetenv("TABURET_TEST"), 0);
    assert_int_equal(template_expand(t, &w.scope, &out), TB_OK);
    assert_int_equal(setenv("TABURET_TEST", "some", 1), 0);
    assert_int_equal(template_expand(t, &w.scope, &out), TB_OK);
    assert_int_equal(unsetenv("TABURET_TEST"), 0);
    assert_int_equal(out.len, 10);
    assert_memory_equal(out.data, "none;some;", 10);
    bytes_release(&out);
    reading_release(&x);
}

static void now_is_the_systems_time(void **state) {
    (void)state;
    struct reading x;
    const struct template *t;
    struct bytes out = BYTES_INIT;
    struct tm tm = {0};
    compile(&x, "${now} ${now.ms}", &t);
    time_t before = time(NULL);
    assert_int_equal(template_expand(t, &w.scope, &out), TB_OK);
    time_t after = time(NULL);
    assert_int_equal(bytes_append(&out, "", 1), TB_OK);
    const char *rest = strptime((char *)out.data, "%Y-%m-%dT%H:%M:%S", &tm);
    assert_non_null(rest);
    assert_in_range(timegm(&tm), before, after);
    assert_int_equal(rest[0], '.');
    assert_int_equal(rest[4], 'Z');
    assert_in_range(strtoll(rest + 6, NULL, 10) / 1000, before, after);
    bytes_release(&out);
    reading_release(&x);
}

static void chance_comes_from_the_seed(void **state) {
    (void)state;
    assert_expanded("${fake.word}, ${fake.name}, ${fake.email}, ${uuid}",
                    "flame, Tom Koval, jana.larsen28@example.net, "
                    "d99a2743-ebe6-4087-b0ba-5b9c9ba5d91f");
    chance_init(&w.chance, 42);
    assert_expanded("${random(1,6)} ${random(1,6)} ${fake.int(1, 6)} ${random ( 1 , 6 )}",
                    "1 1 6 6");
    chance_init(&w.chance, 42);
    assert_expanded("${random(-3, -3)} ${fake.int(5,5)} ${fake.float(2,2)} ${random(0.5,0.5)}",
                    "-3 5 2 0.5");
    assert_expanded("${random(1,6) * 0 + fake.float(0,1) * 0}", "0");
}

static void a_name_is_caught_then_stored_then_given(void **state) {
    (void)state;
    /* Its number is the first of the file. */
    assert_int_equal(store_set(&w.vars, 0, "given", 5), TB_OK);
    assert_expanded("${user}", "given");
    assert_int_equal(store_set(&w.own, 0, "stored", 6), TB_OK);
    assert_expanded("${user}", "stored");
    w.captures.count = 1;
    w.captures.items[0].slot = 0;
    w.captures.items[0].p = (const uint8_t *)"caught";
    w.captures.items[0].size = 6;
    assert_expanded("${user}", "caught");
    assert_missing("<${user}${other}>", "<caught>", "other");
    w.scope.captures = NULL;
    w.scope.own = NULL;
    w.scope.vars = NULL;
    assert_missing("<${user}>", "<>", "user");
}

static void a_scenario_knows_its_clients(void **state) {
    (void)state;
    struct reading x;
    const struct template *t;
    struct bytes out = BYTES_INIT;
    assert_int_equal(store_set(&w.own, 0, "1", 1), TB_OK);
    assert_int_equal(store_set(&w.bob, 0, "2", 1), TB_OK);
    assert_true(reading_init(&x, "${alice.k} ${bob.k + 1} ${k}${bob.other}"));
    x.r.clients = two_clients;
    assert_int_equal(template_read(&x.r, x.node, &t), TB_OK);
    assert_int_equal(template_expand(t, &w.scope, &out), TB_OK);
    assert_int_equal(out.len, 5);
    assert_memory_equal(out.data, "1 3 1", 5);
    assert_string_equal(w.scope.missing, "bob.other");
    w.scope.clients = NULL;
    assert_int_equal(template_expand(t, &w.scope, &out), TB_OK);
    assert_string_equal(w.scope.missing, "alice.k");
    bytes_release(&out);
    reading_release(&x);
}

static void what_is_read_is_known_to_the_names(void **state) {
    (void)state;
    struct reading x;
    const struct template *t;
    compile(&x, "a ${n + usr} b", &t);
    assert_int_equal(names_check(&x.r), TB_EINVAL);
    reading_says(&x, 12, "nothing sets the variable 'usr'");
    reading_release(&x);
}

/* ---- defaults ---- */

static void a_default_stands_in_for_what_has_no_value(void **state) {
    (void)state;
    assert_expanded("${user:-nobody}", "nobody");
    assert_expanded("${user:- no body }", " no body ");
    assert_expanded("<${user:-}>", "<>");
    assert_expanded("${json.nope:-a:-b $x {c}", "a:-b $x {c");
    assert_expanded("${json.id:-none}", "7");
    assert_expanded("${json.name + 1:-no number}", "no number");
    assert_expanded("${header.x-none:-$${n}", "${n");
}

static void defaults_may_have_templates_in_them(void **state) {
    (void)state;
    assert_expanded("${user:-<${n}>}", "<4>");
    assert_expanded("${user:-${other:-${n}}}", "4");
    assert_missing("${user:-a${other}b}", "ab", "other");
    assert_missing("${user:-a}${other}", "a", "other");
}

static void defaults_in_each_other_have_a_limit(void **state) {
    (void)state;
    char text[512] = "";
    for (int i = 0; i < TEMPLATE_DEPTH_MAX; i++) {
        strcat(text, "${x:-");
    }
    size_t n = strlen(text);
    memset(text + n, '}', TEMPLATE_DEPTH_MAX);
    assert_expanded(text, "");
    strcpy(text + n, "${x:-}");
    memset(text + n + 6, '}', TEMPLATE_DEPTH_MAX);
    assert_refused(text, (unsigned)n + 5, "too many ${...} in each other");
}

/* ---- arithmetic ---- */

static void arithmetic_has_its_usual_order(void **state) {
    (void)state;
    assert_expanded("${1 + 2 * 3}", "7");
    assert_expanded("${(1 + 2) * 3}", "9");
    assert_expanded("${10 - 3 - 2}", "5");
    assert_expanded("${100 / 5 / 2}", "10");
    assert_expanded("${7 % 4 * 2}", "6");
    assert_expanded("${-2 * -3}", "6");
    assert_expanded("${--2}${- -2}${1--2}", "223");
    assert_expanded("${2*(3+4*(5-1))}", "38");
    assert_expanded("${ 5 }", "5");
    assert_expanded("${1/4}", "0.25");
    assert_expanded("${1.5e1 + 1E-1}", "15.1");
}

static void variables_are_numbers_in_arithmetic(void **state) {
    (void)state;
    assert_expanded("${n+1} ${n-1}", "5 3");
    assert_expanded("${json.id * json.price}", "10.5");
    assert_expanded("${json.num + 1}", "13");
    assert_expanded("${conn.id * 100 + query.n}", "305");
    assert_expanded("${json.list[0].k - json.list[1].k}", "-1");
    say("41");
    assert_expanded("${text + 1}", "42");
    assert_expanded("${-text}", "-41");
    assert_expanded("${(text)}", "41");
}

static void what_is_no_number_has_no_value(void **state) {
    (void)state;
    assert_missing("<${json.name + 1}>", "<>", "json.name + 1");
    assert_missing("<${ 1 / (n - 4) }>", "<>", "1 / (n - 4)");
    assert_missing("<${1 + user * 2}>", "<>", "user");
    assert_missing("<${random(n,1)}>", "<>", "random(n,1)");
    assert_missing("<${fake.int(json.price, 9)}>", "<>", "fake.int(json.price, 9)");
    assert_missing("<${fake.float(2, 1 * n / 4)}>", "<>", "fake.float(2, 1 * n / 4)");
    assert_missing("<${9223372036854775807 * 1e300 * 1e300}>", "<>",
                   "9223372036854775807 * 1e300 * 1e300");
}

static void whole_numbers_do_not_overflow(void **state) {
    (void)state;
    assert_expanded("${9223372036854775807 + 1}", "9223372036854776000");
    assert_expanded("${-9223372036854775807 - 1}", "-9223372036854775808");
    assert_expanded("${(-9223372036854775807 - 1) / -1}", "9223372036854776000");
    assert_expanded("${json.big + 0}", "12345678901234567000");
    assert_expanded("${json.big}", "12345678901234567890");
}

static void brackets_have_a_limit(void **state) {
    (void)state;
    char text[256] = "${";
    memset(text + 2, '(', TEMPLATE_DEPTH_MAX);
    strcat(text, "1");
    memset(text + 3 + TEMPLATE_DEPTH_MAX, ')', TEMPLATE_DEPTH_MAX);
    strcat(text, "}");
    assert_expanded(text, "1");
    memset(text + 2, '(', TEMPLATE_DEPTH_MAX + 1);
    assert_refused(text, TEMPLATE_DEPTH_MAX + 3, "too many brackets in each other");
}

static void a_full_stack_is_enough_for_any_depth(void **state) {
    (void)state;
    /* At each level two operands wait, and the first argument of a function. */
    char text[1024] = "${";
    for (int i = 0; i < TEMPLATE_DEPTH_MAX; i++) {
        strcat(text, "1 + 2 * random(0,");
    }
    strcat(text, "0");
    for (int i = 0; i < TEMPLATE_DEPTH_MAX; i++) {
        strcat(text, ")");
    }
    strcat(text, "}");
    struct reading x;
    const struct template *t;
    struct bytes out = BYTES_INIT;
    compile(&x, text, &t);
    assert_int_equal(template_expand(t, &w.scope, &out), TB_OK);
    bytes_release(&out);
    reading_release(&x);
}

static void a_long_sum_is_no_deep_one(void **state) {
    (void)state;
    char *text = calloc(1, 40001);
    assert_non_null(text);
    strcpy(text, "${1");
    for (size_t i = 0; i < 9999; i++) {
        memcpy(text + 3 + 4 * i, " + 1", 4);
    }
    strcat(text, "}");
    assert_expanded(text, "10000");
    free(text);
}

/* ---- mistakes ---- */

static void what_is_not_a_template_is_shown_where_it_stands(void **state) {
    (void)state;
    static const char unended[] = "this ${ has no } that ends it";
    static const char missing[] = "a variable or a number is missing here";
    static const char more[] =
        "not understood: behind a value stands an operator (+ - * / %), :- and a default, or }";
    assert_refused("a ${n", 2, unended);
    assert_refused("${ ", 0, unended);
    assert_refused("a ${x:-b", 2, unended);
    assert_refused("a ${}", 2, "nothing stands in ${}");
    assert_refused("a ${ }", 2, "nothing stands in ${}");
    assert_refused("${n +}", 5, missing);
    assert_refused("${* 2}", 2, missing);
    assert_refused("${n n}", 4, more);
    assert_refused("${n:x}", 3, more);
    assert_refused("${1)}", 3, more);
    assert_refused("${(1}", 4, "a ')' is missing here");
    assert_refused("${007}", 2, "'007' is not a number");
    assert_refused("${1 + 2x}", 6, "'2x' is not a number");
    assert_refused("${.5}", 2, missing);
    assert_refused("${json.a[}", 9,
                   "not a path: a name in quotes, an index or * is missing behind '['");
    assert_refused("${json..a}", 6,
                   "not a path: '..' (at any depth) is not supported: name each step");
}

static void unknown_words_are_told_with_the_nearest(void **state) {
    (void)state;
    assert_refused("a ${conn.ip}", 4, "unknown variable 'conn.ip' (did you mean 'conn.id'?)");
    assert_refused("${fake.nmae}", 2, "unknown variable 'fake.nmae' (did you mean 'fake.name'?)");
    assert_refused("${heder.x-y}", 2, "unknown variable 'heder.x' (did you mean 'header.x'?)");
    assert_refused("${jsn.a.b}", 2, "unknown variable 'jsn.a.b' (did you mean 'json.a.b'?)");
    assert_refused("${now.s}", 2, "unknown variable 'now.s' (did you mean 'now.ms'?)");
    assert_refused("${rndom(1,2)}", 2, "unknown function 'rndom' (did you mean 'random'?)");
    assert_refused("${sqrt(4)}", 2, "unknown function 'sqrt'");
    assert_refused("${what.ever}", 2, "unknown variable 'what.ever'");
    assert_refused("${\xc3\xa9t\xc3\xa9}", 2, "unknown variable '\xc3\xa9t\xc3\xa9'");
    assert_refused_to(two_clients, "${alcie.k}", 2,
                      "unknown variable 'alcie.k' (did you mean 'alice.k'?)");
    assert_refused_to(no_clients, "${bob.k}", 2, "unknown variable 'bob.k'");
}

static void half_a_word_is_told_its_other_half(void **state) {
    (void)state;
    assert_refused("${conn}", 2, "'conn' wants more, as in conn.id or conn.addr");
    assert_refused("${header}", 2, "'header' wants more, as in header.NAME");
    assert_refused("${header.}", 2, "'header' wants more, as in header.NAME");
    assert_refused("${query. x}", 2, "'query' wants more, as in query.NAME");
    assert_refused("${path}", 2, "'path' wants more, as in path.NAME");
    assert_refused("${env}", 2, "'env' wants more, as in env.NAME");
    assert_refused("${fake}", 2, "'fake' wants more, as in fake.name or fake.word");
    assert_refused("${random}", 2, "'random' wants more, as in random(1,6)");
    assert_refused("${fake.int}", 2, "'fake.int' wants more, as in fake.int(1,6)");
}

static void no_word_of_templates_is_taken_for_a_name(void **state) {
    (void)state;
    static const char *const words[] = {"text",   "json", "n",   "conn", "path",   "query",
                                        "header", "env",  "now", "uuid", "random", "fake"};
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
        struct reading x;
        char text[32] = "${";
        const struct template *t;
        strcat(text, words[i]);
        strcat(text, "}");
        assert_true(reading_init(&x, text));
        (void)template_read(&x.r, x.node, &t);
        assert_int_equal(names_count(x.r.names), 0);
        reading_release(&x);
    }
}

static void a_scenario_has_no_connection_of_a_server(void **state) {
    (void)state;
    assert_refused_to(two_clients, "${conn.id}", 2,
                      "'conn.id' is unknown here: only a server's rules have it");
    assert_refused_to(two_clients, "${header.a}", 2,
                      "'header.a' is unknown here: only a server's rules have it");
    assert_refused_to(two_clients, "${alice.text}", 2,
                      "unknown variable 'alice.text' (of a client, only what it has set or saved "
                      "is known)");
    assert_refused_to(two_clients, "${alice.}", 2,
                      "unknown variable 'alice.' (of a client, only what it has set or saved is "
                      "known)");
}

static void a_range_is_checked_where_it_cannot_change(void **state) {
    (void)state;
    static const char larger[] = "the first number of random(a,b) is larger than the second";
    assert_refused("${1 + random(6,1)}", 6, larger);
    assert_refused("${random(2*3, 5.5)}", 2, larger);
    assert_refused("${random(-1,-2)}", 2, larger);
    assert_refused("${fake.float(1,0)}", 2,
                   "the first number of fake.float(a,b) is larger than the second");
    assert_refused("${fake.int(1,1.5)}", 2, "fake.int(a,b) is for whole numbers");
    assert_refused("${random(1)}", 10, "a ',' is missing here");
    assert_refused("${random(1,2,3)}", 12, "a ')' is missing here");
    assert_refused("${random()}", 9, "a variable or a number is missing here");
}

/* ---- JSON ---- */

static void one_variable_keeps_its_kind_in_json(void **state) {
    (void)state;
    assert_json("${json.id}", "7");
    assert_json("${json.num}", "\"12\"");
    assert_json("${json.name}", "\"A \\\"b\\\"\"");
    assert_json("${json.list[0]}", "{\"k\": 1}");
    assert_json("${json.none}", "null");
    assert_json("${n}", "4");
    assert_json("${n / 8}", "0.5");
    assert_json("${conn.addr}", "\"127.0.0.1:5000\"");
    assert_json("${json.nope:-true}", "true");
    assert_json("${json.nope:-a\\b}", "\"a\\\\b\"");
    assert_json("${json.nope:-}", "\"\"");
}

static void texts_that_are_no_numbers_are_strings(void **state) {
    (void)state;
    static const char *const bare[] = {"-1.5e3", "true", "false", "null", "0"};
    for (size_t i = 0; i < sizeof(bare) / sizeof(*bare); i++) {
        say(bare[i]);
        assert_json("${text}", bare[i]);
    }
    static const char *const quoted[][2] = {{"007", "\"007\""},
                                            {"+1", "\"+1\""},
                                            {" 1", "\" 1\""},
                                            {"True", "\"True\""},
                                            {"[1]", "\"[1]\""},
                                            {"\"q\"", "\"\\\"q\\\"\""},
                                            {"a\xff\n", "\"a\xef\xbf\xbd\\n\""},
                                            {"", "\"\""}};
    for (size_t i = 0; i < sizeof(quoted) / sizeof(*quoted); i++) {
        say(quoted[i][0]);
        assert_json("${text}", quoted[i][1]);
    }
    message_set(&w.message, MESSAGE_TEXT, true, "a\0b", 3);
    assert_json("${text}", "\"a\\u0000b\"");
}

static void several_parts_are_one_string_in_json(void **state) {
    (void)state;
    assert_json("${n}${n}", "\"44\"");
    assert_json("12", "\"12\"");
    assert_json("it is ${json.name}", "\"it is A \\\"b\\\"\"");
}

static void nothing_is_null_in_json(void **state) {
    (void)state;
    assert_expanded_by(template_expand_json, "${json.nope}", "null", "json.nope");
    assert_expanded_by(template_expand_json, "${user}", "null", "user");
    assert_expanded_by(template_expand_json, "${user + 1}", "null", "user");
    assert_expanded_by(template_expand_json, "${user:-${other}}", "null", "other");
    assert_expanded_by(template_expand_json, "a ${user}", "\"a \"", "user");
}

/* ---- limits ---- */

static void an_expansion_has_a_limit(void **state) {
    (void)state;
    size_t half = TEMPLATE_SIZE_MAX / 2;
    char *text = malloc(half + 1);
    struct reading x;
    const struct template *t;
    struct bytes out = BYTES_INIT;
    assert_non_null(text);
    memset(text, '"', half + 1);
    message_set(&w.message, MESSAGE_TEXT, true, text, half);
    assert_int_equal(bytes_append_str(&out, "before"), TB_OK);
    compile(&x, "${text}${text}", &t);
    assert_int_equal(template_expand(t, &w.scope, &out), TB_OK);
    assert_int_equal(out.len, TEMPLATE_SIZE_MAX + 6);
    out.len = 6;
    assert_int_equal(template_expand_json(t, &w.scope, &out), TB_ERANGE);
    assert_int_equal(out.len, 6);
    message_set(&w.message, MESSAGE_TEXT, true, text, half + 1);
    assert_int_equal(template_expand(t, &w.scope, &out), TB_ERANGE);
    assert_int_equal(out.len, 6);
    free(text);
    bytes_release(&out);
    reading_release(&x);
}

static void what_is_expanded_needs_no_memory_but_the_texts(void **state) {
    (void)state;
    struct reading x;
    const struct template *t;
    struct bytes out = BYTES_INIT;
    compile(&x,
            "${text} ${json.plain} ${n + conn.id} ${header.x-tag} ${query.user} ${uuid} ${now} "
            "${random(1,6)} ${path.symbol} ${user:-${conn.addr}}",
            &t);
    bool nomem;
    assert_non_null(message_json(&w.message, &nomem));
    assert_int_equal(bytes_reserve(&out, 4096), TB_OK);
    fail_alloc_at(0);
    assert_int_equal(template_expand(t, &w.scope, &out), TB_OK);
    fail_alloc_off();
    assert_int_equal(alloc_count(), 0);
    bytes_release(&out);
    reading_release(&x);
}

static int read_and_expand(struct reading *x, expand *f, const char *text, struct bytes *out) {
    const struct template *t;
    if (!reading_init(x, text)) {
        return TB_ENOMEM;
    }
    int err = template_read(&x->r, x->node, &t);
    return err == TB_OK ? f(t, &w.scope, out) : err;
}

static void assert_fails_whole(expand *f, const char *text) {
    unsigned n = 0;
    do {
        struct reading x;
        struct bytes out = BYTES_INIT;
        message_release(&w.message);
        message_set(&w.message, MESSAGE_TEXT, true, json_text, strlen(json_text));
        fail_alloc_at(n);
        int err = read_and_expand(&x, f, text, &out);
        fail_alloc_off();
        assert_int_equal(err, n < alloc_count() ? TB_ENOMEM : TB_OK);
        assert_int_equal(out.len > 0, err == TB_OK);
        bytes_release(&out);
        reading_release(&x);
    } while (n++ < alloc_count());
}

static void memory_that_is_out_is_reported(void **state) {
    (void)state;
    assert_fails_whole(template_expand,
                       "a $${b} ${json.name} ${header.x-tag} ${query.user} ${user} ${uuid}"
                       "${random(1,n) + 2 * (conn.id - 1)} ${user:-a ${other:-b}} ${now} "
                       "${json['list'][0].k} ${fake.name} ${fake.email} ${fake.word} ${now.ms}");
    assert_fails_whole(template_expand_json, "${json.name:-x}");
    assert_fails_whole(template_expand_json, "${header.x-tag}");
    assert_fails_whole(template_expand_json, "${nobody}");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_world, end_world)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(plain_text_stays),
        TEST(two_dollars_and_a_brace_are_one_and_a_brace),
        TEST(a_single_one_is_known),
        TEST(a_piece_of_a_scalar_is_compiled_alone),
        TEST(the_message_is_text_as_it_came),
        TEST(a_path_leads_into_the_messages_json),
        TEST(json_alone_is_all_of_it),
        TEST(the_rule_and_the_connection_are_known),
        TEST(what_a_connection_has_to_keep_is_said),
        TEST(the_environment_is_asked_each_time),
        TEST(now_is_the_systems_time),
        TEST(chance_comes_from_the_seed),
        TEST(a_name_is_caught_then_stored_then_given),
        TEST(a_scenario_knows_its_clients),
        TEST(what_is_read_is_known_to_the_names),
        TEST(a_default_stands_in_for_what_has_no_value),
        TEST(defaults_may_have_templates_in_them),
        TEST(defaults_in_each_other_have_a_limit),
        TEST(arithmetic_has_its_usual_order),
        TEST(variables_are_numbers_in_arithmetic),
        TEST(what_is_no_number_has_no_value),
        TEST(whole_numbers_do_not_overflow),
        TEST(brackets_have_a_limit),
        TEST(a_full_stack_is_enough_for_any_depth),
        TEST(a_long_sum_is_no_deep_one),
        TEST(what_is_not_a_template_is_shown_where_it_stands),
        TEST(unknown_words_are_told_with_the_nearest),
        TEST(half_a_word_is_told_its_other_half),
        TEST(no_word_of_templates_is_taken_for_a_name),
        TEST(a_scenario_has_no_connection_of_a_server),
        TEST(a_range_is_checked_where_it_cannot_change),
        TEST(one_variable_keeps_its_kind_in_json),
        TEST(texts_that_are_no_numbers_are_strings),
        TEST(several_parts_are_one_string_in_json),
        TEST(nothing_is_null_in_json),
        TEST(an_expansion_has_a_limit),
        TEST(what_is_expanded_needs_no_memory_but_the_texts),
        TEST(memory_that_is_out_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
