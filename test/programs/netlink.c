// AF_NETLINK with NETLINK_KOBJECT_UEVENT: addresses, the kernel's events, messages between programs, filters, loss.
#include "check.h"
#include <linux/filter.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#define NULL_EVENT "/sys/class/mem/null/uevent"
static char text[70000];

static int opened(void) { return works(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT)); }
static struct sockaddr_nl at(unsigned port, unsigned groups) {
    return (struct sockaddr_nl){.nl_family = AF_NETLINK, .nl_pid = port, .nl_groups = groups};
}
static int bound(unsigned port, unsigned groups) {
    int fd = opened();
    struct sockaddr_nl a = at(port, groups);
    works(bind(fd, (void *)&a, sizeof a));
    return fd;
}
static struct sockaddr_nl own(int fd) {
    struct sockaddr_nl a;
    socklen_t len = sizeof a;
    works(getsockname(fd, (void *)&a, &len));
    is(len, sizeof a);
    return a;
}
static int option(int fd, int level, int name, int value) { return setsockopt(fd, level, name, &value, sizeof value); }
static int told(int fd, int level, int name) {
    int value = -1;
    socklen_t len = sizeof value;
    works(getsockopt(fd, level, name, &value, &len));
    return value;
}
static long send_to(int fd, const void *bytes, long n, unsigned port, unsigned groups) {
    struct sockaddr_nl a = at(port, groups);
    return sendto(fd, bytes, n, MSG_DONTWAIT, (void *)&a, sizeof a);
}
static long get(int fd) {
    memset(text, 0, sizeof text);
    return recv(fd, text, sizeof text, MSG_DONTWAIT);
}
static void trigger(const char *what) { put_file(NULL_EVENT, what); }
static int ready(int fd) {
    struct pollfd p = {fd, POLLIN | POLLOUT, 0};
    poll(&p, 1, 0);
    return p.revents;
}
/* The event in `text`, with a blank for each NUL and without its number, which is given. */
static long shown(long n) {
    for (long i = 0; i < n - 1; i++)
        if (!text[i])
            text[i] = ' ';
    char *number = strstr(text, " SEQNUM=");
    long is = number ? atol(number + 8) : -1;
    if (number)
        *number = 0;
    return is;
}

