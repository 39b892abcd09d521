// AF_INET before any interface is up: kinds, addresses, ports, options, what poll says, interfaces, /proc/net.
// test: limit=120
#include "inet.h"
#include <sys/un.h>

static void kinds(void) {
    int p[2];
    begin("kinds and protocols");
    fails(socket(AF_INET, 0, 0), ESOCKTNOSUPPORT);
    fails(socket(AF_INET, 11, 0), EINVAL);
    fails(socket(AF_INET, SOCK_SEQPACKET, 0), ESOCKTNOSUPPORT);
    fails(socket(AF_INET, SOCK_RDM, 0), ESOCKTNOSUPPORT);
    fails(socket(AF_INET, SOCK_STREAM, IPPROTO_UDP), EPROTONOSUPPORT);
    fails(socket(AF_INET, SOCK_DGRAM, IPPROTO_TCP), EPROTONOSUPPORT);
    fails(socket(AF_INET, SOCK_STREAM, 99), EPROTONOSUPPORT);
    fails(socket(AF_INET, SOCK_STREAM, -1), EINVAL);
    fails(socket(AF_INET, SOCK_STREAM, 263), EINVAL);
    fails(socket(AF_INET, SOCK_RAW, 0), EPROTONOSUPPORT);
    fails(socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP), EACCES);
    is(in_child({ if (setuid(1000)) _exit(9); _exit(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP) == -1 && errno == EPERM ? 3 : 4); }), 3 << 8);
    fails(socketpair(AF_INET, SOCK_STREAM, 0, p), EOPNOTSUPP);
    int fd = works(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP));
    is(fcntl(fd, F_GETFD), FD_CLOEXEC); is(fcntl(fd, F_GETFL), O_RDWR | O_NONBLOCK);
    is(option_of(fd, SOL_SOCKET, SO_TYPE), SOCK_STREAM);
    is(option_of(fd, SOL_SOCKET, SO_PROTOCOL), IPPROTO_TCP); is(option_of(fd, SOL_SOCKET, SO_DOMAIN), AF_INET);
    close(fd);
    fd = opened(SOCK_DGRAM);
    is(option_of(fd, SOL_SOCKET, SO_TYPE), SOCK_DGRAM); is(option_of(fd, SOL_SOCKET, SO_PROTOCOL), IPPROTO_UDP);
    close(fd);
}

static void fresh(void) {
    struct sockaddr_in a;
    socklen_t len;
    char byte;
    for (int kind = SOCK_STREAM; kind <= SOCK_DGRAM; kind++) {
        begin(kind == SOCK_STREAM ? "a fresh stream" : "a fresh datagram socket");
        int stream = kind == SOCK_STREAM;
        int fd = opened(kind);
        memset(&a, 99, sizeof a);
        len = sizeof a;
        works(getsockname(fd, (void *)&a, &len));
        is(len, 16); is(a.sin_family, AF_INET); is(a.sin_port, 0); is(a.sin_addr.s_addr, 0);
        fails(getpeername(fd, (void *)&a, &len), ENOTCONN);
        fails(accept(fd, NULL, NULL), stream ? EINVAL : EOPNOTSUPP);
        fails(recv(fd, &byte, 1, MSG_DONTWAIT), stream ? ENOTCONN : EAGAIN);
        fails(send(fd, "x", 1, MSG_NOSIGNAL), stream ? EPIPE : EDESTADDRREQ);
        is(ready(fd), stream ? POLLOUT | POLLWRNORM | POLLHUP : POLLOUT | POLLWRNORM | POLLWRBAND);
        is(option_of(fd, SOL_SOCKET, SO_ERROR), 0);
        is(option_of(fd, SOL_SOCKET, SO_ACCEPTCONN), 0);
        int waiting = -1;
        works(ioctl(fd, FIONREAD, &waiting)); is(waiting, 0);
        waiting = -1;
        works(ioctl(fd, TIOCOUTQ, &waiting)); is(waiting, 0);
        fails(ioctl(fd, FIONREAD, bad), EFAULT);
        fails(ioctl(fd, TCGETS, &a), ENOTTY);
        fails(shutdown(fd, 3), EINVAL);
        fails(shutdown(fd, -1), EINVAL);
        fails(shutdown(fd, SHUT_WR), ENOTCONN);
        fails(send(fd, "x", 1, MSG_NOSIGNAL), stream ? EPIPE : EDESTADDRREQ);
        fails(shutdown(fd, SHUT_RDWR), ENOTCONN);
        is(recv(fd, &byte, 1, MSG_DONTWAIT), stream ? 0 : -1);
        is(ready(fd), stream ? POLLIN | POLLRDNORM | POLLRDHUP | POLLHUP | POLLOUT | POLLWRNORM
                             : POLLIN | POLLRDNORM | POLLRDHUP | POLLHUP | POLLOUT | POLLWRNORM | POLLWRBAND);
        close(fd);
    }
    begin("SIGPIPE of a stream that is not connected");
    signal(SIGPIPE, on_signal);
    int fd = opened(SOCK_STREAM);
    fails(write(fd, "x", 1), EPIPE);
    is(signals, 1);
    fails(send(fd, "x", 1, MSG_OOB | MSG_NOSIGNAL), EPIPE);
    fails(send(fd, bad, 1, MSG_NOSIGNAL), EPIPE);
    is(send(fd, "", 0, MSG_NOSIGNAL), -1);
    is(signals, 1);
    close(fd);
    begin("epoll of fresh sockets");
    int e = works(epoll_create1(0));
    fd = opened(SOCK_STREAM);
    struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP, .data.fd = fd};
    works(epoll_ctl(e, EPOLL_CTL_ADD, fd, &ev));
    is(epoll_wait(e, &ev, 1, 0), 1); is(ev.events, EPOLLOUT | EPOLLHUP);
    close(e);
    close(fd);
}

