/* System V semaphores: semget(2), semop(2), semtimedop(2), semctl(2), SEM_UNDO, /proc/sysvipc/sem, limits. */
#include "check.h"
#include "sysv.h"
#include <sys/ipc.h>
#include <sys/sem.h>

#ifndef SEM_STAT_ANY
#define SEM_STAT_ANY 20
#endif

static char text[1 << 16];

static int operate(int id, int num, int op, int flags) {
    struct sembuf one = {num, op, flags};
    return semop(id, &one, 1);
}

static int value(int id, int num) {
    return semctl(id, num, GETVAL);
}

/* Until so many wait for a semaphore to grow, or to be 0. */
static int gather(int id, int num, int what, int count) {
    for (int i = 0; i < 20000; i++) {
        if (semctl(id, num, what) == count) return 1;
        pause_ms(1);
    }
    return 0;
}

/* A child that does the operations and ends with 0, or with the errno. */
static pid_t child(int id, struct sembuf *ops, int count) {
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) _exit(semop(id, ops, count) ? errno : 0);
    return pid;
}

static void nothing(int signal) {
    (void)signal;
}

static int thread_id;
static void *thread_undoes(void *unused) {
    (void)unused;
    return (void *)(long)operate(thread_id, 0, 1, SEM_UNDO);
}

static int shares_undo(void *unused) {
    (void)unused;
    return operate(thread_id, 0, 1, SEM_UNDO) ? errno : 0;
}

