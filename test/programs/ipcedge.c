/* Local IPC at its edges: counters at their limits (eventfd(2), sem_post(3), semop(2), mq_send(3), fcntl(2), F_SETPIPE_SZ,
   SCM_RIGHTS), and a mapping that is cut short under its reader: SIGBUS for loads and stores (mmap(2)), EFAULT for calls. */
// test: smp=2 limit=120
#include "check.h"
#include <linux/futex.h>
#include <mqueue.h>
#include <semaphore.h>
#include <setjmp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/socket.h>

enum { P = 4096, PAGES = 4 };
#define EVENT_MAX 0xfffffffffffffffeULL

static int ready_for(int fd, int events) {
    struct pollfd p = {fd, events, 0};
    return poll(&p, 1, 0) == 1 ? p.revents : 0;
}

/* ---- counters ---- */

static void eventfds(void) {
    uint64_t value = EVENT_MAX, got = 0;
    int fd = works(eventfd(0, EFD_NONBLOCK));
    is(write(fd, &value, 8), 8);
    is(ready_for(fd, POLLIN | POLLOUT), POLLIN);
    value = 1;
    fails(write(fd, &value, 8), EAGAIN);
    value = 0;
    is(write(fd, &value, 8), 8);
    value = UINT64_MAX;
    fails(write(fd, &value, 8), EINVAL);
    fails(write(fd, &value, 7), EINVAL);
    fails(read(fd, &got, 7), EINVAL);
    is(read(fd, &got, 8), 8);
    yes(got == EVENT_MAX);
    fails(read(fd, &got, 8), EAGAIN);
    value = EVENT_MAX - 3;
    is(write(fd, &value, 8), 8);
    value = 4;
    fails(write(fd, &value, 8), EAGAIN);
    value = 2;
    is(write(fd, &value, 8), 8);
    is(ready_for(fd, POLLIN | POLLOUT), POLLIN | POLLOUT);
    close(fd);
    /* One at a time, from the top. */
    fd = works(eventfd(0, EFD_NONBLOCK | EFD_SEMAPHORE));
    value = EVENT_MAX;
    is(write(fd, &value, 8), 8);
    is(read(fd, &got, 8), 8);
    is(got, 1);
    value = 1;
    is(write(fd, &value, 8), 8);
    fails(write(fd, &value, 8), EAGAIN);
    close(fd);
    /* Who waits for room gets it from who reads. */
    fd = works(eventfd(0, 0));
    value = EVENT_MAX;
    is(write(fd, &value, 8), 8);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        value = 5;
        _exit(write(fd, &value, 8) != 8);
    }
    is(read(fd, &got, 8), 8);
    yes(got == EVENT_MAX);
    is(read(fd, &got, 8), 8);
    is(got, 5);
    int status;
    waitpid(pid, &status, 0);
    yes(exited(status, 0));
    close(fd);
}

static void semaphores(void) {
    sem_t sem;
    int value, id;
    works(sem_init(&sem, 1, INT_MAX - 1));
    works(sem_post(&sem));
    fails(sem_post(&sem), EOVERFLOW);
    works(sem_getvalue(&sem, &value));
    is(value, INT_MAX);
    fails(sem_init(&sem, 1, (unsigned)INT_MAX + 1), EINVAL);
    id = works(semget(IPC_PRIVATE, 2, 0600));
    fails(semctl(id, 0, SETVAL, 32768), ERANGE);
    fails(semctl(id, 0, SETVAL, -1), ERANGE);
    works(semctl(id, 0, SETVAL, 32767));
    struct sembuf up = {0, 1, 0}, both[2] = {{1, 1, 0}, {0, 1, 0}}, most = {1, 32767, SEM_UNDO}, less = {1, -32767, 0};
    fails(semop(id, &up, 1), ERANGE);
    fails(semop(id, both, 2), ERANGE);
    is(semctl(id, 1, GETVAL), 0);
    is(semctl(id, 0, GETVAL), 32767);
    /* What is to be undone has its limit as well. */
    int status = in_child({
        if (semop(id, &most, 1) || semop(id, &less, 1)) _exit(1);
        most.sem_op = 2;
        if (semop(id, &most, 1) != -1 || errno != ERANGE) _exit(2);
        if (semctl(id, 1, GETVAL) != 0) _exit(3);
    });
    yes(exited(status, 0));
    is(semctl(id, 1, GETVAL), 0);
    works(semctl(id, 0, IPC_RMID));
}

