/* What the programs about POSIX message queues have in common. */
#include "check.h"
#include <mqueue.h>

static char big[70000];
static inline mqd_t made(const char *name, long most, long size) {
    struct mq_attr a = {.mq_maxmsg = most, .mq_msgsize = size};
    mq_unlink(name);
    return works(mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &a));
}
static inline mqd_t nameless(long most, long size) {
    mqd_t q = made("/nameless", most, size);
    works(mq_unlink("/nameless"));
    return q;
}
static inline long get(mqd_t q, unsigned *priority) {
    memset(big, 0, 100);
    return mq_receive(q, big, sizeof big, priority);
}
static inline void nonblocking(mqd_t q, int on) {
    struct mq_attr a = {.mq_flags = on ? O_NONBLOCK : 0};
    works(mq_setattr(q, &a, NULL));
}

/* A thread that sends or receives. */
struct waiter {
    mqd_t q;
    int level, sends;
    char text[8];
    long result;
    int error;
    pthread_t thread;
    pid_t tid;
};
static void *wait_one(void *arg) {
    struct waiter *w = arg;
    if (w->level)
        pthread_setschedparam(pthread_self(), SCHED_FIFO, &(struct sched_param){.sched_priority = w->level});
    __atomic_store_n(&w->tid, gettid(), __ATOMIC_SEQ_CST);
    w->result = w->sends ? mq_send(w->q, w->text, 8, 0) : mq_receive(w->q, w->text, 8, NULL);
    w->error = errno;
    return NULL;
}
/* Starts a thread and comes back when it sleeps. */
static inline void start(struct waiter *w) {
    pthread_create(&w->thread, NULL, wait_one, w);
    for (;;) {
        pid_t tid = __atomic_load_n(&w->tid, __ATOMIC_SEQ_CST);
        char path[64], text[300];
        snprintf(path, sizeof path, "/proc/self/task/%d/stat", tid);
        if (tid && get_file(path, text, sizeof text) > 0) {
            char *state = strrchr(text, ')');
            if (state && state[2] == 'S')
                return;
        }
        pause_ms(1);
    }
}