static void binding(void) {
    char small[4] = {AF_INET};
    begin("bind");
    int fd = opened(SOCK_STREAM), other = opened(SOCK_STREAM), udp = opened(SOCK_DGRAM);
    fails(bind(fd, (void *)small, sizeof small), EINVAL);
    struct sockaddr_in a = at("0.0.0.0", 4000);
    a.sin_family = AF_INET6;
    fails(bind(fd, (void *)&a, sizeof a), EAFNOSUPPORT);
    a.sin_family = AF_UNIX;
    fails(bind(fd, (void *)&a, sizeof a), EAFNOSUPPORT);
    fails(bind(fd, bad, sizeof a), EFAULT);
    fails(bind(fd, (void *)&a, -1), EINVAL);
    works(bound_to(fd, "0.0.0.0", 4000));
    is(port_of(fd), 4000);
    fails(bound_to(fd, "0.0.0.0", 4001), EINVAL);
    fails(bound_to(other, "0.0.0.0", 4000), EADDRINUSE);
    works(bound_to(udp, "0.0.0.0", 4000));
    is(port_of(other), 0);
    a = at("0.0.0.0", 4002);
    a.sin_family = AF_UNSPEC;
    works(bind(other, (void *)&a, sizeof a));
    is(port_of(other), 4002);
    close(fd); close(other);
    fd = opened(SOCK_STREAM);
    works(bound_to(fd, "0.0.0.0", 4000));
    close(fd);
    a = at("1.2.3.4", 4002);
    a.sin_family = AF_UNSPEC;
    fd = opened(SOCK_STREAM);
    fails(bind(fd, (void *)&a, sizeof a), EAFNOSUPPORT);
    close(fd);
    fd = opened(SOCK_DGRAM);
    works(bound_to(fd, "224.0.0.1", 4010)); is(port_of(fd), 4010);
    close(fd);
    fd = opened(SOCK_DGRAM);
    works(bound_to(fd, "255.255.255.255", 4010));
    close(fd); close(udp);

    begin("an address that nobody has, before anybody has one");
    fd = opened(SOCK_STREAM);
    works(bound_to(fd, "10.1.2.3", 5000));
    works(listen(fd, 1));
    close(fd);
    fd = opened(SOCK_DGRAM);
    works(bound_to(fd, "127.0.0.1", 0));
    yes(port_of(fd) >= 32768);
    struct sockaddr_in own;
    socklen_t len = sizeof own;
    works(getsockname(fd, (void *)&own, &len));
    is(own.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
    close(fd);

    begin("privileged ports");
    fd = opened(SOCK_STREAM);
    works(bound_to(fd, "0.0.0.0", 80));
    close(fd);
    is(in_child({ if (setuid(1000)) _exit(9); _exit(bound_to(socket(AF_INET, SOCK_STREAM, 0), "0.0.0.0", 1023) == -1 && errno == EACCES ? 3 : 4); }), 3 << 8);
    is(in_child({ if (setuid(1000)) _exit(9); _exit(bound_to(socket(AF_INET, SOCK_DGRAM, 0), "0.0.0.0", 1024) == 0 ? 3 : 4); }), 3 << 8);

    begin("ports chosen by the kernel");
    int fds[50], seen = 0;
    for (int n = 0; n < 50; n++) {
        fds[n] = opened(n & 1 ? SOCK_STREAM : SOCK_DGRAM);
        works(bound_to(fds[n], "0.0.0.0", 0));
        int port = port_of(fds[n]);
        yes(port >= 32768 && port <= 60999);
        for (int m = n & 1; m < n; m += 2) seen += port_of(fds[m]) == port;
    }
    is(seen, 0);
    for (int n = 0; n < 50; n++) close(fds[n]);

    begin("SO_REUSEADDR of streams");
    fd = opened(SOCK_STREAM), other = opened(SOCK_STREAM);
    int third = opened(SOCK_STREAM);
    works(set(fd, SOL_SOCKET, SO_REUSEADDR, 1));
    works(bound_to(fd, "0.0.0.0", 4000));
    fails(bound_to(other, "0.0.0.0", 4000), EADDRINUSE);
    works(set(other, SOL_SOCKET, SO_REUSEADDR, 1));
    works(bound_to(other, "0.0.0.0", 4000));
    works(listen(fd, 1));
    fails(listen(other, 1), EADDRINUSE);
    works(set(third, SOL_SOCKET, SO_REUSEADDR, 1));
    fails(bound_to(third, "0.0.0.0", 4000), EADDRINUSE);
    close(fd);
    works(listen(other, 1));
    close(other); close(third);

    begin("SO_REUSEADDR of datagrams");
    fd = opened(SOCK_DGRAM), other = opened(SOCK_DGRAM);
    works(set(fd, SOL_SOCKET, SO_REUSEADDR, 1)); works(set(other, SOL_SOCKET, SO_REUSEADDR, 1));
    works(bound_to(fd, "0.0.0.0", 4000)); works(bound_to(other, "0.0.0.0", 4000));
    close(fd); close(other);

    begin("SO_REUSEPORT");
    for (int kind = SOCK_STREAM; kind <= SOCK_DGRAM; kind++) {
        fd = opened(kind), other = opened(kind), third = opened(kind);
        works(set(fd, SOL_SOCKET, SO_REUSEPORT, 1)); works(set(other, SOL_SOCKET, SO_REUSEPORT, 1));
        is(option_of(fd, SOL_SOCKET, SO_REUSEPORT), 1);
        works(bound_to(fd, "0.0.0.0", 4000)); works(bound_to(other, "0.0.0.0", 4000));
        fails(bound_to(third, "0.0.0.0", 4000), EADDRINUSE);
        if (kind == SOCK_STREAM) { works(listen(fd, 1)); works(listen(other, 1)); }
        close(fd); close(other); close(third);
    }
    begin("SO_REUSEPORT belongs to one user");
    fd = opened(SOCK_DGRAM);
    works(set(fd, SOL_SOCKET, SO_REUSEPORT, 1));
    works(bound_to(fd, "0.0.0.0", 4000));
    is(in_child({ if (setuid(1000)) _exit(9); int s = socket(AF_INET, SOCK_DGRAM, 0); set(s, SOL_SOCKET, SO_REUSEPORT, 1);
                  _exit(bound_to(s, "0.0.0.0", 4000) == -1 && errno == EADDRINUSE ? 3 : 4); }), 3 << 8);
    close(fd);
}

static void listening(void) {
    begin("listen and accept");
    int fd = opened(SOCK_STREAM);
    works(listen(fd, 5));
    yes(port_of(fd) >= 32768);
    is(option_of(fd, SOL_SOCKET, SO_ACCEPTCONN), 1);
    is(ready(fd), 0);
    works(listen(fd, 0));
    works(fcntl(fd, F_SETFL, O_NONBLOCK));
    fails(accept(fd, NULL, NULL), EAGAIN);
    fails(connected_to(fd, "127.0.0.1", 9), EISCONN);
    int waiting;
    fails(ioctl(fd, FIONREAD, &waiting), EINVAL);
    char byte;
    fails(recv(fd, &byte, 1, 0), ENOTCONN);
    fails(send(fd, &byte, 1, MSG_NOSIGNAL), EPIPE);
    close(fd);
    begin("a listener that is shut down");
    fd = opened(SOCK_STREAM);
    works(listen(fd, 5));
    works(shutdown(fd, SHUT_WR));
    is(option_of(fd, SOL_SOCKET, SO_ACCEPTCONN), 1);
    works(shutdown(fd, SHUT_RD));
    is(option_of(fd, SOL_SOCKET, SO_ACCEPTCONN), 0);
    fails(accept(fd, NULL, NULL), EINVAL);
    is(ready(fd), POLLOUT | POLLWRNORM | POLLHUP);
    close(fd);
    fd = opened(SOCK_DGRAM);
    fails(listen(fd, 1), EOPNOTSUPP);
    close(fd);
}

static void connecting(void) {
    begin("connect goes nowhere");
    int fd = opened(SOCK_STREAM), udp = opened(SOCK_DGRAM);
    fails(connected_to(fd, "127.0.0.1", 9), ENETUNREACH);
    fails(connected_to(fd, "10.0.0.1", 9), ENETUNREACH);
    fails(connected_to(fd, "224.0.0.1", 9), ENETUNREACH);
    fails(connected_to(fd, "255.255.255.255", 9), ENETUNREACH);
    fails(connected_to(udp, "127.0.0.1", 9), ENETUNREACH);
    fails(connected_to(udp, "0.0.0.0", 9), ENETUNREACH);
    fails(connected_to(udp, "10.0.0.1", 9), ENETUNREACH);
    fails(connected_to(udp, "255.255.255.255", 9), ENETUNREACH);
    is(ready(fd), POLLOUT | POLLWRNORM | POLLHUP);
    struct sockaddr_in a = at("127.0.0.1", 9);
    fails(sendto(udp, "x", 1, 0, (void *)&a, sizeof a), ENETUNREACH);
    fails(sendto(udp, "x", 1, 0, (void *)&a, 5), EINVAL);
    a.sin_port = 0;
    fails(sendto(udp, "x", 1, 0, (void *)&a, sizeof a), EINVAL);
    a.sin_family = AF_UNIX;
    fails(sendto(udp, "x", 1, 0, (void *)&a, sizeof a), EAFNOSUPPORT);
    fails(connect(fd, (void *)&a, sizeof a), EAFNOSUPPORT);
    fails(connect(udp, (void *)&a, sizeof a), EAFNOSUPPORT);
    fails(connect(fd, (void *)&a, 8), EINVAL);
    fails(connect(udp, (void *)&a, 8), EINVAL);
    fails(connect(fd, (void *)&a, 1), EINVAL);
    a.sin_family = AF_UNSPEC;
    works(connect(fd, (void *)&a, sizeof a));
    works(connect(udp, (void *)&a, sizeof a));
    a = at("127.0.0.1", 9);
    static char big[70000];
    fails(sendto(udp, big, sizeof big, 0, (void *)&a, sizeof a), EMSGSIZE);
    close(fd); close(udp);
}

struct row { int level, name, fresh_stream, fresh_dgram, good, bad, bad_errno; };
#define NO -ENOPROTOOPT
#define OTHER -EOPNOTSUPP
static const struct row rows[] = {
    {SOL_SOCKET, SO_SNDBUF, 16384, 212992, 10000, -99, 0},
    {SOL_SOCKET, SO_RCVBUF, 131072, 212992, 10000, -99, 0},
    {SOL_SOCKET, SO_KEEPALIVE, 0, 0, 1, -99, 0},
    {SOL_SOCKET, SO_BROADCAST, 0, 0, 1, -99, 0},
    {SOL_SOCKET, SO_REUSEADDR, 0, 0, 1, -99, 0},
    {SOL_SOCKET, SO_OOBINLINE, 0, 0, 1, -99, 0},
    {SOL_SOCKET, SO_DONTROUTE, 0, 0, 1, -99, 0},
    {SOL_SOCKET, SO_PRIORITY, 0, 0, 5, -99, 0},
    {SOL_SOCKET, SO_RCVLOWAT, 1, 1, 20, -99, 0},
    {IPPROTO_IP, IP_TTL, 64, 64, 17, 256, EINVAL},
    {IPPROTO_IP, IP_TTL, 64, 64, 255, 0, EINVAL},
    {IPPROTO_IP, IP_TOS, 0, 0, 16, -99, 0},
    {IPPROTO_IP, IP_MTU_DISCOVER, 1, 1, 2, 6, EINVAL},
    {IPPROTO_IP, IP_FREEBIND, 0, 0, 1, -99, 0},
    {IPPROTO_IP, 24 /* IP_BIND_ADDRESS_NO_PORT */, 0, 0, 1, -99, 0},
    {IPPROTO_IP, IP_RECVTTL, 0, 0, 1, -99, 0},
    {IPPROTO_IP, IP_RECVTOS, 0, 0, 1, -99, 0},
    {IPPROTO_IP, IP_PKTINFO, 0, 0, 1, -99, 0},
    {IPPROTO_TCP, TCP_NODELAY, 0, OTHER, 1, -99, 0},
    {IPPROTO_TCP, TCP_CORK, 0, OTHER, 1, -99, 0},
    {IPPROTO_TCP, TCP_KEEPIDLE, 7200, OTHER, 30, 32768, EINVAL},
    {IPPROTO_TCP, TCP_KEEPINTVL, 75, OTHER, 30, 0, EINVAL},
    {IPPROTO_TCP, TCP_KEEPCNT, 9, OTHER, 30, 128, EINVAL},
    {IPPROTO_TCP, TCP_SYNCNT, 6, OTHER, 3, 0, EINVAL},
    {IPPROTO_TCP, TCP_USER_TIMEOUT, 0, OTHER, 3000, -1, EINVAL},
    {IPPROTO_TCP, TCP_MAXSEG, 536, OTHER, -99, 10, EINVAL},
    {IPPROTO_TCP, 99, NO, OTHER, -99, 5, ENOPROTOOPT},
    {IPPROTO_IP, 99, NO, NO, -99, 5, ENOPROTOOPT},
    {99, 1, -EOPNOTSUPP, -EOPNOTSUPP, -99, 5, ENOPROTOOPT},
};
static void options(void) {
    char name[64];
    for (unsigned n = 0; n < sizeof rows / sizeof *rows; n++) {
        const struct row *r = &rows[n];
        snprintf(name, sizeof name, "option %d of level %d", r->name, r->level);
        begin(name);
        for (int kind = SOCK_STREAM; kind <= SOCK_DGRAM; kind++) {
            int fd = opened(kind);
            int first = kind == SOCK_STREAM ? r->fresh_stream : r->fresh_dgram;
            is(option_of(fd, r->level, r->name), first);
            if (r->good != -99 && first >= 0) {
                works(set(fd, r->level, r->name, r->good));
                is(option_of(fd, r->level, r->name), r->level == SOL_SOCKET && r->good == 10000 ? 20000 : r->good);
            }
            if (r->bad_errno && first >= 0) fails(set(fd, r->level, r->name, r->bad), r->bad_errno);
            close(fd);
        }
    }
    begin("options' lengths");
    int fd = opened(SOCK_STREAM), value = 7;
    unsigned char byte = 33;
    works(setsockopt(fd, IPPROTO_IP, IP_TTL, &byte, 1));
    is(option_of(fd, IPPROTO_IP, IP_TTL), 33);
    works(set(fd, IPPROTO_IP, IP_TTL, -1));
    is(option_of(fd, IPPROTO_IP, IP_TTL), 64);
    fails(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &byte, 1), EINVAL);
    fails(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, bad, 4), EFAULT);
    socklen_t len = 1;
    works(getsockopt(fd, IPPROTO_IP, IP_TTL, &value, &len));
    is(len, 1); is(value & 255, 64);
    len = -1;
    fails(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, &len), EINVAL);
    struct tcp_info info;
    len = sizeof info;
    memset(&info, 99, sizeof info);
    works(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len));
    is(info.tcpi_state, TCP_CLOSE);
    listen(fd, 3);
    len = sizeof info;
    works(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len));
    is(info.tcpi_state, TCP_LISTEN);
    close(fd);
}