static void queues(void) {
    struct mq_attr attributes = {.mq_maxmsg = 2, .mq_msgsize = 16};
    char buffer[16];
    unsigned priority;
    mqd_t mq = works(mq_open("/ipcedge", O_CREAT | O_EXCL | O_RDWR | O_NONBLOCK, 0600, &attributes));
    fails(mq_send(mq, "x", 1, 32768), EINVAL);
    fails(mq_send(mq, "x", 1, UINT_MAX), EINVAL);
    works(mq_send(mq, "low", 3, 0));
    works(mq_send(mq, "high", 4, 32767));
    fails(mq_send(mq, "x", 1, 32767), EAGAIN);
    fails(mq_send(mq, buffer, 17, 0), EMSGSIZE);
    fails(mq_receive(mq, buffer, 15, NULL), EMSGSIZE);
    is(mq_receive(mq, buffer, 16, &priority), 4);
    is(priority, 32767);
    is(mq_receive(mq, buffer, 16, &priority), 3);
    is(priority, 0);
    mq_close(mq);
    works(mq_unlink("/ipcedge"));
    /* A name is one component, with a slash before it. The C library takes the first one off and refuses a second. */
    fails(syscall(SYS_mq_open, "a/b", O_CREAT | O_RDWR, 0600, NULL), EACCES);
    fails(syscall(SYS_mq_open, "/a", O_CREAT | O_RDWR, 0600, NULL), EACCES);
    fails(syscall(SYS_mq_open, "..", O_CREAT | O_RDWR, 0600, NULL), EACCES);
    fails(syscall(SYS_mq_open, "", O_CREAT | O_RDWR, 0600, NULL), ENOENT);
    fails(syscall(SYS_mq_unlink, "a/b"), EACCES);
    fails(mq_open("/a/b", O_CREAT | O_RDWR, 0600, NULL), EACCES);
}

static void locks(void) {
    int fd = works(open("locked", O_RDWR | O_CREAT, 0600));
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = LONG_MAX, .l_len = 1};
    works(fcntl(fd, F_SETLK, &lock));
    lock.l_len = 2;
    fails(fcntl(fd, F_SETLK, &lock), EOVERFLOW);
    lock.l_start = 0, lock.l_len = LONG_MIN;
    fails(fcntl(fd, F_SETLK, &lock), EINVAL);
    lock.l_start = 5, lock.l_len = -6;
    fails(fcntl(fd, F_SETLK, &lock), EINVAL);
    lock.l_start = 5, lock.l_len = -5;
    works(fcntl(fd, F_SETLK, &lock));
    lock.l_start = -1, lock.l_len = 0;
    fails(fcntl(fd, F_SETLK, &lock), EINVAL);
    close(fd);
}

static void pipes(void) {
    int p[2];
    works(pipe(p));
    is(fcntl(p[0], F_SETPIPE_SZ, 0), P);
    is(fcntl(p[0], F_SETPIPE_SZ, P + 1), 2 * P);
    fails(fcntl(p[0], F_SETPIPE_SZ, -1), EINVAL);
    works(fcntl(p[1], F_SETFL, O_NONBLOCK));
    static char block[2 * P];
    is(write(p[1], block, sizeof block), (long)sizeof block);
    fails(fcntl(p[0], F_SETPIPE_SZ, P), EBUSY);
    fails(write(p[1], block, 1), EAGAIN);
    close(p[0]), close(p[1]);
}