static void kinds(void) {
    begin("families, kinds and protocols that are not there");
    fails(socket(46, SOCK_RAW, 0), EAFNOSUPPORT);
    fails(socket(-1, SOCK_RAW, 0), EAFNOSUPPORT);
    fails(socket(0, SOCK_RAW, 0), EAFNOSUPPORT);
    fails(socket(27, SOCK_RAW, 0), EAFNOSUPPORT);
    fails(socket(AF_NETLINK, 11, 0), EINVAL);
    fails(socket(AF_NETLINK, SOCK_RAW | 0x100, 0), EINVAL);
    fails(socket(AF_NETLINK, SOCK_STREAM, 0), ESOCKTNOSUPPORT);
    fails(socket(AF_NETLINK, SOCK_SEQPACKET, 15), ESOCKTNOSUPPORT);
    fails(socket(AF_NETLINK, SOCK_RAW, 32), EPROTONOSUPPORT);
    fails(socket(AF_NETLINK, SOCK_RAW, -1), EPROTONOSUPPORT);
    fails(socket(AF_NETLINK, SOCK_DGRAM, 1), EPROTONOSUPPORT);
    fails(socket(AF_NETLINK, SOCK_DGRAM, 23), EPROTONOSUPPORT);
    int pair[2];
    fails(socketpair(AF_NETLINK, SOCK_RAW, 15, pair), EOPNOTSUPP);
    begin("what such a socket has not");
    int fd = opened();
    fails(listen(fd, 1), EOPNOTSUPP);
    fails(accept(fd, NULL, NULL), EOPNOTSUPP);
    fails(shutdown(fd, SHUT_RD), EOPNOTSUPP);
    fails(lseek(fd, 0, SEEK_SET), ESPIPE);
    fails(pread(fd, text, 1, 0), ESPIPE);
    fails(listen(0, 1), ENOTSOCK);
    fails(bind(-1, NULL, 0), EBADF);
    struct stat st;
    works(fstat(fd, &st));
    yes(S_ISSOCK(st.st_mode) && (st.st_mode & 0777) == 0777);
    char link[64] = "", wanted[64], path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    works(readlink(path, link, sizeof link - 1));
    snprintf(wanted, sizeof wanted, "socket:[%lu]", (unsigned long)st.st_ino);
    yes(!strcmp(link, wanted));
    is(told(fd, SOL_SOCKET, SO_TYPE), SOCK_RAW);
    is(told(fd, SOL_SOCKET, SO_DOMAIN), AF_NETLINK);
    is(told(fd, SOL_SOCKET, SO_PROTOCOL), NETLINK_KOBJECT_UEVENT);
    is(told(fd, SOL_SOCKET, SO_ACCEPTCONN), 0);
    is(fcntl(fd, F_GETFD), FD_CLOEXEC);
    is(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
    close(fd);
}

static void addresses(void) {
    begin("addresses");
    int fd = opened();
    struct sockaddr_nl a = own(fd);
    is(a.nl_family, AF_NETLINK); is(a.nl_pid, 0); is(a.nl_groups, 0);
    a = at(0, 3);
    fails(bind(fd, (void *)&a, sizeof a - 1), EINVAL);
    fails(bind(fd, (void *)&a, 0), EINVAL);
    fails(bind(fd, (void *)&a, 129), EINVAL);
    fails(bind(fd, (void *)&a, -1), EINVAL);
    fails(bind(fd, (void *)8, sizeof a), EFAULT);
    a.nl_family = AF_UNIX;
    fails(bind(fd, (void *)&a, sizeof a), EINVAL);
    a = at(0, 3);
    works(bind(fd, (void *)&a, sizeof a));
    is(own(fd).nl_pid, getpid()); is(own(fd).nl_groups, 3);
    a = at(5, 1);
    fails(bind(fd, (void *)&a, sizeof a), EINVAL);
    a = at(getpid(), 4);
    works(bind(fd, (void *)&a, sizeof a));
    is(own(fd).nl_groups, 4);
    int second = bound(0, 0), third = opened();
    yes((int)own(second).nl_pid < -4096);
    a = at(getpid(), 0);
    fails(bind(third, (void *)&a, sizeof a), EADDRINUSE);
    a = at(77777, 1u << 31);
    works(bind(third, (void *)&a, sizeof a));
    is(own(third).nl_pid, 77777); is(own(third).nl_groups, 1u << 31);
    begin("a name that is longer than its room");
    socklen_t len = 5;
    struct { struct sockaddr_nl a; } small = {at(0, 0)};
    memset(&small, 0x55, sizeof small);
    works(getsockname(third, (void *)&small, &len));
    is(len, 12); is(small.a.nl_pid & 0xffffff00, 0x55555500);
    len = -1;
    fails(getsockname(third, (void *)&small, &len), EINVAL);
    fails(getsockname(third, (void *)&small, (void *)8), EFAULT);
    begin("groups by number");
    works(option(third, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, 2));
    works(option(third, SOL_NETLINK, NETLINK_DROP_MEMBERSHIP, 32));
    is(own(third).nl_groups, 2); is(told(third, SOL_NETLINK, NETLINK_LIST_MEMBERSHIPS), 2);
    fails(option(third, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, 0), EINVAL);
    fails(option(third, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, 33), EINVAL);
    fails(option(third, SOL_NETLINK, 99, 1), ENOPROTOOPT);
    fails(option(third, 99, 1, 1), ENOPROTOOPT);
    fails(option(third, SOL_SOCKET, 9999, 1), ENOPROTOOPT);
    fails(setsockopt(third, SOL_SOCKET, SO_RCVBUF, &len, 3), EINVAL);
    fails(setsockopt(third, SOL_SOCKET, SO_RCVBUF, &len, -1), EINVAL);
    close(fd), close(second), close(third);
    begin("room");
    fd = opened();
    is(told(fd, SOL_SOCKET, SO_RCVBUF), 212992);
    works(option(fd, SOL_SOCKET, SO_RCVBUF, 1)); is(told(fd, SOL_SOCKET, SO_RCVBUF), 2304);
    works(option(fd, SOL_SOCKET, SO_RCVBUF, 5000)); is(told(fd, SOL_SOCKET, SO_RCVBUF), 10000);
    works(option(fd, SOL_SOCKET, SO_RCVBUF, 100000000)); is(told(fd, SOL_SOCKET, SO_RCVBUF), 425984);
    works(option(fd, SOL_SOCKET, SO_RCVBUFFORCE, 100000000)); is(told(fd, SOL_SOCKET, SO_RCVBUF), 200000000);
    works(option(fd, SOL_SOCKET, SO_SNDBUF, 1)); is(told(fd, SOL_SOCKET, SO_SNDBUF), 4608);
    is(in_child(seteuid(1000); _exit(option(fd, SOL_SOCKET, SO_RCVBUFFORCE, 1) == -1 && errno == EPERM ? 3 : 4)), 3 << 8);
    close(fd);
}

static void events(void) {
    char number[32];
    begin("the kernel's events");
    int fd = bound(0, 1), other = bound(0, 2);
    works(option(fd, SOL_SOCKET, SO_PASSCRED, 1));
    works(option(fd, SOL_NETLINK, NETLINK_PKTINFO, 1));
    fails(get(fd), EAGAIN);
    is(ready(fd), POLLOUT);
    trigger("change");
    is(ready(fd), POLLIN | POLLOUT);
    struct sockaddr_nl from;
    char control[256];
    struct iovec v = {text, sizeof text};
    struct msghdr m = {&from, sizeof from, &v, 1, control, sizeof control, 0};
    memset(text, 0, sizeof text);
    long n = works(recvmsg(fd, &m, 0));
    is(strlen(text) + 1 + strlen(text + strlen(text) + 1), strlen("change@/devices/virtual/mem/null ACTION=change"));
    long seq = shown(n);
    printf("answer event: %s\n", text);
    get_file("/sys/kernel/uevent_seqnum", number, sizeof number);
    is(seq, atol(number));
    is(from.nl_pid, 0); is(from.nl_groups, 1); is(m.msg_namelen, 12); is(m.msg_flags, 0);
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    yes(c && c->cmsg_level == SOL_NETLINK && c->cmsg_type == NETLINK_PKTINFO && *(unsigned *)CMSG_DATA(c) == 1);
    c = CMSG_NXTHDR(&m, c);
    struct ucred *who = c ? (void *)CMSG_DATA(c) : NULL;
    yes(who && c->cmsg_type == SCM_CREDENTIALS && who->pid == 0 && who->uid == 0 && who->gid == 0);
    is(m.msg_controllen, CMSG_SPACE(4) + CMSG_SPACE(12));
    fails(get(other), EAGAIN);
    begin("too little room for it");
    trigger("change");
    is(recv(fd, text, 10, MSG_PEEK), 10);
    n = recv(fd, text, 10, MSG_PEEK | MSG_TRUNC);
    yes(n > 100);
    m = (struct msghdr){NULL, 0, &v, 1, control, 20, 0};
    v.iov_len = 20;
    is(recvmsg(fd, &m, 0), 20);
    is(m.msg_flags, MSG_TRUNC | MSG_CTRUNC);
    fails(get(fd), EAGAIN);
    v.iov_len = sizeof text;
    trigger("change");
    m = (struct msghdr){NULL, 0, &v, 1, NULL, 0, 0};
    works(recvmsg(fd, &m, MSG_DONTWAIT));
    is(m.msg_flags, MSG_CTRUNC);
    trigger("change");
    fails(recv(fd, (void *)8, 100, 0), EFAULT);
    fails(recv(fd, text, 100, MSG_OOB), EOPNOTSUPP);
    while (get(fd) > 0) {}
    begin("events that are made up");
    trigger("add fe4d7c9d-b8c6-4a70-9ef1-3d8a58d18eed A=1 B=abc");
    seq = shown(works(get(fd)));
    printf("answer made up: %s\n", text);
    trigger("online\n");
    is(shown(works(get(fd))), seq + 1);
    printf("answer online: %.40s\n", text);
    static const char *const wrong[] = {"adds", "", "add ", "add x", "add fe4d7c9d-b8c6-4a70-9ef1-3d8a58d18eed A=",
                                        "add fe4d7c9d-b8c6-4a70-9ef1-3d8a58d18eed A=b/c"};
    int file = works(open(NULL_EVENT, O_WRONLY));
    for (unsigned i = 0; i < 6; i++)
        if (wrong[i][0])
            fails(write(file, wrong[i], strlen(wrong[i])), EINVAL);
    close(file);
    fails(get(fd), EAGAIN);
    begin("waiting for one");
    struct timeval soon = {0, 20000};
    works(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon));
    fails(recv(fd, text, 10, 0), EAGAIN);
    soon.tv_sec = 30;
    works(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon));
    soon.tv_usec = 1000000;
    fails(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon), EDOM);
    int status = in_child(pause_ms(30); trigger("change"));
    is(status, 0);
    yes(recv(fd, text, sizeof text, 0) > 0);
    pid_t child = fork();
    if (child == 0) {
        pause_ms(30);
        trigger("change");
        _exit(0);
    }
    yes(recv(fd, text, sizeof text, 0) > 0);
    waitpid(child, NULL, 0);
    close(fd), close(other);
}