static void interfaces(void) {
    struct ifreq r = {0};
    begin("the interface lo, which is down");
    int fd = opened(SOCK_DGRAM), local = works(socket(AF_UNIX, SOCK_DGRAM, 0));
    for (int n = 0; n < 2; n++) {
        int s = n ? local : fd;
        memset(&r, 0, sizeof r);
        strcpy(r.ifr_name, "lo");
        works(ioctl(s, SIOCGIFFLAGS, &r)); is((unsigned short)r.ifr_flags, IFF_LOOPBACK);
        works(ioctl(s, SIOCGIFINDEX, &r)); is(r.ifr_ifindex, 1);
        works(ioctl(s, SIOCGIFMTU, &r)); is(r.ifr_mtu, 65536);
        works(ioctl(s, SIOCGIFMETRIC, &r)); is(r.ifr_metric, 0);
        memset(&r.ifr_hwaddr, 9, sizeof r.ifr_hwaddr);
        works(ioctl(s, SIOCGIFHWADDR, &r)); is(r.ifr_hwaddr.sa_family, 772); is(r.ifr_hwaddr.sa_data[0], 0);
        works(ioctl(s, SIOCGIFTXQLEN, &r)); is(r.ifr_qlen, 1000);
        memset(&r, 0, sizeof r);
        r.ifr_ifindex = 1;
        works(ioctl(s, SIOCGIFNAME, &r)); yes(!strcmp(r.ifr_name, "lo"));
        r.ifr_ifindex = 77;
        fails(ioctl(s, SIOCGIFNAME, &r), ENODEV);
        strcpy(r.ifr_name, "none");
        fails(ioctl(s, SIOCGIFFLAGS, &r), ENODEV);
        fails(ioctl(s, SIOCGIFINDEX, &r), ENODEV);
        fails(ioctl(s, SIOCGIFINDEX, bad), EFAULT);
    }
    strcpy(r.ifr_name, "lo");
    fails(ioctl(fd, SIOCGIFADDR, &r), EADDRNOTAVAIL);
    fails(ioctl(fd, SIOCGIFNETMASK, &r), EADDRNOTAVAIL);
    fails(ioctl(local, SIOCGIFADDR, &r), ENOTTY);
    strcpy(r.ifr_name, "none");
    fails(ioctl(fd, SIOCGIFADDR, &r), ENODEV);
    struct ifreq many[4];
    struct ifconf c = {.ifc_len = sizeof many, .ifc_req = many};
    works(ioctl(fd, SIOCGIFCONF, &c));
    is(c.ifc_len, 0);
    c.ifc_len = sizeof many;
    works(ioctl(local, SIOCGIFCONF, &c));
    is(c.ifc_len, 0);
    is(if_nametoindex("lo"), 1);
    char name[IFNAMSIZ];
    yes(if_indextoname(1, name) && !strcmp(name, "lo"));
    is(in_child({ if (setuid(1000)) _exit(9); _exit(set_flags("lo", IFF_UP) == -1 && errno == EPERM ? 3 : 4); }), 3 << 8);
    fails(set_flags("none", IFF_UP), ENODEV);
    is(flags_of("lo"), IFF_LOOPBACK);
    close(fd); close(local);
}

