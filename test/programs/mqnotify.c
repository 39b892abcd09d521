// Notification by POSIX message queues (mq_notify(3)): by a signal, by a thread, by a cookie on a netlink socket.
// test: smp=2 limit=120
#include "mq.h"
#include <linux/netlink.h>
#include <sys/socket.h>

static volatile int told, told_code, told_value, told_pid, told_uid;
static void on_signal(int signal, siginfo_t *info, void *context) {
    (void)signal, (void)context;
    told_code = info->si_code;
    told_value = info->si_value.sival_int;
    told_pid = info->si_pid;
    told_uid = info->si_uid;
    told++;
}
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t came = PTHREAD_COND_INITIALIZER;
static int threads_ran, thread_value;
static void in_thread(union sigval value) {
    pthread_mutex_lock(&lock);
    thread_value = value.sival_int;
    threads_ran++;
    pthread_cond_signal(&came);
    pthread_mutex_unlock(&lock);
}
static long shown(mqd_t q, char *text) {
    long n = pread(q, text, 200, 0);
    text[n > 0 ? n : 0] = 0;
    return n;
}

static void notification(void) {
    char text[201], wanted[201];
    begin("notification by a signal");
    mqd_t q = nameless(2, 8);
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
    sigaction(SIGRTMIN, &action, NULL);
    struct sigevent ev = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN, .sigev_value.sival_int = 42};
    works(mq_notify(q, &ev));
    fails(mq_notify(q, &ev), EBUSY);
    is(shown(q, text), 60);
    snprintf(wanted, sizeof wanted, "QSIZE:%-10d NOTIFY:%-5d SIGNO:%-5d NOTIFY_PID:%-6d\n", 0, SIGEV_SIGNAL, SIGRTMIN, getpid());
    is(strcmp(text, wanted), 0);
    works(mq_send(q, "abc", 3, 0));
    is(told, 1);
    is(told_code, SI_MESGQ);
    is(told_value, 42);
    is(told_pid, getpid());
    is(told_uid, getuid());
    shown(q, text);
    snprintf(wanted, sizeof wanted, "QSIZE:%-10d NOTIFY:%-5d SIGNO:%-5d NOTIFY_PID:%-6d\n", 3, 0, 0, 0);
    is(strcmp(text, wanted), 0);

    begin("once, and only when an empty queue gets a message");
    works(mq_notify(q, &ev));
    works(mq_send(q, "def", 3, 0));
    is(told, 1);
    get(q, NULL);
    get(q, NULL);
    works(mq_send(q, "ghi", 3, 0));
    is(told, 2);
    get(q, NULL);
    works(mq_send(q, "jkl", 3, 0));
    is(told, 2);
    get(q, NULL);

    begin("a receiver that waits gets the message instead");
    works(mq_notify(q, &ev));
    struct waiter w = {.q = q};
    start(&w);
    works(mq_send(q, "waiter.", 8, 0));
    pthread_join(w.thread, NULL);
    is(told, 2);
    works(mq_send(q, "nobody.", 8, 0));
    is(told, 3);
    get(q, NULL);

    begin("who sent");
    works(mq_notify(q, &ev));
    pid_t pid = fork();
    if (!pid) {
        if (setuid(1234))
            _exit(1);
        _exit(mq_send(q, "x", 1, 0) != 0);
    }
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {}
    is(told, 4);
    is(told_pid, pid);
    is(told_uid, 1234);
    get(q, NULL);

    begin("registering is the process', and ends when it closes any descriptor");
    works(mq_notify(q, &ev));
    int status = in_child({
        struct sigevent none = {.sigev_notify = SIGEV_NONE};
        if (mq_notify(q, &none) != -1 || errno != EBUSY)
            _exit(1);
        if (mq_notify(q, NULL))
            _exit(2);
        mq_close(q);
    });
    yes(exited(status, 0));
    fails(mq_notify(q, &ev), EBUSY);
    works(mq_notify(q, NULL));
    works(mq_notify(q, NULL));
    works(mq_notify(q, &ev));
    int copy = works(dup(q));
    works(close(copy));
    works(mq_notify(q, &ev));
    works(mq_notify(q, NULL));
    status = in_child({
        struct sigevent none = {.sigev_notify = SIGEV_NONE};
        if (mq_notify(q, &none))
            _exit(1);
        shown(q, text);
        snprintf(wanted, sizeof wanted, "QSIZE:%-10d NOTIFY:%-5d SIGNO:%-5d NOTIFY_PID:%-6d\n", 0, SIGEV_NONE, 0, getpid());
        _exit(strcmp(text, wanted) ? 2 : 0);
    });
    yes(exited(status, 0));
    works(mq_notify(q, &ev));
    works(mq_notify(q, NULL));

    begin("notifications that cannot be");
    struct sigevent bad = ev;
    bad.sigev_notify = 77;
    fails(mq_notify(q, &bad), EINVAL);
    bad = ev;
    bad.sigev_signo = 65;
    fails(mq_notify(q, &bad), EINVAL);
    bad.sigev_signo = -1;
    fails(mq_notify(q, &bad), EINVAL);
    fails(mq_notify(-1, &ev), EBADF);
    fails(mq_notify(1, &ev), EBADF);
    fails(syscall(SYS_mq_notify, q, 1), EFAULT);
    bad.sigev_signo = 0;
    works(mq_notify(q, &bad));
    works(mq_send(q, "x", 1, 0));
    is(told, 4);
    get(q, NULL);
    works(mq_notify(q, &ev));
    works(mq_notify(q, NULL));

    begin("the cookie of a netlink socket");
    int nl = works(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
    char cookie[32], back[64];
    for (int i = 0; i < 32; i++)
        cookie[i] = 'A' + i;
    struct sigevent th = {.sigev_notify = SIGEV_THREAD, .sigev_signo = nl, .sigev_value.sival_ptr = cookie};
    is(syscall(SYS_mq_notify, q, &th), 0);
    fails(recv(nl, back, sizeof back, MSG_DONTWAIT), EAGAIN);
    works(mq_send(q, "x", 1, 0));
    is(recv(nl, back, sizeof back, MSG_DONTWAIT), 32);
    is(memcmp(back, cookie, 31), 0);
    is(back[31], 1);
    get(q, NULL);
    is(syscall(SYS_mq_notify, q, &th), 0);
    works(mq_notify(q, NULL));
    is(recv(nl, back, sizeof back, MSG_DONTWAIT), 32);
    is(back[31], 2);
    th.sigev_signo = 1;
    fails(syscall(SYS_mq_notify, q, &th), ENOTSOCK);
    th.sigev_signo = -1;
    fails(syscall(SYS_mq_notify, q, &th), EBADF);
    th.sigev_signo = nl;
    th.sigev_value.sival_ptr = (void *)1;
    fails(syscall(SYS_mq_notify, q, &th), EFAULT);
    close(nl);

    begin("notification by a thread");
    struct sigevent run = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = in_thread, .sigev_value.sival_int = 17};
    for (int i = 1; i <= 3; i++) {
        works(mq_notify(q, &run));
        works(mq_send(q, "x", 1, 0));
        pthread_mutex_lock(&lock);
        while (threads_ran < i)
            pthread_cond_wait(&came, &lock);
        pthread_mutex_unlock(&lock);
        get(q, NULL);
    }
    is(thread_value, 17);
    works(mq_notify(q, &run));
    works(mq_notify(q, NULL));
    is(threads_ran, 3);
    works(mq_close(q));
}

static void tests(void) { notification(); }
