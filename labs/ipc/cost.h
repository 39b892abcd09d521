// SPDX-License-Identifier: MIT OR Apache-2.0
/* What the kernel itself counts of communication, where it does: /proc/PID/ipc_cost, while /proc/sys/kernel/ipc_cost is 1. Linux
   has no such files. Both sides of a channel look at themselves before and after, and add what lies between. */
#ifndef COST_H
#define COST_H
#include "lab.h"

enum { COST_CROSSINGS, COST_COPIED, COST_LOCKS, COST_PEER, COST_TERMS };

/* What all sides have added up; NULL: nobody looks. */
static _Atomic long *lab_costs_counted;

/* Whether the kernel counts from now on. */
static inline int lab_cost_switch(int on) {
    int fd = open("/proc/sys/kernel/ipc_cost", O_WRONLY);
    if (fd < 0)
        return 0;
    int done = pwrite(fd, on ? "1" : "0", 1, 0) == 1;
    close(fd);
    return done;
}

/* The terms for this process so far, and how long the text was that said so. */
struct cost_look {
    long terms[COST_TERMS], size;
};

static inline struct cost_look lab_cost_look(int fd) {
    static const struct { const char *name; int term; } lines[] = {
        {"crossings:", COST_CROSSINGS}, {"copied_in_bytes:", COST_COPIED}, {"copied_out_bytes:", COST_COPIED},
        {"copied_inside_bytes:", COST_COPIED}, {"lock_wait_ns:", COST_LOCKS}, {"peer_wait_ns:", COST_PEER}};
    char text[2048];
    struct cost_look look = {{0}, must(pread(fd, text, sizeof text - 1, 0))};
    text[look.size] = 0;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        const char *at = strstr(text, lines[i].name);
        holds(at != NULL);
        look.terms[lines[i].term] += atol(at + strlen(lines[i].name));
    }
    return look;
}

/* Adds what this process has cost since `before`. The look itself is a crossing, and what the first one copied is in it. */
static inline void lab_cost_add(int fd, const struct cost_look *before) {
    struct cost_look now = lab_cost_look(fd);
    now.terms[COST_CROSSINGS]--;
    now.terms[COST_COPIED] -= before->size;
    for (int i = 0; i < COST_TERMS; i++)
        atomic_fetch_add(&lab_costs_counted[i], now.terms[i] - before->terms[i]);
}
#endif
