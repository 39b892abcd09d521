/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include <linux/ktime.h>
#include <linux/time.h>
