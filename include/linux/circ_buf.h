/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_CIRC_BUF_H
#define _LINUX_CIRC_BUF_H
/* Rings of bytes whose size is a power of two; one byte stays free, so that full and empty differ. */
struct circ_buf {
	char *buf;
	int head;
	int tail;
};
#define CIRC_CNT(head, tail, size) (((head) - (tail)) & ((size) - 1))
#define CIRC_SPACE(head, tail, size) CIRC_CNT((tail), (head) + 1, (size))
/* Up to the end of the memory only. */
#define CIRC_CNT_TO_END(head, tail, size) ({ \
	int __to_end = (size) - (tail), __there = CIRC_CNT((head), (tail), (size)); \
	__there < __to_end ? __there : __to_end; })
#define CIRC_SPACE_TO_END(head, tail, size) ({ \
	int __to_end = (size) - (head), __free = CIRC_SPACE((head), (tail), (size)); \
	__free < __to_end ? __free : __to_end; })
#endif
