/* Numbers of processes in what IPC tells, from one PID namespace to another (pid_namespaces(7)): unix(7), semctl(2), msgctl(2),
   shmctl(2), mq_notify(3), fcntl(2). */
#include "check.h"
#include <mqueue.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/un.h>

static int down[2], up[2];
static void say(int *to) { (void)!write(to[1], "x", 1); }
static void hear(int *from) { char byte; (void)!read(from[0], &byte, 1); }
static int wait_for(pid_t pid) {
    int status = -1;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
    return status;
}
/* A child that is process 1 of a namespace of its own runs BODY; its number. It ends with 99 where `must` fails. */
#define first_inside(...) ({ (void)!pipe(down); (void)!pipe(up); fflush(stdout); \
    pid_t pid_ = syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0); if (!pid_) { __VA_ARGS__; _exit(0); } pid_; })
#define over(pid) do { is(wait_for(pid), 0); close(down[0]), close(down[1]), close(up[0]), close(up[1]); } while (0)
#define must(e) do { if (!(e)) { printf("not ok %s: line %d: %s (errno %d)\n", check_name, __LINE__, #e, errno); fflush(stdout); \
    check_name = "?"; _exit(99); } } while (0)

/* Sends a byte; with a CLAIM, as that process. */
static long send_as(int fd, pid_t claim) {
    char byte = 'x';
    struct iovec part = {&byte, 1};
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(struct ucred))];
    } control = {0};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (claim) {
        message.msg_control = &control;
        message.msg_controllen = sizeof control;
        control.head = (struct cmsghdr){CMSG_LEN(sizeof(struct ucred)), SOL_SOCKET, SCM_CREDENTIALS};
        struct ucred who = {claim, getuid(), getgid()};
        memcpy(CMSG_DATA(&control.head), &who, sizeof who);
    }
    return sendmsg(fd, &message, 0);
}
/* Who sent the next byte; -1: it does not say. */
static pid_t sender(int fd) {
    char byte;
    struct iovec part = {&byte, 1};
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(struct ucred))];
    } control;
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    if (recvmsg(fd, &message, 0) != 1 || !CMSG_FIRSTHDR(&message)) return -1;
    struct ucred who;
    memcpy(&who, CMSG_DATA(&control.head), sizeof who);
    return who.pid;
}
static pid_t peer(int fd) {
    struct ucred who = {-1, 0, 0};
    socklen_t len = sizeof who;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) ? -1 : who.pid;
}
static void passes(int fd) {
    int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
}

static void credentials(int kind, const char *name) {
    begin(name);
    int ends[2];
    works(socketpair(AF_UNIX, kind, 0, ends));
    passes(ends[0]);
    passes(ends[1]);
    pid_t pid = first_inside({
        must(send_as(ends[1], 0) == 1);
        must(send_as(ends[1], 1) == 1);
        pid_t other = fork();
        if (!other) {
            send_as(ends[1], 0);
            for (;;) pause();
        }
        must(other == 2);
        hear(down);
        must(send_as(ends[1], 2) == 1);
        must(send_as(ends[1], 77) == -1 && errno == ESRCH);
        hear(down);
        must(sender(ends[1]) == 0);
    });
    is(sender(ends[0]), pid);
    is(sender(ends[0]), pid);
    pid_t second = sender(ends[0]);
    yes(second > 0 && second != pid);
    is(kill(second, 0), 0);
    say(down);
    is(sender(ends[0]), second);
    is(send_as(ends[0], 0), 1);
    say(down);
    over(pid);
    close(ends[0]), close(ends[1]);
}

static void of_the_dead(void) {
    begin("a sender that ended keeps its numbers");
    int ends[2];
    works(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends));
    passes(ends[0]);
    pid_t pid = first_inside({
        for (int n = 2; n < 4; n++) {
            pid_t other = fork();
            if (!other) _exit(send_as(ends[1], 0) != 1);
            must(other == n && wait_for(other) == 0);
        }
        must(sender(ends[0]) == 2);
        hear(down);
    });
    say(down);
    over(pid);
    yes(sender(ends[0]) > pid);
    close(ends[0]), close(ends[1]);
}

