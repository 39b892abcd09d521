/* sock_diag(7): what netlink tells of UNIX sockets. A Linux without the module unix_diag tells nothing: its rows are skipped. */
#include "check.h"
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

struct asked {
    struct nlmsghdr head;
    union {
        struct unix_diag_req unix_request;
        unsigned char family;
        char bytes[32];
    };
};
static char answer[65536];

static int sock_diag(void) {
    return socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG);
}
static struct asked ask(unsigned show, unsigned flags) {
    struct asked a = {.head = {sizeof a.head + sizeof a.unix_request, SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | flags, 77, 0}};
    a.unix_request = (struct unix_diag_req){.sdiag_family = AF_UNIX, .udiag_states = -1, .udiag_show = show,
                                            .udiag_cookie = {-1, -1}};
    return a;
}
/* The errno that a request is answered with, positive; 0: an acknowledgement; -1: something else. */
static int refused(int fd, const struct asked *a, size_t len) {
    if (send(fd, a, len, 0) != (ssize_t)len) return -1;
    ssize_t n = recv(fd, answer, sizeof answer, MSG_DONTWAIT);
    struct nlmsghdr *head = (void *)answer;
    if (n < 20 || head->nlmsg_type != NLMSG_ERROR || head->nlmsg_seq != a->head.nlmsg_seq) return -1;
    struct nlmsgerr *error = NLMSG_DATA(head);
    if (memcmp(&error->msg, &a->head, sizeof a->head)) return -2;
    return -error->error;
}
static int refused_as(int fd, int type, int family, unsigned flags, size_t body) {
    struct asked a = ask(0, 0);
    a.head.nlmsg_type = type;
    a.head.nlmsg_flags = flags;
    a.head.nlmsg_len = sizeof a.head + body;
    a.family = family;
    return refused(fd, &a, a.head.nlmsg_len);
}

static const void *attribute(const struct nlmsghdr *head, int type, int *len) {
    const char *at = (const char *)NLMSG_DATA(head) + sizeof(struct unix_diag_msg), *end = (const char *)head + head->nlmsg_len;
    while (at + 4 <= end) {
        const unsigned short *words = (const void *)at;
        if (words[1] == type) {
            *len = words[0] - 4;
            return at + 4;
        }
        at += (words[0] + 3) & ~3;
    }
    *len = -1;
    return NULL;
}
static int number(const struct nlmsghdr *head, int type, int at) {
    int len;
    const int *words = attribute(head, type, &len);
    return words && len >= 4 * (at + 1) ? words[at] : -1;
}
static ino_t inode_of(int fd) {
    struct stat st;
    return fstat(fd, &st) ? 0 : st.st_ino;
}
/* What is told of FD alone; NULL: nothing, and errno says why. */
static struct nlmsghdr *of(int diag, int fd, unsigned show) {
    struct asked a = ask(show, 0);
    a.unix_request.udiag_ino = inode_of(fd);
    struct nlmsghdr *head = (void *)answer;
    if (send(diag, &a, a.head.nlmsg_len, 0) < 0 || recv(diag, answer, sizeof answer, MSG_DONTWAIT) < 20) return NULL;
    if (head->nlmsg_type != NLMSG_ERROR) return head;
    errno = -((struct nlmsgerr *)NLMSG_DATA(head))->error;
    return NULL;
}
/* How many of FDS a dump of sockets in STATES tells of; -1: it is not well formed. OTHERS counts all. */
static int dumped(int diag, unsigned states, const int *fds, int count, int *others) {
    struct asked a = ask(UDIAG_SHOW_NAME | UDIAG_SHOW_PEER, NLM_F_DUMP);
    a.unix_request.udiag_states = states;
    if (send(diag, &a, a.head.nlmsg_len, 0) < 0) return -1;
    int found = 0;
    *others = 0;
    for (;;) {
        int n = recv(diag, answer, sizeof answer, MSG_DONTWAIT);
        if (n <= 0) return -1;
        for (struct nlmsghdr *head = (void *)answer; NLMSG_OK(head, n); head = NLMSG_NEXT(head, n)) {
            if (head->nlmsg_type == NLMSG_DONE) return found;
            if (head->nlmsg_type != SOCK_DIAG_BY_FAMILY || !(head->nlmsg_flags & NLM_F_MULTI) || head->nlmsg_seq != 77) return -1;
            struct unix_diag_msg *message = NLMSG_DATA(head);
            ++*others;
            for (int at = 0; at < count; at++) found += message->udiag_ino == inode_of(fds[at]);
        }
    }
}