static void tests(void) {
    struct semid_ds ds;
    struct seminfo info;
    struct sembuf ops[8];
    struct timespec moment = {0, 20000000}, bad = {0, 2000000000};
    unsigned short values[300], many[300];
    char wanted[256];
    int id, other, status;
    pid_t pid, second;
    const int key = 0x5359 << 8 | 2;

    /* What others left in the first namespace is not counted here. */
    works(unshare(CLONE_NEWIPC));
    begin("made and found");
    fails(semget(key, 1, 0), ENOENT);
    fails(semget(key, 0, IPC_CREAT), EINVAL);
    fails(semget(key, -1, IPC_CREAT), EINVAL);
    fails(semget(key, 32001, IPC_CREAT), EINVAL);
    id = works(semget(key, 5, IPC_CREAT | 0640));
    is(semget(key, 0, 0), id);
    is(semget(key, 5, IPC_CREAT | 0600), id);
    fails(semget(key, 6, 0), EINVAL);
    fails(semget(key, 5, IPC_CREAT | IPC_EXCL), EEXIST);
    works(semctl(id, 0, IPC_STAT, &ds));
    is(ds.sem_nsems, 5);
    is(ds.sem_otime, 0);
    is(ds.sem_perm.mode, 0640);
    is(ds.sem_perm.__key, key);
    yes(ds.sem_ctime >= time(NULL) - 5);

    begin("values");
    is(value(id, 0), 0);
    works(semctl(id, 1, SETVAL, 7));
    is(value(id, 1), 7);
    is(semctl(id, 1, GETPID), getpid());
    is(semctl(id, 0, GETPID), 0);
    fails(semctl(id, 0, SETVAL, -1), ERANGE);
    fails(semctl(id, 0, SETVAL, 32768), ERANGE);
    works(semctl(id, 0, SETVAL, 32767));
    fails(semctl(id, 5, GETVAL), EINVAL);
    fails(semctl(id, -1, GETVAL), EINVAL);
    fails(semctl(id, 5, SETVAL, 1), EINVAL);
    works(semctl(id, 0, GETALL, values));
    is(values[0], 32767);
    is(values[1], 7);
    values[0] = 32768;
    fails(semctl(id, 0, SETALL, values), ERANGE);
    is(value(id, 0), 32767);
    for (int i = 0; i < 5; i++) values[i] = i;
    works(semctl(id, 0, SETALL, values));
    is(value(id, 4), 4);
    is(semctl(id, 4, GETPID), getpid());
    fails(semctl(id, 0, GETALL, (void *)1), EFAULT);
    fails(semctl(id, 0, SETALL, (void *)1), EFAULT);

    begin("operations");
    works(operate(id, 4, 3, 0));
    is(value(id, 4), 7);
    works(operate(id, 4, -7, 0));
    works(operate(id, 4, 0, 0));
    fails(operate(id, 4, -1, IPC_NOWAIT), EAGAIN);
    fails(operate(id, 1, 0, IPC_NOWAIT), EAGAIN);
    fails(operate(id, 5, 1, 0), EFBIG);
    works(semctl(id, 4, SETVAL, 32767));
    fails(operate(id, 4, 1, 0), ERANGE);
    is(value(id, 4), 32767);
    fails(semop(id, ops, 0), EINVAL);
    fails(semop(id, ops, 501), E2BIG);
    fails(semop(id, (void *)8, 1), EFAULT);
    fails(operate(-1, 0, 1, 0), EINVAL);
    fails(operate(id + 32768, 0, 1, 0), EINVAL);
    fails(operate(id ^ 16384, 0, 1, 0), EINVAL);
    works(semctl(id, 0, IPC_STAT, &ds));
    yes(ds.sem_otime >= time(NULL) - 5);

    begin("all or none");
    for (int i = 0; i < 5; i++) values[i] = 1;
    works(semctl(id, 0, SETALL, values));
    ops[0] = (struct sembuf){0, -1, 0};
    ops[1] = (struct sembuf){1, 4, 0};
    ops[2] = (struct sembuf){2, -2, IPC_NOWAIT};
    fails(semop(id, ops, 3), EAGAIN);
    works(semctl(id, 0, GETALL, values));
    yes(values[0] == 1 && values[1] == 1 && values[2] == 1);
    ops[2].sem_op = -1;
    works(semop(id, ops, 3));
    works(semctl(id, 0, GETALL, values));
    yes(values[0] == 0 && values[1] == 5 && values[2] == 0);
    ops[0] = (struct sembuf){0, 2, 0};
    ops[1] = (struct sembuf){0, -1, 0};
    ops[2] = (struct sembuf){0, -1, 0};
    ops[3] = (struct sembuf){0, 0, IPC_NOWAIT};
    works(semop(id, ops, 4));
    is(value(id, 0), 0);
    for (int i = 0; i < 300; i++) values[i] = 3;
    other = works(semget(IPC_PRIVATE, 300, 0600));
    works(semctl(other, 0, SETALL, values));
    static struct sembuf lots[300];
    for (int i = 0; i < 300; i++) lots[i] = (struct sembuf){i, -2, 0};
    works(semop(other, lots, 300));
    works(semctl(other, 0, GETALL, many));
    is(many[299], 1);
    works(semctl(other, 0, IPC_RMID));

    begin("sleeping");
    pid = child(id, &(struct sembuf){0, -2, 0}, 1);
    yes(gather(id, 0, GETNCNT, 1));
    is(semctl(id, 0, GETZCNT), 0);
    works(operate(id, 0, 1, 0));
    is(semctl(id, 0, GETNCNT), 1);
    works(operate(id, 0, 1, 0));
    is(value(id, 0), 0);
    is(semctl(id, 0, GETNCNT), 0);
    is(semctl(id, 0, GETPID), pid);
    is(result(pid), 0);
    works(operate(id, 0, 1, 0));
    pid = child(id, &(struct sembuf){0, 0, 0}, 1);
    yes(gather(id, 0, GETZCNT, 1));
    works(operate(id, 0, -1, 0));
    is(result(pid), 0);
    pid = child(id, &(struct sembuf){0, -3, 0}, 1);
    yes(gather(id, 0, GETNCNT, 1));
    works(semctl(id, 0, SETVAL, 3));
    is(value(id, 0), 0);
    is(result(pid), 0);

    begin("several while others wait");
    ops[0] = (struct sembuf){0, -1, 0};
    ops[1] = (struct sembuf){3, -1, 0};
    works(semctl(id, 3, SETVAL, 0));
    pid = child(id, ops, 2);
    yes(gather(id, 0, GETNCNT, 1));
    second = child(id, &(struct sembuf){3, -1, 0}, 1);
    yes(gather(id, 3, GETNCNT, 1));
    works(operate(id, 0, 1, 0));
    yes(gather(id, 3, GETNCNT, 2));
    is(value(id, 0), 1);
    works(operate(id, 3, 2, 0));
    is(result(pid), 0);
    is(result(second), 0);
    is(value(id, 0), 0);
    is(value(id, 3), 0);

    begin("in the order they came");
    int told[2];
    pipe(told);
    for (int i = 0; i < 4; i++) {
        if (fork() == 0) {
            char byte = '0' + i;
            operate(id, 0, -1, 0);
            write(told[1], &byte, 1);
            _exit(0);
        }
        yes(gather(id, 0, GETNCNT, i + 1));
    }
    char got[5] = "";
    for (int i = 0; i < 4; i++) {
        works(operate(id, 0, 1, 0));
        read(told[0], got + i, 1);
        wait(NULL);
    }
    yes(!strcmp(got, "0123"));

    begin("time-outs and signals");
    int64_t before = now_ns(CLOCK_MONOTONIC);
    ops[0] = (struct sembuf){0, -1, 0};
    fails(semtimedop(id, ops, 1, &moment), EAGAIN);
    yes(now_ns(CLOCK_MONOTONIC) - before >= 20000000);
    fails(semtimedop(id, ops, 1, &bad), EINVAL);
    fails(semtimedop(id, ops, 1, (void *)8), EFAULT);
    ops[0].sem_op = 1;
    works(semtimedop(id, ops, 1, &moment));
    works(operate(id, 0, -1, 0));
    is(semctl(id, 0, GETNCNT), 0);
    status = in_child({
        struct sigaction act = {.sa_handler = nothing, .sa_flags = SA_RESTART};
        struct itimerval soon = {{0, 10000}, {0, 10000}};
        sigaction(SIGALRM, &act, NULL);
        setitimer(ITIMER_REAL, &soon, NULL);
        if (operate(id, 0, -1, 0) != -1 || errno != EINTR) _exit(1);
    });
    yes(exited(status, 0));
    is(semctl(id, 0, GETNCNT), 0);

    begin("undone at the end");
    works(semctl(id, 0, SETVAL, 5));
    works(semctl(id, 1, SETVAL, 0));
    status = in_child({
        if (operate(id, 0, -3, SEM_UNDO) || operate(id, 1, 4, SEM_UNDO) || operate(id, 1, -1, 0)) _exit(1);
        if (value(id, 0) != 2 || value(id, 1) != 3) _exit(2);
        if (operate(id, 0, -1, SEM_UNDO) || operate(id, 0, 1, SEM_UNDO)) _exit(3);
    });
    yes(exited(status, 0));
    is(value(id, 0), 5);
    is(value(id, 1), 0);
    works(semctl(id, 0, SETVAL, 1));
    pid = child(id, &(struct sembuf){1, -1, 0}, 1);
    yes(gather(id, 1, GETNCNT, 1));
    status = in_child({
        operate(id, 1, 1, 0);
        operate(id, 0, -1, SEM_UNDO);
        raise(SIGKILL);
    });
    yes(killed(status, SIGKILL));
    is(result(pid), 0);
    is(value(id, 0), 1);
    status = in_child({
        if (operate(id, 0, 4, SEM_UNDO)) _exit(1);
        if (semctl(id, 0, SETVAL, 9)) _exit(2);
    });
    yes(exited(status, 0));
    is(value(id, 0), 9);
    status = in_child({
        pid_t inner = fork();
        if (inner == 0) _exit(0);
        waitpid(inner, NULL, 0);
        operate(id, 0, -2, SEM_UNDO);
        inner = fork();
        if (inner == 0) _exit(value(id, 0) == 7 ? 0 : 1);
        if (result(inner) || value(id, 0) != 7) _exit(1);
    });
    yes(exited(status, 0));
    is(value(id, 0), 9);
    works(semctl(id, 0, SETVAL, 0));
    status = in_child({
        if (operate(id, 0, 32767, SEM_UNDO)) _exit(1);
        operate(id, 0, -32767, 0);
        if (operate(id, 0, 1, SEM_UNDO)) _exit(2);
        if (operate(id, 0, 1, SEM_UNDO) != -1 || errno != ERANGE) _exit(3);
        operate(id, 0, 1, 0);
    });
    yes(exited(status, 0));
    is(value(id, 0), 0);

    begin("undo and threads");
    thread_id = id;
    works(semctl(id, 0, SETVAL, 0));
    status = in_child({
        pthread_t thread;
        pthread_create(&thread, NULL, thread_undoes, NULL);
        pthread_join(thread, NULL);
        if (value(id, 0) != 1) _exit(1); /* the process lives */
    });
    yes(exited(status, 0));
    is(value(id, 0), 0);
    static char stack[1 << 16];
    status = in_child({
        pid_t inner = clone(shares_undo, stack + sizeof stack, CLONE_SYSVSEM | SIGCHLD, NULL);
        if (result(inner)) _exit(1);
        if (value(id, 0) != 1) _exit(2); /* the other one lives */
        inner = clone(shares_undo, stack + sizeof stack, SIGCHLD, NULL);
        if (result(inner)) _exit(3);
        if (value(id, 0) != 1) _exit(4);
        if (unshare(CLONE_SYSVSEM)) _exit(5);
        if (value(id, 0) != 0) _exit(6);
    });
    yes(exited(status, 0));

    begin("removed");
    other = works(semget(IPC_PRIVATE, 2, 0600));
    pid = child(other, &(struct sembuf){0, -1, 0}, 1);
    yes(gather(other, 0, GETNCNT, 1));
    works(semctl(other, 0, IPC_RMID));
    is(result(pid), EIDRM);
    fails(operate(other, 0, 1, 0), EINVAL);
    status = in_child({
        int own = semget(IPC_PRIVATE, 1, 0600);
        operate(own, 0, 1, SEM_UNDO);
        semctl(own, 0, IPC_RMID);
        own = semget(IPC_PRIVATE, 1, 0600);
        if (operate(own, 0, 1, SEM_UNDO) || semctl(own, 0, IPC_RMID)) _exit(1);
    });
    yes(exited(status, 0));

    begin("permissions");
    works(semctl(id, 0, IPC_STAT, &ds));
    ds.sem_perm.mode = 0604;
    works(semctl(id, 0, IPC_SET, &ds));
    status = in_child({
        become(1234);
        if (semget(key, 0, 0004) != id) _exit(1);
        if (semget(key, 0, 0002) != -1 || errno != EACCES) _exit(2);
        if (operate(id, 0, 1, 0) != -1 || errno != EACCES) _exit(3);
        if (operate(id, 0, 0, 0)) _exit(4);
        if (semctl(id, 0, SETVAL, 1) != -1 || errno != EACCES) _exit(5);
        if (value(id, 0) != 0) _exit(6);
        if (semctl(id, 0, IPC_RMID) != -1 || errno != EPERM) _exit(7);
        if (semctl(id, 0, IPC_SET, &ds) != -1 || errno != EPERM) _exit(8);
    });
    yes(exited(status, 0));
    ds.sem_perm.mode = 0600;
    works(semctl(id, 0, IPC_SET, &ds));
    status = in_child({
        become(1234);
        if (semctl(id, 0, IPC_STAT, &ds) != -1 || errno != EACCES) _exit(1);
        if (semctl(id & 32767, 0, SEM_STAT, &ds) != -1 || errno != EACCES) _exit(2);
        if (semctl(id & 32767, 0, SEM_STAT_ANY, &ds) != id) _exit(3);
        if (value(id, 0) != -1 || errno != EACCES) _exit(4);
    });
    yes(exited(status, 0));

    begin("control");
    fails(semctl(id, 0, 99), EINVAL);
    fails(semctl(id, 0, IPC_STAT, (void *)1), EFAULT);
    is(semctl(id & 32767, 0, SEM_STAT, &ds), id);
    yes(semctl(0, 0, IPC_INFO, &info) >= (id & 32767));
    is(info.semmni, 32000);
    is(info.semmns, 1024000000);
    is(info.semmsl, 32000);
    is(info.semopm, 500);
    is(info.semvmx, 32767);
    is(info.semaem, 32767);
    is(info.semusz, 20);
    is(info.semmap, 1024000000);
    is(info.semmnu, 1024000000);
    is(info.semume, 500);
    yes(semctl(0, 0, SEM_INFO, &info) >= (id & 32767));
    is(info.semusz, 1);
    is(info.semaem, 5);

    begin("/proc/sysvipc/sem");
    works(semctl(id, 0, IPC_STAT, &ds));
    get_file("/proc/sysvipc/sem", text, sizeof text);
    snprintf(wanted, sizeof wanted, "       key      semid perms      nsems   uid   gid  cuid  cgid      otime      ctime\n"
             "%10d %10d  %4o %10lu %5u %5u %5u %5u %10lu %10lu\n", key, id, 0600, 5UL, 0, 0, 0, 0, ds.sem_otime, ds.sem_ctime);
    yes(!strcmp(text, wanted));

    begin("limits");
    get_file("/proc/sys/kernel/sem", text, sizeof text);
    yes(!strcmp(text, "32000\t1024000000\t500\t32000\n"));
    works(write_limit("sem", "10 12 3 2"));
    fails(semget(IPC_PRIVATE, 11, 0600), EINVAL);
    fails(semget(IPC_PRIVATE, 8, 0600), ENOSPC);
    fails(semop(id, ops, 4), E2BIG);
    other = works(semget(IPC_PRIVATE, 1, 0600));
    fails(semget(IPC_PRIVATE, 1, 0600), ENOSPC);
    works(semctl(other, 0, IPC_RMID));
    fails(write_limit("sem", "10 12 3 40000"), ERANGE);
    works(write_limit("sem", "32000 1024000000 500 32000"));
    works(write_limit("sem_next_id", "3276901"));
    is(semget(IPC_PRIVATE, 1, 0600), 3276901);
    works(semctl(3276901, 0, IPC_RMID));

    begin("namespaces");
    works(semctl(id, 0, SETVAL, 2));
    status = in_child({
        if (operate(id, 0, -1, SEM_UNDO) || unshare(CLONE_NEWIPC)) _exit(1);
        if (operate(id, 0, 1, 0) != -1 || errno != EINVAL) _exit(2);
        if (semget(key, 0, 0) != -1 || errno != ENOENT) _exit(3);
        if (semget(key, 2, IPC_CREAT | 0600) != 0 || operate(0, 1, 1, SEM_UNDO)) _exit(4);
        pid_t inner = fork();
        if (inner == 0) _exit(value(0, 1) == 1 ? 0 : 1);
        if (result(inner)) _exit(5);
    });
    yes(exited(status, 0));
    is(value(id, 0), 2);

    begin("many on one set");
    works(semctl(id, 0, SETVAL, 0));
    works(semctl(id, 1, SETVAL, 0));
    int crowd = full() ? 1000 : 200;
    for (int i = 0; i < crowd; i++)
        if (fork() == 0) _exit(operate(id, 0, -1, 0) || operate(id, 1, 1, 0));
    yes(gather(id, 0, GETNCNT, crowd));
    for (int i = 0; i < crowd; i++)
        works(operate(id, 0, 1, 0));
    works(operate(id, 1, -crowd, 0));
    is(value(id, 0), 0);
    for (int i = 0; i < crowd; i++) {
        wait(&status);
        yes(exited(status, 0));
    }
    works(semctl(id, 0, IPC_RMID));
    yes(semctl(0, 0, SEM_INFO, &info) >= 0);
    is(info.semusz, 0);
    is(info.semaem, 0);
}
