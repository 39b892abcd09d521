/* What the tests of AF_INET sockets share. */
#ifndef INET_H
#define INET_H
#include "check.h"
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define UNUSED __attribute__((unused))
/* No place in memory, though the compiler does not know. */
static void *volatile bad UNUSED = (void *)8;
static volatile int signals UNUSED;

UNUSED static void on_signal(int sig) {
    (void)sig;
    signals++;
}
UNUSED static int opened(int kind) { return works(socket(AF_INET, kind, 0)); }
UNUSED static struct sockaddr_in at(const char *host, int port) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
    inet_pton(AF_INET, host, &a.sin_addr);
    return a;
}
UNUSED static int bound_to(int fd, const char *host, int port) {
    struct sockaddr_in a = at(host, port);
    return bind(fd, (void *)&a, sizeof a);
}
UNUSED static int connected_to(int fd, const char *host, int port) {
    struct sockaddr_in a = at(host, port);
    return connect(fd, (void *)&a, sizeof a);
}
/* Its own port. */
UNUSED static int port_of(int fd) {
    struct sockaddr_in a = {0};
    socklen_t len = sizeof a;
    if (getsockname(fd, (void *)&a, &len)) return -1;
    return ntohs(a.sin_port);
}
UNUSED static int option_of(int fd, int level, int name) {
    int value = -77;
    socklen_t len = sizeof value;
    if (getsockopt(fd, level, name, &value, &len)) return -errno;
    return value;
}
UNUSED static int set(int fd, int level, int name, int value) {
    return setsockopt(fd, level, name, &value, sizeof value);
}
UNUSED static int ready_for(int fd, short events) {
    struct pollfd p = {fd, events, 0};
    poll(&p, 1, 0);
    return p.revents;
}
/* All that it is ready for. */
UNUSED static int ready(int fd) {
    return ready_for(fd, POLLIN | POLLPRI | POLLOUT | POLLRDNORM | POLLRDBAND | POLLWRNORM | POLLWRBAND | POLLRDHUP);
}
/* Waits, ten seconds at most, until one of EVENTS holds. */
UNUSED static int ready_soon(int fd, short events) {
    struct pollfd p = {fd, events, 0};
    poll(&p, 1, 10000);
    return p.revents;
}
UNUSED static int flags_of(const char *name) {
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct ifreq r = {0};
    strcpy(r.ifr_name, name);
    int result = ioctl(fd, SIOCGIFFLAGS, &r);
    close(fd);
    return result ? -errno : (unsigned short)r.ifr_flags;
}
UNUSED static int set_flags(const char *name, int flags) {
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct ifreq r = {0};
    strcpy(r.ifr_name, name);
    r.ifr_flags = flags;
    int result = ioctl(fd, SIOCSIFFLAGS, &r);
    int error = errno;
    close(fd);
    errno = error;
    return result;
}
#endif
