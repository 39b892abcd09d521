/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _ASM_PGTABLE_H
#define _ASM_PGTABLE_H
/* What entries of page tables allow is the kernel's business: memory is cached, and devices' is not. */
#include <linux/mm_types.h>
#define __pgprot(bits) ((pgprot_t){ (bits) })
/* Only memory goes into areas: it is cached whatever is asked for. */
#define pgprot_noncached(protection) (protection)
#define pgprot_writecombine(protection) (protection)
#define pgprot_val(protection) ((protection).pgprot)
#endif
