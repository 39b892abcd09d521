// SPDX-License-Identifier: MIT OR Apache-2.0
// Ports and addresses that are taken, which /proc/ioports and /proc/iomem show.
#include <linux/init.h>
#include <linux/io.h>
#include <linux/ioport.h>
#include <linux/kernel.h>
#include <linux/module.h>

#define PORT 0x300
#define ADDRESS 0xe000000000ULL

static int __init regions_init(void)
{
	struct resource *ports = request_region(PORT, 16, "regions"), *memory;
	bool again, part, behind;

	if (!ports)
		return -EBUSY;
	pr_info("regions: ports %llx-%llx %s\n", (u64)ports->start, (u64)ports->end, ports->name);
	again = request_region(PORT, 16, "other") != NULL;
	part = request_region(PORT + 15, 4, "other") != NULL;
	behind = request_region(PORT + 16, 4, "regions behind") != NULL;
	pr_info("regions: again %d, part %d, behind %d, too far %d\n", again, part, behind,
		request_region(0xfffe, 4, "other") != NULL);
	release_region(PORT + 16, 4);
	pr_info("regions: behind again %d\n", request_region(PORT + 16, 8, "regions behind") != NULL);
	memory = request_mem_region(ADDRESS, 0x2000, "regions memory");
	pr_info("regions: memory %d, again %d, machine's own %d\n", memory != NULL,
		request_mem_region(ADDRESS + 0x1000, 0x2000, "other") != NULL,
		request_mem_region(0x2000000, 0x1000, "other") != NULL);
	pr_info("regions: empty port %x %x\n", inb(PORT), inw(PORT));
	outb(0, 0x80);
	return 0;
}

static void __exit regions_exit(void)
{
	release_mem_region(ADDRESS, 0x2000);
	release_region(PORT + 16, 8);
	release_region(PORT, 16);
	release_region(PORT, 16);
	pr_info("regions: gone\n");
}

module_init(regions_init);
module_exit(regions_exit);
MODULE_LICENSE("GPL");
