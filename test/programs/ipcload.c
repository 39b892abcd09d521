/* Loads of local IPC: a thousand processes on one POSIX message queue, on one System V queue, on one set of semaphores, on
   one pipe, and on the futex of one POSIX semaphore; 200 of them in the short form. Nothing is lost or twice, and nothing is
   left. */
// test: smp=2 limit=300 append=mem=256M
#include "counts.h"
#include <mqueue.h>
#include <semaphore.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>

enum { CROWD = 1000, TURNS = 3 };
static struct board { _Atomic int arrived, asleep; unsigned char seen[CROWD]; sem_t sem; } *board;
static int crowd;

/* Each of `crowd` processes does `work(which)`, which is 0 if it went well; all are there before the first begins. */
static void start(int (*work)(int)) {
    board->arrived = 0;
    fflush(stdout);
    for (int i = 0; i < crowd; i++) {
        pid_t pid = fork();
        if (pid < 0) {
            yes(pid >= 0);
            return;
        }
        if (pid == 0) {
            board->arrived++;
            _exit(work(i));
        }
    }
    for (int i = 0; i < 60000 && board->arrived < crowd; i++)
        pause_ms(1);
    is(board->arrived, crowd);
}
static void finish(void) {
    int status, good = 0;
    for (int i = 0; i < crowd; i++)
        good += wait(&status) > 0 && exited(status, 0);
    is(good, crowd);
    is(wait(&status), -1);
}

/* ---- one POSIX queue: every process takes a number from it and gives it back to the other one ---- */

static mqd_t asks = -1, answers = -1;
static int take_and_answer(int which) {
    int number[2];
    for (int turn = 0; turn < TURNS; turn++) {
        if (mq_receive(asks, (char *)number, sizeof number, NULL) != sizeof number)
            return 1;
        number[1] = which;
        if (mq_send(answers, (char *)number, sizeof number, number[0] % 7))
            return 2;
    }
    return 0;
}
static void posix_queue(void) {
    struct mq_attr attributes = {.mq_maxmsg = 10, .mq_msgsize = 8};
    int number[2] = {0, 0}, sent = 0, received = 0, all = crowd * TURNS;
    static unsigned char seen[CROWD * TURNS];
    memset(seen, 0, sizeof seen);
    asks = works(mq_open("/ipcload-asks", O_CREAT | O_EXCL | O_RDWR, 0600, &attributes));
    answers = works(mq_open("/ipcload-answers", O_CREAT | O_EXCL | O_RDWR, 0600, &attributes));
    start(take_and_answer);
    struct pollfd fds[2] = {{asks, POLLOUT, 0}, {answers, POLLIN, 0}};
    while (received < all) {
        fds[0].fd = sent < all ? asks : -1;
        if (poll(fds, 2, 60000) <= 0)
            break;
        if (fds[0].revents & POLLOUT && sent < all) {
            number[0] = sent++;
            works(mq_send(asks, (char *)number, sizeof number, number[0] % 3));
        }
        if (fds[1].revents & POLLIN) {
            is(mq_receive(answers, (char *)number, sizeof number, NULL), (long)sizeof number);
            seen[number[0]]++;
            received++;
        }
    }
    is(received, all);
    for (int i = 0; i < all; i++)
        if (seen[i] != 1)
            is(seen[i], 1);
    finish();
    mq_close(asks), mq_close(answers);
    works(mq_unlink("/ipcload-asks"));
    works(mq_unlink("/ipcload-answers"));
}

/* ---- one System V queue: each has a type of its own ---- */

static int id;
struct small { long type; int number; };
static int own_type(int which) {
    struct small m;
    for (int turn = 0; turn < TURNS; turn++) {
        if (msgrcv(id, &m, sizeof m.number, which + 1, 0) != sizeof m.number || m.number != which + turn)
            return 1;
        m.type = CROWD + 1;
        m.number = which;
        if (msgsnd(id, &m, sizeof m.number, 0))
            return 2;
    }
    return 0;
}
static void sysv_queue(void) {
    struct small m;
    memset(board->seen, 0, sizeof board->seen);
    id = works(msgget(IPC_PRIVATE, 0600));
    start(own_type);
    for (int turn = 0; turn < TURNS; turn++)
        for (int i = crowd - 1, answered = 0; i >= 0; i--) {
            m = (struct small){i + 1, i + turn};
            works(msgsnd(id, &m, sizeof m.number, 0));
            /* The queue has not room for all of them. */
            if (i % 100)
                continue;
            for (; answered < crowd - i; answered++) {
                is(msgrcv(id, &m, sizeof m.number, CROWD + 1, 0), (long)sizeof m.number);
                board->seen[m.number]++;
            }
        }
    for (int i = 0; i < crowd; i++)
        if (board->seen[i] != TURNS)
            is(board->seen[i], TURNS);
    struct msqid_ds ds;
    works(msgctl(id, IPC_STAT, &ds));
    is(ds.msg_qnum, 0);
    is(ds.__msg_cbytes, 0);
    finish();
    works(msgctl(id, IPC_RMID, NULL));
}

