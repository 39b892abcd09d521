// UDP over lo: the interface comes up, datagrams, connections, errors, ports shared, rooms.
// test: smp=2 limit=120
#include "inet.h"

static char data[70000], got[70000];

static void up(void) {
    begin("lo comes up, and goes down");
    works(set_flags("lo", IFF_UP));
    is(flags_of("lo"), IFF_UP | IFF_LOOPBACK | IFF_RUNNING);
    int fd = opened(SOCK_DGRAM);
    struct ifreq r = {0};
    strcpy(r.ifr_name, "lo");
    works(ioctl(fd, SIOCGIFADDR, &r));
    is(((struct sockaddr_in *)&r.ifr_addr)->sin_addr.s_addr, htonl(INADDR_LOOPBACK));
    works(ioctl(fd, SIOCGIFNETMASK, &r));
    is(((struct sockaddr_in *)&r.ifr_addr)->sin_addr.s_addr, htonl(0xff000000));
    works(ioctl(fd, SIOCGIFBRDADDR, &r));
    is(((struct sockaddr_in *)&r.ifr_addr)->sin_addr.s_addr, 0);
    struct ifreq many[4];
    struct ifconf c = {.ifc_len = sizeof many, .ifc_req = many};
    works(ioctl(fd, SIOCGIFCONF, &c));
    is(c.ifc_len, sizeof *many);
    yes(!strcmp(many->ifr_name, "lo"));
    c = (struct ifconf){.ifc_len = 0};
    works(ioctl(fd, SIOCGIFCONF, &c));
    is(c.ifc_len, sizeof *many);
    c = (struct ifconf){.ifc_len = 10, .ifc_req = many};
    works(ioctl(fd, SIOCGIFCONF, &c));
    is(c.ifc_len, 0);
    works(connected_to(fd, "127.0.0.1", 9));
    close(fd);
    works(set_flags("lo", 0));
    is(flags_of("lo"), IFF_LOOPBACK);
    fd = opened(SOCK_DGRAM);
    works(connected_to(fd, "127.0.0.1", 9));
    is(send(fd, "x", 1, 0), 1);
    is(option_of(fd, SOL_SOCKET, SO_ERROR), 0);
    works(ioctl(fd, SIOCGIFADDR, &r));
    close(fd);
    works(set_flags("lo", IFF_UP));
    fd = opened(SOCK_DGRAM);
    fails(bound_to(fd, "10.1.2.3", 0), EADDRNOTAVAIL);
    works(set(fd, IPPROTO_IP, IP_FREEBIND, 1));
    works(bound_to(fd, "10.1.2.3", 0));
    close(fd);
}

