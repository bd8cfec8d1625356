/* What is sent for what a file says. */
#include "client_fixture.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "failing_alloc.h"
#include "proto/frame.h"
#include "script/chance.h"
#include "script/message.h"
#include "script/names.h"
#include "script/payload.h"
#include "script/reader.h"
#include "script/template.h"

/* A payload that is the value of "p: PAYLOAD", and what it is made of. */
static struct {
    struct document *doc;
    struct reader reader;
    struct bytes complaint;
    const struct payload *payload;
    struct message message;
    struct store own;
    struct chance chance;
    struct scope scope;
    struct made made;
    struct bytes words;
    char folder[64];
} p;

static int prepare(void **state) {
    (void)state;
    memset(&p, 0, sizeof p);
    chance_init(&p.chance, 1);
    p.scope.chance = &p.chance;
    p.scope.own = &p.own;
    p.scope.message = &p.message;
    message_set(&p.message, MESSAGE_TEXT, true, "", 0);
    return 0;
}

static int prepare_connection(void **state) {
    set_up(state);
    return prepare(state);
}

static void forget(void) {
    arena_free(p.reader.arena);
    names_free(p.reader.names);
    document_free(p.doc);
    bytes_clear(&p.complaint);
    p.doc = NULL;
    p.payload = NULL;
    p.reader = (struct reader){.message = &p.complaint};
}

static int finish(void **state) {
    (void)state;
    forget();
    made_release(&p.made);
    message_release(&p.message);
    store_release(&p.own);
    bytes_release(&p.complaint);
    bytes_release(&p.words);
    return 0;
}

#define PLAIN(name) cmocka_unit_test_setup_teardown(name, prepare, finish)
#define CONNECTED(name) cmocka_unit_test_setup_teardown(name, prepare_connection, finish)

static int parse(const char *yaml) {
    struct bytes text = BYTES_INIT;
    char name[100];
    snprintf(name, sizeof name, "%s%stest.yaml", p.folder, p.folder[0] != '\0' ? "/" : "");
    int err = bytes_appendf(&text, "p: %s\n", yaml);
    if (err == TB_OK) {
        err = document_parse(name, (const char *)text.data, text.len, &p.doc, &p.complaint);
    }
    bytes_release(&text);
    return err;
}

static int define(const char *name, const char *value) {
    unsigned slot = 0;
    int err = names_define(&p.reader, document_root(p.doc), name, strlen(name), &slot);
    return err == TB_OK ? store_set(&p.own, slot, value, strlen(value)) : err;
}

static int begin(const char *yaml) {
    forget();
    p.reader.arena = arena_new();
    p.reader.names = names_new();
    int err = p.reader.arena == NULL || p.reader.names == NULL ? TB_ENOMEM : parse(yaml);
    p.reader.doc = p.doc;
    err = err == TB_OK ? define("name", "A \"b\"") : err;
    return err == TB_OK ? define("num", "42") : err;
}

static int read_it(const char *yaml) {
    int err = begin(yaml);
    if (err == TB_OK) {
        err = payload_read(&p.reader, node_get(document_root(p.doc), "p"), &p.payload);
    }
    return err;
}

static void must_read(const char *yaml) {
    if (read_it(yaml) != TB_OK) {
        fail_msg("%s: %.*s", yaml, (int)p.complaint.len, (const char *)p.complaint.data);
    }
}

static void refuses(const char *yaml, unsigned column, const char *message) {
    char expected[400];
    if (read_it(yaml) != TB_EINVAL) {
        fail_msg("%s: not refused", yaml);
    }
    assert_int_equal(bytes_append(&p.complaint, "", 1), TB_OK);
    char *end = strchr((char *)p.complaint.data, '\n');
    if (end != NULL) {
        *end = '\0';
    }
    snprintf(expected, sizeof expected, "test.yaml:1:%u: error: %s", column, message);
    assert_string_equal((const char *)p.complaint.data, expected);
}

static void assert_made(uint8_t opcode, const void *bytes, size_t n) {
    assert_int_equal(payload_make(p.payload, &p.scope, &p.made), TB_OK);
    assert_int_equal(p.made.bytes.len, n);
    assert_memory_equal(p.made.bytes.data, bytes, n);
    assert_int_equal(p.made.opcode, opcode);
    assert_false(p.made.raw);
}

static void assert_text(const char *yaml, const char *text) {
    must_read(yaml);
    assert_made(WS_OP_TEXT, text, strlen(text));
    assert_true(p.made.plain);
}

