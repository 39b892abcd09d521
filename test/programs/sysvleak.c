/* Nothing is left of System V objects: of those that were removed, of those whose namespace ended, of processes that were
   killed while they waited. */
// test: smp=2 limit=240
#include "counts.h"
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>

enum { OBJECTS = 40, CHILDREN = 12 };

static int operate(int id, int num, int op, int flags) {
    struct sembuf one = {num, op, flags};
    return semop(id, &one, 1);
}

/* Objects of each kind, used. */
static int use(int remove) {
    struct { long type; char text[3000]; } message = {1, "text"};
    for (int i = 0; i < OBJECTS; i++) {
        int shm = shmget(i % 2 ? IPC_PRIVATE : i + 1, 4096 * (i + 1), IPC_CREAT | 0600);
        int sem = semget(i % 2 ? IPC_PRIVATE : i + 1, i + 1, IPC_CREAT | 0600);
        int msg = msgget(i % 2 ? IPC_PRIVATE : i + 1, IPC_CREAT | 0600);
        if (shm < 0 || sem < 0 || msg < 0) return 1;
        char *p = shmat(shm, NULL, 0);
        if (p == (void *)-1) return 2;
        memset(p, 1, 4096 * (i + 1));
        if (i % 3) shmdt(p);
        if (operate(sem, i, 3, SEM_UNDO) || operate(sem, i, -1, SEM_UNDO)) return 3;
        for (int n = 0; n < 5; n++)
            if (msgsnd(msg, &message, n * 700, 0)) return 4;
        if (msgrcv(msg, &message, 3000, 0, 0) != 0) return 5;
        if (remove && (shmctl(shm, IPC_RMID, NULL) || semctl(sem, 0, IPC_RMID) || msgctl(msg, IPC_RMID, NULL))) return 6;
        if (i % 3 == 0) shmdt(p);
    }
    return 0;
}

/* Processes that wait for all of it and are killed, or let go by its removal. */
static int wait_and_die(void) {
    int sem = semget(IPC_PRIVATE, 3, 0600), msg = msgget(IPC_PRIVATE, 0600);
    pid_t pids[CHILDREN];
    struct sembuf two[2] = {{0, -1, SEM_UNDO}, {1, 1, SEM_UNDO}};
    struct { long type; char text[8192]; } message = {1, ""};
    for (int i = 0; i < CHILDREN; i++)
        if ((pids[i] = fork()) == 0) {
            if (i % 4 == 0) semop(sem, two, 2);
            else if (i % 4 == 1) operate(sem, 2, -1, SEM_UNDO);
            else if (i % 4 == 2) msgrcv(msg, &message, 8192, 7, 0);
            else while (msgsnd(msg, &message, 8192, 0) == 0) {}
            _exit(0);
        }
    while (semctl(sem, 0, GETNCNT) != CHILDREN / 4 || semctl(sem, 2, GETNCNT) != CHILDREN / 4) pause_ms(1);
    for (int i = 0; i < CHILDREN / 2; i++) kill(pids[i], SIGKILL);
    for (int i = 0; i < CHILDREN / 2; i++) waitpid(pids[i], NULL, 0);
    if (semctl(sem, 0, IPC_RMID) || msgctl(msg, IPC_RMID, NULL)) return 1;
    for (int i = CHILDREN / 2; i < CHILDREN; i++) waitpid(pids[i], NULL, 0);
    return 0;
}

static int round_of_all(int which) {
    (void)which;
    int bad = in_child(_exit(use(1) || wait_and_die()));
    bad |= in_child(_exit(unshare(CLONE_NEWIPC) ? 9 : use(0)));
    bad |= in_child({
        if (unshare(CLONE_NEWIPC)) _exit(9);
        pid_t pid = fork();
        if (pid == 0) _exit(use(0));
        int status;
        waitpid(pid, &status, 0);
        _exit(status != 0);
    });
    return bad;
}

static void tests(void) {
    /* What others left in the first namespace is not counted here. */
    works(unshare(CLONE_NEWIPC));
    begin("nothing is left");
    open_counts();
    /* Tables grow, and stay. */
    for (int i = 0; i < 3; i++)
        is(round_of_all(i), 0);
    must_leave_nothing(round_of_all, 0, 20);
}
