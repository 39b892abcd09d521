/* Calls that the fuzzer makes beyond the table of pointers.c (calls.h): sockets of AF_INET on lo, asynchronous I/O, fanotify,
   access lists. */
#ifndef FUZZMORE_H
#define FUZZMORE_H
#include "world.h"
#include <linux/aio_abi.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/fanotify.h>

enum { LISTEN_FD = 53, TCP_FD, PEER_FD, UDP_FD, FAN_FD };

/* Where the process' sockets meet. */
static struct sockaddr_in here = {.sin_family = AF_INET};
static const struct sockaddr nowhere = {.sa_family = AF_UNSPEC};
static const int name_room = 16;
static const struct ifreq loopback = {.ifr_name = "lo"};
static const struct linger at_once = {1, 0};
static const struct timeval short_time = {0, 1000};
static const struct msghdr message_there = {&here, 16, (void *)&name_vector, 1, NULL, 0, 0};
static char aio_room[64];
static const struct iocb aio_read = {.aio_lio_opcode = IOCB_CMD_PREAD, .aio_fildes = FILE_FD, .aio_buf = (uintptr_t)aio_room,
                                     .aio_nbytes = 64};
static const struct iocb aio_write = {.aio_lio_opcode = IOCB_CMD_PWRITE, .aio_fildes = FILE_FD, .aio_buf = (uintptr_t)aio_room,
                                      .aio_nbytes = 64, .aio_flags = IOCB_FLAG_RESFD, .aio_resfd = EVENT_FD};
static const struct iocb aio_poll = {.aio_lio_opcode = IOCB_CMD_POLL, .aio_fildes = PIPE_IN, .aio_buf = POLLIN};
static const struct iocb aio_sync = {.aio_lio_opcode = IOCB_CMD_FDSYNC, .aio_fildes = FILE_FD};
static struct { unsigned version; struct { unsigned short tag, perm; unsigned id; } entries[5]; } access_list = {
    2, {{1, 7, -1U}, {2, 5, 4323}, {4, 5, -1U}, {0x10, 7, -1U}, {0x20, 0, -1U}}};

#define SUBMIT(label, request) \
    AS(label, io_submit, UNTRIED, V(0), MANY(1), IN_(all_numbers), NOTHING_, NOTHING_, IN_(request))
#define NOTHING_ {NOTHING, 0, 0}
#define OPTION(label, level, name, value) \
    AS("setsockopt." label, setsockopt, UNTRIED, FD_(TCP_FD), V(level), V(name), IN_(value), BYTES(sizeof(value))), \
    AS("getsockopt." label, getsockopt, UNTRIED, FD_(TCP_FD), V(level), V(name), OUT_(16), INOUT(name_room))

static const struct call quiet_calls[] = {
    SUBMIT("io_submit.read", aio_read), SUBMIT("io_submit.write", aio_write), SUBMIT("io_submit.poll", aio_poll),
    SUBMIT("io_submit.sync", aio_sync),
    AS("io_cancel.request", io_cancel, UNTRIED, V(0), INOUT(aio_poll), OUT_(32)),
    AS("io_getevents.some", io_getevents, UNTRIED, V(0), V(0), MANY(4), OUT_(128), IN_(no_time)),
    AS("setxattr.access", setxattr, UNTRIED, PATH_("file"), TEXT("system.posix_acl_access"), IN_(access_list), BYTES(44), V(0)),
    AS("setxattr.default", setxattr, UNTRIED, PATH_("folder"), TEXT("system.posix_acl_default"), IN_(access_list), BYTES(44), V(0)),
    AS("getxattr.access", getxattr, UNTRIED, PATH_("file"), TEXT("system.posix_acl_access"), OUT_(64), BYTES(64)),
    AS("removexattr.access", removexattr, UNTRIED, PATH_("file"), TEXT("system.posix_acl_access")),
    AS("removexattr.default", removexattr, UNTRIED, PATH_("folder"), TEXT("system.posix_acl_default")),
    AS("mkdir.inherits", mkdir, UNTRIED, PATH_("folder/new"), V(0777)),
    AS("chmod.mask", chmod, UNTRIED, PATH_("file"), V(0640)),
    AS("fanotify_mark.file", fanotify_mark, UNTRIED, FD_(FAN_FD), V(FAN_MARK_ADD), V(FAN_OPEN | FAN_ACCESS), V(AT_FDCWD), PATH_("file")),
    AS("fanotify_mark.folder", fanotify_mark, UNTRIED, FD_(FAN_FD), V(FAN_MARK_ADD),
       V(FAN_CREATE | FAN_DELETE | FAN_MOVE | FAN_ONDIR | FAN_EVENT_ON_CHILD), V(AT_FDCWD), PATH_("folder")),
    AS("fanotify_mark.remove", fanotify_mark, UNTRIED, FD_(FAN_FD), V(FAN_MARK_REMOVE), V(FAN_OPEN), V(AT_FDCWD), PATH_("file")),
    AS("fanotify_mark.flush", fanotify_mark, UNTRIED, FD_(FAN_FD), V(FAN_MARK_FLUSH), V(0), V(AT_FDCWD), V(0)),
    AS("read.fanotify", read, UNTRIED, FD_(FAN_FD), OUT_(512), BYTES(512)),
};