static void loss(void) {
    begin("more than fits");
    int fd = bound(0, 1), silent = bound(0, 1);
    works(option(fd, SOL_SOCKET, SO_RCVBUF, 4000));
    works(option(silent, SOL_SOCKET, SO_RCVBUF, 4000));
    works(option(silent, SOL_NETLINK, NETLINK_NO_ENOBUFS, 1));
    is(told(silent, SOL_NETLINK, NETLINK_NO_ENOBUFS), 1);
    for (int i = 0; i < 50; i++)
        trigger("change");
    is(ready(fd), POLLIN | POLLOUT | POLLERR);
    is(ready(silent), POLLIN | POLLOUT);
    fails(get(fd), ENOBUFS);
    is(ready(fd), POLLIN | POLLOUT);
    int n = 0;
    trigger("change");
    while (get(fd) > 0)
        n++;
    fails(get(fd), EAGAIN);
    printf("answer kept: %d\n", n);
    n = 0;
    while (get(silent) > 0)
        n++;
    printf("answer kept in silence: %d\n", n);
    trigger("change");
    yes(get(fd) > 0);
    for (int i = 0; i < 50; i++)
        trigger("change");
    is(told(fd, SOL_SOCKET, SO_ERROR), ENOBUFS);
    is(told(fd, SOL_SOCKET, SO_ERROR), 0);
    yes(get(fd) > 0);
    close(fd), close(silent);
}

