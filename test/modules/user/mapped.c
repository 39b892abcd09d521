// SPDX-License-Identifier: MIT OR Apache-2.0
// mapped SCENE: maps the devices of test/modules/maps.c and says what is seen there.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096
#define BOTH (PROT_READ | PROT_WRITE)
#define ASK 0x4d00
enum { ROWS, MEMORY, AREA, USER_AREA };

static sigjmp_buf back;
static int fd;

static void on_signal(int number)
{
	siglongjmp(back, number);
}

/* What stands at an address, or the signal that reading it raises. */
static const char *seen(volatile char *at)
{
	static char text[4][16];
	static int next;
	char *to = text[next++ % 4];
	int number = sigsetjmp(back, 1), i;

	if (number)
		return number == SIGBUS ? "SIGBUS" : "SIGSEGV";
	for (i = 0; i < 15 && (to[i] = at[i]); i++)
		;
	to[i] = 0;
	return to;
}

static const char *put(volatile char *at, char letter)
{
	int number = sigsetjmp(back, 1);

	if (number)
		return number == SIGBUS ? "SIGBUS" : "SIGSEGV";
	*at = letter;
	return "put";
}

static const char *said(long answer)
{
	static char text[32];

	if (answer < 0)
		return strerror(errno);
	sprintf(text, "%ld", answer);
	return text;
}

static void use(const char *name, int flags)
{
	if (fd > 0)
		close(fd);
	fd = open(name, flags);
	if (fd < 0)
		printf("%s: %s\n", name, strerror(errno));
}

static char *map(long pages, long skip, int prot, int flags)
{
	char *at = mmap(NULL, pages * PAGE, prot, flags, fd, skip * PAGE);

	if (at == MAP_FAILED) {
		printf("map %ld %ld: %s\n", pages, skip, strerror(errno));
		return NULL;
	}
	return at;
}

static void counts(const char *what)
{
	int all = ioctl(fd, ASK + 3);

	printf("%s: opened %d, closed %d, asked %d\n", what, all / 10000, all / 100 % 100, all % 100);
	ioctl(fd, ASK + 4);
}

