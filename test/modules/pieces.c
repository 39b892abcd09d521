// SPDX-License-Identifier: MIT OR Apache-2.0
// Small things: sscanf, capabilities, clocks, byte orders, arithmetic, limits of messages.
#include <linux/capability.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/module.h>
#include <linux/printk.h>
#include <linux/ratelimit.h>
#include <linux/sched.h>
#include <linux/time.h>
#include <linux/timekeeping.h>
#include <linux/wait.h>
#include <asm/byteorder.h>
#include <asm/div64.h>

static noinline const char *of(const char *text)
{
	asm volatile("" : "+r"(text));
	return text;
}

static noinline int scanned_by(const char *text, const char *format, ...)
{
	va_list list;
	int count;

	va_start(list, format);
	count = vsscanf(text, format, list);
	va_end(list);
	return count;
}

static void scans(void)
{
	int a = -1, b = -1, c = -1, count;
	unsigned int u = 0;
	long long wide = 0;
	short small = 0;
	signed char tiny = 0;
	char word[16] = "", other[16] = "", letter = 0;

	count = sscanf(of("12 -34 0x1f"), "%d %d %i", &a, &b, &c);
	pr_info("pieces: numbers %d: %d %d %d\n", count, a, b, c);
	count = sscanf(of("777 ff 4294967295"), "%o %x %u", (unsigned int *)&a, (unsigned int *)&b, &u);
	pr_info("pieces: bases %d: %d %d %u\n", count, a, b, u);
	count = sscanf(of("-9000000000,70000,-5"), "%lld,%hd,%hhd", &wide, &small, &tiny);
	pr_info("pieces: sizes %d: %lld %d %d\n", count, wide, small, tiny);
	count = sscanf(of("  key=value rest"), " %3s=%s %c", word, other, &letter);
	pr_info("pieces: words %d: %s %s %c\n", count, word, other, letter);
	count = sscanf(of("12345678"), "%3d%2d%n", &a, &b, &c);
	pr_info("pieces: widths %d: %d %d, %d read\n", count, a, b, c);
	count = sscanf(of("abc:def"), "%5[abc]:%5[^f]", word, other);
	pr_info("pieces: sets %d: %s %s\n", count, word, other);
	count = sscanf(of("skip 42"), "%*s %d", &a);
	pr_info("pieces: skipped %d: %d\n", count, a);
	a = b = 7;
	count = sscanf(of("1:x"), "%d:%d", &a, &b);
	pr_info("pieces: stopped %d: %d %d", count, a, b);
	pr_cont(", nothing %d %d %d\n", sscanf(of(""), "%d", &a), sscanf(of("x"), "%d", &a), sscanf(of("-"), "%d", &a));
	count = scanned_by(of("5% 6"), "%d%% %d", &a, &b);
	pr_info("pieces: by list %d: %d %d\n", count, a, b);
}

static int asks(void *unused)
{
	while (!kthread_should_stop())
		schedule_timeout_interruptible(1);
	return capable(CAP_SYS_ADMIN) + 2 * capable(CAP_SYS_RAWIO);
}

static void rights(void)
{
	struct task_struct *task = kthread_create(asks, NULL, "pieces");
	int answer = -1;

	if (!IS_ERR(task)) {
		wake_up_process(task);
		schedule_timeout_uninterruptible(2);
		answer = kthread_stop(task);
	}
	pr_info("pieces: capable %d %d, thread %d\n", capable(CAP_SYS_ADMIN), capable(CAP_DAC_OVERRIDE), answer);
}

