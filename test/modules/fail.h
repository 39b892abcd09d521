/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Every way to fail on purpose, by name. */
#ifndef FAIL_H
#define FAIL_H
#include <linux/bug.h>
#include <linux/delay.h>
#include <linux/irqflags.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>

static DEFINE_SPINLOCK(lock);
static DEFINE_MUTEX(mutex);
static volatile int zero;
static volatile unsigned long nowhere;

static noinline int deeper(volatile int *from)
{
	volatile int room[64];

	room[0] = *from + 1;
	return deeper(room) + room[0];
}

/* As deep, by way of a function of the kernel's. */
static noinline int deeper_calls(volatile int *from)
{
	char room[32];

	snprintf(room, sizeof(room), "%d %px", *from, room);
	*from += room[0];
	return deeper_calls(from) + room[1];
}

/* Goes back to where no code is. */
static noinline void return_wrong(void)
{
	volatile unsigned long *frame = __builtin_frame_address(0);

	frame[1] = nowhere + 0x1000;
}

static noinline void fail(const char *kind)
{
	int some = 0;

	if (!strcmp(kind, "null")) {
		*(volatile int *)nowhere = 1;
	} else if (!strcmp(kind, "wild")) {
		*(volatile int *)(nowhere + 0xdeadbeef) = 1;
	} else if (!strcmp(kind, "user")) { /* where programs often have something */
		*(volatile int *)(nowhere + 0x400000) = 1;
	} else if (!strcmp(kind, "noncanonical")) {
		*(volatile int *)(nowhere + 0x8000000000000000UL) = 1;
	} else if (!strcmp(kind, "stack")) {
		nowhere = deeper(&some);
	} else if (!strcmp(kind, "calls")) {
		nowhere = deeper_calls(&some);
	} else if (!strcmp(kind, "bug")) {
		BUG();
	} else if (!strcmp(kind, "divide")) {
		nowhere = 100 / zero;
	} else if (!strcmp(kind, "jump")) {
		((void (*)(void))(nowhere + 0x1000))();
	} else if (!strcmp(kind, "return")) {
		return_wrong();
	} else if (!strcmp(kind, "doublefree")) {
		void *block = kmalloc(100, GFP_ATOMIC);

		kfree(block);
		kfree(block);
	} else if (!strcmp(kind, "lockheld")) {
		spin_lock(&lock);
	} else if (!strcmp(kind, "irqheld")) {
		spin_lock_irq(&lock);
	} else if (!strcmp(kind, "locknull")) {
		spin_lock(&lock);
		*(volatile int *)nowhere = 1;
	} else if (!strcmp(kind, "mutexnull")) {
		mutex_lock(&mutex);
		*(volatile int *)nowhere = 1;
	} else if (!strcmp(kind, "atomic")) {
		spin_lock(&lock);
		mutex_lock(&mutex);
	} else if (!strcmp(kind, "sleep")) {
		spin_lock(&lock);
		msleep(1);
	} else if (!strcmp(kind, "forever")) { /* with interrupts on, where they are */
		spin_lock(&lock);
		while (!zero)
			;
	} else if (!strcmp(kind, "deaf")) { /* with interrupts off */
		local_irq_disable();
		while (!zero)
			;
	} else if (!strcmp(kind, "twice")) { /* waits for itself */
		spin_lock_irq(&lock);
		spin_lock(&lock);
	} else if (!strcmp(kind, "busy")) { /* without ever sleeping */
		while (!zero)
			;
	} else if (!strcmp(kind, "naps")) { /* for as long, but it sleeps now and then: no failure */
		for (int i = 0; i < 15; i++) {
			unsigned long end = jiffies + HZ / 10;

			while (time_before(jiffies, end))
				cpu_relax();
			msleep(1);
		}
	} else if (!strcmp(kind, "panic")) { /* not contained: it asks for it */
		panic("on purpose, %d", 7);
	} else if (!strcmp(kind, "text")) {
		*(volatile char *)((unsigned long)fail + nowhere) = 0;
	}
}
#endif
