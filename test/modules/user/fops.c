// SPDX-License-Identifier: MIT OR Apache-2.0
// fops FILE CALL...: opens FILE, makes the calls one after the other, and says what each answers.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

static char data[64];

static volatile int signals, code, from = -1;
static volatile long band;

static void on_signal(int number, siginfo_t *info, void *context)
{
	(void)context;
	signals++;
	code = info->si_code;
	if (number != SIGIO) {
		band = info->si_band;
		from = info->si_fd;
	}
}

static void say(const char *call, long answer)
{
	if (answer < 0)
		printf("%s: %s\n", call, strerror(errno));
	else
		printf("%s: %ld\n", call, answer);
}

/* NAME or NAME:NUMBER or NAME:NUMBER:NUMBER. */
static long make(int fd, const char *call)
{
	const char *first = strchr(call, ':');
	const char *second = first ? strchr(first + 1, ':') : NULL;
	long a = first ? strtol(first + 1, NULL, 0) : 0;
	long b = second ? strtol(second + 1, NULL, 0) : 0;

	if (!strncmp(call, "scatter", 7) || !strncmp(call, "gather", 6)) { /* three pieces, the second of nothing */
		struct iovec pieces[3] = { { data, a }, { data, 0 }, { data + 32, b } };
		long done;

		if (*call == 'g') {
			memcpy(data, "abcdefghijklmnop", 16);
			memcpy(data + 32, "ABCDEFGHIJKLMNOP", 16);
			return writev(fd, pieces, 3);
		}
		memset(data, 0, sizeof(data));
		done = readv(fd, pieces, 3);
		printf("%s|%s\n", data, data + 32);
		return done;
	}
	if (!strncmp(call, "bad", 3)) /* the second piece leads nowhere */
		return readv(fd, (struct iovec[]){ { data, a }, { (void *)8, b } }, 2);
	if (!strncmp(call, "read", 4))
		return read(fd, data, a);
	if (!strncmp(call, "pread", 5))
		return pread(fd, data, a, b);
	if (!strncmp(call, "write", 5))
		return write(fd, "0123456789abcdef", a);
	if (!strncmp(call, "pwrite", 6))
		return pwrite(fd, "0123456789abcdef", a, b);
	if (!strncmp(call, "set", 3))
		return lseek(fd, a, SEEK_SET);
	if (!strncmp(call, "cur", 3))
		return lseek(fd, a, SEEK_CUR);
	if (!strncmp(call, "end", 3))
		return lseek(fd, a, SEEK_END);
	if (!strncmp(call, "ioctl", 5))
		return ioctl(fd, a, b);
	if (!strncmp(call, "fsync", 5))
		return fsync(fd);
	if (!strncmp(call, "flags", 5))
		return fcntl(fd, F_SETFL, a);
	if (!strncmp(call, "poll", 4)) {
		struct pollfd one = { .fd = fd, .events = POLLIN | POLLOUT };
		long count = poll(&one, 1, a);

		return count <= 0 ? count : one.revents;
	}
	if (!strncmp(call, "signal", 6)) { /* to whom, and by which; 0: SIGIO */
		struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO };

		sigaction(a ? a : SIGIO, &action, NULL);
		return fcntl(fd, F_SETSIG, a) ? -1 : fcntl(fd, F_SETOWN, getpid());
	}
	if (!strncmp(call, "told", 4)) {
		printf("told %d times, code %d, band %#lx, fd %s\n", signals, code, band, from == fd ? "same" : "none");
		return signals;
	}
	errno = ENOSYS;
	return -1;
}

int main(int count, char **words)
{
	int fd = open(words[1], O_RDWR);

	setlinebuf(stdout);
	if (fd < 0)
		say("open", fd);
	for (int i = 2; fd >= 0 && i < count; i++)
		say(words[i], make(fd, words[i]));
	if (fd >= 0)
		say("close", close(fd));
	return 0;
}
