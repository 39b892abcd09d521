// SPDX-License-Identifier: MIT OR Apache-2.0
// Crashes a module in every way from every place, again and again, under load and beside a healthy module; afterwards the
// kernel holds exactly what it held before. The modules stand beside the program.
#include <stdbool.h>
#include "../../programs/check.h"
#include "../../programs/counts.h"

static const char *const ways[] = {"null", "wild", "user", "noncanonical", "stack", "calls", "bug", "divide", "jump", "return",
				    "deaf", "forever", "twice", "atomic", "sleep", "doublefree", "lockheld", "irqheld",
				    "locknull", "mutexnull", ""};
static const char *const places[] = {"file", "init", "exit", "timer", "hrtimer", "tasklet", "work", "delayed", "thread",
				     "rcu", "line"};
enum { WAYS = sizeof ways / sizeof *ways, PLACES = sizeof places / sizeof *places };

static char folder[200];
static int late, taken;
static long entries[2];

static bool is_in(const char *word, const char *list)
{
	return strstr(list, word) != NULL;
}

/* Whether a kind makes sense at a place: what takes a sleeping lock needs one where sleeping is allowed. GAON_ONLY names the
   place that is wanted and GAON_KIND the kind, to look for what is wrong. */
static bool fits(const char *kind, const char *place)
{
	const char *only = getenv("GAON_ONLY"), *only_kind = getenv("GAON_KIND");

	if ((only && strcmp(only, place)) || (only_kind && strcmp(only_kind, kind)))
		return false;
	if (!strcmp(kind, "mutexnull"))
		return is_in(place, "file init exit work delayed thread");
	if (!*kind) /* what is armed and left behind */
		return !is_in(place, "file init exit");
	return true;
}

static void put(const char *path, const char *text)
{
	int fd = works(open(path, O_WRONLY | O_CLOEXEC));
	works(write(fd, text, strlen(text)));
	close(fd);
}

static int remove_module(void)
{
	return syscall(SYS_delete_module, "late", O_NONBLOCK | O_TRUNC);
}

static bool is_quarantined(void)
{
	char state[32];

	get_file("/sys/module/late/initstate", state, sizeof state);
	return strstr(state, "quarantined") != NULL;
}

/* One crash; NULL when all went as it has to. */
static const char *crash(const char *kind, const char *place)
{
	char words[100];
	int fd;

	snprintf(words, sizeof words, "place=%s kind=%s", place, kind);
	long loaded = syscall(SYS_finit_module, late, words, 0);
	if (!strcmp(place, "init"))
		return loaded == -1 && errno == EIO ? NULL : "init";
	if (loaded)
		return "loading";
	if (!*kind || !strcmp(place, "exit"))
		return remove_module() ? "exit" : NULL;
	if (!strcmp(place, "file")) {
		fd = open("/proc/late", O_WRONLY | O_CLOEXEC);
		if (fd < 0 || write(fd, "x", 1) != -1 || errno != EIO)
			return "write";
		close(fd);
	} else if (!strcmp(place, "line")) {
		fd = open("/dev/ttyS0", O_WRONLY | O_CLOEXEC | O_NOCTTY);
		if (fd < 0 || write(fd, "\r", 1) != 1)
			return "line";
		close(fd);
	}
	for (int i = 0; !is_quarantined(); i++) {
		if (i == 5000)
			return "quarantine";
		pause_ms(1);
	}
	return remove_module() ? "removal" : NULL;
}

/* From one processor after the other, so that each of them has what it keeps at hand for this. */
static void next_processor(void)
{
	static int at;
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(at++ % sysconf(_SC_NPROCESSORS_ONLN), &one);
	works(sched_setaffinity(0, sizeof one, &one));
}

static bool is_possible(const char *kind)
{
	for (int p = 0; p < PLACES; p++)
		if (fits(kind, places[p]))
			return true;
	return false;
}

/* The kinds from `first` up to `last`, each `count` times, the places in turn. */
static void crash_all(int first, int last, int count)
{
	for (int k = first; k < last; k++) {
		if (!is_possible(ways[k]))
			continue;
		for (int done = 0, p = 0; done < count; p = (p + 1) % PLACES) {
			if (!fits(ways[k], places[p]))
				continue;
			next_processor();
			const char *wrong = crash(ways[k], places[p]);
			if (wrong) {
				static char what[100];
				snprintf(what, sizeof what, "%s of %s from %s", wrong, ways[k], places[p]);
				check_fail(__LINE__, what, done, "contained", errno);
				remove_module();
			}
			done++;
		}
	}
}

