#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/err.h"
#include "net/listen.h"

static void assert_descriptor_is_closed_after_all(enum stream_kind kind, int fd) {
    struct loop loop;
    struct listener l = {0};
    assert_true(fd >= 0);
    assert_int_equal(loop_init(&loop), TB_OK);
    assert_int_equal(listener_open(&l, &loop, kind, fd), TB_ESYS);
    assert_int_not_equal(errno, 0);
    listener_close(&l);
    loop_end(&loop);
    loop_run(&loop);
    loop_release(&loop);
    assert_int_equal(fcntl(fd, F_GETFD), -1);
    assert_int_equal(errno, EBADF);
}

/* A path's descriptor cannot be given to a handle; an ordinary one can, but not be listened on. */
static void a_descriptor_that_cannot_be_listened_on_is_closed(void **state) {
    (void)state;
    const enum stream_kind kinds[] = {STREAM_TCP, STREAM_UNIX};
    for (size_t i = 0; i < 2; i++) {
        assert_descriptor_is_closed_after_all(kinds[i], open("/dev/null", O_PATH | O_CLOEXEC));
        assert_descriptor_is_closed_after_all(kinds[i], open("/dev/null", O_RDWR | O_CLOEXEC));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_descriptor_that_cannot_be_listened_on_is_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