static void requests(int diag) {
    begin("requests that make no sense");
    is(refused_as(diag, SOCK_DIAG_BY_FAMILY, 200, NLM_F_REQUEST, 24), EINVAL);
    is(refused_as(diag, SOCK_DIAG_BY_FAMILY, 0, NLM_F_REQUEST, 1), EINVAL);
    is(refused_as(diag, SOCK_DIAG_BY_FAMILY, 9, NLM_F_REQUEST, 24), ENOENT);
    is(refused_as(diag, SOCK_DIAG_BY_FAMILY, 9, NLM_F_REQUEST | NLM_F_DUMP, 24), ENOENT);
    is(refused_as(diag, SOCK_DESTROY, 9, NLM_F_REQUEST, 24), ENOENT);
    is(refused_as(diag, 99, AF_UNIX, NLM_F_REQUEST, 24), EINVAL);
    is(refused_as(diag, NLMSG_NOOP, AF_UNIX, NLM_F_REQUEST | NLM_F_ACK, 24), 0);
    is(refused_as(diag, NLMSG_NOOP, AF_UNIX, NLM_F_REQUEST, 24), -1);
    is(refused_as(diag, SOCK_DIAG_BY_FAMILY, 200, 0, 24), -1);

    begin("several requests in one message");
    struct asked two[2] = {ask(0, 0), ask(0, 0)};
    for (int n = 0; n < 2; n++) {
        two[n].head.nlmsg_len = sizeof two[n];
        two[n].family = 9 + n * 191;
        two[n].head.nlmsg_seq = 5 + n;
    }
    is(send(diag, two, sizeof two, 0), sizeof two);
    works(recv(diag, answer, sizeof answer, MSG_DONTWAIT));
    is(((struct nlmsgerr *)NLMSG_DATA(answer))->error, -ENOENT);
    is(((struct nlmsghdr *)answer)->nlmsg_seq, 5);
    works(recv(diag, answer, sizeof answer, MSG_DONTWAIT));
    is(((struct nlmsgerr *)NLMSG_DATA(answer))->error, -EINVAL);
    fails(recv(diag, answer, sizeof answer, MSG_DONTWAIT), EAGAIN);
}

