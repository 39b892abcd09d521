// SPDX-License-Identifier: MIT OR Apache-2.0
/* A stack without locks, in shared memory, and how compare-and-swap is deceived: the head is A, then B, then A again, and the
   swap succeeds though the stack is another one. The cure: a tag beside the head that grows with each change. */
#include "../count.h"

enum { NODES = 64, NONE = 0xffffffff, PROCESSES = 3, MS = 200, SAMPLES = 20000, COUNTED_TURNS = 2000 };

/* The head's word: the node's index in the low half, the tag in the high one. Without tags the high half stays 0. */
struct stack {
    _Alignas(64) _Atomic uint64_t head;
    int tagged;
    _Atomic uint32_t next[NODES];
    _Atomic uint32_t owners[NODES];      /* how many have it: more than one is the damage */
    _Atomic uint64_t stolen, turns, sampled;
    int64_t samples[SAMPLES];            /* of four nodes taken and put back */
};

static uint64_t word(const struct stack *stack, uint32_t index, uint64_t old) {
    return index | (stack->tagged ? ((old >> 32) + 1) << 32 : 0);
}

static void push(struct stack *stack, uint32_t index) {
    uint64_t head = atomic_load(&stack->head);
    do
        atomic_store(&stack->next[index], (uint32_t)head);
    while (!atomic_compare_exchange_weak(&stack->head, &head, word(stack, index, head)));
}

/* `pause` stands where another process may do anything: between the look at the node and the swap. */
static uint32_t pop(struct stack *stack, void (*pause)(struct stack *stack)) {
    uint64_t head = atomic_load(&stack->head);
    for (;;) {
        if ((uint32_t)head == NONE)
            return NONE;
        uint32_t next = atomic_load(&stack->next[(uint32_t)head]);
        if (pause)
            pause(stack);
        if (atomic_compare_exchange_strong(&stack->head, &head, word(stack, next, head)))
            return (uint32_t)head;
        pause = NULL;
    }
}

static void fill(struct stack *stack, int tagged) {
    memset(stack, 0, sizeof *stack);
    stack->tagged = tagged;
    atomic_store(&stack->head, NONE);
    for (uint32_t i = NODES; i-- > 0;)
        push(stack, i);
}

/* ---- step by step: A reads head 0 and next 1; B takes 0 and 1 and puts 0 back; A swaps ---- */

static uint32_t taken_meanwhile;

static void meanwhile(struct stack *stack) {
    uint32_t zero = pop(stack, NULL);
    taken_meanwhile = pop(stack, NULL);
    push(stack, zero);
}

static int deceived(struct stack *stack, int tagged) {
    fill(stack, tagged);
    uint32_t got = pop(stack, meanwhile);
    uint32_t top = (uint32_t)atomic_load(&stack->head);
    printf("%s: popped %u; now the head is %u, and %u is %s\n", tagged ? "tagged" : "without a tag", got, top, taken_meanwhile,
           top == taken_meanwhile ? "in use: the next pop gives it away twice" : "safe");
    return top == taken_meanwhile;
}

/* ---- for real: processes take nodes and put them back; a node that two have is counted ---- */

static uint64_t chance;

static void take_and_give_once(struct stack *stack) {
    uint32_t mine[4];
    for (int i = 0; i < 4; i++) {
        mine[i] = pop(stack, NULL);
        if (mine[i] != NONE && atomic_fetch_add(&stack->owners[mine[i]], 1) != 0)
            stack->stolen++;
    }
    if (lab_random(&chance) % 64 == 0)
        sched_yield();
    for (int i = 0; i < 4; i++)
        if (mine[i] != NONE) {
            atomic_fetch_sub(&stack->owners[mine[i]], 1);
            push(stack, mine[i]);
        }
    stack->turns += 4;
}

static void take_and_give(struct stack *stack, int me) {
    int64_t now = now_ns(), end = now + MS * 1000000LL;
    chance = lab_seed() * 7919 + me + 1;
    while (now < end) {
        int64_t begun = now;
        take_and_give_once(stack);
        now = now_ns();
        uint64_t sample = stack->sampled++;
        if (sample < SAMPLES)
            stack->samples[sample] = now - begun;
    }
}

static struct stack *counted_stack;
static void counted_turn(void) {
    take_and_give_once(counted_stack);
}

static long stress(struct stack *stack, int tagged, const struct costs *costs) {
    struct row row = NO_ROW;
    pid_t children[PROCESSES];
    fill(stack, tagged);
    struct used before = lab_used();
    for (int i = 0; i < PROCESSES; i++)
        if ((children[i] = lab_fork()) == 0) {
            alarm(20);               /* a damaged stack may lead in a circle */
            take_and_give(stack, i);
            _exit(0);
        }
    for (int i = 0; i < PROCESSES; i++) {
        int status;
        must(waitpid(children[i], &status, 0));
        holds(!tagged || status == 0);
    }
    /* What is left: each node once, or the chain is damaged. */
    int seen[NODES] = {0}, length = 0, twice = 0;
    for (uint32_t at = (uint32_t)atomic_load(&stack->head); at != NONE && !twice; at = atomic_load(&stack->next[at])) {
        twice = seen[at]++;
        length++;
    }
    long damage = stack->stolen + (NODES - length) * !twice + twice;
    row.name = tagged ? "stack with tags: pop and push" : "stack without tags: pop and push";
    lab_spent(&row, before, stack->turns, 0);
    lab_percentiles(&row, stack->samples, stack->sampled < SAMPLES ? stack->sampled : SAMPLES);
    row.p50 /= 4;
    row.p99 /= 4;
    if (damage == 0) {
        counted_stack = stack;
        lab_count_turns(&row, counted_turn, COUNTED_TURNS / 4);
        row.crossings /= 4;
        /* The head changes hands at worst with each push and each pop. */
        lab_predict(&row, costs, 2);
    }
    tell(&row);
    printf("%s: nodes with two owners or lost: %ld\n", tagged ? "tagged" : "without a tag", damage);
    return damage;
}

int main(void) {
    struct stack *stack = lab_shared(sizeof *stack);
    holds(deceived(stack, 0));
    holds(!deceived(stack, 1));
    /* Luck decides whether chance finds it: no damage proves nothing. */
    struct costs costs = lab_costs();
    stress(stack, 0, &costs);
    holds(stress(stack, 1, &costs) == 0);
    return 0;
}