/* ---- one set of semaphores: a third waits for one, a third for two at once, a third for a sum that is undone ---- */

static int operate(struct sembuf *ops, int count) { return semop(id, ops, count); }
static int take_turns(int which) {
    struct sembuf one = {0, -1, 0}, done = {3, 1, 0}, two[2] = {{0, -1, 0}, {1, -1, 0}}, undone[2] = {{2, -1, SEM_UNDO}, {3, 1, 0}};
    for (int turn = 0; turn < TURNS; turn++)
        switch (which % 3) {
        case 0: if (operate(&one, 1) || operate(&done, 1)) return 1; break;
        case 1: if (operate(two, 2) || operate(&done, 1)) return 2; break;
        default: if (operate(undone, 2)) return 3;
        }
    return 0;
}
static int waiting(int num) { return semctl(id, num, GETNCNT); }
static void semaphore_set(void) {
    int thirds[3];
    for (int i = 0; i < 3; i++)
        thirds[i] = crowd / 3 + (crowd % 3 > i);
    id = works(semget(IPC_PRIVATE, 4, 0600));
    start(take_turns);
    for (int i = 0; i < 60000 && waiting(0) + waiting(2) < crowd; i++)
        pause_ms(1);
    is(waiting(0), thirds[0] + thirds[1]);
    is(waiting(2), thirds[2]);
    struct sembuf give[3] = {{0, 1, 0}, {1, 1, 0}, {2, 1, 0}}, all = {3, -(crowd * TURNS), 0};
    /* To the second kind first, so that all wait in one list. */
    for (int i = 0; i < thirds[1] * TURNS; i++)
        works(operate(give + 1, 1));
    for (int i = 0; i < (thirds[0] + thirds[1]) * TURNS; i++)
        works(operate(give, 1));
    for (int i = 0; i < thirds[2] * TURNS; i++)
        works(operate(give + 2, 1));
    works(operate(&all, 1));
    finish();
    is(semctl(id, 0, GETVAL), 0);
    is(semctl(id, 1, GETVAL), 0);
    /* Who ended has given back what was to be undone. */
    is(semctl(id, 2, GETVAL), thirds[2] * TURNS);
    is(semctl(id, 3, GETVAL), 0);
    works(semctl(id, 0, IPC_RMID));
}

/* ---- one pipe ---- */

static int way[2];
static int tell_number(int which) {
    int line[8];
    for (int turn = 0; turn < TURNS; turn++) {
        for (int i = 0; i < 8; i++)
            line[i] = which;
        if (write(way[1], line, sizeof line) != sizeof line)
            return 1;
    }
    return 0;
}
static void one_pipe(void) {
    int line[8], lines = 0;
    memset(board->seen, 0, sizeof board->seen);
    works(pipe(way));
    is(fcntl(way[1], F_SETPIPE_SZ, 4096), 4096);
    start(tell_number);
    for (; lines < crowd * TURNS; lines++) {
        is(read(way[0], line, sizeof line), (long)sizeof line);
        int same = 1;
        for (int i = 1; i < 8; i++)
            same &= line[i] == line[0];
        yes(same && line[0] >= 0 && line[0] < crowd);
        board->seen[line[0] % CROWD]++;
    }
    for (int i = 0; i < crowd; i++)
        if (board->seen[i] != TURNS)
            is(board->seen[i], TURNS);
    finish();
    close(way[0]), close(way[1]);
}

/* ---- one futex ---- */

static int wait_for_it(int which) {
    (void)which;
    for (int turn = 0; turn < TURNS; turn++)
        while (sem_wait(&board->sem))
            if (errno != EINTR)
                return 1;
    return 0;
}
static void one_futex(void) {
    int value;
    works(sem_init(&board->sem, 1, 0));
    start(wait_for_it);
    for (int i = 0; i < crowd * TURNS; i++)
        works(sem_post(&board->sem));
    finish();
    works(sem_getvalue(&board->sem, &value));
    is(value, 0);
}

static int all_of_it(int which) {
    (void)which;
    posix_queue();
    sysv_queue();
    semaphore_set();
    one_pipe();
    one_futex();
    return 0;
}

static void tests(void) {
    /* What others left in the first namespace is not counted here. */
    works(unshare(CLONE_NEWIPC));
    board = mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    crowd = full() ? CROWD : 200;
    begin("a crowd on a POSIX queue"), posix_queue();
    begin("a crowd on a System V queue"), sysv_queue();
    begin("a crowd on a set of semaphores"), semaphore_set();
    begin("a crowd on a pipe"), one_pipe();
    begin("a crowd on a futex"), one_futex();

    begin("nothing is left of a crowd");
    open_counts();
    objects_alone = 2;
    crowd = 30;
    all_of_it(0);
    must_leave_nothing(all_of_it, 0, 8);
}
