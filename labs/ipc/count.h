// SPDX-License-Identifier: MIT OR Apache-2.0
/* Counting crossings: a few operations are done again by a process that catches its own system calls. A seccomp filter turns
   each of them into the signal SIGSYS; the handler counts it and does it by the one instruction that the filter lets pass. So
   calls that the C library makes on its own (in sem_wait, in pthread_mutex_lock) are counted too, on every kernel that has
   seccomp(2), and nobody else stands between the two that talk, as a tracer would. Times are never taken from such a run. */
#ifndef COUNT_H
#define COUNT_H
#include "lab.h"
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/file.h>
#include <sys/sem.h>
#include <sys/ucontext.h>

/* What was counted while `on`, by all processes that share it. */
struct counted {
    _Atomic int on;
    _Atomic long crossings, copied, waits;
};

static struct counted *lab_counted;

/* The instruction that the filter lets pass. */
__asm__(".pushsection .text\n"
        ".globl lab_call, lab_called\n"
        "lab_call: mov %rdi, %rax\n"          /* the call's number */
        "mov 0(%rsi), %rdi; mov 16(%rsi), %rdx; mov 24(%rsi), %r10; mov 32(%rsi), %r8; mov 40(%rsi), %r9; mov 8(%rsi), %rsi\n"
        "syscall\n"
        "lab_called: ret\n"
        ".popsection");
long lab_call(long number, const long arguments[6]);
extern const char lab_called[];

/* Bytes that a call has copied: those whose answer is a length, and those that take one and answer 0. */
static inline long count_copied(long number, const long a[6], long answer) {
    if (answer < 0)
        return 0;
    switch (number) {
    case SYS_read: case SYS_write: case SYS_pread64: case SYS_pwrite64: case SYS_readv: case SYS_writev:
    case SYS_sendto: case SYS_recvfrom: case SYS_sendmsg: case SYS_recvmsg: case SYS_mq_timedreceive: case SYS_msgrcv:
        return answer;
    case SYS_mq_timedsend: case SYS_msgsnd:
        return a[2];
    default:
        return 0;
    }
}

/* Whether a call may wait for a lock, a semaphore or a condition. */
static inline int count_waits(long number, const long a[6]) {
    switch (number) {
    case SYS_futex: {
        long what = a[1] & FUTEX_CMD_MASK;
        return what == FUTEX_WAIT || what == FUTEX_WAIT_BITSET || what == FUTEX_LOCK_PI || what == FUTEX_LOCK_PI2;
    }
    case SYS_semop: case SYS_semtimedop: {
        const struct sembuf *operations = (const struct sembuf *)a[1];
        for (long i = 0; i < a[2]; i++)
            if (operations[i].sem_op <= 0)
                return 1;
        return 0;
    }
    case SYS_flock:
        return !(a[1] & LOCK_UN);
    case SYS_fcntl:
        return (a[1] == F_SETLKW || a[1] == F_OFD_SETLKW) && ((const struct flock *)a[2])->l_type != F_UNLCK;
    default:
        return 0;
    }
}

static void count_call(int signal, siginfo_t *info, void *context) {
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    long number = info->si_syscall;
    const long arguments[6] = {registers[REG_RDI], registers[REG_RSI], registers[REG_RDX],
                               registers[REG_R10], registers[REG_R8],  registers[REG_R9]};
    (void)signal;
    int on = atomic_load(&lab_counted->on);
    long answer = lab_call(number, arguments);
    /* Looking at the clock is the lab's own doing; a crossing where the kernel does not let programs read it themselves. */
    if (on && number != SYS_clock_gettime) {
        atomic_fetch_add(&lab_counted->crossings, 1);
        atomic_fetch_add(&lab_counted->copied, count_copied(number, arguments, answer));
        atomic_fetch_add(&lab_counted->waits, count_waits(number, arguments));
    }
    registers[REG_RAX] = answer;
}

/* From here on this process counts its calls. There is no way back: the process has to end. */
static inline void lab_count_calls(void) {
    const uint64_t passes = (uintptr_t)lab_called;
    struct sock_filter filter[] = {
        /* A call from our instruction passes: both halves of the address after it are compared. */
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, instruction_pointer)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)passes, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, instruction_pointer) + 4),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(passes >> 32), 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        /* The way back from the handler, and what would not come back to it, pass as well. */
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rt_sigreturn, 4, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 3, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
    struct sigaction action = {.sa_sigaction = count_call, .sa_flags = SA_SIGINFO | SA_NODEFER};
    must(sigaction(SIGSYS, &action, NULL));
    must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    must(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program));
}

/* Nothing counted yet. */
static inline void lab_counts_begin(void) {
    if (!lab_counted)
        lab_counted = lab_shared(sizeof *lab_counted);
    memset(lab_counted, 0, sizeof *lab_counted);
}

/* Waits for the process that counted, and puts what it did for each of `count` operations into the row. */
static inline void lab_counts_end(struct row *row, pid_t counts, long count) {
    lab_reap(counts);
    row->crossings = (double)lab_counted->crossings / count;
    row->copied = (double)lab_counted->copied / count;
    row->waits = (double)lab_counted->waits / count;
}

/* The same of what one process does alone: `turn`, `count` times, in a child. */
static inline void lab_count_turns(struct row *row, void (*turn)(void), long count) {
    lab_counts_begin();
    pid_t counts = lab_fork();
    if (counts == 0) {
        lab_count_calls();
        atomic_store(&lab_counted->on, 1);
        for (long i = 0; i < count; i++)
            turn();
        atomic_store(&lab_counted->on, 0);
        _exit(0);
    }
    lab_counts_end(row, counts, count);
}

/* What the document's formula makes of what was counted: k C_b + C_c, and C_sync for each cache line that changes hands. */
static inline void lab_predict(struct row *row, const struct costs *costs, double lines) {
    row->formula = row->crossings * costs->boundary + row->copied * costs->byte + lines * costs->sync;
}
#endif
