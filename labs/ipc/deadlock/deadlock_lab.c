// SPDX-License-Identifier: MIT OR Apache-2.0
/* Two locks, two processes, each takes one and wants the other: deadlock; and three ways out: one order for all, a time-out, and
   letting go again (back-off). Then any process is killed while it holds one or both. */
#include "../count.h"
#include "../workers.h"
#include <pthread.h>

enum { WORKERS = 3, ACCOUNTS = 2, MONEY = 1000, ROUNDS = 300, GIVE_UP_MS = 20 };

/* Money that is moved between accounts; its sum never changes. `was` is what a dead holder had begun with. */
struct account {
    pthread_mutex_t lock;
    long money;
};

struct bank {
    struct account accounts[ACCOUNTS];
    struct { long money[ACCOUNTS]; _Atomic int under_way; } journal;
    _Atomic long collisions, waited_out, orphaned, thoughts;
    _Atomic int arrived;
};

static struct bank *bank;

static void make(void) {
    pthread_mutexattr_t attributes;
    memset(bank, 0, sizeof *bank);
    must_be_0(pthread_mutexattr_init(&attributes));
    must_be_0(pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED));
    must_be_0(pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST));
    for (int i = 0; i < ACCOUNTS; i++) {
        must_be_0(pthread_mutex_init(&bank->accounts[i].lock, &attributes));
        bank->accounts[i].money = MONEY;
    }
}

/* What a lock's call answers: 0, or that it was not to be had. A dead holder's lock is ours, and to be mended. */
static int taken(int error, struct account *account) {
    if (error == EOWNERDEAD) {
        must_be_0(pthread_mutex_consistent(&account->lock));
        bank->orphaned++;
        error = 0;
    }
    return error;
}

/* With both locks held: if the one that died was in the middle of a transfer, what was before it holds. */
static void transfer(int from, int to, long amount) {
    if (atomic_load(&bank->journal.under_way))
        for (int i = 0; i < ACCOUNTS; i++)
            bank->accounts[i].money = bank->journal.money[i];
    for (int i = 0; i < ACCOUNTS; i++)
        bank->journal.money[i] = bank->accounts[i].money;
    atomic_store(&bank->journal.under_way, 1);
    bank->accounts[from].money -= amount;
    bank->accounts[to].money += amount;
    atomic_store(&bank->journal.under_way, 0);
    holds(bank->accounts[0].money + bank->accounts[1].money == ACCOUNTS * MONEY);
}

static void let_go(int which) {
    must_be_0(pthread_mutex_unlock(&bank->accounts[which].lock));
}

/* ---- the deadlock, made certain: both have one lock before either asks for the other ---- */

static void crossed(int me) {
    struct account *first = &bank->accounts[me], *second = &bank->accounts[!me];
    struct timespec until = deadline(CLOCK_REALTIME, 100 + 400 * me);
    must_be_0(taken(pthread_mutex_lock(&first->lock), first));
    atomic_fetch_add(&bank->arrived, 1);
    while (atomic_load(&bank->arrived) < 2)
        sched_yield();
    /* A plain pthread_mutex_lock would wait for ever, as would the other. */
    int error = taken(pthread_mutex_timedlock(&second->lock, &until), second);
    printf("process %d has lock %d and waits for lock %d: %s\n", me, me, !me, error ? strerror(error) : "has both");
    fflush(stdout);
    if (!error)
        let_go(!me);
    let_go(me);
    _exit(0);
}

static void show_deadlock(void) {
    pid_t children[2];
    make();
    for (int me = 0; me < 2; me++)
        if ((children[me] = lab_fork()) == 0)
            crossed(me);
    for (int me = 0; me < 2; me++)
        lab_reap(children[me]);
}

/* The kernel sees circles of record locks (fcntl), and refuses the lock that would close one. */
static void kernel_sees(void) {
    int fd = must(memfd_create("records", 0)), refused = 0;
    _Atomic int *arrived = lab_shared(sizeof *arrived);
    pid_t children[2];
    for (int me = 0; me < 2; me++)
        if ((children[me] = lab_fork()) == 0) {
            struct flock own = {.l_type = F_WRLCK, .l_start = me, .l_len = 1}, other = own;
            other.l_start = !me;
            must(fcntl(fd, F_SETLKW, &own));
            atomic_fetch_add(arrived, 1);
            while (atomic_load(arrived) < 2)
                sched_yield();
            _exit(fcntl(fd, F_SETLKW, &other) < 0 && errno == EDEADLK);
        }
    for (int me = 0; me < 2; me++) {
        int status;
        must(waitpid(children[me], &status, 0));
        refused += WEXITSTATUS(status);
    }
    holds(refused == 1);
    printf("record locks in a circle: %s, for one of the two\n", strerror(EDEADLK));
    close(fd);
}

