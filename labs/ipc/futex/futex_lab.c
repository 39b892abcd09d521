// SPDX-License-Identifier: MIT OR Apache-2.0
/* The ring once more: waited for by futex(2) beside spinning (the document's exercise 5). What is gained is the processor, what
   is paid are a sleep and a wake-up for each message that was waited for. */
#include "../channel.h"
#include "../ring.h"

/* How long a reader's processor is busy when its writer sends one message in a while: spinning, all the time. */
static void idle_reader(const char *what, const struct waiting *how) {
    enum { MESSAGES = 20, PAUSE_US = 5000 };
    char name[64];
    struct row row = NO_ROW;
    snprintf(name, sizeof name, "%s: reader of %d messages, %d ms apart", what, MESSAGES, PAUSE_US / 1000);
    row.name = name;
    rings_make();
    rings_join(ASKS);
    struct used before = lab_used();
    pid_t reader = lab_fork();
    if (reader == 0) {
        uint64_t message;
        for (uint64_t i = 0; i < MESSAGES; i++)
            holds(ring_get(rings[0], how, &message, sizeof message, -1) == sizeof message && message == i);
        _exit(0);
    }
    for (uint64_t i = 0; i < MESSAGES; i++) {
        sleep_us(PAUSE_US);
        ring_put(rings[0], how, &i, sizeof i, -1);
    }
    lab_reap(reader);
    lab_spent(&row, before, MESSAGES, 0);
    tell(&row);
    rings_remove();
}

int main(void) {
    struct channel ring = {"spinning ring", 1, 4096, rings_make, rings_join, rings_send, rings_receive, rings_remove};
    struct costs costs = lab_costs();
    idle_reader("spinning ring", &spinning);
    idle_reader("futex ring", &sleeping);
    ring_waiting = &spinning;
    measure_round_trips(&ring, &costs);
    measure_stream(&ring, &costs);
    ring_waiting = &sleeping;
    ring.name = "futex ring";
    lab_channel(&ring, &costs);
    return 0;
}