/* What a connection leaves behind stays for a minute. */
static const struct call inet_calls[] = {
    AS("socket.tcp", socket, UNTRIED, V(AF_INET), V(SOCK_STREAM | SOCK_NONBLOCK), V(0)),
    AS("socket.udp", socket, UNTRIED, V(AF_INET), V(SOCK_DGRAM | SOCK_NONBLOCK), V(0)),
    AS("bind.tcp", bind, UNTRIED, FD_(TCP_FD), IN_(here), BYTES(16)),
    AS("listen.tcp", listen, UNTRIED, FD_(LISTEN_FD), MANY(4)),
    AS("connect.tcp", connect, UNTRIED, FD_(TCP_FD), IN_(here), BYTES(16)),
    AS("connect.udp", connect, UNTRIED, FD_(UDP_FD), IN_(here), BYTES(16)),
    AS("connect.off", connect, UNTRIED, FD_(UDP_FD), IN_(nowhere), BYTES(16)),
    AS("connect.end", connect, UNTRIED, FD_(TCP_FD), IN_(nowhere), BYTES(16)),
    AS("accept4.tcp", accept4, UNTRIED, FD_(LISTEN_FD), OUT_(16), INOUT(name_room), V(SOCK_NONBLOCK)),
    AS("getsockname.tcp", getsockname, UNTRIED, FD_(TCP_FD), OUT_(16), INOUT(name_room)),
    AS("getpeername.tcp", getpeername, UNTRIED, FD_(PEER_FD), OUT_(16), INOUT(name_room)),
    AS("shutdown.tcp", shutdown, UNTRIED, FD_(PEER_FD), V(SHUT_WR)),
    AS("write.tcp", write, UNTRIED, FD_(TCP_FD), IN_(all_numbers), BYTES(64)),
    AS("write.back", write, UNTRIED, FD_(PEER_FD), IN_(all_numbers), BYTES(4096)),
    AS("read.tcp", read, UNTRIED, FD_(TCP_FD), OUT_(4096), BYTES(4096)),
    AS("read.back", read, UNTRIED, FD_(PEER_FD), OUT_(64), BYTES(64)),
    AS("writev.tcp", writev, UNTRIED, FD_(TCP_FD), VEC, MANY(2)),
    AS("readv.tcp", readv, UNTRIED, FD_(PEER_FD), VEC, MANY(2)),
    AS("sendto.tcp", sendto, UNTRIED, FD_(TCP_FD), IN_(name_text), BYTES(16), V(MSG_DONTWAIT | MSG_MORE), V(0), V(0)),
    AS("sendto.udp", sendto, UNTRIED, FD_(UDP_FD), IN_(name_text), BYTES(16), V(MSG_DONTWAIT), IN_(here), BYTES(16)),
    AS("recvfrom.peek", recvfrom, UNTRIED, FD_(PEER_FD), OUT_(64), BYTES(64), V(MSG_DONTWAIT | MSG_PEEK), V(0), V(0)),
    AS("recvfrom.udp", recvfrom, UNTRIED, FD_(UDP_FD), OUT_(64), BYTES(64), V(MSG_DONTWAIT), OUT_(16), INOUT(name_room)),
    AS("sendmsg.udp", sendmsg, UNTRIED, FD_(UDP_FD), IN_(message_there), V(MSG_DONTWAIT)),
    AS("recvmsg.udp", recvmsg, UNTRIED, FD_(UDP_FD), INOUT(message_there), V(MSG_DONTWAIT)),
    AS("sendmmsg.tcp", sendmmsg, UNTRIED, FD_(TCP_FD), INOUT(one_message), MANY(1), V(MSG_DONTWAIT)),
    AS("recvmmsg.udp", recvmmsg, UNTRIED, FD_(UDP_FD), INOUT(one_message), MANY(1), V(MSG_DONTWAIT), V(0)),
    AS("sendfile64.tcp", sendfile, UNTRIED, FD_(TCP_FD), FD_(READ_FD), V(0), BYTES(4000)),
    AS("splice.tcp", splice, UNTRIED, FD_(PEER_FD), V(0), FD_(PIPE_OUT), V(0), BYTES(64), V(SPLICE_F_NONBLOCK)),
    AS("splice.to_tcp", splice, UNTRIED, FD_(PIPE_IN), V(0), FD_(PEER_FD), V(0), BYTES(64), V(SPLICE_F_NONBLOCK)),
    AS("epoll_ctl.tcp", epoll_ctl, UNTRIED, FD_(EPOLL_FD), V(1), FD_(PEER_FD), IN_(event)),
    AS("ioctl.inq", ioctl, UNTRIED, FD_(PEER_FD), V(0x541b), OUT_(4)),
    AS("ioctl.outq", ioctl, UNTRIED, FD_(TCP_FD), V(0x5411), OUT_(4)),
    AS("ioctl.flags", ioctl, UNTRIED, FD_(UDP_FD), V(0x8913), INOUT(loopback)),
    AS("ioctl.mtu", ioctl, UNTRIED, FD_(UDP_FD), V(0x8921), INOUT(loopback)),
    OPTION("reuse", SOL_SOCKET, SO_REUSEADDR, one_int), OPTION("sndbuf", SOL_SOCKET, SO_SNDBUF, one_int),
    OPTION("rcvbuf", SOL_SOCKET, SO_RCVBUF, one_int), OPTION("linger", SOL_SOCKET, SO_LINGER, at_once),
    OPTION("rcvtimeo", SOL_SOCKET, SO_RCVTIMEO, short_time), OPTION("lowat", SOL_SOCKET, SO_RCVLOWAT, one_int),
    OPTION("error", SOL_SOCKET, SO_ERROR, no_int), OPTION("nodelay", IPPROTO_TCP, TCP_NODELAY, one_int),
    OPTION("maxseg", IPPROTO_TCP, TCP_MAXSEG, one_int), OPTION("cork", IPPROTO_TCP, TCP_CORK, one_int),
    OPTION("keep", SOL_SOCKET, SO_KEEPALIVE, one_int), OPTION("idle", IPPROTO_TCP, TCP_KEEPIDLE, one_int),
    OPTION("info", IPPROTO_TCP, TCP_INFO, no_int), OPTION("ttl", IPPROTO_IP, IP_TTL, one_int),
    OPTION("recverr", IPPROTO_IP, IP_RECVERR, one_int), OPTION("pktinfo", IPPROTO_IP, IP_PKTINFO, one_int),
};

/* lo is there. */
static void raise_loopback(void) {
    struct ifreq r = loopback;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    r.ifr_flags = IFF_UP;
    works(ioctl(fd, SIOCSIFFLAGS, &r));
    close(fd);
}
/* A listener, a connection with both its ends, a socket that sends to itself. */
static void open_inet(void) {
    int flags = SOCK_NONBLOCK | SOCK_CLOEXEC, one = 1;
    int listener = socket(AF_INET, SOCK_STREAM | flags, 0), client = socket(AF_INET, SOCK_STREAM | flags, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    (void)!bind(listener, (struct sockaddr *)&here, sizeof here);
    listen(listener, 4);
    at(LISTEN_FD, listener);
    (void)!connect(client, (struct sockaddr *)&here, sizeof here);
    at(PEER_FD, accept4(LISTEN_FD, NULL, NULL, flags));
    at(TCP_FD, client);
    int own = socket(AF_INET, SOCK_DGRAM | flags, 0);
    (void)!bind(own, (struct sockaddr *)&here, sizeof here);
    (void)!connect(own, (struct sockaddr *)&here, sizeof here);
    at(UDP_FD, own);
}
#endif
