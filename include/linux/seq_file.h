/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef _LINUX_SEQ_FILE_H
#define _LINUX_SEQ_FILE_H
/* Files whose text is made record by record. The text stands in memory of the module that makes it. */
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <asm/page.h>

struct seq_operations;
struct seq_file {
	char *buf;
	size_t size;
	size_t from;
	size_t count;
	loff_t index;
	loff_t read_pos;
	struct mutex lock;
	const struct seq_operations *op;
	const struct file *file;
	void *private;
};
struct seq_operations {
	void *(*start)(struct seq_file *m, loff_t *pos);
	void (*stop)(struct seq_file *m, void *record);
	void *(*next)(struct seq_file *m, void *record, loff_t *pos);
	int (*show)(struct seq_file *m, void *record);
};
#define SEQ_SKIP 1
#define SEQ_START_TOKEN ((void *)1)

static inline bool seq_has_overflowed(struct seq_file *m) { return m->count == m->size; }

static __maybe_unused int seq_write(struct seq_file *m, const void *data, size_t length)
{
	if (m->count + length < m->size) {
		memcpy(m->buf + m->count, data, length);
		m->count += length;
		return 0;
	}
	m->count = m->size;
	return -1;
}
static __maybe_unused void seq_puts(struct seq_file *m, const char *text) { seq_write(m, text, strlen(text)); }
static __maybe_unused void seq_putc(struct seq_file *m, char c) { seq_write(m, &c, 1); }
static __maybe_unused __printf(2, 0) void seq_vprintf(struct seq_file *m, const char *format, __builtin_va_list list)
{
	if (m->count < m->size) {
		size_t length = vsnprintf(m->buf + m->count, m->size - m->count, format, list);

		if (m->count + length < m->size) {
			m->count += length;
			return;
		}
	}
	m->count = m->size;
}
static __maybe_unused __printf(2, 3) void seq_printf(struct seq_file *m, const char *format, ...)
{
	__builtin_va_list list;

	__builtin_va_start(list, format);
	seq_vprintf(m, format, list);
	__builtin_va_end(list);
}
#define seq_put_decimal_ull(m, before, number) seq_printf(m, "%s%llu", (before), (unsigned long long)(number))
#define seq_put_decimal_ll(m, before, number) seq_printf(m, "%s%lld", (before), (long long)(number))

static __maybe_unused int seq_open(struct file *file, const struct seq_operations *op)
{
	struct seq_file *m = kzalloc(sizeof(*m), GFP_KERNEL);

	if (!m)
		return -ENOMEM;
	mutex_init(&m->lock);
	m->op = op;
	m->file = file;
	file->private_data = m;
	return 0;
}

/* Makes room: what stood in the buffer is made again. */
static __maybe_unused int __seq_room(struct seq_file *m)
{
	m->size = m->size ? 2 * m->size : PAGE_SIZE;
	kvfree(m->buf);
	m->buf = kvmalloc(m->size, GFP_KERNEL);
	m->from = m->count = 0;
	if (!m->buf)
		m->size = 0;
	return m->buf ? 0 : -ENOMEM;
}

/* Goes to an offset by making everything before it once more. */
static __maybe_unused int __seq_to(struct seq_file *m, loff_t offset)
{
	loff_t pos = 0;
	int error = 0;
	void *p;

	m->index = 0;
	m->count = m->from = 0;
	if (!offset)
		return 0;
	if (!m->buf && __seq_room(m))
		return -ENOMEM;
again:
	p = m->op->start(m, &m->index);
	while (p) {
		error = PTR_ERR(p);
		if (IS_ERR(p))
			break;
		error = m->op->show(m, p);
		if (error < 0)
			break;
		if (unlikely(error)) {
			error = 0;
			m->count = 0;
		}
		if (seq_has_overflowed(m)) {
			m->op->stop(m, p);
			if (__seq_room(m))
				return -ENOMEM;
			m->index = pos = 0;
			goto again;
		}
		p = m->op->next(m, p, &m->index);
		if (pos + (loff_t)m->count > offset) {
			m->from = offset - pos;
			m->count -= m->from;
			break;
		}
		pos += m->count;
		m->count = 0;
		if (pos == offset)
			break;
	}
	m->op->stop(m, p);
	return error;
}

