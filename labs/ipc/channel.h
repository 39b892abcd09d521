// SPDX-License-Identifier: MIT OR Apache-2.0
/* What all labs about two processes that talk have in common. A lab describes its way of talking as a `struct channel`; this
   file measures round trips and a stream over it, counts what crosses the boundary, and kills whoever talks, again and again,
   while one side counts what was acknowledged and the other what it noted. */
#ifndef CHANNEL_H
#define CHANNEL_H
#include "lab.h"
#include "cost.h"
#include "count.h"

/* The two lanes: questions from side ASKS to side ANSWERS, and back. */
enum { ASKS = 0, ANSWERS = 1 };

struct channel {
    const char *name;
    int shares;                  /* messages lie in shared memory: the formula is the one with C_sync */
    size_t most;                 /* the longest message */
    void (*make)(void);          /* once, before anybody uses it; what an earlier run left goes */
    void (*join)(int side);      /* in each process that uses it, also in one that takes a dead one's place */
    /* A whole message, or nothing: its size, or 0 when `limit_ms` were over (or the other side has gone meanwhile, so that
       the message has to be sent again). A negative limit waits for ever. `side` is who calls: it sends on its own lane and
       receives on the other's. */
    long (*send)(int side, const void *message, size_t size, int limit_ms);
    long (*receive)(int side, void *buffer, size_t room, int limit_ms);
    void (*remove)(void);        /* once, at the end */
};

/* ---- round trips ---- */

enum { MOST_ROUNDS = 2000, SMALL = 64, LIMIT_MS = 400, COUNTED_ROUNDS = 200 };

/* How a run of round trips looks at itself: by the clock, by its own system calls, by what the kernel counts. */
enum look { BY_CLOCK, BY_CALLS, BY_KERNEL };

static inline void answer_all(const struct channel *channel, enum look how) {
    char message[SMALL], last = 0;
    struct cost_look before = {{0}, 0};
    channel->join(ANSWERS);
    int costs = how == BY_KERNEL ? must(open("/proc/self/ipc_cost", O_RDONLY)) : -1;
    if (how == BY_CALLS)
        lab_count_calls();
    for (;;) {
        holds(channel->receive(ANSWERS, message, sizeof message, -1) == SMALL);
        /* From after the first question that counts to after the one that says the end: as many as were asked. */
        if (how == BY_KERNEL && message[0] == 'a' && last != 'a')
            before = lab_cost_look(costs);
        if (how == BY_KERNEL && message[0] == 'q')
            lab_cost_add(costs, &before);
        last = message[0];
        holds(channel->send(ANSWERS, message, SMALL, -1) == SMALL);
        if (message[0] == 'q')
            _exit(0);
    }
}

static inline void ask(const struct channel *channel, char what) {
    char message[SMALL] = {what}, answer[SMALL];
    holds(channel->send(ASKS, message, SMALL, -1) == SMALL);
    holds(channel->receive(ASKS, answer, sizeof answer, -1) == SMALL);
    holds(answer[0] == what);
}

/* Rounds until there are enough or time is up; how many. Without samples, calls are counted instead. */
static inline long round_trips(const struct channel *channel, long rounds, enum look how, int64_t *samples) {
    struct cost_look before = {{0}, 0};
    int costs = -1;
    long done = 0;
    channel->make();
    pid_t other = lab_fork();
    if (other == 0)
        answer_all(channel, how);
    channel->join(ASKS);
    for (int i = 0; i < 10; i++)
        ask(channel, 'w');
    if (how == BY_CALLS) {
        lab_count_calls();
        atomic_store(&lab_counted->on, 1);
    }
    if (how == BY_KERNEL)
        before = lab_cost_look(costs = must(open("/proc/self/ipc_cost", O_RDONLY)));
    for (int64_t end = now_ns() + LIMIT_MS * 1000000LL; done < rounds && (how != BY_CLOCK || now_ns() < end); done++) {
        int64_t start = how == BY_CLOCK ? now_ns() : 0;
        ask(channel, 'a');
        if (how == BY_CLOCK)
            samples[done] = now_ns() - start;
    }
    if (how == BY_CALLS)
        atomic_store(&lab_counted->on, 0);
    if (how == BY_KERNEL) {
        lab_cost_add(costs, &before);
        close(costs);
    }
    ask(channel, 'q');
    lab_reap(other);
    channel->remove();
    return done;
}

/* The same terms as the kernel counts them, where it does. */
static inline void ask_the_kernel(const struct channel *channel) {
    if (!lab_cost_switch(1))
        return;
    lab_costs_counted = lab_shared(COST_TERMS * sizeof *lab_costs_counted);
    round_trips(channel, COUNTED_ROUNDS, BY_KERNEL, NULL);
    lab_cost_switch(0);
    double each[COST_TERMS];
    for (int i = 0; i < COST_TERMS; i++)
        each[i] = (double)atomic_load(&lab_costs_counted[i]) / COUNTED_ROUNDS;
    printf("%s: the kernel itself counts of a round trip %.2f crossings, %.0f bytes copied, %.1f us asleep for the other side, "
           "%.1f us for locks\n", channel->name, each[COST_CROSSINGS], each[COST_COPIED], each[COST_PEER] / 1000,
           each[COST_LOCKS] / 1000);
    fflush(stdout);
}