static void sending(void) {
    begin("datagrams between two sockets");
    int a = opened(SOCK_DGRAM), b = opened(SOCK_DGRAM);
    works(bound_to(a, "127.0.0.1", 5000));
    struct sockaddr_in to = at("127.0.0.1", 5000), from;
    socklen_t len = sizeof from;
    is(sendto(b, "hello", 5, 0, (void *)&to, sizeof to), 5);
    int port = port_of(b);
    yes(port >= 32768);
    is(ready(a), POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM | POLLWRBAND);
    int waiting = 0;
    works(ioctl(a, FIONREAD, &waiting)); is(waiting, 5);
    is(recvfrom(a, got, 100, MSG_PEEK, (void *)&from, &len), 5);
    is(recvfrom(a, got, 100, 0, (void *)&from, &len), 5);
    yes(!memcmp(got, "hello", 5));
    is(len, 16); is(from.sin_family, AF_INET); is(ntohs(from.sin_port), port); is(from.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
    fails(recv(a, got, 100, MSG_DONTWAIT), EAGAIN);
    is(sendto(a, "back", 4, 0, (void *)&from, sizeof from), 4);
    is(recv(b, got, 100, 0), 4);
    begin("datagrams that are too long for their receiver, empty, long");
    is(sendto(b, "0123456789", 10, 0, (void *)&to, sizeof to), 10);
    is(sendto(b, "0123456789", 10, 0, (void *)&to, sizeof to), 10);
    is(recv(a, got, 4, 0), 4);
    is(recv(a, got, 4, MSG_TRUNC), 10);
    is(sendto(b, "0123456789", 10, 0, (void *)&to, sizeof to), 10);
    struct iovec v = {got, 3};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
    is(recvmsg(a, &m, 0), 3); is(m.msg_flags, MSG_TRUNC);
    is(sendto(b, "", 0, 0, (void *)&to, sizeof to), 0);
    is(ready(a), POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM | POLLWRBAND);
    is(recv(a, got, 4, 0), 0);
    fails(sendto(b, data, 65508, 0, (void *)&to, sizeof to), EMSGSIZE);
    for (int n = 0; n < 65507; n++) data[n] = n * 7 + (n >> 8);
    is(sendto(b, data, 65507, 0, (void *)&to, sizeof to), 65507);
    is(recv(a, got, sizeof got, 0), 65507);
    yes(!memcmp(data, got, 65507));
    is(sendto(b, data, 5000, 0, (void *)&to, sizeof to), 5000);
    is(recv(a, got, 5000, 0), 5000);
    yes(!memcmp(data, got, 5000));
    fails(sendto(b, bad, 5000, 0, (void *)&to, sizeof to), EFAULT);
    fails(sendto(b, bad, 50, 0, (void *)&to, sizeof to), EFAULT);
    is(sendto(b, data, 50, 0, (void *)&to, sizeof to), 50);
    fails(recv(a, bad, 50, 0), EFAULT);
    begin("MSG_OOB and MSG_ERRQUEUE");
    fails(sendto(b, "x", 1, MSG_OOB, (void *)&to, sizeof to), EOPNOTSUPP);
    fails(recv(a, got, 1, MSG_ERRQUEUE), EAGAIN);
    begin("any address means the machine");
    to.sin_addr.s_addr = 0;
    is(sendto(b, "any", 3, 0, (void *)&to, sizeof to), 3);
    is(recv(a, got, 100, MSG_DONTWAIT), 3);
    begin("other addresses of the loopback network");
    int c = opened(SOCK_DGRAM);
    works(bound_to(c, "0.0.0.0", 5001));
    to = at("127.1.2.3", 5001);
    is(sendto(b, "far", 3, 0, (void *)&to, sizeof to), 3);
    len = sizeof from;
    is(recvfrom(c, got, 100, MSG_DONTWAIT, (void *)&from, &len), 3);
    is(from.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
    to = at("127.1.2.3", 5000);
    is(sendto(b, "nobody", 6, 0, (void *)&to, sizeof to), 6);
    fails(recv(a, got, 100, MSG_DONTWAIT), EAGAIN);
    close(a); close(b); close(c);
}

static void connections(void) {
    struct sockaddr_in name;
    socklen_t len = sizeof name;
    begin("connected sockets");
    int a = opened(SOCK_DGRAM), b = opened(SOCK_DGRAM), c = opened(SOCK_DGRAM);
    works(bound_to(a, "0.0.0.0", 5000));
    works(bound_to(c, "127.0.0.1", 5002));
    works(connected_to(b, "127.0.0.1", 5000));
    works(getpeername(b, (void *)&name, &len)); is(ntohs(name.sin_port), 5000);
    works(getsockname(b, (void *)&name, &len)); is(name.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
    is(write(b, "one", 3), 3);
    is(read(a, got, 100), 3);
    struct sockaddr_in to = name;
    is(sendto(c, "two", 3, 0, (void *)&to, sizeof to), 3);
    fails(recv(b, got, 100, MSG_DONTWAIT), EAGAIN);
    is(sendto(a, "three", 5, 0, (void *)&to, sizeof to), 5);
    is(recv(b, got, 100, MSG_DONTWAIT), 5);
    to = at("127.0.0.1", 5002);
    is(sendto(b, "four", 4, 0, (void *)&to, sizeof to), 4);
    is(recv(c, got, 100, MSG_DONTWAIT), 4);
    works(connected_to(b, "127.0.0.1", 5002));
    is(write(b, "five!", 5), 5);
    is(recv(c, got, 100, MSG_DONTWAIT), 5);
    name.sin_family = AF_UNSPEC;
    int port = port_of(b);
    works(connect(b, (void *)&name, sizeof name));
    len = sizeof name;
    fails(getpeername(b, (void *)&name, &len), ENOTCONN);
    fails(send(b, "x", 1, 0), EDESTADDRREQ);
    works(getsockname(b, (void *)&name, &len)); is(name.sin_addr.s_addr, 0);
    (void)port;
    begin("shutdown");
    works(connected_to(b, "127.0.0.1", 5002));
    works(shutdown(b, SHUT_WR));
    fails(send(b, "x", 1, 0), EPIPE);
    works(shutdown(b, SHUT_RD));
    is(recv(b, got, 100, 0), 0);
    is(ready(b), POLLIN | POLLRDNORM | POLLRDHUP | POLLHUP | POLLOUT | POLLWRNORM | POLLWRBAND);
    close(a); close(b); close(c);

    begin("nobody is there");
    a = opened(SOCK_DGRAM);
    works(connected_to(a, "127.0.0.1", 5009));
    is(send(a, "x", 1, 0), 1);
    is(ready(a) & (POLLERR | POLLIN), POLLERR);
    fails(send(a, "x", 1, 0), ECONNREFUSED);
    is(send(a, "x", 1, 0), 1);
    is(option_of(a, SOL_SOCKET, SO_ERROR), ECONNREFUSED);
    is(send(a, "x", 1, 0), 1);
    fails(recv(a, got, 10, 0), ECONNREFUSED);
    fails(recv(a, got, 10, MSG_DONTWAIT), EAGAIN);
    close(a);
    a = opened(SOCK_DGRAM);
    to = at("127.0.0.1", 5009);
    is(sendto(a, "x", 1, 0, (void *)&to, sizeof to), 1);
    is(sendto(a, "x", 1, 0, (void *)&to, sizeof to), 1);
    is(option_of(a, SOL_SOCKET, SO_ERROR), 0);
    close(a);
}

static void sharing(void) {
    begin("which of two sockets of one port receives");
    int a = opened(SOCK_DGRAM), b = opened(SOCK_DGRAM), s = opened(SOCK_DGRAM);
    works(set(a, SOL_SOCKET, SO_REUSEADDR, 1)); works(set(b, SOL_SOCKET, SO_REUSEADDR, 1));
    works(bound_to(a, "0.0.0.0", 5000)); works(bound_to(b, "127.0.0.1", 5000));
    struct sockaddr_in to = at("127.0.0.1", 5000);
    is(sendto(s, "exact", 5, 0, (void *)&to, sizeof to), 5);
    is(recv(b, got, 10, MSG_DONTWAIT), 5);
    to = at("127.0.0.2", 5000);
    is(sendto(s, "any", 3, 0, (void *)&to, sizeof to), 3);
    is(recv(a, got, 10, MSG_DONTWAIT), 3);
    close(a); close(b);
    begin("SO_REUSEPORT spreads senders");
    a = opened(SOCK_DGRAM), b = opened(SOCK_DGRAM);
    works(set(a, SOL_SOCKET, SO_REUSEPORT, 1)); works(set(b, SOL_SOCKET, SO_REUSEPORT, 1));
    works(bound_to(a, "127.0.0.1", 5000)); works(bound_to(b, "127.0.0.1", 5000));
    to = at("127.0.0.1", 5000);
    int counts[2] = {0};
    for (int n = 0; n < 60; n++) {
        int one = opened(SOCK_DGRAM);
        for (int m = 0; m < 2; m++) is(sendto(one, "x", 1, 0, (void *)&to, sizeof to), 1);
        int first = 0, second = 0;
        while (recv(a, got, 10, MSG_DONTWAIT) == 1) first++;
        while (recv(b, got, 10, MSG_DONTWAIT) == 1) second++;
        yes((first == 2 && second == 0) || (first == 0 && second == 2));
        counts[first == 0]++;
        close(one);
    }
    yes(counts[0] > 5 && counts[1] > 5);
    close(a); close(b); close(s);
}

static void rooms(void) {
    static const int sizes[] = {1, 100, 1000, 4000, 9000};
    begin("how many fit");
    for (int n = 0; n < 5; n++) {
        int a = opened(SOCK_DGRAM), b = opened(SOCK_DGRAM), fit = 0;
        works(set(a, SOL_SOCKET, SO_RCVBUF, 20000));
        works(bound_to(a, "127.0.0.1", 5000));
        works(connected_to(b, "127.0.0.1", 5000));
        for (int m = 0; m < 200; m++) is(send(b, data, sizes[n], MSG_DONTWAIT), sizes[n]);
        while (recv(a, got, sizeof got, MSG_DONTWAIT) == sizes[n]) fit++;
        static const int wanted[] = {53, 53, 18, 5, 3};
        is(fit, wanted[n]);
        close(a); close(b);
    }
}

static void control(void) {
    begin("control messages");
    int a = opened(SOCK_DGRAM), b = opened(SOCK_DGRAM);
    works(bound_to(a, "127.0.0.1", 5000));
    works(connected_to(b, "127.0.0.1", 5000));
    works(set(a, IPPROTO_IP, IP_PKTINFO, 1)); works(set(a, IPPROTO_IP, IP_RECVTTL, 1)); works(set(a, IPPROTO_IP, IP_RECVTOS, 1));
    works(set(b, IPPROTO_IP, IP_TTL, 17)); works(set(b, IPPROTO_IP, IP_TOS, 16));
    is(send(b, "x", 1, 0), 1);
    char space[256], out[64] = {0};
    struct iovec v = {got, 10};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space};
    is(recvmsg(a, &m, 0), 1);
    int ttl = 0, tos = 0, interface = 0, count = 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c), count++) {
        is(c->cmsg_level, IPPROTO_IP);
        if (c->cmsg_type == IP_TTL) ttl = *(int *)CMSG_DATA(c);
        if (c->cmsg_type == IP_TOS) tos = *CMSG_DATA(c);
        if (c->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo *info = (void *)CMSG_DATA(c);
            interface = info->ipi_ifindex;
            is(info->ipi_addr.s_addr, htonl(INADDR_LOOPBACK)); is(info->ipi_spec_dst.s_addr, htonl(INADDR_LOOPBACK));
        }
    }
    is(count, 3); is(ttl, 17); is(tos, 16); is(interface, 1);
    struct cmsghdr *c = (void *)out;
    *c = (struct cmsghdr){.cmsg_len = CMSG_LEN(4), .cmsg_level = IPPROTO_IP, .cmsg_type = IP_TTL};
    *(int *)CMSG_DATA(c) = 99;
    struct msghdr o = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = out, .msg_controllen = CMSG_SPACE(4)};
    v.iov_len = 1;
    is(sendmsg(b, &o, 0), 1);
    m.msg_controllen = sizeof space;
    is(recvmsg(a, &m, 0), 1);
    for (c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) if (c->cmsg_type == IP_TTL) ttl = *(int *)CMSG_DATA(c);
    is(ttl, 99);
    *(int *)CMSG_DATA((struct cmsghdr *)out) = 256;
    fails(sendmsg(b, &o, 0), EINVAL);
    begin("sendmmsg and recvmmsg");
    struct iovec vs[3] = {{"a", 1}, {"bb", 2}, {"ccc", 3}};
    struct mmsghdr ms[4] = {0};
    for (int n = 0; n < 3; n++) ms[n].msg_hdr.msg_iov = vs + n, ms[n].msg_hdr.msg_iovlen = 1;
    is(sendmmsg(b, ms, 3, 0), 3);
    is(ms[2].msg_len, 3);
    struct iovec rs[4];
    memset(ms, 0, sizeof ms);
    for (int n = 0; n < 4; n++) rs[n] = (struct iovec){got + n * 10, 10}, ms[n].msg_hdr.msg_iov = rs + n, ms[n].msg_hdr.msg_iovlen = 1;
    is(recvmmsg(a, ms, 4, MSG_WAITFORONE, NULL), 3);
    is(ms[0].msg_len, 1); is(ms[2].msg_len, 3);
    close(a); close(b);
}

