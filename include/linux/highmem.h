/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_HIGHMEM_H
#define _LINUX_HIGHMEM_H
/* All pages have an address. */
#include <linux/mm.h>
#define kmap(page) page_address(page)
#define kunmap(page) ((void)(page))
#define kmap_local_page(page) page_address(page)
#define kunmap_local(address) ((void)(address))
#define kmap_atomic(page) ({ preempt_disable(); page_address(page); })
#define kunmap_atomic(address) do { (void)(address); preempt_enable(); } while (0)
#endif