static void peers(void) {
    begin("SO_PEERCRED");
    struct sockaddr_un name = {AF_UNIX, "\0gaon ipcpids"};
    int listener = works(socket(AF_UNIX, SOCK_STREAM, 0));
    is(bind(listener, (void *)&name, sizeof name), 0);
    is(listen(listener, 5), 0);
    pid_t pid = first_inside({
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        must(connect(fd, (void *)&name, sizeof name) == 0);
        must(peer(fd) == 0);
        int pair[2];
        must(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0 && peer(pair[0]) == 1);
        hear(down);
    });
    int fd = works(accept(listener, NULL, NULL));
    is(peer(fd), pid);
    is(peer(listener), getpid());
    say(down);
    over(pid);
    is(peer(fd), pid);
    close(fd), close(listener);
}

static void semaphores(void) {
    begin("semctl GETPID");
    int id = works(semget(IPC_PRIVATE, 3, 0600));
    struct sembuf up0 = {0, 1, 0}, up1 = {1, 1, 0};
    is(semop(id, &up0, 1), 0);
    pid_t pid = first_inside({
        must(semctl(id, 0, GETPID) == 0 && semctl(id, 2, GETPID) == 0);
        must(semop(id, &up0, 1) == 0 && semctl(id, 0, GETPID) == 1);
        pid_t other = fork();
        if (!other) _exit(semop(id, &up1, 1) != 0);
        must(other == 2 && wait_for(other) == 0);
        must(semctl(id, 1, GETPID) == 2);
        must(semctl(id, 2, SETVAL, 4) == 0 && semctl(id, 2, GETPID) == 1);
        say(up);
        hear(down);
    });
    hear(up);
    is(semctl(id, 0, GETPID), pid);
    yes(semctl(id, 1, GETPID) > pid);
    is(semctl(id, 2, GETPID), pid);
    say(down);
    over(pid);
    is(semctl(id, 0, GETPID), pid);
    works(semctl(id, 0, IPC_RMID));
}

/* Column AT of the line of object ID, counted from 0. */
static long column(const char *path, int id, int at) {
    static char text[65536];
    if (get_file(path, text, sizeof text) < 0) return -1;
    for (char *line = strchr(text, '\n'); line && line[1]; line = strchr(line + 1, '\n')) {
        char copy[512], *save = NULL;
        snprintf(copy, sizeof copy, "%s", line + 1);
        copy[strcspn(copy, "\n")] = 0;
        long words[20] = {0};
        int count = 0;
        for (char *word = strtok_r(copy, " ", &save); word && count < 20; word = strtok_r(NULL, " ", &save)) words[count++] = atol(word);
        if (words[1] == id) return words[at];
    }
    return -1;
}

static void queues(void) {
    begin("msgctl: who sent and received");
    int id = works(msgget(IPC_PRIVATE, 0600));
    struct {
        long type;
        char text[8];
    } message = {1, "x"};
    struct msqid_ds now;
    is(msgsnd(id, &message, 1, 0), 0);
    pid_t pid = first_inside({
        must(msgctl(id, IPC_STAT, &now) == 0 && now.msg_lspid == 0 && now.msg_lrpid == 0);
        must(column("/proc/sysvipc/msg", id, 5) == 0);
        pid_t other = fork();
        if (!other) _exit(msgsnd(id, &message, 1, 0) != 0);
        must(other == 2 && wait_for(other) == 0);
        must(msgrcv(id, &message, 8, 0, 0) == 1);
        must(msgctl(id, IPC_STAT, &now) == 0 && now.msg_lspid == 2 && now.msg_lrpid == 1);
        must(column("/proc/sysvipc/msg", id, 5) == 2 && column("/proc/sysvipc/msg", id, 6) == 1);
        say(up);
        hear(down);
    });
    hear(up);
    is(msgctl(id, IPC_STAT, &now), 0);
    yes(now.msg_lspid > pid);
    is(now.msg_lrpid, pid);
    is(column("/proc/sysvipc/msg", id, 5), now.msg_lspid);
    say(down);
    over(pid);
    works(msgctl(id, IPC_RMID, NULL));
}

