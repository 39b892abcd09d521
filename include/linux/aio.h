/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Where older kernels had struct kiocb. Calls that end later are not there: each is synchronous. */
#include <linux/fs.h>