static void programs(void) {
    begin("messages between programs");
    int a = bound(70001, 0), b = bound(70002, 2), c = bound(70003, 2);
    works(option(b, SOL_SOCKET, SO_PASSCRED, 1));
    is(send_to(a, "one", 3, 70002, 0), 3);
    struct sockaddr_nl from;
    char control[128];
    struct iovec v = {text, sizeof text};
    struct msghdr m = {&from, sizeof from, &v, 1, control, sizeof control, 0};
    is(recvmsg(b, &m, 0), 3);
    is(from.nl_pid, 70001); is(from.nl_groups, 0);
    struct ucred *who = (void *)CMSG_DATA(CMSG_FIRSTHDR(&m));
    is(who->pid, getpid()); is(who->uid, 0);
    begin("messages to a group");
    fails(send_to(a, "two", 3, 71000, 2), ECONNREFUSED);
    is(get(b), 3); is(get(c), 3);
    is(send_to(b, "three", 5, 0, 2), 5);
    fails(get(b), EAGAIN);
    from = at(0, 0);
    socklen_t len = sizeof from;
    is(recvfrom(c, text, 100, 0, (void *)&from, &len), 5);
    is(from.nl_pid, 70002); is(from.nl_groups, 2);
    is(send_to(a, "four", 4, 70003, 2), 4);
    is(get(c), 4); is(get(b), 4);
    fails(get(c), EAGAIN);
    begin("messages that can't be sent");
    fails(send_to(a, "", 0, 70002, 0), ENODATA);
    fails(send_to(a, text, 212992, 70002, 0), EMSGSIZE);
    works(option(a, SOL_SOCKET, SO_SNDBUF, 1));
    fails(send_to(a, text, 4577, 70002, 0), EMSGSIZE);
    is(send_to(a, text, 4576, 70002, 0), 4576);
    is(get(b), 4576);
    fails(send_to(a, (void *)8, 4, 70002, 0), EFAULT);
    fails(sendto(a, "x", 1, 0, (void *)&from, 11), EINVAL);
    fails(sendto(a, "x", 1, MSG_OOB, (void *)&from, 12), EOPNOTSUPP);
    is(in_child(seteuid(1000); _exit(send_to(a, "x", 1, 70002, 0) == -1 && errno == EPERM ? 3 : 4)), 3 << 8);
    is(in_child(seteuid(1000); _exit(send_to(a, "x", 1, 0, 0) == 1 ? 3 : 4)), 3 << 8);
    is(in_child(seteuid(1000); int d = bound(0, 1); trigger("change"); _exit(d >= 0 ? 3 : 4)), 3 << 8);
    begin("a full queue");
    works(option(b, SOL_SOCKET, SO_RCVBUF, 4000));
    int n = 0;
    while (send_to(a, text, 1000, 70002, 0) == 1000 && n < 1000)
        n++;
    fails(send_to(a, text, 1000, 70002, 0), EAGAIN);
    printf("answer sent: %d\n", n);
    while (get(b) > 0) {}
    is(send_to(a, text, 1000, 70002, 0), 1000);
    begin("connected ones");
    struct sockaddr_nl to = at(70002, 0);
    works(connect(a, (void *)&to, sizeof to));
    len = sizeof from;
    works(getpeername(a, (void *)&from, &len));
    is(from.nl_pid, 70002);
    while (get(b) > 0) {}
    is(write(a, "five", 4), 4); is(read(b, text, 10), 4);
    fails(send_to(c, "x", 1, 70001, 0), ECONNREFUSED);
    is(send_to(b, "six", 3, 70001, 0), 3); is(get(a), 3);
    to.nl_family = AF_UNSPEC;
    works(connect(a, (void *)&to, sizeof to));
    is(send_to(c, "x", 1, 70001, 0), 1); is(get(a), 1);
    fails(connect(a, (void *)&to, 1), EINVAL);
    begin("several at a time");
    struct iovec words[2] = {{"ab", 2}, {"cde", 3}};
    to = at(70002, 0);
    struct mmsghdr all[2] = {{{&to, sizeof to, words, 2, NULL, 0, 0}, 0}, {{&to, sizeof to, words, 1, NULL, 0, 0}, 0}};
    is(sendmmsg(a, all, 2, 0), 2); is(all[0].msg_len, 5); is(all[1].msg_len, 2);
    struct iovec rooms[2] = {{text, 10}, {text + 10, 10}};
    struct mmsghdr back[3] = {{{NULL, 0, rooms, 1, NULL, 0, 0}, 0}, {{NULL, 0, rooms + 1, 1, NULL, 0, 0}, 0}};
    is(recvmmsg(b, back, 2, MSG_WAITFORONE, NULL), 2); is(back[0].msg_len, 5); is(back[1].msg_len, 2);
    yes(!memcmp(text, "abcde", 5) && !memcmp(text + 10, "ab", 2));
    close(a), close(b), close(c);
}