static void segments(void) {
    begin("shmctl: who made and attached");
    int id = works(shmget(IPC_PRIVATE, 4096, 0600)), inner = -1;
    struct shmid_ds now;
    int *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pid = first_inside({
        must(shmctl(id, IPC_STAT, &now) == 0 && now.shm_cpid == 0 && now.shm_lpid == 0);
        must(shmat(id, NULL, 0) != (void *)-1);
        must(shmctl(id, IPC_STAT, &now) == 0 && now.shm_lpid == 1);
        must(column("/proc/sysvipc/shm", id, 4) == 0 && column("/proc/sysvipc/shm", id, 5) == 1);
        inner = shmget(IPC_PRIVATE, 4096, 0600);
        must(inner >= 0 && shmctl(inner, IPC_STAT, &now) == 0 && now.shm_cpid == 1);
        *shared = inner;
        say(up);
        hear(down);
    });
    hear(up);
    is(shmctl(id, IPC_STAT, &now), 0);
    is(now.shm_cpid, getpid());
    is(now.shm_lpid, pid);
    is(shmctl(*shared, IPC_STAT, &now), 0);
    is(now.shm_cpid, pid);
    say(down);
    over(pid);
    is(shmctl(id, IPC_STAT, &now), 0);
    is(now.shm_lpid, pid);
    works(shmctl(id, IPC_RMID, NULL));
    works(shmctl(*shared, IPC_RMID, NULL));
    munmap(shared, 4096);
}

static long notified(int queue) {
    char text[128] = "";
    if (pread(queue, text, sizeof text - 1, 0) <= 0) return -1;
    char *at = strstr(text, "NOTIFY_PID:");
    return at ? atol(at + 11) : -1;
}
static void message_queues(void) {
    begin("mq_notify");
    mq_unlink("/gaon-ipcpids");
    struct mq_attr attr = {.mq_maxmsg = 4, .mq_msgsize = 16};
    mqd_t queue = works(mq_open("/gaon-ipcpids", O_RDWR | O_CREAT, 0600, &attr));
    pid_t pid = first_inside({
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, SIGUSR1);
        sigprocmask(SIG_BLOCK, &set, NULL);
        struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
        must(mq_notify(queue, &event) == 0 && notified(queue) == 1);
        say(up);
        siginfo_t info;
        must(sigwaitinfo(&set, &info) == SIGUSR1 && info.si_code == SI_MESGQ && info.si_pid == 0);
        char text[16];
        must(mq_receive(queue, text, sizeof text, NULL) == 1);
        must(mq_notify(queue, &event) == 0);
        pid_t other = fork();
        if (!other) _exit(mq_send(queue, "x", 1, 0) != 0);
        must(sigwaitinfo(&set, &info) == SIGUSR1 && info.si_pid == 2);
        must(wait_for(other) == 0);
    });
    hear(up);
    is(notified(queue), pid);
    is(mq_send(queue, "x", 1, 0), 0);
    over(pid);
    mq_close(queue);
    mq_unlink("/gaon-ipcpids");
}

static void locks(void) {
    begin("F_GETLK");
    int fd = works(memfd_create("locked", 0));
    struct flock whole = {.l_type = F_WRLCK}, first = {.l_type = F_WRLCK, .l_len = 1};
    is(fcntl(fd, F_SETLK, &first), 0);
    pid_t pid = first_inside({
        struct flock found = whole;
        must(fcntl(fd, F_GETLK, &found) == 0 && found.l_type == F_WRLCK && found.l_pid == 0);
        struct flock second = {.l_type = F_WRLCK, .l_start = 1, .l_len = 1};
        must(fcntl(fd, F_SETLK, &second) == 0);
        pid_t other = fork();
        if (!other) {
            found = second;
            must(fcntl(fd, F_GETLK, &found) == 0 && found.l_pid == 1);
            _exit(0);
        }
        must(wait_for(other) == 0);
        say(up);
        hear(down);
    });
    hear(up);
    struct flock found = whole;
    is(fcntl(fd, F_GETLK, &found), 0);
    is(found.l_pid, pid);
    say(down);
    over(pid);
    close(fd);
}

static void tests(void) {
    credentials(SOCK_STREAM, "credentials of a stream");
    credentials(SOCK_DGRAM, "credentials of datagrams");
    of_the_dead();
    peers();
    semaphores();
    queues();
    segments();
    message_queues();
    locks();
}