static void clocks(void)
{
	struct timespec64 a = { 5, 900000000 }, b = { 2, 300000000 }, c, now, coarse;
	struct tm tm;
	time64_t seconds = ktime_get_real_seconds();

	c = timespec64_add(a, b);
	pr_info("pieces: sum %lld.%09ld", (long long)c.tv_sec, c.tv_nsec);
	c = timespec64_sub(b, a);
	pr_cont(", difference %lld.%09ld", (long long)c.tv_sec, c.tv_nsec);
	c = ns_to_timespec64(-1);
	pr_cont(", %lld.%09ld, %lld, order %d\n", (long long)c.tv_sec, c.tv_nsec, (long long)timespec64_to_ns(&a),
		timespec64_compare(&a, &b) > 0);
	ktime_get_real_ts64(&now);
	ktime_get_coarse_real_ts64(&coarse);
	c = timespec64_sub(now, coarse);
	pr_info("pieces: now %d, coarse %d\n", now.tv_sec - seconds <= 1, abs(timespec64_to_ns(&c)) < NSEC_PER_SEC);
	ktime_get_ts64(&now);
	pr_info("pieces: since boot %d %d\n", now.tv_sec >= 0 && now.tv_nsec < NSEC_PER_SEC,
		ktime_compare(timespec64_to_ktime(now), ktime_get()) <= 0);
	time64_to_tm(1700000000, 0, &tm);
	pr_info("pieces: date %ld-%02d-%02d %02d:%02d:%02d day %d of week %d\n", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
		tm.tm_hour, tm.tm_min, tm.tm_sec, tm.tm_yday, tm.tm_wday);
	time64_to_tm(951782400, -1, &tm);
	pr_info("pieces: date %ld-%02d-%02d %02d:%02d:%02d day %d of week %d\n", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
		tm.tm_hour, tm.tm_min, tm.tm_sec, tm.tm_yday, tm.tm_wday);
	time64_to_tm(-86400 * 365LL * 100, 3600, &tm);
	pr_info("pieces: date %ld-%02d-%02d %02d day %d of week %d\n", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
		tm.tm_hour, tm.tm_yday, tm.tm_wday);
	pr_info("pieces: seconds %lld %lld\n", (long long)mktime64(2000, 2, 29, 12, 30, 15), (long long)mktime64(1970, 1, 1, 0, 0, 0));
}

static void sums(void)
{
	u64 n = 10000000019ULL;
	u32 rest;
	u64 whole = div_u64_rem(n, 1000, &rest);

	pr_info("pieces: divided %llu %u %llu %lld\n", whole, rest, div64_u64(n, 7), div_s64(-n, 3));
	rest = do_div(n, 1000);
	pr_info("pieces: in place %llu %u\n", n, rest);
	pr_info("pieces: rounded %d %d %d %lu %lu\n", DIV_ROUND_UP(7, 3), DIV_ROUND_CLOSEST(7, 3), DIV_ROUND_CLOSEST(-8, 3),
		roundup(17UL, 5), round_down(17UL, 8));
	pr_info("pieces: limits %d %u %d %lld\n", S16_MIN, U16_MAX, INT_MAX, (long long)S64_MIN);
	pr_info("pieces: turned %x %x %llx %x\n", cpu_to_be16(0x1234), be32_to_cpu((__force __be32)0x12345678),
		(unsigned long long)cpu_to_be64(0x0102030405060708ULL), cpu_to_le32(0x12345678));
	pr_info("pieces: clamped %d %d %d, fraction %d\n", clamp(15, 1, 10), clamp_t(int, -3, 1, 10), min3(3, 1, 2),
		mult_frac(1000, 3, 7));
}

static DECLARE_WAIT_QUEUE_HEAD(queue);

static void rest(void)
{
	struct wait_queue_entry entry;
	int i, passed = 0;

	for (i = 0; i < 12; i++)
		passed += printk_ratelimit() != 0;
	pr_info("pieces: messages passed %d\n", passed);
	init_wait_entry(&entry, 0);
	prepare_to_wait(&queue, &entry, TASK_INTERRUPTIBLE);
	wake_up_interruptible_sync(&queue);
	schedule();
	finish_wait(&queue, &entry);
	pr_info("pieces: woken\n");
}

static int __init pieces_init(void)
{
	scans();
	rights();
	clocks();
	sums();
	rest();
	return 0;
}

static void __exit pieces_exit(void)
{
}

module_init(pieces_init);
module_exit(pieces_exit);
MODULE_LICENSE("GPL");