static int exit_of(pid_t child)
{
	int status;

	if (waitpid(child, &status, 0) != child)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static void of_row(const char *name, int kind)
{
	char *at, *other, buffer[4];
	struct iovec here = { buffer, 4 }, there;
	pid_t child;

	use(name, O_RDWR);
	ioctl(fd, ASK + 4);
	map(5, 0, BOTH, MAP_SHARED);
	map(4, 1, BOTH, MAP_SHARED);
	map(1, 1L << 40, BOTH, MAP_SHARED);
	at = map(4, 0, BOTH, MAP_SHARED);
	if (!at)
		return;
	printf("%s: %s %s %s\n", name, seen(at), seen(at + PAGE), seen(at + 3 * PAGE));
	printf("%s", put(at + 2 * PAGE, 'X'));
	printf(" %c\n", ioctl(fd, ASK + 0, kind << 8 | 2));
	other = map(1, 2, PROT_READ, MAP_SHARED);
	if (other)
		printf("other: %s %s\n", seen(other), put(other, 'Y'));
	printf("protect: %s\n", said(mprotect(other, PAGE, BOTH)));
	printf("then: %s\n", put(other, 'Z'));
	printf("seen: %s\n", seen(at + 2 * PAGE));
	munmap(other, PAGE);
	there.iov_base = at;
	there.iov_len = 4;
	printf("from outside: %s\n", said(process_vm_readv(getpid(), &here, 1, &there, 1, 0)));
	printf("locked: %s\n", said(mlock(at, PAGE)));
	printf("grown: %s\n", said((long)mremap(at, 4 * PAGE, 5 * PAGE, MREMAP_MAYMOVE)));
	counts(name);
	child = fork();
	if (!child) {
		put(at + PAGE, 'C');
		_exit(seen(at + 3 * PAGE)[1]);
	}
	printf("child: %c", exit_of(child));
	printf(", %s\n", seen(at + PAGE));
	counts("fork");
	munmap(at + PAGE, PAGE);
	printf("cut: %s %s %s\n", seen(at), seen(at + PAGE), seen(at + 2 * PAGE));
	counts("cut");
	other = mremap(at + 2 * PAGE, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, at - 64 * PAGE);
	printf("moved: %s %s\n", seen(other), seen(other + PAGE));
	counts("moved");
	printf("%s\n", said(munmap(at - 64 * PAGE, 68 * PAGE)));
	counts("unmapped");
	other = map(4, 0, BOTH, MAP_PRIVATE);
	if (other) {
		printf("private: %s", put(other, 'P'));
		printf(" %s %c\n", seen(other), ioctl(fd, ASK + 0, kind << 8));
		munmap(other, 4 * PAGE);
	}
	counts("private");
	/* Only parts of what is mapped at all. */
	at = map(2, 2, BOTH, MAP_SHARED);
	if (at)
		printf("from the third: %s %s\n", seen(at), seen(at + PAGE));
	munmap(at, 2 * PAGE);
	use(name, O_RDONLY);
	map(4, 0, BOTH, MAP_SHARED);
	at = map(4, 0, PROT_READ, MAP_SHARED);
	printf("read only: %s, %s\n", seen(at + PAGE), put(at, '.'));
	printf("protect: %s\n", said(mprotect(at, PAGE, BOTH)));
	munmap(at, 4 * PAGE);
	counts("read only");
	use(name, O_WRONLY);
	map(4, 0, PROT_WRITE, MAP_SHARED);
}

static void of_areas(void)
{
	char *at;

	use("/dev/maps-area", O_RDWR);
	map(4, 0, BOTH, MAP_SHARED);
	use("/dev/maps-user", O_RDWR);
	map(5, 0, BOTH, MAP_SHARED);
	map(1, 4, BOTH, MAP_SHARED);
	map(1, 1L << 51, BOTH, MAP_SHARED);
	at = map(3, 1, BOTH, MAP_SHARED);
	if (at) {
		printf("area: %s %s %s\n", seen(at), seen(at + PAGE), seen(at + 2 * PAGE));
		put(at, 'U');
		printf("told: %c\n", ioctl(fd, ASK + 0, USER_AREA << 8 | 1));
		munmap(at, 3 * PAGE);
	}
	use("/dev/maps-insert", O_RDWR);
	at = map(5, 0, BOTH, MAP_SHARED);
	if (at)
		printf("inserted: %s %s, %s\n", seen(at), seen(at + 3 * PAGE), seen(at + 4 * PAGE));
	put(at, 'I');
	printf("told: %c\n", ioctl(fd, ASK + 1, 0));
	munmap(at, 5 * PAGE);
	printf("left: %d\n", ioctl(fd, ASK + 2, 0));
	use("/dev/maps-numbers", O_RDWR);
	ioctl(fd, ASK + 4);
	at = map(5, 0, BOTH, MAP_SHARED);
	printf("numbers: %s %s, %s\n", seen(at), seen(at + PAGE), seen(at + 4 * PAGE));
	counts("numbers");
	if (!fork())
		_exit(seen(at)[0] == 'S' ? 0 : 1);
	wait(NULL);
	counts("not copied");
	munmap(at, 5 * PAGE);
	printf("left: %d\n", ioctl(fd, ASK + 2, 0));
	use("/dev/maps-none", O_RDWR);
	map(1, 0, BOTH, MAP_SHARED);
	use("/proc/maps-none", O_RDWR);
	map(1, 0, BOTH, MAP_SHARED);
	use("/proc/maps-proc", O_RDWR);
	at = map(4, 0, BOTH, MAP_SHARED);
	printf("proc: %s\n", seen(at + 3 * PAGE));
	munmap(at, 4 * PAGE);
}

/* A child that touches what cannot be had, for ever: it can be killed. */
static void stuck(volatile char *at)
{
	pid_t child = fork();

	if (!child) {
		signal(SIGBUS, SIG_DFL);
		signal(SIGSEGV, SIG_DFL);
		alarm(2);
		_exit(*at);
	}
	usleep(200000);
	kill(child, SIGKILL);
	printf("stuck: %d\n", exit_of(child));
}

static void of_faults(void)
{
	char *at, *other;
	pid_t child;

	use("/dev/maps-asks", O_RDWR);
	ioctl(fd, ASK + 4);
	at = map(12, 0, BOTH, MAP_SHARED);
	printf("count: %d\n", ioctl(fd, ASK + 2, 0));
	printf("asked: %s %s\n", seen(at), seen(at + 3 * PAGE));
	printf("count: %d\n", ioctl(fd, ASK + 2, 0));
	put(at, 'W');
	printf("again: %s, told %c\n", seen(at), ioctl(fd, ASK + 1, 0));
	counts("asked");
	printf("errors: %s %s %s\n", seen(at + 4 * PAGE), seen(at + 5 * PAGE), seen(at + 11 * PAGE));
	printf("fresh: %s\n", seen(at + 6 * PAGE));
	printf("of an area: %s\n", seen(at + 8 * PAGE));
	printf("read: %s\n", said(write(open("/dev/null", O_WRONLY), at + PAGE, 1)));
	printf("into it: %s\n", said(pread(open("/proc/self/comm", O_RDONLY), at + 2 * PAGE, 2, 0)));
	printf("into what is not: %s\n", said(pread(open("/proc/self/comm", O_RDONLY), at + 4 * PAGE, 2, 0)));
	counts("errors");
	child = fork();
	if (!child)
		_exit(seen(at + PAGE)[1]);
	printf("child: %c\n", exit_of(child));
	counts("fork");
	madvise(at, PAGE, MADV_DONTNEED);
	printf("count: %d\n", ioctl(fd, ASK + 2, 0));
	printf("after: %s\n", seen(at));
	counts("thrown away");
	printf("moved: %d\n", mremap(at, 12 * PAGE, 12 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, at - 64 * PAGE) == at - 64 * PAGE);
	at -= 64 * PAGE;
	printf("there: %s %s\n", seen(at), seen(at + 3 * PAGE));
	counts("moved");
	printf("smaller: %s\n", said(mremap(at, 12 * PAGE, 10 * PAGE, 0) != at));
	printf("%s %s\n", seen(at + 9 * PAGE - PAGE), seen(at + 10 * PAGE));
	counts("smaller");
	munmap(at + PAGE, PAGE);
	printf("cut: %s\n", seen(at + 2 * PAGE));
	counts("cut");
	other = map(4, 0, BOTH, MAP_PRIVATE);
	printf("private: %s", put(other + PAGE, 'Q'));
	printf(" %s, told %c\n", seen(other + PAGE), ioctl(fd, ASK + 1, 1));
	munmap(other, 4 * PAGE);
	counts("private");
	/* Given back by the module while it is seen. */
	ioctl(fd, ASK + 5, 3);
	printf("given back: %s\n", seen(at + 3 * PAGE));
	printf("new: %s\n", said(ioctl(fd, ASK + 6, 3)));
	printf("still: %s\n", seen(at + 3 * PAGE));
	munmap(at + 3 * PAGE, PAGE);
	printf("new count: %d\n", ioctl(fd, ASK + 2, 3));
	stuck(at + 7 * PAGE);
	ioctl(fd, ASK + 4);
	close(fd);
	printf("module: %s\n", said(syscall(SYS_delete_module, "maps", O_NONBLOCK)));
	printf("yet: %s\n", seen(at + 2 * PAGE));
	munmap(at, 12 * PAGE);
	use("/dev/maps-asks", O_RDWR);
	counts("end");
	printf("left: %d %d %d %d\n", ioctl(fd, ASK + 2, 0), ioctl(fd, ASK + 2, 1), ioctl(fd, ASK + 2, 2), ioctl(fd, ASK + 2, 3));
}

/* What only Gaon promises. */
static void of_crashes(void)
{
	char *at, *row;

	use("/dev/maps-rows", O_RDWR);
	row = map(4, 0, BOTH, MAP_SHARED);
	printf("row: %s\n", seen(row + PAGE));
	put(row, 'K');
	printf("given back: %s\n", said(ioctl(fd, ASK + 7)));
	printf("still: %c %s\n", *row, seen(row + 3 * PAGE));
	munmap(row, 4 * PAGE);
	row = map(4, 0, BOTH, MAP_SHARED);
	put(row, 'N');
	use("/dev/maps-asks", O_RDWR);
	at = map(12, 0, BOTH, MAP_SHARED);
	printf("asked: %s, %s\n", seen(at + PAGE), seen(at + 11 * PAGE));
	printf("crashed: %s\n", seen(at + 10 * PAGE));
	/* What was seen goes soon. */
	for (int i = 0; i < 100 && strcmp(seen(at + PAGE), "SIGBUS"); i++)
		usleep(50000);
	printf("revoked: %s %s %s\n", seen(at + PAGE), seen(row), seen(row + 2 * PAGE));
	map(4, 0, BOTH, MAP_SHARED);
	if (!fork())
		_exit(printf("child: %s\n", seen(at)) < 0);
	wait(NULL);
	munmap(at, 12 * PAGE);
	munmap(row, 4 * PAGE);
}

int main(int argc, char **argv)
{
	const char *scene = argc > 1 ? argv[1] : "";

	setbuf(stdout, NULL);
	signal(SIGBUS, on_signal);
	signal(SIGSEGV, on_signal);
	if (!strcmp(scene, "rows")) {
		of_row("/dev/maps-rows", ROWS);
		of_row("/dev/maps-memory", MEMORY);
		of_areas();
	} else if (!strcmp(scene, "faults")) {
		of_faults();
	} else if (!strcmp(scene, "crashes")) {
		of_crashes();
	} else if (!strcmp(scene, "hold")) {
		use(argv[2], O_RDWR);
	} else if (!strcmp(scene, "proc")) {
		/* An open file of /proc keeps no module: what it shows goes with it. */
		char *at;

		use("/proc/maps-proc", O_RDWR);
		at = map(4, 0, BOTH, MAP_SHARED);
		printf("proc: %s\n", seen(at + 2 * PAGE));
		printf("unloaded: %s\n", said(syscall(SYS_delete_module, "maps", O_NONBLOCK)));
		printf("then: %s %s\n", seen(at + 2 * PAGE), seen(at));
	}
	return 0;
}