static inline void measure_round_trips(const struct channel *channel, const struct costs *costs) {
    char name[64];
    static int64_t samples[MOST_ROUNDS];
    struct row row = NO_ROW;
    snprintf(name, sizeof name, "%s: round trip, %d bytes", channel->name, SMALL);
    row.name = name;
    struct used before = lab_used();
    long done = round_trips(channel, MOST_ROUNDS, BY_CLOCK, samples);
    lab_spent(&row, before, done, 0);
    lab_percentiles(&row, samples, done);
    row.rate = 1e9 / row.p50;
    /* Both sides' crossings: the formula counts what a request costs, wherever. */
    lab_counts_begin();
    pid_t counts = lab_fork();
    if (counts == 0) {
        round_trips(channel, COUNTED_ROUNDS, BY_CALLS, NULL);
        _exit(0);
    }
    lab_counts_end(&row, counts, COUNTED_ROUNDS);
    lab_predict(&row, costs, channel->shares ? 2 : 0);
    tell(&row);
    ask_the_kernel(channel);
}

/* ---- a stream ---- */

enum { STREAM_BYTES = 4 << 20, STREAM_MS = 400 };

static inline void receive_stream(const struct channel *channel, int counts) {
    char *message = must(malloc(channel->most));
    channel->join(ANSWERS);
    if (counts)
        lab_count_calls();
    for (uint64_t expected = 0;; expected++) {
        uint64_t number;
        holds(channel->receive(ANSWERS, message, channel->most, -1) == (long)channel->most);
        memcpy(&number, message, sizeof number);
        if (number == UINT64_MAX)
            break;
        /* Nothing lost, nothing twice, and the end belongs to the beginning. */
        holds(number == expected);
        holds(memcmp(message, message + channel->most - sizeof number, sizeof number) == 0);
    }
    holds(channel->send(ANSWERS, "done", 5, -1) == 5);
    _exit(0);
}

/* Sends as much as there is time for; with a row the costs are put into it, without one calls are counted instead. How many. */
static inline uint64_t stream(const struct channel *channel, struct row *row) {
    char *message = must(calloc(1, channel->most)), answer[SMALL];
    uint64_t number = 0;
    channel->make();
    pid_t other = lab_fork();
    if (other == 0)
        receive_stream(channel, !row);
    channel->join(ASKS);
    if (!row) {
        lab_count_calls();
        atomic_store(&lab_counted->on, 1);
    }
    struct used before = lab_used();
    for (int64_t end = now_ns() + STREAM_MS * 1000000LL;
         row ? number * channel->most < STREAM_BYTES && now_ns() < end : number < COUNTED_ROUNDS; number++) {
        memcpy(message, &number, sizeof number);
        memcpy(message + channel->most - sizeof number, &number, sizeof number);
        holds(channel->send(ASKS, message, channel->most, -1) == (long)channel->most);
    }
    memset(message, 0xff, channel->most);
    holds(channel->send(ASKS, message, channel->most, -1) == (long)channel->most);
    holds(channel->receive(ASKS, answer, sizeof answer, -1) == 5);
    if (!row)
        atomic_store(&lab_counted->on, 0);
    lab_reap(other);
    if (row)
        lab_spent(row, before, number, channel->most);
    channel->remove();
    free(message);
    return number;
}

static inline void measure_stream(const struct channel *channel, const struct costs *costs) {
    char name[64];
    struct row row = NO_ROW;
    snprintf(name, sizeof name, "%s: stream of %zu bytes each", channel->name, channel->most);
    row.name = name;
    stream(channel, &row);
    lab_counts_begin();
    pid_t counts = lab_fork();
    if (counts == 0) {
        stream(channel, NULL);
        _exit(0);
    }
    lab_counts_end(&row, counts, COUNTED_ROUNDS);
    lab_predict(&row, costs, channel->shares ? 1 : 0);
    tell(&row);
}

/* ---- kills ---- */

enum { NOTED = 1 << 16, RESEND_MS = 30, STUCK_MS = 60000 };

/* What outlives the killed. Only the asker writes `acknowledged`, only the answerer `noted`, `log`, `twice`. */
struct ledger {
    _Alignas(64) _Atomic uint64_t acknowledged;
    _Alignas(64) _Atomic uint64_t noted;
    _Atomic uint64_t twice, torn;
    _Atomic uint32_t log[NOTED];     /* the checksum of message n, at n modulo NOTED */
};

/* A message knows its number and whether it is whole: what the document asks for against crashed producers. */
struct letter {
    uint64_t number;
    uint32_t sum;
    char text[SMALL - 12];
};

