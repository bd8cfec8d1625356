/* one_byte.c - takes the system calls' place (LD_PRELOAD) and reads and writes one byte of a socket
 * at a time, as a network may. What is no socket is left alone.
 */
#undef _FORTIFY_SOURCE /* its inline versions would take our place */

#include <stddef.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static size_t cut(int fd, size_t n) {
    int type;
    socklen_t size = sizeof type;
    int is_socket = getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0;
    return is_socket && n > 1 ? 1 : n;
}

/* The first byte of a gathered write, wherever it stands. */
static ssize_t write_first(int fd, const struct iovec *bufs, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (bufs[i].iov_len > 0) {
            return write(fd, bufs[i].iov_base, bufs[i].iov_len);
        }
    }
    return 0;
}

/* The C library's own names of the parameters are reserved.
 * NOLINTBEGIN(readability-inconsistent-declaration-parameter-name) */
ssize_t read(int fd, void *p, size_t n) {
    return syscall(SYS_read, fd, p, cut(fd, n));
}

ssize_t recv(int fd, void *p, size_t n, int flags) {
    return syscall(SYS_recvfrom, fd, p, cut(fd, n), flags, NULL, NULL);
}

ssize_t write(int fd, const void *p, size_t n) {
    return syscall(SYS_write, fd, p, cut(fd, n));
}

ssize_t writev(int fd, const struct iovec *bufs, int count) {
    return cut(fd, 2) == 1 ? write_first(fd, bufs, (size_t)count)
                           : syscall(SYS_writev, fd, bufs, count);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
    return cut(fd, 2) == 1 ? write_first(fd, message->msg_iov, message->msg_iovlen)
                           : syscall(SYS_sendmsg, fd, message, flags);
}
/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */
