/* What the tests of AF_UNIX sockets share. */
#ifndef UNIX_H
#define UNIX_H
#include "check.h"
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

static volatile int signals;
/* No place in memory, though the compiler does not know. */
static void *volatile bad __attribute__((unused)) = (void *)8;
static char path_text[100] __attribute__((unused));

__attribute__((unused)) static void on_signal(int sig) {
    (void)sig;
    signals++;
}
__attribute__((unused)) static int opened(int kind) { return works(socket(AF_UNIX, kind, 0)); }
__attribute__((unused)) static struct sockaddr_un path_of(const char *path) {
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    memcpy(a.sun_path, path, strlen(path));
    return a;
}
__attribute__((unused)) static struct sockaddr_un abstract_of(const char *name) {
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    memcpy(a.sun_path + 1, name, strlen(name));
    return a;
}
/* The length of an abstract address without the rest of its field. */
__attribute__((unused)) static socklen_t none_len(const struct sockaddr_un *a) {
    return 2 + 1 + strlen(a->sun_path + 1);
}
__attribute__((unused)) static int told(int fd, int name) {
    int value = -77;
    socklen_t len = sizeof value;
    works(getsockopt(fd, SOL_SOCKET, name, &value, &len));
    return value;
}
__attribute__((unused)) static int ready_for(int fd, short events) {
    struct pollfd p = {fd, events, 0};
    poll(&p, 1, 0);
    return p.revents;
}
/* What it is ready for, POLLRDHUP and the like aside. */
__attribute__((unused)) static int ready(int fd) {
    return ready_for(fd, POLLIN | POLLPRI | POLLOUT | POLLRDNORM | POLLRDBAND | POLLWRNORM | POLLWRBAND);
}
#endif