static void *sends_late(void *fd) {
    pause_ms(30);
    (void)!write(*(int *)fd, "late", 4);
    return NULL;
}
static void waiting(void) {
    begin("waiting for a datagram");
    int a = opened(SOCK_DGRAM), b = opened(SOCK_DGRAM);
    works(bound_to(a, "127.0.0.1", 5000));
    works(connected_to(b, "127.0.0.1", 5000));
    pthread_t t;
    pthread_create(&t, NULL, sends_late, &b);
    is(recv(a, got, 100, 0), 4);
    pthread_join(t, NULL);
    int e = works(epoll_create1(0));
    struct epoll_event ev = {.events = EPOLLIN | EPOLLET, .data.fd = a};
    works(epoll_ctl(e, EPOLL_CTL_ADD, a, &ev));
    is(epoll_wait(e, &ev, 1, 0), 0);
    pthread_create(&t, NULL, sends_late, &b);
    is(epoll_wait(e, &ev, 1, 10000), 1); is(ev.events, EPOLLIN);
    is(epoll_wait(e, &ev, 1, 0), 0);
    pthread_join(t, NULL);
    is(recv(a, got, 100, 0), 4);
    struct timeval tv = {0, 50000};
    works(setsockopt(a, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv));
    fails(recv(a, got, 100, 0), EAGAIN);
    close(e); close(a); close(b);
}

static void counters(void) {
    static char text[4096];
    begin("counters and tables");
    int a = opened(SOCK_DGRAM), b = opened(SOCK_DGRAM);
    works(bound_to(a, "127.0.0.1", 5000));
    works(connected_to(b, "127.0.0.1", 5000));
    works(get_file("/proc/net/dev", text, sizeof text));
    long bytes, packets, bytes_after, packets_after;
    is(sscanf(strstr(text, "lo:"), "lo: %ld %ld", &bytes, &packets), 2);
    is(send(b, data, 100, 0), 100);
    works(get_file("/proc/net/dev", text, sizeof text));
    is(sscanf(strstr(text, "lo:"), "lo: %ld %ld", &bytes_after, &packets_after), 2);
    is(packets_after - packets, 1); is(bytes_after - bytes, 128);
    works(get_file("/proc/net/udp", text, sizeof text));
    yes(strstr(text, ": 0100007F:1388 00000000:0000 07 00000000:00000300 00:00000000"));
    yes(strstr(text, " 0100007F:1388 01 00000000:00000000 00:00000000"));
    close(a); close(b);
}

static void tests(void) {
    up();
    sending();
    connections();
    sharing();
    rooms();
    control();
    waiting();
    counters();
}
