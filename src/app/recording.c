#include "app/recording.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/command.h"
#include "base/text.h"

static int refuse(struct bytes *message, const char *path, int exit_code, const char *why) {
    bytes_append_str(message, "cannot record to '");
    text_escape(message, path, strlen(path), TEXT_ONE_LINE);
    bytes_appendf(message, "' (%s)", why);
    return exit_code;
}

/* A line that an earlier run was cut off in must not swallow our first one. */
static bool end_torn_line(int fd, off_t size) {
    char last = '\n';
    return size == 0 ||
           (pread(fd, &last, 1, size - 1) == 1 && (last == '\n' || write(fd, "\n", 1) == 1));
}

int recording_open(struct recording *r, const char *path, struct bytes *message) {
    struct stat st;
    r->fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
                 S_IRUSR | S_IWUSR);
    if (r->fd < 0) {
        return refuse(message, path, EXIT_USAGE,
                      errno == ELOOP ? "it is a symbolic link" : strerror(errno));
    }
    if (fstat(r->fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        return refuse(message, path, EXIT_USAGE, "it is not a regular file");
    }
    if (!end_torn_line(r->fd, st.st_size)) {
        return refuse(message, path, EXIT_SYSTEM, strerror(errno));
    }
    r->log = log_new(r->fd, LOG_JSON, LOG_DEBUG);
    return r->log != NULL ? EXIT_OK : refuse(message, path, EXIT_SYSTEM, "out of memory");
}

void recording_close(struct recording *r) {
    log_free(r->log);
    if (r->fd >= 0) {
        close(r->fd);
    }
    *r = (struct recording)RECORDING_INIT;
}
