/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_PROCESSOR_H
#define _LINUX_PROCESSOR_H
#include <asm/processor.h>
#endif