static void tests(void) {
    int diag = works(sock_diag());
    requests(diag);

    begin("one socket");
    int ends[2], len;
    works(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
    struct nlmsghdr *head = of(diag, ends[0], UDIAG_SHOW_PEER | UDIAG_SHOW_NAME | UDIAG_SHOW_VFS);
    if (!head && errno == ENOENT) {
        skip("no unix_diag");
        return;
    }
    yes(head);
    struct unix_diag_msg *message = NLMSG_DATA(head);
    is(message->udiag_family, AF_UNIX);
    is(message->udiag_type, SOCK_STREAM);
    is(message->udiag_state, 1);
    is(message->udiag_ino, inode_of(ends[0]));
    yes(message->udiag_cookie[0] | message->udiag_cookie[1]);
    is(number(head, UNIX_DIAG_PEER, 0), inode_of(ends[1]));
    yes(!attribute(head, UNIX_DIAG_NAME, &len) && !attribute(head, UNIX_DIAG_VFS, &len));
    const char *shut = attribute(head, UNIX_DIAG_SHUTDOWN, &len);
    yes(shut && len == 1 && *shut == 0);

    begin("what waits");
    is(write(ends[1], "hello", 5), 5);
    head = of(diag, ends[0], UDIAG_SHOW_RQLEN | UDIAG_SHOW_MEMINFO | UDIAG_SHOW_UID);
    is(number(head, UNIX_DIAG_RQLEN, 0), 5);
    is(number(head, UNIX_DIAG_RQLEN, 1), 0);
    is(number(head, UNIX_DIAG_UID, 0), 0);
    yes(attribute(head, UNIX_DIAG_MEMINFO, &len) && len == 36);
    head = of(diag, ends[1], UDIAG_SHOW_RQLEN);
    yes(number(head, UNIX_DIAG_RQLEN, 1) > 5);
    is(shutdown(ends[1], SHUT_WR), 0);
    shut = attribute(of(diag, ends[1], 0), UNIX_DIAG_SHUTDOWN, &len);
    is(*shut, 2);
    shut = attribute(of(diag, ends[0], 0), UNIX_DIAG_SHUTDOWN, &len);
    is(*shut, 1);
    close(ends[1]);
    is(number(of(diag, ends[0], UDIAG_SHOW_PEER), UNIX_DIAG_PEER, 0), 0);
    close(ends[0]);

    begin("a listener");
    unlink("/tmp/diag");
    struct sockaddr_un name = {AF_UNIX, "/tmp/diag"};
    int fds[3] = {works(socket(AF_UNIX, SOCK_SEQPACKET, 0)), works(socket(AF_UNIX, SOCK_SEQPACKET, 0)), -1};
    is(bind(fds[0], (void *)&name, sizeof name), 0);
    is(((struct unix_diag_msg *)NLMSG_DATA(of(diag, fds[0], 0)))->udiag_state, 7);
    is(listen(fds[0], 9), 0);
    is(connect(fds[1], (void *)&name, sizeof name), 0);
    head = of(diag, fds[0], UDIAG_SHOW_NAME | UDIAG_SHOW_VFS | UDIAG_SHOW_ICONS | UDIAG_SHOW_RQLEN);
    is(((struct unix_diag_msg *)NLMSG_DATA(head))->udiag_state, 10);
    const char *shown = attribute(head, UNIX_DIAG_NAME, &len);
    yes(shown && len == 10 && !memcmp(shown, "/tmp/diag", 10));
    struct stat node;
    is(stat("/tmp/diag", &node), 0);
    is(number(head, UNIX_DIAG_VFS, 0), node.st_ino);
    is(number(head, UNIX_DIAG_VFS, 1), major(node.st_dev) << 20 | minor(node.st_dev));
    is(number(head, UNIX_DIAG_ICONS, 0), inode_of(fds[1]));
    is(number(head, UNIX_DIAG_RQLEN, 0), 1);
    is(number(head, UNIX_DIAG_RQLEN, 1), 9);

    begin("by number");
    struct asked a = ask(0, 0);
    is(refused(diag, &a, a.head.nlmsg_len), EINVAL);
    a.unix_request.udiag_ino = 0x7ffffff1;
    is(refused(diag, &a, a.head.nlmsg_len), ENOENT);
    a.unix_request.udiag_ino = inode_of(fds[0]);
    a.unix_request.udiag_cookie[0] = 0x7ffffff1;
    is(refused(diag, &a, a.head.nlmsg_len), ESTALE);
    a.head.nlmsg_len -= 4;
    is(refused(diag, &a, a.head.nlmsg_len), EINVAL);
    a.head.nlmsg_type = SOCK_DESTROY;
    is(refused(diag, &a, a.head.nlmsg_len), EOPNOTSUPP);

    begin("all");
    int all;
    fds[2] = works(socket(AF_UNIX, SOCK_DGRAM, 0));
    is(dumped(diag, -1, fds, 3, &all), 3);
    yes(all >= 3);
    is(dumped(diag, 1 << 10, fds, 3, &all), 1);
    is(dumped(diag, 1 << 1, fds, 3, &all), 1);
    is(dumped(diag, 0, fds, 3, &all), 0);
    is(all, 0);

    begin("more than fits at once");
    static int many[3000];
    struct rlimit room = {4096, 4096};
    setrlimit(RLIMIT_NOFILE, &room);
    for (int n = 0; n < 3000; n++) many[n] = socket(AF_UNIX, SOCK_DGRAM, 0);
    yes(many[2999] > 0);
    is(dumped(diag, 1 << 7, many, 0, &all), 0);
    yes(all >= 3000);
    a = ask(0, NLM_F_DUMP);
    is(send(diag, &a, a.head.nlmsg_len, 0), a.head.nlmsg_len);
    close(diag);
    for (int n = 0; n < 3000; n++) close(many[n]);
    for (int n = 0; n < 3; n++) close(fds[n]);
    unlink("/tmp/diag");
}
