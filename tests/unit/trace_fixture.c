#include "trace_fixture.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"

void set_up(struct fixture *f, enum log_format format, enum log_level level) {
    f->console_fd = memfd_create("console", MFD_CLOEXEC);
    f->record_fd = memfd_create("record", MFD_CLOEXEC);
    f->console = log_new(f->console_fd, format, level);
    f->record = log_new(f->record_fd, LOG_JSON, LOG_DEBUG);
    f->trace = trace_new(f->console, f->record);
    f->c = calloc(1, sizeof *f->c);
    bytes_init(&f->text);
    assert_true(f->trace != NULL && f->c != NULL);
    f->c->id = 7;
    f->c->address = (struct address){.ip = {127, 0, 0, 1}, .port = 5000, .family = AF_INET};
    f->c->close_code = WS_CLOSE_ABNORMAL;
}

void tear_down(struct fixture *f) {
    trace_free(f->trace);
    log_free(f->record);
    log_free(f->console);
    close(f->console_fd);
    close(f->record_fd);
    bytes_release(&f->text);
    free(f->c->reason);
    free(f->c);
}

void read_file(int fd, struct bytes *out) {
    char part[4096];
    ssize_t n;
    bytes_clear(out);
    while ((n = pread(fd, part, sizeof part, (off_t)out->len)) > 0) {
        assert_int_equal(bytes_append(out, part, (size_t)n), TB_OK);
    }
    assert_int_equal(bytes_append(out, "", 1), TB_OK);
}

const char *console(struct fixture *f) {
    trace_flush(f->trace);
    read_file(f->console_fd, &f->text);
    return (const char *)f->text.data;
}

json_t *recorded(struct fixture *f, unsigned number) {
    struct bytes all = BYTES_INIT;
    trace_flush(f->trace);
    read_file(f->record_fd, &all);
    char *line = (char *)all.data;
    while (number-- > 0 && line != NULL) {
        line = strchr(line, '\n');
        line = line == NULL ? NULL : line + 1;
    }
    json_t *event = NULL;
    if (line != NULL && *line != '\0') {
        json_error_t error;
        size_t n = strcspn(line, "\n");
        event = json_loadb(line, n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
        assert_non_null(event);
    }
    bytes_release(&all);
    return event;
}

void assert_event(struct fixture *f, const char *ev, const char *fields) {
    json_t *event = recorded(f, 1);
    json_error_t error;
    json_t *expected = json_loads(fields, JSON_ALLOW_NUL, &error);
    assert_non_null(event);
    assert_non_null(expected);
    assert_string_equal(json_string_value(json_object_get(event, "ev")), ev);
    assert_int_equal(json_integer_value(json_object_get(event, "conn")), 7);
    assert_true(json_real_value(json_object_get(event, "t")) >= 0);
    assert_true(json_real_value(json_object_get(event, "t")) < 600);
    json_object_del(event, "ev");
    json_object_del(event, "conn");
    json_object_del(event, "t");
    if (!json_equal(event, expected)) {
        char *got = json_dumps(event, JSON_SORT_KEYS);
        char *want = json_dumps(expected, JSON_SORT_KEYS);
        assert_string_equal(got, want);
    }
    json_decref(event);
    json_decref(expected);
    assert_null(recorded(f, 2));
}

struct ws_event message_of(uint8_t opcode, const void *p, size_t n) {
    return (struct ws_event){.kind = WS_EVENT_MESSAGE,
                             .opcode = opcode,
                             .data = p,
                             .size = n,
                             .wire = n + 6,
                             .frames = 2};
}

void received(struct fixture *f, uint8_t opcode, const void *p, size_t n) {
    struct ws_event ev = message_of(opcode, p, n);
    trace_received(f->trace, f->c, &ev);
}