static __maybe_unused ssize_t seq_read(struct file *file, char __user *buffer, size_t size, loff_t *ppos)
{
	struct seq_file *m = file->private_data;
	size_t copied = 0, some;
	int error = 0;
	void *p;

	if (!size)
		return 0;
	mutex_lock(&m->lock);
	if (*ppos == 0) {
		m->index = 0;
		m->count = 0;
	}
	if (*ppos != m->read_pos) {
		error = __seq_to(m, *ppos);
		if (error) {
			m->read_pos = m->index = 0;
			m->count = 0;
			goto done;
		}
		m->read_pos = *ppos;
	}
	if (!m->buf && __seq_room(m)) {
		error = -ENOMEM;
		goto done;
	}
	/* What is left of last time. */
	if (m->count) {
		some = min(m->count, size);
		some -= copy_to_user(buffer, m->buf + m->from, some);
		m->count -= some;
		m->from += some;
		copied += some;
		if (m->count)
			goto done;
	}
	/* A record that is not empty. */
	m->from = 0;
	p = m->op->start(m, &m->index);
	while (p) {
		error = PTR_ERR(p);
		if (IS_ERR(p))
			break;
		error = m->op->show(m, p);
		if (error < 0)
			break;
		if (unlikely(error))
			m->count = 0;
		if (!m->count) {
			p = m->op->next(m, p, &m->index);
			continue;
		}
		if (!seq_has_overflowed(m))
			goto fill;
		m->op->stop(m, p);
		if (__seq_room(m)) {
			error = -ENOMEM;
			goto done;
		}
		p = m->op->start(m, &m->index);
	}
	m->op->stop(m, p);
	m->count = 0;
	goto done;
fill:
	/* More of them, while they fit. */
	error = 0;
	for (;;) {
		size_t before = m->count;
		loff_t pos = m->index;

		p = m->op->next(m, p, &m->index);
		if (pos == m->index)
			m->index++;
		if (!p || IS_ERR(p) || m->count >= size)
			break;
		error = m->op->show(m, p);
		if (error > 0) {
			m->count = before;
			error = 0;
		} else if (error || seq_has_overflowed(m)) {
			m->count = before;
			break;
		}
	}
	m->op->stop(m, p);
	some = min(m->count, size - copied);
	some -= copy_to_user(buffer + copied, m->buf, some);
	copied += some;
	m->count -= some;
	m->from = some;
done:
	if (unlikely(!copied)) {
		copied = m->count ? -EFAULT : error;
	} else {
		*ppos += copied;
		m->read_pos += copied;
	}
	mutex_unlock(&m->lock);
	return copied;
}

static __maybe_unused loff_t seq_lseek(struct file *file, loff_t offset, int whence)
{
	struct seq_file *m = file->private_data;
	loff_t answer = -EINVAL;

	mutex_lock(&m->lock);
	if (whence == SEEK_CUR)
		offset += file->f_pos;
	if ((whence == SEEK_SET || whence == SEEK_CUR) && offset >= 0) {
		answer = offset;
		if (offset != m->read_pos) {
			int error = __seq_to(m, offset);

			if (error) {
				file->f_pos = m->read_pos = m->index = 0;
				m->count = 0;
				answer = error;
			} else {
				file->f_pos = m->read_pos = offset;
			}
		} else {
			file->f_pos = offset;
		}
	}
	mutex_unlock(&m->lock);
	return answer;
}

static __maybe_unused int seq_release(struct inode *inode, struct file *file)
{
	struct seq_file *m = file->private_data;

	kvfree(m->buf);
	kfree(m);
	return 0;
}

static __maybe_unused void *__single_start(struct seq_file *m, loff_t *pos)
{
	return *pos ? NULL : SEQ_START_TOKEN;
}
static __maybe_unused void *__single_next(struct seq_file *m, void *record, loff_t *pos)
{
	++*pos;
	return NULL;
}
static __maybe_unused void __single_stop(struct seq_file *m, void *record) { }
static __maybe_unused int single_open(struct file *file, int (*show)(struct seq_file *m, void *data), void *data)
{
	struct seq_operations *op = kmalloc(sizeof(*op), GFP_KERNEL);
	int error = -ENOMEM;

	if (!op)
		return error;
	op->start = __single_start;
	op->next = __single_next;
	op->stop = __single_stop;
	op->show = show;
	error = seq_open(file, op);
	if (error)
		kfree(op);
	else
		((struct seq_file *)file->private_data)->private = data;
	return error;
}
static __maybe_unused int single_release(struct inode *inode, struct file *file)
{
	const struct seq_operations *op = ((struct seq_file *)file->private_data)->op;

	seq_release(inode, file);
	kfree(op);
	return 0;
}

static __maybe_unused struct list_head *seq_list_start(struct list_head *head, loff_t pos)
{
	struct list_head *at;

	for (at = head->next; at != head; at = at->next)
		if (pos-- == 0)
			return at;
	return NULL;
}
static __maybe_unused struct list_head *seq_list_start_head(struct list_head *head, loff_t pos)
{
	return pos ? seq_list_start(head, pos - 1) : head;
}
static __maybe_unused struct list_head *seq_list_next(void *record, struct list_head *head, loff_t *pos)
{
	struct list_head *at = ((struct list_head *)record)->next;

	++*pos;
	return at == head ? NULL : at;
}

#define DEFINE_SHOW_ATTRIBUTE(name) \
static int name##_open(struct inode *inode, struct file *file) \
{ \
	return single_open(file, name##_show, inode->i_private); \
} \
static const struct file_operations name##_fops = { \
	.owner = THIS_MODULE, .open = name##_open, .read = seq_read, .llseek = seq_lseek, .release = single_release, \
}
#define DEFINE_PROC_SHOW_ATTRIBUTE(name) \
static int name##_open(struct inode *inode, struct file *file) \
{ \
	return single_open(file, name##_show, inode->i_private); \
} \
static const struct proc_ops name##_proc_ops = { \
	.proc_open = name##_open, .proc_read = seq_read, .proc_lseek = seq_lseek, .proc_release = single_release, \
}

#endif
