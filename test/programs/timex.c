/* adjtimex(2) and clock_adjtime(2): what may be set, what is read back, and that the clocks do what was set. */
// test: alone limit=60
#include "check.h"
#include <sys/timex.h>

/* How far CLOCK_MONOTONIC and the counter under it are apart: the reading that took least, of many. */
static int64_t drift(void) {
    int64_t best = INT64_MAX, found = 0;
    for (int i = 0; i < 2000; i++) {
        int64_t before = now_ns(CLOCK_MONOTONIC_RAW), now = now_ns(CLOCK_MONOTONIC), after = now_ns(CLOCK_MONOTONIC_RAW);
        if (after - before < best) {
            best = after - before;
            found = now - before - (after - before) / 2;
        }
    }
    return found;
}
/* By how many millionths the clock gains on the counter while MS milliseconds pass. */
static long gain_ppm(long ms) {
    int64_t from = now_ns(CLOCK_MONOTONIC_RAW), apart = drift();
    pause_ms(ms);
    int64_t by = drift() - apart;
    return by * 1000000 / (now_ns(CLOCK_MONOTONIC_RAW) - from);
}
static int about(long got, long want, long slack) {
    if (labs(got - want) > slack)
        printf("# %ld, not about %ld\n", got, want);
    return labs(got - want) <= slack;
}
static int set(struct timex *t, unsigned modes) {
    t->modes = modes;
    return adjtimex(t);
}
/* As the machine was found. */
static void restore(void) {
    struct timex t = {.tick = 10000, .status = STA_PLL, .constant = 2, .maxerror = 16000000, .esterror = 16000000};
    works(set(&t, ADJ_FREQUENCY | ADJ_TICK | ADJ_STATUS | ADJ_OFFSET | ADJ_TIMECONST | ADJ_NANO | ADJ_MAXERROR | ADJ_ESTERROR));
    t = (struct timex){.status = STA_UNSYNC};
    works(set(&t, ADJ_STATUS | ADJ_MICRO));
    t = (struct timex){0};
    works(set(&t, ADJ_TAI));
    works(set(&t, ADJ_OFFSET_SINGLESHOT));
}