static unsigned seed = 1;
static unsigned any(unsigned below) {
    seed = seed * 1103515245 + 12345;
    return (seed >> 8) % below;
}
static void filters(void) {
    begin("filters");
    int a = bound(70001, 0), b = bound(70002, 0);
    struct sock_filter code[20] = {{BPF_LD | BPF_B | BPF_ABS, 0, 0, 1}, {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 'x'},
                                   {BPF_RET | BPF_K, 0, 0, 2}, {BPF_RET | BPF_K, 0, 0, 0}};
    struct sock_fprog program = {4, code};
    fails(setsockopt(b, SOL_SOCKET, SO_DETACH_FILTER, &program, sizeof program), ENOENT);
    works(setsockopt(b, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program));
    is(send_to(a, "axcd", 4, 70002, 0), 2); is(get(b), 2);
    is(send_to(a, "abcd", 4, 70002, 0), 4); is(send_to(a, "x", 1, 70002, 0), 1);
    fails(get(b), EAGAIN);
    fails(setsockopt(b, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program - 1), EINVAL);
    struct sock_fprog wrong = {0, code};
    fails(setsockopt(b, SOL_SOCKET, SO_ATTACH_FILTER, &wrong, sizeof wrong), EINVAL);
    wrong = (struct sock_fprog){4, NULL};
    fails(setsockopt(b, SOL_SOCKET, SO_ATTACH_FILTER, &wrong, sizeof wrong), EINVAL);
    wrong = (struct sock_fprog){4, (void *)8};
    fails(setsockopt(b, SOL_SOCKET, SO_ATTACH_FILTER, &wrong, sizeof wrong), EFAULT);
    wrong = (struct sock_fprog){3, code};
    fails(setsockopt(b, SOL_SOCKET, SO_ATTACH_FILTER, &wrong, sizeof wrong), EINVAL);
    static struct sock_filter same[8];
    socklen_t len = 8;
    works(getsockopt(b, SOL_SOCKET, SO_GET_FILTER, same, &len));
    is(len, 4); yes(!memcmp(same, code, sizeof *code * 4));
    works(option(b, SOL_SOCKET, SO_LOCK_FILTER, 1));
    fails(setsockopt(b, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program), EPERM);
    fails(option(b, SOL_SOCKET, SO_DETACH_FILTER, 0), EPERM);
    fails(option(b, SOL_SOCKET, SO_LOCK_FILTER, 0), EPERM);
    close(b);
    b = bound(70002, 0);
    begin("two thousand filters");
    unsigned taken = 0, hash = 0;
    for (int round = 0; round < 2000; round++) {
        static const unsigned char good[] = {0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x07, 0x0c, 0x14, 0x15, 0x1c, 0x1d, 0x20, 0x24,
                                             0x25, 0x28, 0x2c, 0x2d, 0x30, 0x34, 0x35, 0x3c, 0x3d, 0x40, 0x44, 0x45, 0x48, 0x4c,
                                             0x4d, 0x50, 0x54, 0x5c, 0x60, 0x61, 0x64, 0x6c, 0x74, 0x7c, 0x80, 0x81, 0x84, 0x87,
                                             0x94, 0x9c, 0xa4, 0xac, 0xb1};
        int n = 1 + any(8);
        for (int i = 0; i < n; i++)
            code[i] = (struct sock_filter){any(20) ? good[any(sizeof good)] : any(0xb8), any(3), any(3),
                                           any(8) ? any(10) : any(4) ? any(1 << 24) << 8 : 0};
        code[n] = (struct sock_filter){any(2) ? BPF_RET | BPF_A : BPF_RET | BPF_K, 0, 0, any(12)};
        program.len = n + 1;
        int fits = setsockopt(b, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0;
        taken += fits;
        hash = hash * 31 + fits;
        if (fits) {
            send_to(a, "\001\022\003\004\005\000\000\000\377\1", 10, 70002, 0);
            hash = hash * 31 + get(b) + 1;
            setsockopt(b, SOL_SOCKET, SO_DETACH_FILTER, &program, sizeof program);
        }
    }
    printf("answer filters: %u %x\n", taken, hash);
    close(a), close(b);
}

static void tests(void) {
    kinds();
    addresses();
    events();
    loss();
    programs();
    filters();
}