/* Something to do for the other processors. */
static void load(int which)
{
	char buffer[300];
	int ends[2];

	if (pipe(ends))
		_exit(1);
	while (getppid() != 1) {
		switch (which) {
		case 0:
			get_file("/proc/healthy", buffer, sizeof buffer);
			break;
		case 1: {
			char *memory = mmap(NULL, 1 << 18, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
			for (int i = 0; i < 1 << 18; i += 4096)
				memory[i] = 1;
			munmap(memory, 1 << 18);
			break;
		}
		default:
			if (write(ends[1], buffer, 200) != 200 || read(ends[0], buffer, 200) != 200)
				_exit(1);
		}
	}
	_exit(0);
}

static long healthy(const char *what)
{
	char text[300], *at;

	get_file("/proc/healthy", text, sizeof text);
	at = strstr(text, what);
	return at ? atol(at + strlen(what)) : -1;
}

static void round_of_crashes(int first, int last, int count)
{
	static const char *const parts[] = {"timers ", "tasklets ", "works ", "turns ", "reads "};
	long before[5];
	pid_t loads[3];

	put("/proc/healthy", "1");
	for (int i = 0; i < 5; i++)
		before[i] = healthy(parts[i]);
	fflush(stdout);
	for (int i = 0; i < 3; i++) {
		loads[i] = works(fork());
		if (!loads[i])
			load(i);
	}
	crash_all(first, last, count);
	for (int i = 0; i < 3; i++)
		kill(loads[i], SIGKILL);
	for (int i = 0; i < 3; i++)
		waitpid(loads[i], NULL, 0);
	for (int i = 0; i < 5; i++)
		yes(healthy(parts[i]) > before[i]);
	is(healthy("bad "), 0);
	put("/proc/healthy", "0");
	/* With each module that goes the ledger takes the room that it needs then. */
	yes(!crash("null", "exit"));
}

/* How full slabs are is chance: a page is either free, in a slab, or in use for something else, and only that is counted,
   beside the objects. */
static void forget_slabs(int which)
{
	static const char *const chance[] = {"MemFree kB", "MemAvailable kB", "Slab kB", "SUnreclaim kB", "nr_free_pages",
					     "nr_slab_unreclaimable"};
	long spare = 0;
	int kept = 0;

	for (int i = 0; i < kinds[which]; i++) {
		struct count *at = &held[which][i];
		bool is_chance = strstr(at->name, " slabs") != NULL;

		for (int k = 0; k < 6; k++)
			is_chance |= !strcmp(at->name, chance[k]);
		if (!strcmp(at->name, "MemFree kB") || !strcmp(at->name, "Slab kB"))
			spare += at->value;
		if (!is_chance)
			held[which][kept++] = *at;
	}
	kinds[which] = kept;
	note_count(which, "free or in slabs", " kB", spare);
}

static void count_all(int which)
{
	char text[32] = "";

	lseek(drop_caches, 0, SEEK_SET);
	(void)!write(drop_caches, "3\n", 2);
	count(which);
	forget_slabs(which);
	lseek(taken, 0, SEEK_SET);
	(void)!read(taken, text, sizeof text - 1);
	entries[which] = atol(text);
}

/* What differs between two counts; NULL for nothing. */
static const char *differs(void)
{
	static char what[80];
	const char *first = moved();

	if (!first && entries[0] != entries[1]) {
		snprintf(what, sizeof what, "ledger: %ld, then %ld", entries[0], entries[1]);
		return what;
	}
	return first;
}

/* Counts when nothing moves any more: workers that have nothing to do leave after five seconds. */
static void count_at_rest(void)
{
	pause_ms(6000);
	for (int i = 0; i < 20; i++) {
		count_all(0);
		pause_ms(300);
		count_all(1);
		if (!differs())
			return;
	}
}

/* Whether a round of crashes leaves the same as there was before it. */
static bool leaves_nothing(int first, int last, int each)
{
	count_at_rest();
	round_of_crashes(first, last, each);
	for (int i = 0; i < 10; i++) {
		pause_ms(i ? 500 : 6000);
		count_all(1);
		if (!differs())
			return true;
	}
	return false;
}

/* Two rounds of the kinds from `first` up to `last`; `what` names them. What grows once to what was ever needed (lists of
   objects at hand, one for each processor) is no leak: another round shows that. What leaks does so in each. */
static void twice(int first, int last, int each, const char *what)
{
	static char names[2][100];

	snprintf(names[0], sizeof names[0], "a crash %s is contained", what);
	snprintf(names[1], sizeof names[1], "as many crashes %s again leave exactly the same objects, pages, areas and entries",
		 what);
	begin(names[0]);
	round_of_crashes(first, last, each);
	begin(names[1]);
	for (int round = 1; !leaves_nothing(first, last, each); round++) {
		if (round == 3) {
			check_fail(__LINE__, differs(), entries[1] - entries[0], "the same as before the round", 0);
			break;
		}
	}
	check_end();
}

static int opened(const char *name)
{
	char path[300];

	snprintf(path, sizeof path, "%s/%s", folder, name);
	return works(open(path, O_RDONLY | O_CLOEXEC));
}

static void tests(void)
{
	const char *wish = getenv("GAON_CRASHES");
	int each = wish ? atoi(wish) : full() ? 1000 : 20;
	long length = works(readlink("/proc/self/exe", folder, sizeof folder - 1));

	folder[length] = 0;
	*strrchr(folder, '/') = 0;
	int fd = opened("healthy.ko");
	works(syscall(SYS_finit_module, fd, "", 0));
	close(fd);
	late = opened("late.ko");
	open_counts();
	taken = works(open("/sys/kernel/containment/taken", O_RDONLY | O_CLOEXEC));
	put("/sys/kernel/containment/atomic_ms", "50");

	/* All kinds together, or, with time for it, each by itself: what one leaves behind is not what another had. */
	if (!full())
		twice(0, WAYS, each, "of every kind from every place");
	for (int k = 0; k < WAYS && full(); k++) {
		char what[60];

		snprintf(what, sizeof what, "(%s) from every place", *ways[k] ? ways[k] : "left behind");
		if (is_possible(ways[k]))
			twice(k, k + 1, each, what);
	}
	put("/sys/kernel/containment/atomic_ms", "1000");
	works(syscall(SYS_delete_module, "healthy", O_NONBLOCK));
}
