// SPDX-License-Identifier: MIT OR Apache-2.0
// Memory of devices: the version of the interrupt controller, and the firmware's text at the end of the first MiB.
#include <linux/init.h>
#include <linux/io.h>
#include <linux/irqflags.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>

#define CONTROLLER 0xfec00000UL
#define FIRMWARE 0xf0000UL

static unsigned char copy[256];

static void of_device(void)
{
	unsigned char __iomem *at = ioremap(CONTROLLER, 0x20);
	unsigned long flags;
	u32 version, same, half;

	if (!at)
		return;
	/* Nobody else chooses a register meanwhile on this processor. */
	local_irq_save(flags);
	writel(1, at);
	version = readl(at + 0x10);
	iowrite32(1, at);
	same = ioread32(at + 0x10);
	half = readw(at + 0x10);
	local_irq_restore(flags);
	pr_info("iomem: version %d, lines %d\n", (version & 0xff) >= 0x10, ((version >> 16) & 0xff) >= 0x10);
	pr_info("iomem: same %d %d\n", version == same, half == (version & 0xffff) || half == 0 || half == 0xffff);
	iounmap(at);
}

static void of_firmware(void)
{
	unsigned char __iomem *at = ioremap_cache(FIRMWARE + 0x3f0, 0x2000);
	int i, different = 0;

	if (!at)
		return;
	pr_info("iomem: part of a page %lx\n", (unsigned long)at & ~PAGE_MASK);
	memcpy_fromio(copy, at, sizeof(copy));
	for (i = 0; i < sizeof(copy); i++)
		different += copy[i] != readb(at + i) || copy[i] != ioread8(at + i);
	for (i = 0; i + 2 <= sizeof(copy); i += 2)
		different += *(u16 *)(copy + i) != ioread16(at + i);
	for (i = 0; i + 8 <= sizeof(copy); i += 8)
		different += *(u64 *)(copy + i) != readq(at + i);
	pr_info("iomem: different %d\n", different);
	iounmap(at);
	at = ioremap_wc(FIRMWARE, 0x10000);
	pr_info("iomem: whole %d\n", at != NULL);
	iounmap(at);
}

/* The same functions, where what they did can be seen. */
static void of_memory(void)
{
	unsigned char *memory = kzalloc(64, GFP_KERNEL);
	u16 words[2] = { 0x1234, 0x5678 };
	void __iomem *at = (void __force __iomem *)memory;

	if (!memory)
		return;
	memset_io(at, 0x5a, 32);
	memcpy_toio(at + 8, "device", 7);
	iowrite8(0x41, at);
	iowrite16(0x4342, at + 1);
	writeb(0x44, at + 3);
	writew(0x4645, at + 4);
	pr_info("iomem: %.6s %s %x\n", memory, memory + 8, memory[31]);
	writeq(0x3837363534333231ULL, at + 16);
	writel_relaxed(0x64636261, at + 24);
	memory[28] = 0;
	pr_info("iomem: %s %x\n", memory + 16, readl_relaxed(at + 24));
	iowrite16_rep(at + 40, words, 2);
	ioread16_rep(at + 40, words, 2);
	pr_info("iomem: %x %x\n", words[0], words[1]);
	kfree(memory);
}

static void of_ports(void)
{
	unsigned char bytes[4];

	/* The port of the power-on self test: nobody listens. */
	outb(0, 0x80);
	outb_p(1, 0x80);
	insb(0x80, bytes, sizeof(bytes));
	outsb(0x80, bytes, sizeof(bytes));
	pr_info("iomem: ports %d\n", inb(0x80) == inb_p(0x80));
}

static int __init iomem_init(void)
{
	unsigned long page = __get_free_page(GFP_KERNEL);

	of_device();
	of_firmware();
	of_memory();
	of_ports();
	pr_info("iomem: memory %d\n", ioremap(__pa(page), PAGE_SIZE) == NULL);
	free_page(page);
	pr_info("iomem: nothing %d, wraps %d\n", ioremap(CONTROLLER, 0) == NULL,
		ioremap(-4096UL, 8192) == NULL);
	return 0;
}

static void __exit iomem_exit(void)
{
}

module_init(iomem_init);
module_exit(iomem_exit);
MODULE_LICENSE("GPL");