static void descriptors(void) {
    enum { MOST = 253 };
    int pair[2];
    static union { char bytes[CMSG_SPACE(4 * (MOST + 1))]; struct cmsghdr align; } control;
    struct iovec one = {"x", 1};
    struct msghdr m = {.msg_iov = &one, .msg_iovlen = 1, .msg_control = &control};
    works(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    for (int count = MOST; count <= MOST + 1; count++) {
        m.msg_controllen = CMSG_SPACE(4 * count);
        *CMSG_FIRSTHDR(&m) = (struct cmsghdr){CMSG_LEN(4 * count), SOL_SOCKET, SCM_RIGHTS};
        for (int i = 0; i < count; i++)
            memcpy(CMSG_DATA(CMSG_FIRSTHDR(&m)) + 4 * i, &pair[i % 2], 4);
        if (count == MOST)
            is(sendmsg(pair[0], &m, MSG_DONTWAIT), 1);
        else
            fails(sendmsg(pair[0], &m, MSG_DONTWAIT), EINVAL);
    }
    /* Lengths that lie. */
    const size_t lies[] = {0, 1, sizeof(struct cmsghdr) - 1, CMSG_LEN(4) + CMSG_SPACE(4), 1UL << 31, 1UL << 32, SIZE_MAX, SIZE_MAX - 7};
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        m.msg_controllen = CMSG_SPACE(4);
        *CMSG_FIRSTHDR(&m) = (struct cmsghdr){lies[i], SOL_SOCKET, SCM_RIGHTS};
        fails(sendmsg(pair[0], &m, MSG_DONTWAIT), EINVAL);
    }
    m.msg_control = NULL;
    m.msg_controllen = 0;
    char byte;
    struct iovec in = {&byte, 1};
    m.msg_iov = &in;
    is(recvmsg(pair[1], &m, MSG_DONTWAIT), 1);
    yes(m.msg_flags & MSG_CTRUNC);
    fails(recvmsg(pair[1], &m, MSG_DONTWAIT), EAGAIN);
    /* All that came with it is closed: the other end ends with the last descriptor there is. */
    close(pair[0]);
    is(read(pair[1], &byte, 1), 0);
    close(pair[1]);
}

/* ---- a mapping cut short ---- */

static sigjmp_buf back;
static siginfo_t fault;
static void on_fault(int signal, siginfo_t *info, void *context) {
    (void)signal, (void)context;
    fault = *info;
    siglongjmp(back, 1);
}
/* What a load from there gives: 0 to 255, or minus the signal. */
static int load(const volatile unsigned char *at) {
    if (sigsetjmp(back, 1))
        return -fault.si_signo;
    return *at;
}
static int store(volatile unsigned char *at, int value) {
    if (sigsetjmp(back, 1))
        return -fault.si_signo;
    *at = value;
    return 0;
}
/* A file of each kind, `PAGES` pages of 'a'. */
enum { FILES, MEMORY, SHARED, KINDS };
static int file_of(int kind) {
    static char pages[PAGES * P];
    int fd = kind == FILES ? open("cut", O_RDWR | O_CREAT | O_TRUNC, 0600) : kind == MEMORY ? memfd_create("cut", 0)
        : open("/dev/shm/ipcedge", O_RDWR | O_CREAT | O_TRUNC, 0600);
    memset(pages, 'a', sizeof pages);
    yes(fd >= 0);
    is(pwrite(fd, pages, sizeof pages, 0), (long)sizeof pages);
    return fd;
}