/* ---- the ways out ---- */

/* What a program does between its two locks: here the other one comes by. */
static void think(void) {
    for (int64_t end = now_ns() + 2000; now_ns() < end;) {}
    if (++bank->thoughts % 8 == 0)
        sched_yield();
}

static void in_order(int from, int to) {
    int low = from < to ? from : to, high = from < to ? to : from;
    must_be_0(taken(pthread_mutex_lock(&bank->accounts[low].lock), &bank->accounts[low]));
    think();
    must_be_0(taken(pthread_mutex_lock(&bank->accounts[high].lock), &bank->accounts[high]));
    transfer(from, to, 1);
    let_go(high);
    let_go(low);
}

static void timed_out(int from, int to) {
    for (;;) {
        must_be_0(taken(pthread_mutex_lock(&bank->accounts[from].lock), &bank->accounts[from]));
        think();
        struct timespec until = deadline(CLOCK_REALTIME, GIVE_UP_MS);
        int error = taken(pthread_mutex_timedlock(&bank->accounts[to].lock, &until), &bank->accounts[to]);
        if (!error)
            break;
        holds(error == ETIMEDOUT);
        bank->waited_out++;
        let_go(from);
        /* All that wait the same time collide again: so each waits another. */
        sleep_us(1000 * (1 + from));
    }
    transfer(from, to, 1);
    let_go(to);
    let_go(from);
}

static void backed_off(int from, int to) {
    for (long pause = 10;; pause = pause < 2000 ? pause * 2 : pause) {
        must_be_0(taken(pthread_mutex_lock(&bank->accounts[from].lock), &bank->accounts[from]));
        think();
        int error = taken(pthread_mutex_trylock(&bank->accounts[to].lock), &bank->accounts[to]);
        if (!error)
            break;
        holds(error == EBUSY);
        bank->collisions++;
        let_go(from);
        sleep_us(pause + from * 7);
    }
    transfer(from, to, 1);
    let_go(to);
    let_go(from);
}

typedef void (*way)(int from, int to);
static way chosen;

static void turn(int me) {
    chosen(me % 2, !(me % 2));
}

/* Both transfer; each notes how long each of its turns took, or, without samples, its calls are counted. */
static void both_transfer(way way, int64_t *samples) {
    pid_t children[2];
    make();
    for (int me = 0; me < 2; me++)
        if ((children[me] = lab_fork()) == 0) {
            if (!samples)
                lab_count_calls();
            for (atomic_fetch_add(&bank->arrived, 1); atomic_load(&bank->arrived) < 2;)
                sched_yield();
            if (!samples)
                atomic_store(&lab_counted->on, 1);
            for (int i = 0; i < ROUNDS; i++) {
                int64_t start = now_ns();
                way(me, !me);
                if (samples)
                    samples[me * ROUNDS + i] = now_ns() - start;
            }
            _exit(0);
        }
    for (int me = 0; me < 2; me++)
        lab_reap(children[me]);
}

static void measure(const char *name, way way, const struct costs *costs) {
    struct row row = NO_ROW;
    int64_t *samples = lab_shared(2 * ROUNDS * sizeof *samples);
    lab_counts_begin();
    pid_t counts = lab_fork();
    if (counts == 0) {
        both_transfer(way, NULL);
        _exit(0);
    }
    lab_counts_end(&row, counts, 2 * ROUNDS);
    struct used before = lab_used();
    both_transfer(way, samples);
    row.name = name;
    lab_spent(&row, before, 2 * ROUNDS, 0);
    lab_percentiles(&row, samples, 2 * ROUNDS);
    /* Two locks with what they guard, and the journal. */
    lab_predict(&row, costs, 3);
    tell(&row);
    printf("%s: %ld collisions, %ld time-outs, the sum is right\n", name, bank->collisions, bank->waited_out);
    holds(bank->accounts[0].money + bank->accounts[1].money == ACCOUNTS * MONEY);
}

int main(void) {
    const struct { const char *name; way way; } ways[] = {
        {"one order for all", in_order}, {"a time-out", timed_out}, {"try, let go, back off", backed_off}};
    bank = lab_shared(sizeof *bank);
    show_deadlock();
    kernel_sees();
    struct costs costs = lab_costs();
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        struct work work = {ways[i].name, WORKERS, turn, NULL, 0};
        measure(ways[i].name, ways[i].way, &costs);
        make();
        chosen = ways[i].way;
        kill_workers(&work);
        /* What the last one killed has left is mended by the next transfer. */
        in_order(0, 1);
        printf("%s: %ld times a lock's holder was dead, the sum is right\n", ways[i].name, bank->orphaned);
    }
    return 0;
}
