/* SCHED_DEADLINE by sched_setattr(2), for which the C library has no name yet. */
#include "check.h"

struct attributes {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
};
#define MS 1000000ull
#ifndef SCHED_DEADLINE
#define SCHED_DEADLINE 6
#endif

static int set_for(pid_t pid, uint64_t runtime, uint64_t deadline, uint64_t period, uint64_t flags) {
    struct attributes attr = {.size = sizeof attr, .policy = SCHED_DEADLINE, .flags = flags, .runtime = runtime,
        .deadline = deadline, .period = period};
    return syscall(SYS_sched_setattr, pid, &attr, 0);
}
static int set(uint64_t runtime, uint64_t deadline, uint64_t period) { return set_for(0, runtime, deadline, period, 0); }
static void normal(void) {
    struct sched_param none = {0};
    sched_setscheduler(0, SCHED_OTHER, &none);
}