static inline struct letter letter(uint64_t number) {
    struct letter l = {.number = number};
    for (size_t i = 0; i < sizeof l.text; i++)
        l.text[i] = (char)(number * 31 + i * 7);
    l.sum = checksum(l.text, sizeof l.text) ^ (uint32_t)number;
    return l;
}

static inline int whole(const struct letter *l) {
    return l->sum == (checksum(l->text, sizeof l->text) ^ (uint32_t)l->number);
}

/* Sends a letter until its acknowledgement comes, then the next one: for ever. Whoever takes a dead asker's place goes on
   after the last letter that was acknowledged. */
__attribute__((noreturn)) static void asks_for_ever(const struct channel *channel, struct ledger *ledger) {
    channel->join(ASKS);
    for (;;) {
        struct letter l = letter(atomic_load(&ledger->acknowledged) + 1), answer;
        channel->send(ASKS, &l, sizeof l, RESEND_MS);
        /* An old answer may come first: to a letter of the one that was killed. */
        while (channel->receive(ASKS, &answer, sizeof answer, RESEND_MS) == sizeof answer)
            if (whole(&answer) && answer.number == l.number) {
                atomic_store(&ledger->acknowledged, l.number);
                break;
            }
    }
}

/* Notes each letter, then acknowledges it. In the other order a kill between the two would lose it. */
__attribute__((noreturn)) static void answers_for_ever(const struct channel *channel, struct ledger *ledger) {
    channel->join(ANSWERS);
    for (;;) {
        struct letter l;
        if (channel->receive(ANSWERS, &l, sizeof l, RESEND_MS) != sizeof l)
            continue;
        uint64_t noted = atomic_load(&ledger->noted);
        if (!whole(&l)) {
            ledger->torn++;
            continue;
        }
        if (l.number == noted + 1) {
            atomic_store(&ledger->log[l.number % NOTED], l.sum);
            atomic_store(&ledger->noted, l.number);
        } else if (l.number <= noted) {
            ledger->twice++;
        } else {
            /* A letter is missing: no answer, or it would be lost. */
            continue;
        }
        channel->send(ANSWERS, &l, sizeof l, RESEND_MS);
    }
}

static inline pid_t talker(const struct channel *channel, struct ledger *ledger, int side) {
    pid_t child = lab_fork();
    if (child == 0 && side == ASKS)
        asks_for_ever(channel, ledger);
    if (child == 0)
        answers_for_ever(channel, ledger);
    return child;
}

/* Waits until two more letters are acknowledged: a peer that is stuck shows here. */
static inline void goes_on(struct ledger *ledger, int kill) {
    uint64_t seen = atomic_load(&ledger->acknowledged);
    for (int64_t end = now_ns() + STUCK_MS * 1000000LL; atomic_load(&ledger->acknowledged) < seen + 2; sleep_us(200))
        if (now_ns() > end) {
            printf("after kill %d a peer is stuck\n", kill);
            fflush(stdout);
            _exit(1);
        }
}

static inline void kill_talkers(const struct channel *channel) {
    struct ledger *ledger = lab_shared(sizeof *ledger);
    uint64_t chance = lab_seed();
    int kills = lab_kills(), killed[2] = {0, 0};
    pid_t talkers[2];
    channel->make();
    for (int side = 0; side < 2; side++)
        talkers[side] = talker(channel, ledger, side);
    for (int kill_number = 1; kill_number <= kills; kill_number++) {
        goes_on(ledger, kill_number - 1);
        sleep_us(lab_random(&chance) % 3000);
        int side = lab_random(&chance) % 2;
        must(kill(talkers[side], SIGKILL));
        must(waitpid(talkers[side], NULL, 0));
        killed[side]++;
        /* The asker may be alive, and go on while we look: so its word first. */
        uint64_t acknowledged = atomic_load(&ledger->acknowledged);
        holds(acknowledged <= atomic_load(&ledger->noted));
        talkers[side] = talker(channel, ledger, side);
    }
    goes_on(ledger, kills);
    for (int side = 0; side < 2; side++) {
        must(kill(talkers[side], SIGKILL));
        must(waitpid(talkers[side], NULL, 0));
    }
    uint64_t last = atomic_load(&ledger->acknowledged), lost = 0;
    for (uint64_t n = last > NOTED - 2 ? last - NOTED + 2 : 1; n <= last; n++)
        lost += atomic_load(&ledger->log[n % NOTED]) != letter(n).sum;
    channel->remove();
    printf("killed the asker %d times, the answerer %d times: %llu letters acknowledged, %llu came twice, %llu torn\n",
           killed[ASKS], killed[ANSWERS], (unsigned long long)last, (unsigned long long)ledger->twice,
           (unsigned long long)ledger->torn);
    holds(lost == 0);
    printf("%s: no acknowledged letter lost, no peer stuck\n", channel->name);
    fflush(stdout);
}

/* All of it. */
static inline void lab_channel(const struct channel *channel, const struct costs *costs) {
    measure_round_trips(channel, costs);
    measure_stream(channel, costs);
    kill_talkers(channel);
}
#endif
