/* System V message queues: msgget(2), msgsnd(2), msgrcv(2), msgctl(2), /proc/sysvipc/msg, limits. */
#include "check.h"
#include "sysv.h"
#include <sys/ipc.h>
#include <sys/msg.h>

#ifndef MSG_COPY
#define MSG_COPY 040000
#endif
#ifndef MSG_STAT_ANY
#define MSG_STAT_ANY 13
#endif

static char text[1 << 16];
static struct { long type; char text[1 << 16]; } message;

static int say(int id, long type, const char *what, int flags) {
    message.type = type;
    strcpy(message.text, what);
    return msgsnd(id, &message, strlen(what), flags);
}

/* The type and text of what comes, as "type text", or the errno. */
static const char *hear(int id, size_t size, long type, int flags) {
    static char heard[256];
    memset(&message, 0, 64);
    long n = msgrcv(id, &message, size, type, flags);
    if (n < 0) snprintf(heard, sizeof heard, "error %d", errno);
    else snprintf(heard, sizeof heard, "%ld %.*s", message.type, (int)n, message.text);
    return heard;
}

static void nothing(int signal) {
    (void)signal;
}

static void tests(void) {
    struct msqid_ds ds;
    struct msginfo info;
    char wanted[256];
    int id, other, status;
    pid_t pid, second;
    const int key = 0x5359 << 8 | 3;

    /* What others left in the first namespace is not counted here. */
    works(unshare(CLONE_NEWIPC));
    begin("made and found");
    fails(msgget(key, 0), ENOENT);
    id = works(msgget(key, IPC_CREAT | 0640));
    is(msgget(key, 0), id);
    fails(msgget(key, IPC_CREAT | IPC_EXCL), EEXIST);
    works(msgctl(id, IPC_STAT, &ds));
    is(ds.msg_qbytes, 16384);
    is(ds.msg_qnum, 0);
    is(ds.msg_perm.mode, 0640);
    is(ds.msg_perm.__key, key);
    is(ds.msg_stime, 0);
    is(ds.msg_rtime, 0);
    is(ds.msg_lspid, 0);
    is(ds.msg_lrpid, 0);
    yes(ds.msg_ctime >= time(NULL) - 5);

    begin("sent and received");
    works(say(id, 3, "three", 0));
    works(say(id, 1, "", 0));
    works(say(id, 4, "four", 0));
    works(msgctl(id, IPC_STAT, &ds));
    is(ds.msg_qnum, 3);
    is(ds.__msg_cbytes, 9);
    is(ds.msg_lspid, getpid());
    yes(ds.msg_stime >= time(NULL) - 5);
    yes(!strcmp(hear(id, 100, 0, 0), "3 three"));
    yes(!strcmp(hear(id, 0, 0, 0), "1 "));
    yes(!strcmp(hear(id, 100, 0, IPC_NOWAIT), "4 four"));
    yes(!strcmp(hear(id, 100, 0, IPC_NOWAIT), "error 42"));
    works(msgctl(id, IPC_STAT, &ds));
    is(ds.msg_qnum, 0);
    is(ds.__msg_cbytes, 0);
    is(ds.msg_lrpid, getpid());
    yes(ds.msg_rtime >= time(NULL) - 5);
    memset(message.text, 'x', 8192);
    message.type = 1;
    works(msgsnd(id, &message, 8192, 0));
    memset(message.text, 'y', 8192);
    is(msgrcv(id, &message, 8192, 0, 0), 8192);
    yes(message.text[0] == 'x' && message.text[8191] == 'x');

    begin("types");
    const char *const all[] = {"five", "one", "two", "uno"};
    const long types[] = {5, 1, 2, 1};
    for (int i = 0; i < 4; i++) works(say(id, types[i], all[i], 0));
    yes(!strcmp(hear(id, 100, 2, IPC_NOWAIT), "2 two"));
    yes(!strcmp(hear(id, 100, 7, IPC_NOWAIT), "error 42"));
    yes(!strcmp(hear(id, 100, 5, IPC_NOWAIT | MSG_EXCEPT), "1 one"));
    works(say(id, 9, "nine", 0));
    yes(!strcmp(hear(id, 100, -5, IPC_NOWAIT), "1 uno"));
    yes(!strcmp(hear(id, 100, -4, IPC_NOWAIT), "error 42"));
    yes(!strcmp(hear(id, 100, LONG_MIN, IPC_NOWAIT), "5 five"));
    yes(!strcmp(hear(id, 100, -100, IPC_NOWAIT), "9 nine"));

    begin("lengths");
    works(say(id, 1, "too long", 0));
    yes(!strcmp(hear(id, 3, 0, 0), "error 7"));
    works(msgctl(id, IPC_STAT, &ds));
    is(ds.msg_qnum, 1);
    yes(!strcmp(hear(id, 3, 0, MSG_NOERROR), "1 too"));
    fails(msgsnd(id, &message, 8193, 0), EINVAL);
    fails(msgsnd(id, &message, -1, 0), EINVAL);
    fails(msgrcv(id, &message, -1, 0, 0), EINVAL);
    message.type = 0;
    fails(msgsnd(id, &message, 1, 0), EINVAL);
    message.type = -1;
    fails(msgsnd(id, &message, 1, 0), EINVAL);
    fails(msgsnd(id, (void *)8, 1, 0), EFAULT);
    message.type = 1;
    fails(msgsnd(-1, &message, 1, 0), EINVAL);
    fails(msgsnd(id + 32768, &message, 1, 0), EINVAL);
    works(say(id, 1, "lost", 0));
    fails(msgrcv(id, (void *)8, 10, 0, 0), EFAULT);
    yes(!strcmp(hear(id, 100, 0, IPC_NOWAIT), "error 42"));

    begin("copied");
    for (int i = 0; i < 4; i++) works(say(id, types[i], all[i], 0));
    if (msgrcv(id, &message, 100, 0, MSG_COPY | IPC_NOWAIT) == -1 && errno == ENOSYS) {
        skip("without CONFIG_CHECKPOINT_RESTORE");
    } else {
        yes(!strcmp(hear(id, 100, 0, MSG_COPY | IPC_NOWAIT), "5 five"));
        yes(!strcmp(hear(id, 100, 2, MSG_COPY | IPC_NOWAIT), "2 two"));
        yes(!strcmp(hear(id, 100, 4, MSG_COPY | IPC_NOWAIT), "error 42"));
        yes(!strcmp(hear(id, 2, 0, MSG_COPY | IPC_NOWAIT), "error 7"));
        yes(!strcmp(hear(id, 2, 0, MSG_COPY | IPC_NOWAIT | MSG_NOERROR), "error 22"));
        yes(!strcmp(hear(id, 100, 0, MSG_COPY), "error 22"));
        yes(!strcmp(hear(id, 100, 0, MSG_COPY | IPC_NOWAIT | MSG_EXCEPT), "error 22"));
    }
    for (int i = 0; i < 4; i++) hear(id, 100, 0, IPC_NOWAIT);

    begin("a receiver waits");
    fflush(stdout);
    pid = fork();
    if (pid == 0) _exit(strcmp(hear(id, 100, 5, 0), "5 mine") != 0);
    second = fork();
    if (second == 0) _exit(strcmp(hear(id, 2, 0, 0), "error 7") != 0);
    yes(asleep(pid) && asleep(second));
    works(say(id, 4, "long", 0));
    is(result(second), 0);
    works(msgctl(id, IPC_STAT, &ds));
    is(ds.msg_qnum, 1);
    works(say(id, 5, "mine", 0));
    works(msgctl(id, IPC_STAT, &ds));
    is(ds.msg_qnum, 1);
    is(ds.msg_lrpid, pid);
    is(result(pid), 0);
    yes(!strcmp(hear(id, 100, 0, IPC_NOWAIT), "4 long"));

    begin("a sender waits");
    message.type = 1;
    works(msgsnd(id, &message, 8192, 0));
    works(msgsnd(id, &message, 8192, 0));
    fails(msgsnd(id, &message, 1, IPC_NOWAIT), EAGAIN);
    works(msgsnd(id, &message, 0, IPC_NOWAIT));
    pid = fork();
    if (pid == 0) _exit(say(id, 77, "at last", 0));
    yes(asleep(pid));
    is(msgrcv(id, &message, 0, 0, IPC_NOWAIT | MSG_NOERROR), 0);
    is(result(pid), 0);
    works(msgctl(id, IPC_STAT, &ds));
    is(ds.msg_lspid, pid);
    is(msgrcv(id, &message, 8192, 0, 0), 8192);
    is(msgrcv(id, &message, 8192, 0, 0), 0);
    yes(!strcmp(hear(id, 100, 0, 0), "77 at last"));
    works(msgctl(id, IPC_STAT, &ds));
    ds.msg_qbytes = 3;
    works(msgctl(id, IPC_SET, &ds));
    for (int i = 0; i < 3; i++) works(say(id, 1, "", IPC_NOWAIT));
    fails(say(id, 1, "", IPC_NOWAIT), EAGAIN);
    pid = fork();
    if (pid == 0) _exit(say(id, 77, "at last", 0));
    yes(asleep(pid));
    ds.msg_qbytes = 16384;
    works(msgctl(id, IPC_SET, &ds));
    is(result(pid), 0);
    yes(!strcmp(hear(id, 100, 77, IPC_NOWAIT), "77 at last"));
    for (int i = 0; i < 3; i++) yes(!strcmp(hear(id, 1, 0, IPC_NOWAIT), "1 "));

    begin("signals");
    status = in_child({
        struct sigaction act = {.sa_handler = nothing, .sa_flags = SA_RESTART};
        struct itimerval soon = {{0, 10000}, {0, 10000}};
        sigaction(SIGALRM, &act, NULL);
        setitimer(ITIMER_REAL, &soon, NULL);
        if (msgrcv(id, &message, 10, 0, 0) != -1 || errno != EINTR) _exit(1);
        int small = msgget(IPC_PRIVATE, 0600);
        message.type = 1;
        while (!msgsnd(small, &message, 8192, IPC_NOWAIT)) {}
        if (msgsnd(small, &message, 8192, 0) != -1 || errno != EINTR) _exit(2);
        msgctl(small, IPC_RMID, NULL);
    });
    yes(exited(status, 0));

    begin("removed");
    other = works(msgget(IPC_PRIVATE, 0600));
    message.type = 1;
    works(msgsnd(other, &message, 8192, 0));
    works(msgsnd(other, &message, 8192, 0));
    pid = fork();
    if (pid == 0) _exit(msgrcv(other, &message, 1, 9, 0) == -1 ? errno : 0);
    second = fork();
    if (second == 0) _exit(msgsnd(other, &message, 1, 0) == -1 ? errno : 0);
    yes(asleep(pid) && asleep(second));
    works(msgctl(other, IPC_RMID, NULL));
    is(result(pid), EIDRM);
    is(result(second), EIDRM);
    fails(msgsnd(other, &message, 1, 0), EINVAL);
    fails(msgctl(other, IPC_RMID, NULL), EINVAL);

    begin("permissions");
    works(msgctl(id, IPC_STAT, &ds));
    ds.msg_perm.mode = 0602;
    works(msgctl(id, IPC_SET, &ds));
    status = in_child({
        become(1234);
        if (msgget(key, 0002) != id) _exit(1);
        if (msgget(key, 0004) != -1 || errno != EACCES) _exit(2);
        if (say(id, 1, "hello", 0)) _exit(3);
        if (msgrcv(id, &message, 10, 0, IPC_NOWAIT) != -1 || errno != EACCES) _exit(4);
        if (msgctl(id, IPC_STAT, &ds) != -1 || errno != EACCES) _exit(5);
        if (msgctl(id & 32767, MSG_STAT, &ds) != -1 || errno != EACCES) _exit(6);
        if (msgctl(id & 32767, MSG_STAT_ANY, &ds) != id) _exit(7);
        if (msgctl(id, IPC_RMID, NULL) != -1 || errno != EPERM) _exit(8);
    });
    yes(exited(status, 0));
    works(msgctl(id, IPC_STAT, &ds));
    ds.msg_perm.uid = 1234;
    ds.msg_perm.mode = 0600;
    works(msgctl(id, IPC_SET, &ds));
    status = in_child({
        become(1234);
        if (strcmp(hear(id, 100, 0, IPC_NOWAIT), "1 hello")) _exit(1);
        if (msgctl(id, IPC_STAT, &ds)) _exit(2);
        ds.msg_qbytes = 16385;
        if (msgctl(id, IPC_SET, &ds) != -1 || errno != EPERM) _exit(3);
        ds.msg_qbytes = 100;
        if (msgctl(id, IPC_SET, &ds)) _exit(4);
    });
    yes(exited(status, 0));
    pid = fork();
    if (pid == 0) {
        become(1234);
        _exit(msgrcv(id, &message, 10, 0, 0) == -1 ? errno : 0);
    }
    yes(asleep(pid));
    ds.msg_perm.uid = 0;
    ds.msg_qbytes = 15000;
    works(msgctl(id, IPC_SET, &ds));
    is(result(pid), EACCES);

    begin("control");
    fails(msgctl(id, 99, NULL), EINVAL);
    fails(msgctl(id, IPC_STAT, (void *)1), EFAULT);
    fails(msgctl(id, IPC_SET, (void *)1), EFAULT);
    is(msgctl(id & 32767, MSG_STAT, &ds), id);
    is(ds.msg_qbytes, 15000);
    yes(msgctl(0, IPC_INFO, (void *)&info) >= (id & 32767));
    is(info.msgmax, 8192);
    is(info.msgmnb, 16384);
    is(info.msgmni, 32000);
    is(info.msgpool, 512000);
    is(info.msgmap, 16384);
    is(info.msgssz, 16);
    is(info.msgtql, 16384);
    is(info.msgseg, 0xffff);
    works(say(id, 1, "abc", 0));
    yes(msgctl(0, MSG_INFO, (void *)&info) >= (id & 32767));
    is(info.msgpool, 1);
    is(info.msgmap, 1);
    is(info.msgtql, 3);

    begin("/proc/sysvipc/msg");
    works(msgctl(id, IPC_STAT, &ds));
    get_file("/proc/sysvipc/msg", text, sizeof text);
    snprintf(wanted, sizeof wanted,
             "       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid  cgid      stime      rtime      ctime\n"
             "%10d %10d  %4o  %10lu %10lu %5u %5u %5u %5u %5u %5u %10lu %10lu %10lu\n", key, id, 0600, 3UL, 1UL,
             ds.msg_lspid, ds.msg_lrpid, 0, 0, 0, 0, ds.msg_stime, ds.msg_rtime, ds.msg_ctime);
    yes(!strcmp(text, wanted));

    begin("limits");
    works(write_limit("msgmax", "10"));
    fails(msgsnd(id, &message, 11, 0), EINVAL);
    works(write_limit("msgmax", "50000"));
    works(write_limit("msgmnb", "60000"));
    other = works(msgget(IPC_PRIVATE, 0600));
    message.type = 2;
    memset(message.text, 'z', 50000);
    works(msgsnd(other, &message, 50000, 0));
    memset(message.text, 0, 50000);
    is(msgrcv(other, &message, 50000, 0, 0), 50000);
    yes(message.text[49999] == 'z');
    works(write_limit("msgmni", "2"));
    fails(msgget(IPC_PRIVATE, 0600), ENOSPC);
    works(msgctl(other, IPC_RMID, NULL));
    fails(write_limit("msgmni", "40000"), EINVAL);
    works(write_limit("msgmni", "32000"));
    works(write_limit("msgmax", "8192"));
    works(write_limit("msgmnb", "16384"));
    works(write_limit("msg_next_id", "3276902"));
    is(msgget(IPC_PRIVATE, 0600), 3276902);
    works(msgctl(3276902, IPC_RMID, NULL));

    begin("namespaces");
    int home = open("/proc/self/ns/ipc", O_RDONLY);
    status = in_child({
        if (unshare(CLONE_NEWIPC)) _exit(1);
        if (msgctl(id, IPC_STAT, &ds) != -1 || errno != EINVAL) _exit(2);
        if (msgget(key, IPC_CREAT | 0600) != 0 || say(0, 1, "in here", 0)) _exit(3);
        struct stat a;
        struct stat b;
        if (stat("/proc/self/ns/ipc", &a) || fstat(home, &b) || a.st_ino == b.st_ino) _exit(4);
        if (home < 0 || setns(home, CLONE_NEWIPC)) _exit(5);
        if (strcmp(hear(id, 100, 0, IPC_NOWAIT), "1 abc")) _exit(6);
    });
    yes(exited(status, 0));

    begin("many on one queue");
    int crowd = full() ? 1000 : 200;
    static unsigned char seen[1001];
    for (int i = 1; i <= crowd; i++)
        if (fork() == 0) {
            struct { long type; int number; } small;
            if (msgrcv(id, &small, sizeof small.number, i, 0) != sizeof small.number) _exit(1);
            small.type = 5000;
            small.number = i;
            _exit(msgsnd(id, &small, sizeof small.number, 0) != 0);
        }
    for (int i = crowd; i > 0; i--) {
        struct { long type; int number; } small = {i, i};
        works(msgsnd(id, &small, sizeof small.number, 0));
        if (i % 50 == 1)
            for (int n = 0; n < 50 && n < crowd; n++) {
                is(msgrcv(id, &small, sizeof small.number, 5000, 0), (long)sizeof small.number);
                seen[small.number]++;
            }
    }
    for (int i = 1; i <= crowd; i++) {
        wait(&status);
        yes(exited(status, 0));
        is(seen[i], 1);
    }
    works(msgctl(id, IPC_RMID, NULL));
    yes(msgctl(0, MSG_INFO, (void *)&info) >= 0);
    is(info.msgpool, 0);
    is(info.msgmap, 0);
    is(info.msgtql, 0);
}