static void tests(void) {
    struct timex t = {0}, seen;

    begin("reading needs no right and changes nothing");
    is(in_child(_exit(setuid(1000) || adjtimex(&(struct timex){0}) < 0)), 0);
    is(adjtimex(&t), TIME_ERROR);
    is(t.status, STA_UNSYNC);
    is(t.tick, 10000);
    is(t.freq, 0);
    is(t.offset, 0);
    is(t.maxerror, 16000000);
    is(t.esterror, 16000000);
    is(t.constant, 2);
    is(t.precision, 1);
    is(t.tolerance, 32768000);
    is(t.tai, 0);
    is(t.ppsfreq | t.jitter | t.shift | t.stabil | t.jitcnt | t.calcnt | t.errcnt | t.stbcnt, 0);
    yes(labs(t.time.tv_sec - time(NULL)) <= 1 && t.time.tv_usec < 1000000);
    fails(syscall(SYS_adjtimex, 8), EFAULT);
    fails(syscall(SYS_adjtimex, 0), EFAULT);

    begin("which clocks have it");
    t = (struct timex){0};
    is(syscall(SYS_clock_adjtime, CLOCK_REALTIME, &t), TIME_ERROR);
    fails(syscall(SYS_clock_adjtime, CLOCK_MONOTONIC, &t), EOPNOTSUPP);
    fails(syscall(SYS_clock_adjtime, CLOCK_TAI, &t), EOPNOTSUPP);
    fails(syscall(SYS_clock_adjtime, CLOCK_PROCESS_CPUTIME_ID, &t), EOPNOTSUPP);
    fails(syscall(SYS_clock_adjtime, -6, &t), EOPNOTSUPP);
    fails(syscall(SYS_clock_adjtime, 99, &t), EINVAL);
    fails(syscall(SYS_clock_adjtime, 99, 8), EFAULT);

    begin("setting needs CAP_SYS_TIME");
    static const unsigned modes[] = {ADJ_OFFSET, ADJ_FREQUENCY, ADJ_MAXERROR, ADJ_ESTERROR, ADJ_STATUS, ADJ_TIMECONST, ADJ_TAI,
                                     ADJ_SETOFFSET, ADJ_MICRO, ADJ_NANO, ADJ_TICK, ADJ_OFFSET_SINGLESHOT};
    int status = in_child({
        int bad = setuid(1000);
        for (unsigned i = 0; i < sizeof modes / sizeof *modes; i++) {
            t = (struct timex){.modes = modes[i], .tick = 1};
            bad |= adjtimex(&t) != -1 || errno != EPERM;
        }
        t = (struct timex){.modes = ADJ_OFFSET_SS_READ};
        bad |= adjtimex(&t) != TIME_ERROR || t.offset;
        _exit(bad);
    });
    is(status, 0);

    begin("values out of range");
    for (long tick = 8999; tick <= 11001; tick += 2002) {
        t = (struct timex){.tick = tick};
        fails(set(&t, ADJ_TICK), EINVAL);
    }
    t = (struct timex){0};
    fails(set(&t, 0x8000), EINVAL);
    fails(set(&t, 0x8000 | ADJ_NANO), EINVAL);
    t.freq = LONG_MAX;
    fails(set(&t, ADJ_FREQUENCY), EINVAL);
    t.freq = LONG_MIN;
    fails(set(&t, ADJ_FREQUENCY), EINVAL);
    t.time = (struct timeval){0, 1000000};
    fails(set(&t, ADJ_SETOFFSET), EINVAL);
    t.time = (struct timeval){0, -1};
    fails(set(&t, ADJ_SETOFFSET), EINVAL);
    t.time = (struct timeval){0, 1000000000};
    fails(set(&t, ADJ_SETOFFSET | ADJ_NANO), EINVAL);
    t.time = (struct timeval){-time(NULL) - 1000, 0};
    fails(set(&t, ADJ_SETOFFSET), EINVAL);

    begin("what is set is read back, within its limits");
    t = (struct timex){.freq = 1 << 16, .maxerror = 1000, .esterror = 2000, .constant = 3, .status = 0};
    is(set(&t, ADJ_FREQUENCY | ADJ_MAXERROR | ADJ_ESTERROR | ADJ_TIMECONST | ADJ_STATUS), TIME_OK);
    is(t.freq, 1 << 16);
    yes(t.maxerror >= 1000 && t.maxerror <= 2000);
    is(t.esterror, 2000);
    is(t.constant, 7); /* in microseconds four more */
    is(t.status, 0);
    t.freq = 600 << 16;
    t.constant = 30;
    t.maxerror = t.esterror = 1 << 30;
    is(set(&t, ADJ_FREQUENCY | ADJ_TIMECONST | ADJ_MAXERROR | ADJ_ESTERROR), TIME_OK);
    is(t.freq, 500 << 16);
    is(t.constant, 10);
    is(t.maxerror, 16000000);
    is(t.esterror, 16000000);
    t.freq = -(12345 << 3);
    t.constant = 37;
    is(set(&t, ADJ_FREQUENCY | ADJ_TAI), TIME_OK);
    is(t.freq, -(12345 << 3));
    is(t.tai, 37);
    is((now_ns(CLOCK_TAI) - now_ns(CLOCK_REALTIME) + 500000000) / 1000000000, 37);
    t.constant = -1;
    is(set(&t, ADJ_TAI), TIME_OK);
    is(t.tai, 37);
    t.status = STA_CLOCKERR | STA_NANO | STA_MODE | STA_CLK | STA_PPSSIGNAL; /* not to be set */
    is(set(&t, ADJ_STATUS), TIME_OK);
    is(t.status, 0);
    is(set(&t, ADJ_NANO), TIME_OK);
    is(t.status, STA_NANO);
    is(set(&t, ADJ_MICRO), TIME_OK);
    is(t.status, 0);
    restore();

    begin("an error that nobody mends makes the clock untrusted");
    t = (struct timex){.maxerror = 15999999, .status = 0};
    is(set(&t, ADJ_STATUS | ADJ_MAXERROR), TIME_OK);
    int64_t start = now_ns(CLOCK_MONOTONIC);
    do {
        pause_ms(50);
        seen = (struct timex){0};
    } while (adjtimex(&seen) == TIME_OK && now_ns(CLOCK_MONOTONIC) - start < 20000000000);
    is(seen.status, STA_UNSYNC);
    is(seen.maxerror, 16000000);

    begin("tick and frequency change the rate of the clocks");
    yes(about(gain_ppm(300), 0, 40));
    t = (struct timex){.tick = 10500};
    works(set(&t, ADJ_TICK));
    yes(about(gain_ppm(300), 50000, 5000));
    int64_t before = now_ns(CLOCK_REALTIME) - now_ns(CLOCK_MONOTONIC);
    pause_ms(100);
    yes(llabs(now_ns(CLOCK_REALTIME) - now_ns(CLOCK_MONOTONIC) - before) < 10000000);
    t = (struct timex){.tick = 9000};
    works(set(&t, ADJ_TICK));
    yes(about(gain_ppm(300), -100000, 5000));
    t = (struct timex){.tick = 10000, .freq = 500 << 16};
    works(set(&t, ADJ_TICK | ADJ_FREQUENCY));
    yes(about(gain_ppm(600), 500, 60));
    t.freq = -(500 << 16);
    works(set(&t, ADJ_FREQUENCY));
    yes(about(gain_ppm(600), -500, 60));
    restore();
    yes(about(gain_ppm(300), 0, 40));

    begin("sleeps follow the clock, whatever its rate");
    for (long tick = 9000; tick <= 11000; tick += 1000) {
        t = (struct timex){.tick = tick};
        works(set(&t, ADJ_TICK));
        int64_t from = now_ns(CLOCK_MONOTONIC);
        pause_ms(200);
        yes(now_ns(CLOCK_MONOTONIC) - from >= 200000000);
    }
    restore();

    begin("adjtime(3) moves the clock by 500 millionths until it is there");
    int64_t apart = drift();
    t = (struct timex){.offset = 700};
    works(set(&t, ADJ_OFFSET_SINGLESHOT));
    is(t.offset, 0);
    works(set(&t, ADJ_OFFSET_SS_READ));
    yes(t.offset == 700 || t.offset == 200);
    start = now_ns(CLOCK_MONOTONIC);
    do {
        pause_ms(200);
        works(set(&t, ADJ_OFFSET_SS_READ));
    } while (t.offset && now_ns(CLOCK_MONOTONIC) - start < 20000000000);
    is(t.offset, 0);
    pause_ms(1300); /* the last piece takes the second that has begun */
    yes(about(drift() - apart, 700000, 60000));
    t.offset = 5000;
    works(set(&t, ADJ_OFFSET_SINGLESHOT));
    t.offset = -300;
    works(set(&t, ADJ_OFFSET_SINGLESHOT));
    yes(t.offset <= 5000 && t.offset >= 4000);
    restore();

    begin("the loop takes an offset in, a part each second");
    t = (struct timex){.status = STA_PLL, .constant = 0, .offset = 3000000};
    is(set(&t, ADJ_STATUS | ADJ_NANO | ADJ_TIMECONST | ADJ_OFFSET | ADJ_MAXERROR), TIME_OK);
    yes(t.offset == 3000000 || t.offset == 2999999);
    is(t.status, STA_PLL | STA_NANO);
    apart = drift();
    start = now_ns(CLOCK_MONOTONIC);
    do {
        pause_ms(200);
        t = (struct timex){0};
        is(adjtimex(&t), TIME_OK);
    } while (t.offset > 1400000 && now_ns(CLOCK_MONOTONIC) - start < 20000000000);
    yes(t.offset > 0 && t.offset <= 1400000); /* a quarter of it goes each second */
    yes(drift() - apart > 500000);
    t = (struct timex){.offset = -900, .status = STA_PLL};
    works(set(&t, ADJ_MICRO));
    t.offset = -900;
    works(set(&t, ADJ_OFFSET));
    is(t.offset, -900);
    t = (struct timex){.status = 0, .offset = 700000};
    works(set(&t, ADJ_STATUS));
    long left = t.offset;
    t.offset = 5;
    works(set(&t, ADJ_OFFSET)); /* no loop: no offset */
    yes(t.offset != 5 && (left || !t.offset));
    restore();

    begin("a step sets the clock and ends what slewed it");
    t = (struct timex){.offset = 100000};
    works(set(&t, ADJ_OFFSET_SINGLESHOT));
    int64_t ahead = now_ns(CLOCK_REALTIME) - now_ns(CLOCK_MONOTONIC);
    t = (struct timex){.time = {100, 250000}};
    is(set(&t, ADJ_SETOFFSET), TIME_ERROR);
    yes(about(now_ns(CLOCK_REALTIME) - now_ns(CLOCK_MONOTONIC) - ahead, 100250000000, 50000000));
    works(set(&t, ADJ_OFFSET_SS_READ));
    is(t.offset, 0);
    t = (struct timex){.time = {-101, 750000000}};
    works(set(&t, ADJ_SETOFFSET | ADJ_NANO));
    yes(about(now_ns(CLOCK_REALTIME) - now_ns(CLOCK_MONOTONIC) - ahead, 0, 100000000));
    restore();

    begin("a leap second is put in at midnight");
    struct timespec real, now;
    clock_gettime(CLOCK_REALTIME, &real);
    int64_t began = now_ns(CLOCK_MONOTONIC);
    now = (struct timespec){(real.tv_sec / 86400 + 1) * 86400 - 3, 0};
    works(clock_settime(CLOCK_REALTIME, &now));
    t = (struct timex){.status = STA_INS, .constant = 10};
    works(set(&t, ADJ_STATUS | ADJ_TAI | ADJ_MAXERROR));
    int states = 0;
    start = now_ns(CLOCK_MONOTONIC);
    do {
        pause_ms(20);
        t = (struct timex){0};
        states |= 1 << adjtimex(&t);
    } while (!(states & 1 << TIME_WAIT) && now_ns(CLOCK_MONOTONIC) - start < 30000000000);
    is(states & ~(1 << TIME_OK), 1 << TIME_INS | 1 << TIME_OOP | 1 << TIME_WAIT);
    is(t.tai, 11);
    t = (struct timex){.status = 0};
    works(set(&t, ADJ_STATUS));
    now = real;
    now.tv_sec += (now_ns(CLOCK_MONOTONIC) - began) / 1000000000;
    works(clock_settime(CLOCK_REALTIME, &now));
    restore();

    begin("and all is as it was");
    t = (struct timex){.status = STA_UNSYNC, .maxerror = 16000000, .esterror = 16000000};
    pause_ms(1100);
    is(adjtimex(&t), TIME_ERROR);
    is(t.tick, 10000);
    is(t.freq, 0);
    is(t.tai, 0);
    is(t.offset, 0);
}