static void cut(int kind) {
    int fd = file_of(kind);
    unsigned char *p = mmap(NULL, PAGES * P, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), *own;
    own = mmap(NULL, PAGES * P, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    yes(p != MAP_FAILED && own != MAP_FAILED);
    for (int i = 0; i < PAGES; i++)
        is(load(p + i * P), 'a');
    own[3 * P] = 'b';
    own[0] = 'b';
    works(ftruncate(fd, P + 10));
    is(load(p + P + 9), 'a');
    is(load(p + P + 10), 0);
    is(load(p + 2 * P), -SIGBUS);
    is(fault.si_code, BUS_ADRERR);
    yes(fault.si_addr == p + 2 * P);
    is(store(p + 3 * P + 5, 1), -SIGBUS);
    yes(fault.si_addr == p + 3 * P + 5);
    /* Pages of one's own are the file's as well, and go with it; those before the cut stay. */
    is(load(own + 3 * P), -SIGBUS);
    is(load(own), 'b');
    /* It grows again: zeroes. */
    works(ftruncate(fd, PAGES * P));
    is(load(p + 2 * P), 0);
    is(load(own + 3 * P), 0);
    is(store(p + 3 * P, 'c'), 0);
    is(load(p + P + 10), 0);
    munmap(p, PAGES * P), munmap(own, PAGES * P);
    close(fd);
}

/* What calls answer that are given memory which is not there any more. */
static void calls(void) {
    struct mq_attr attributes = {.mq_maxmsg = 4, .mq_msgsize = 64};
    int fd = file_of(SHARED), pair[2], p[2];
    unsigned char *gone = (unsigned char *)mmap(NULL, PAGES * P, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) + P;
    mqd_t mq = works(mq_open("/ipcedge", O_CREAT | O_RDWR | O_NONBLOCK, 0600, &attributes));
    int msg = works(msgget(IPC_PRIVATE, 0600)), sem = works(semget(IPC_PRIVATE, 1, 0600)), event = works(eventfd(1, EFD_NONBLOCK));
    char buffer[64];
    works(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
    works(pipe2(p, O_NONBLOCK));
    works(mq_unlink("/ipcedge"));
    works(ftruncate(fd, P));
    fails(write(p[1], gone, 10), EFAULT);
    fails(read(p[0], gone, 10), EAGAIN);
    is(write(p[1], "0123456789", 10), 10);
    fails(read(p[0], gone, 10), EFAULT);
    fails(send(pair[0], gone, 10, MSG_DONTWAIT), EFAULT);
    fails(recv(pair[1], buffer, 10, MSG_DONTWAIT), EAGAIN);
    is(send(pair[0], "0123456789", 10, 0), 10);
    fails(recv(pair[1], gone, 10, MSG_DONTWAIT), EFAULT);
    fails(mq_send(mq, (char *)gone, 10, 0), EFAULT);
    fails(mq_receive(mq, buffer, 64, NULL), EAGAIN);
    fails(msgsnd(msg, gone, 10, IPC_NOWAIT), EFAULT);
    fails(msgrcv(msg, buffer, 10, 0, IPC_NOWAIT), ENOMSG);
    fails(semop(sem, (struct sembuf *)gone, 1), EFAULT);
    fails(write(event, gone, 8), EFAULT);
    fails(syscall(SYS_futex, gone, FUTEX_WAIT, 0, NULL, NULL, 0), EFAULT);
    fails(syscall(SYS_futex, gone, FUTEX_WAKE, 1, NULL, NULL, 0), EFAULT);
    fails(poll((struct pollfd *)gone, 1, 0), EFAULT);
    /* Half of it is there. */
    fails(write(p[1], gone - 5, 10), EFAULT);
    fails(mq_send(mq, (char *)gone - 5, 10, 0), EFAULT);
    fails(msgsnd(msg, gone - 16, 20, IPC_NOWAIT), EFAULT);
    fails(send(pair[0], gone - 5, 10, MSG_DONTWAIT), EFAULT);
    close(p[0]), close(p[1]), close(pair[0]), close(pair[1]), close(event), close(fd), mq_close(mq);
    works(msgctl(msg, IPC_RMID, NULL));
    works(semctl(sem, 0, IPC_RMID));
    munmap(gone - P, PAGES * P);
}

/* Readers, writers and calls at the last page while it comes and goes: each access works or is SIGBUS, a value is the
   file's or zero, and the kernel answers calls with a count or EFAULT. */
static void race(int kind, int rounds) {
    enum { READERS = 3 };
    int fd = file_of(kind), bad = 0, status;
    unsigned char *p = mmap(NULL, PAGES * P, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    volatile struct { int stop, seen, faults; } *shared = mmap(NULL, P, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pids[READERS];
    fflush(stdout);
    for (int who = 0; who < READERS; who++)
        if ((pids[who] = fork()) == 0) {
            unsigned char *last = p + (PAGES - 1) * P;
            char buffer[64];
            int q[2];
            if (pipe2(q, O_NONBLOCK)) _exit(9);
            while (!shared->stop) {
                int got = who == 0 ? load(last + 7) : who == 1 ? store(last + 100, 'a') : write(q[1], last, 64);
                if (who == 2 ? got != 64 && (got != -1 || errno != EFAULT) : who == 1 ? got && got != -SIGBUS : got != -SIGBUS && got && got != 'a')
                    _exit(1);
                if (who == 2) while (read(q[0], buffer, sizeof buffer) > 0) {}
                __atomic_fetch_add(got < 0 ? &shared->faults : &shared->seen, 1, __ATOMIC_RELAXED);
            }
            _exit(0);
        }
    for (int i = 0; i < rounds; i++) {
        int seen = shared->seen, faults = shared->faults;
        works(ftruncate(fd, (PAGES - 1) * P));
        for (int t = 0; shared->faults == faults && t < 5000; t++) usleep(1000);
        works(ftruncate(fd, PAGES * P));
        for (int t = 0; shared->seen == seen && t < 5000; t++) usleep(1000);
    }
    yes(shared->faults >= rounds && shared->seen >= rounds);
    shared->stop = 1;
    for (int who = 0; who < READERS; who++) {
        waitpid(pids[who], &status, 0);
        bad |= status;
    }
    is(bad, 0);
    close(fd);
    munmap(p, PAGES * P), munmap((void *)shared, P);
}

static void sealed(void) {
    int fd = works(memfd_create("sealed", MFD_ALLOW_SEALING));
    works(ftruncate(fd, 2 * P));
    unsigned char *p = mmap(NULL, 2 * P, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    works(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK));
    fails(ftruncate(fd, P), EPERM);
    works(ftruncate(fd, 3 * P));
    is(load(p + P), 0);
    works(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW));
    fails(ftruncate(fd, 4 * P), EPERM);
    munmap(p, 2 * P);
    close(fd);
}

static void tests(void) {
    struct sigaction act = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    static const char *const names[] = {"a file", "a memfd", "a file of /dev/shm"};
    static char own[KINDS][100], others[KINDS][100];
    sigaction(SIGBUS, &act, NULL);
    sigaction(SIGSEGV, &act, NULL);

    begin("eventfd counts to its limit"), eventfds();
    begin("semaphores count to theirs"), semaphores();
    begin("message queues: priorities, sizes, names"), queues();
    begin("record locks to the last byte there can be"), locks();
    begin("a pipe's size"), pipes();
    begin("descriptors in a message"), descriptors();
    for (int kind = 0; kind < KINDS; kind++) {
        snprintf(own[kind], sizeof *own, "cut short: %s", names[kind]);
        begin(own[kind]), cut(kind);
    }
    begin("cut short: what calls answer"), calls();
    for (int kind = 0; kind < KINDS; kind++) {
        snprintf(others[kind], sizeof *others, "cut short under readers: %s", names[kind]);
        begin(others[kind]), race(kind, full() ? 300 : 15);
    }
    begin("seals keep a memfd from it"), sealed();
    unlink("/dev/shm/ipcedge");
}