static void proc(void) {
    static char text[8192], wanted[256];
    begin("/proc/net/dev");
    works(get_file("/proc/net/dev", text, sizeof text));
    yes(!strncmp(text, "Inter-|   Receive                                                |  Transmit\n"
                       " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n", 200));
    yes(strstr(text, "\n    lo:       0       0    0    0    0     0          0         0        0       0    0    0    0     0       0          0\n"));
    begin("/proc/net/tcp");
    int fd = opened(SOCK_STREAM);
    works(bound_to(fd, "0.0.0.0", 4321));
    works(listen(fd, 7));
    struct stat st;
    fstat(fd, &st);
    works(get_file("/proc/net/tcp", text, sizeof text));
    char *line = strchr(text, '\n');
    yes(line && line - text == 149);
    yes(!strncmp(text, "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode", 96));
    snprintf(wanted, sizeof wanted, ": 00000000:10E1 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 %lu 1 ", (unsigned long)st.st_ino);
    yes(strstr(text, wanted));
    close(fd);
    works(get_file("/proc/net/tcp", text, sizeof text));
    yes(!strstr(text, ":10E1"));
    begin("/proc/net/udp");
    fd = opened(SOCK_DGRAM);
    works(bound_to(fd, "0.0.0.0", 4321));
    fstat(fd, &st);
    works(get_file("/proc/net/udp", text, sizeof text));
    line = strchr(text, '\n');
    yes(line && line - text == 127);
    yes(!strncmp(text, "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops", 115));
    snprintf(wanted, sizeof wanted, ": 00000000:10E1 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 %lu 2 ", (unsigned long)st.st_ino);
    yes(strstr(text, wanted));
    close(fd);
    begin("/proc/sys/net/ipv4");
    works(get_file("/proc/sys/net/ipv4/ip_local_port_range", text, sizeof text));
    yes(!strcmp(text, "32768\t60999\n"));
    works(get_file("/proc/sys/net/ipv4/ip_unprivileged_port_start", text, sizeof text));
    yes(!strcmp(text, "1024\n"));
}

static void tests(void) {
    kinds();
    fresh();
    binding();
    listening();
    connecting();
    options();
    interfaces();
    proc();
}