/* ---- bodies ---- */

static void a_scalar_is_a_text(void **state) {
    (void)state;
    assert_text("hi", "hi");
    assert_text("yes", "yes");
    assert_text("{ text: hi }", "hi");
    assert_text("'${name} is ${num}'", "A \"b\" is 42");
    assert_text("'$${name}'", "${name}");
    must_read("''");
    assert_int_equal(payload_make(p.payload, &p.scope, &p.made), TB_OK);
    assert_int_equal(p.made.bytes.len, 0);
}

static void any_structure_is_json(void **state) {
    (void)state;
    static const struct {
        const char *yaml;
        const char *json;
    } rows[] = {
        {"{ a: 1, b: [x, 2.50, -1e5], c: {} }", "{\"a\":1,\"b\":[\"x\",2.50,-1e5],\"c\":{}}"},
        {"[ true, false, null, ~, '' , 'true', \"1\" ]",
         "[true,false,null,null,\"\",\"true\",\"1\"]"},
        {"{ a: }", "{\"a\":null}"},
        {"{ a : , \"b\":, c: # nothing: }\n}", "{\"a\":null,\"b\":null,\"c\":null}"},
        {"[ yes, 01, +1, .5, 0x10, True ]", "[\"yes\",\"01\",\"+1\",\".5\",\"0x10\",\"True\"]"},
        {"[ 'a\"b', \"c\\n\" ]", "[\"a\\\"b\",\"c\\n\"]"},
        {"[ ]", "[]"},
        {"5", "5"},
        {"{ 1: 2 }", "{\"1\":2}"},
        {"12345678901234567890", "12345678901234567890"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char yaml[200];
        snprintf(yaml, sizeof yaml, "{ json: %s }", rows[i].yaml);
        assert_text(yaml, rows[i].json);
    }
}

static void templates_fill_json_in(void **state) {
    (void)state;
    message_set(&p.message, MESSAGE_TEXT, true, "{\"id\":1e2,\"l\":[1, 2]}", 21);
    assert_text("{ json: { a: '${name}' } }", "{\"a\":\"A \\\"b\\\"\"}");
    assert_text("{ json: { a: 'x ${num}' } }", "{\"a\":\"x 42\"}");
    assert_text("{ json: { a: '${num}' } }", "{\"a\":\"42\"}");
    assert_text("\n  json:\n    a: ${num}\n    b: ${name}\n    c: ${json.id}\n    d: ${json.l}\n"
                "    e: x ${num}",
                "{\"a\":42,\"b\":\"A \\\"b\\\"\",\"c\":1e2,\"d\":[1, 2],\"e\":\"x 42\"}");
    assert_text("{ json: { '${num}': 1 } }", "{\"42\":1}");
    assert_text("{ json: { 'a$${': '$${x}' } }", "{\"a${\":\"${x}\"}");
}

static void hex_and_base64_are_binary(void **state) {
    (void)state;
    must_read("{ hex: 'ca fe 00' }");
    assert_made(WS_OP_BINARY, "\xca\xfe\0", 3);
    must_read("{ base64: 'yv4A' }");
    assert_made(WS_OP_BINARY, "\xca\xfe\0", 3);
    must_read("{ hex: '68 69', binary: no }");
    assert_made(WS_OP_TEXT, "hi", 2);
    must_read("{ text: hi, binary: yes }");
    assert_made(WS_OP_BINARY, "hi", 2);
    must_read("{ json: [1], binary: yes }");
    assert_made(WS_OP_BINARY, "[1]", 3);
}

static void raw_bytes_are_as_they_stand(void **state) {
    (void)state;
    must_read("{ raw: '81 02 c3 28' }");
    assert_int_equal(payload_make(p.payload, &p.scope, &p.made), TB_OK);
    assert_true(p.made.raw);
    assert_false(p.made.plain);
    assert_memory_equal(p.made.bytes.data, "\x81\x02\xc3\x28", 4);
}

static void put_in(const char *name, const void *bytes, size_t n) {
    char path[200];
    snprintf(path, sizeof path, "%s/%s", p.folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
}

static void remove_folder(void) {
    char path[200];
    static const char *const names[] = {"text", "bytes"};
    for (size_t i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", p.folder, names[i]);
        unlink(path);
    }
    rmdir(p.folder);
}

static void a_file_is_read_beside_the_file_that_names_it(void **state) {
    (void)state;
    char yaml[200];
    strcpy(p.folder, "/tmp/taburet-payload-XXXXXX");
    assert_non_null(mkdtemp(p.folder));
    put_in("text", "hi ${name}", 10);
    put_in("bytes", "\xff\0", 2);
    must_read("{ file: text }");
    assert_made(WS_OP_TEXT, "hi ${name}", 10);
    must_read("{ file: bytes, binary: yes }");
    assert_made(WS_OP_BINARY, "\xff\0", 2);
    snprintf(yaml, sizeof yaml, "{ file: %s/text }", p.folder);
    must_read(yaml);
    assert_made(WS_OP_TEXT, "hi ${name}", 10);
    assert_int_equal(read_it("{ file: bytes }"), TB_EINVAL);
    assert_int_equal(bytes_append(&p.complaint, "", 1), TB_OK);
    assert_non_null(strstr((char *)p.complaint.data,
                           "error: 'bytes' is not valid UTF-8, as a text must be; 'binary: yes' "
                           "sends any bytes"));
    assert_int_equal(read_it("{ file: nothing }"), TB_EINVAL);
    assert_int_equal(read_it("{ file: . }"), TB_EINVAL);
    assert_int_equal(read_it("{ file: - }"), TB_EINVAL);
    assert_int_equal(read_it("{ file: /dev/zero }"), TB_EINVAL);
    remove_folder();
}

/* ---- what a text may be ---- */

static void what_echoes_binary_is_binary(void **state) {
    (void)state;
    message_set(&p.message, MESSAGE_BINARY, true, "\xff\x01", 2);
    must_read("'${text}'");
    assert_made(WS_OP_BINARY, "\xff\x01", 2);
    must_read("{ text: 'a${text}' }");
    assert_made(WS_OP_BINARY, "a\xff\x01", 3);
    must_read("'${num}'");
    assert_made(WS_OP_TEXT, "42", 2);
    must_read("{ text: '${text}', binary: no }");
    assert_int_equal(payload_make(p.payload, &p.scope, &p.made), TB_EINVAL);
    message_set(&p.message, MESSAGE_BINARY, true, "ab", 2);
    assert_made(WS_OP_TEXT, "ab", 2);
    message_set(&p.message, MESSAGE_TEXT, true, "ab", 2);
    must_read("'${text}'");
    assert_made(WS_OP_TEXT, "ab", 2);
    must_read("{ json: [ '${text}' ] }");
    message_set(&p.message, MESSAGE_BINARY, true, "\xff", 1);
    assert_made(WS_OP_TEXT, "[\"\xef\xbf\xbd\"]", 7);
}

static void too_much_is_refused(void **state) {
    (void)state;
    static char text[TEMPLATE_SIZE_MAX / 2 + 1];
    memset(text, 'a', sizeof text);
    message_set(&p.message, MESSAGE_TEXT, true, text, sizeof text);
    must_read("'${text}'");
    assert_int_equal(payload_make(p.payload, &p.scope, &p.made), TB_OK);
    must_read("'${text}${text}'");
    assert_int_equal(payload_make(p.payload, &p.scope, &p.made), TB_ERANGE);
    must_read("{ json: [ '${text}', '${text}' ] }");
    assert_int_equal(payload_make(p.payload, &p.scope, &p.made), TB_ERANGE);
}

static void what_had_no_value_is_told(void **state) {
    (void)state;
    must_read("{ json: [ '${env.TABURET_NO_SUCH}', '${num}' ] }");
    assert_int_equal(payload_make(p.payload, &p.scope, &p.made), TB_OK);
    assert_string_equal(p.scope.missing, "env.TABURET_NO_SUCH");
}

/* ---- shapes ---- */

static void hear_exactly(const void *wire, size_t n) {
    wire_send_raw(f.c, (const uint8_t *)"<>", 2);
    hear(n + 2);
    assert_memory_equal(f.in.data, wire, n);
    assert_int_equal(f.in.len, n + 2);
    bytes_clear(&f.in);
}

static void sends(const char *yaml, const char *wire, size_t n) {
    must_read(yaml);
    assert_int_equal(payload_make(p.payload, &p.scope, &p.made), TB_OK);
    made_send(&p.made, f.c);
    hear_exactly(wire, n);
}
#define SENDS(yaml, wire) sends(yaml, wire, sizeof(wire) - 1)

static void frames_have_the_shape_that_the_file_says(void **state) {
    (void)state;
    start();
    open_up();
    SENDS("{ text: abcde, fragment: 2, frame: { mask: no } }", "\x01\2ab\0\2cd\x80\1e");
    SENDS("{ text: abcde, fragment: [ 3, 0 ], frame: { mask: no } }", "\x01\3abc\0\0\x80\2de");
    SENDS("{ text: ab, frame: { fin: no, mask: no } }", "\x01\2ab");
    SENDS("{ text: ab, frame: { rsv: 4, mask: no } }", "\xc1\2ab");
    SENDS("{ text: ab, frame: { rsv: [ 1, 3 ], mask: no } }", "\xd1\2ab");
    SENDS("{ text: ab, frame: { opcode: 11, mask: no } }", "\x8b\2ab");
    SENDS("{ text: ab, frame: { length: 1, mask: no } }", "\x81\1ab");
    SENDS("{ text: ab, frame: { length: 65536, mask: no } }", "\x81\x7f\0\0\0\0\0\1\0\0"
                                                              "ab");
    SENDS("{ text: aaaaa, frame: { mask: '01020304' } }", "\x81\x85\1\2\3\4`cbe`");
    SENDS("{ raw: '81 02 c3 28' }", "\x81\x02\xc3\x28");
    SENDS("{ hex: 'c3 28', frame: { opcode: 1, mask: no } }", "\x81\x02\xc3\x28");
    stop();
}

static void a_mask_may_be_asked_for(void **state) {
    (void)state;
    start();
    open_up();
    must_read("{ text: ab, frame: { mask: yes } }");
    assert_int_equal(payload_make(p.payload, &p.scope, &p.made), TB_OK);
    assert_false(p.made.plain);
    made_send(&p.made, f.c);
    assert_heard(0x81, "ab", 2);
    must_read("hi");
    assert_int_equal(payload_make(p.payload, &p.scope, &p.made), TB_OK);
    made_send(&p.made, f.c);
    assert_heard(0x81, "hi", 2);
    must_read("{ text: hi, compress: no }");
    assert_int_equal(payload_make(p.payload, &p.scope, &p.made), TB_OK);
    assert_false(p.made.plain);
    made_send(&p.made, f.c);
    assert_heard(0x81, "hi", 2);
    stop();
}

static void what_is_compressed_is_plain(void **state) {
    (void)state;
    must_read("{ text: hi, compress: yes }");
    assert_int_equal(payload_make(p.payload, &p.scope, &p.made), TB_OK);
    assert_true(p.made.plain);
}

/* ---- lists, words ---- */

static void a_list_is_several_messages(void **state) {
    (void)state;
    struct payloads list;
    assert_int_equal(begin("[ a, { hex: 00 }, '${num}' ]"), TB_OK);
    assert_int_equal(payloads_read(&p.reader, node_get(document_root(p.doc), "p"), &list), TB_OK);
    assert_int_equal(list.count, 3);
    p.payload = list.items[1];
    assert_made(WS_OP_BINARY, "\0", 1);
    p.payload = list.items[2];
    assert_made(WS_OP_TEXT, "42", 2);
    assert_int_equal(begin("one"), TB_OK);
    assert_int_equal(payloads_read(&p.reader, node_get(document_root(p.doc), "p"), &list), TB_OK);
    assert_int_equal(list.count, 1);
    p.payload = list.items[0];
    assert_made(WS_OP_TEXT, "one", 3);
    assert_int_equal(begin("[]"), TB_OK);
    assert_int_equal(payloads_read(&p.reader, node_get(document_root(p.doc), "p"), &list), TB_OK);
    assert_int_equal(list.count, 0);
}

static void assert_words(const char *yaml, const char *words) {
    must_read(yaml);
    bytes_clear(&p.words);
    assert_int_equal(payload_describe(p.payload, &p.words), TB_OK);
    assert_int_equal(bytes_append(&p.words, "", 1), TB_OK);
    assert_string_equal((const char *)p.words.data, words);
}

static void a_payload_describes_itself(void **state) {
    (void)state;
    assert_words("hi", "\"hi\"");
    assert_words("\"a\\nb\"", "\"a\\nb\"");
    assert_words("'n is ${num}'", "\"n is ${num}\"");
    assert_words("{ hex: 'ca fe' }", "2 bytes of binary");
    assert_words("{ hex: 'ca' }", "1 byte of binary");
    assert_words("{ raw: 'ca fe' }", "2 raw bytes");
    assert_words("{ json: { a: '${num}', b: [1] } }", "{\"a\":\"${num}\",\"b\":[1]}");
}

/* ---- mistakes ---- */

static void mistakes_are_shown_where_they_are(void **state) {
    (void)state;
    refuses("[ a ]", 4, "a message is a text or a mapping, not a list");
    refuses("{ binary: yes }", 4, "a message has one of text, json, hex, base64, file or raw");
    refuses("{ text: a, hex: 00 }", 20,
            "a message has one of text, json, hex, base64, file and raw, not two");
    refuses("{ hex: 'ca f' }", 15, "this is not hexadecimal: two digits make a byte");
    refuses("{ base64: '!' }", 14, "this is not base64");
    refuses("{ raw: '00', binary: yes }", 4, "'raw' stands alone: its bytes are sent as they are");
    refuses("{ hex: 'c3 28', binary: no }", 11, "'c3 28' is not valid UTF-8, as a text must be");
    refuses("{ text: a, compress: yes, fragment: 2 }", 4,
            "what 'fragment' or 'frame' shapes is sent uncompressed");
    refuses("{ text: a, fragment: 0 }", 25,
            "a message cannot be cut into pieces of 0 bytes; a list of sizes may have a 0 in it");
    refuses("{ text: a, frame: { mask: 0102030 } }", 30,
            "a mask is yes, no or a key of 8 hexadecimal digits, not '0102030'");
}

static void unknown_words_are_refused(void **state) {
    (void)state;
    static const char *const wrong[] = {
        "{ txt: a }",
        "{ text: [ a ] }",
        "{ text: '${' }",
        "{ text: a, binary: maybe }",
        "{ text: a, fragment: many }",
        "{ text: a, fragment: { a: 1 } }",
        "{ text: a, frame: { rsv: 8 } }",
        "{ text: a, frame: { rsv: [ 4 ] } }",
        "{ text: a, frame: { opcode: 16 } }",
        "{ text: a, frame: { mask: maybe } }",
        "{ text: a, frame: { mask: [ a ] } }",
        "{ text: a, frame: { length: -1 } }",
        "{ text: a, frame: { finn: no } }",
        "{ text: a, frame: x }",
        "{ json: { a: '${' } }",
        "{ file: [ a ] }",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        if (read_it(wrong[i]) != TB_EINVAL) {
            fail_msg("%s was taken", wrong[i]);
        }
    }
}

/* ---- memory ---- */

static void survives_failing_allocations(void **state) {
    (void)state;
    static const char *const yaml[] = {
        "{ json: { a: [ '${name}', 1, { b: '${num}' } ] }, fragment: [ 1, 2 ] }",
        "{ text: '${text} ${num}', frame: { mask: '01020304' } }",
        "{ base64: 'yv4A' }",
    };
    for (size_t i = 0; i < 3; i++) {
        unsigned n = 0;
        int err;
        do {
            made_release(&p.made);
            bytes_release(&p.words);
            fail_alloc_at(n);
            err = read_it(yaml[i]);
            err = err == TB_OK ? payload_make(p.payload, &p.scope, &p.made) : err;
            err = err == TB_OK ? payload_describe(p.payload, &p.words) : err;
            fail_alloc_off();
            assert_true(err == TB_OK || err == TB_ENOMEM);
        } while (n++ < alloc_count() && n < 2000);
        assert_int_equal(err, TB_OK);
    }
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        PLAIN(a_scalar_is_a_text),
        PLAIN(any_structure_is_json),
        PLAIN(templates_fill_json_in),
        PLAIN(hex_and_base64_are_binary),
        PLAIN(raw_bytes_are_as_they_stand),
        PLAIN(a_file_is_read_beside_the_file_that_names_it),
        PLAIN(what_echoes_binary_is_binary),
        PLAIN(too_much_is_refused),
        PLAIN(what_had_no_value_is_told),
        CONNECTED(frames_have_the_shape_that_the_file_says),
        CONNECTED(a_mask_may_be_asked_for),
        PLAIN(what_is_compressed_is_plain),
        PLAIN(a_list_is_several_messages),
        PLAIN(a_payload_describes_itself),
        PLAIN(mistakes_are_shown_where_they_are),
        PLAIN(unknown_words_are_refused),
        PLAIN(survives_failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
