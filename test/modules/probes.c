// SPDX-License-Identifier: MIT OR Apache-2.0
// kprobes in the module's own functions: what handlers see and change, what is refused, every sort of instruction, many at a time.
#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/kprobes.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/ptrace.h>
#include <linux/sched.h>

extern int probes_data;
int probes_data = 1;

noinline int probes_add(int a, int b);
noinline int probes_add(int a, int b)
{
	barrier();
	return a + b + probes_data - 1;
}

noinline int probes_many(long a, long b, long c, long d, long e, long f, long g, long h);
noinline int probes_many(long a, long b, long c, long d, long e, long f, long g, long h)
{
	barrier();
	return a + b + c + d + e + f + g + h;
}

noinline int probes_hidden(int a);
noinline int probes_hidden(int a)
{
	barrier();
	return a + probes_data;
}
NOKPROBE_SYMBOL(probes_hidden);

static int before(struct kprobe *p, struct pt_regs *regs)
{
	pr_info("probes: before %s: %d %d, user %d, address %d, atomic %d\n", p->symbol_name,
		(int)regs_get_kernel_argument(regs, 0), (int)regs_get_kernel_argument(regs, 1), user_mode(regs),
		instruction_pointer(regs) == (unsigned long)p->addr + 1, in_atomic());
	return 0;
}

static void behind(struct kprobe *p, struct pt_regs *regs, unsigned long flags)
{
	pr_info("probes: behind %s: flags %lx\n", p->symbol_name, flags);
}

static int changing(struct kprobe *p, struct pt_regs *regs)
{
	regs->di = 100;
	return 0;
}

// As if the function had returned.
static int returning(struct kprobe *p, struct pt_regs *regs)
{
	regs->ip = *(unsigned long *)kernel_stack_pointer(regs);
	regs->sp += 8;
	regs_set_return_value(regs, -7);
	return 1;
}

static int nothing(struct kprobe *p, struct pt_regs *regs)
{
	return 0;
}

static int looking(struct kprobe *p, struct pt_regs *regs)
{
	pr_info("probes: eight are %ld %ld %ld %ld %ld %ld %ld %ld\n", regs_get_kernel_argument(regs, 0), regs_get_kernel_argument(regs, 1),
		regs_get_kernel_argument(regs, 2), regs_get_kernel_argument(regs, 3), regs_get_kernel_argument(regs, 4),
		regs_get_kernel_argument(regs, 5), regs_get_kernel_argument(regs, 6), regs_get_kernel_argument(regs, 7));
	return 0;
}

static struct kprobe first = { .symbol_name = "probes_add", .pre_handler = before, .post_handler = behind };
static struct kprobe second = { .symbol_name = "probes:probes_add", .pre_handler = before };

static void handlers(void)
{
	struct kprobe change = { .addr = (kprobe_opcode_t *)probes_add, .pre_handler = changing };
	struct kprobe back = { .addr = (kprobe_opcode_t *)probes_add, .pre_handler = returning };
	struct kprobe eight = { .symbol_name = "probes_many", .pre_handler = looking };
	int answer = register_kprobe(&first);

	pr_info("probes: registered %d, address %d, missed %lu, flags %x\n", answer, first.addr == (void *)probes_add, first.nmissed,
		first.flags & (KPROBE_FLAG_GONE | KPROBE_FLAG_DISABLED));
	pr_info("probes: added %d\n", probes_add(1, 2));
	pr_info("probes: second %d\n", register_kprobe(&second));
	pr_info("probes: added %d\n", probes_add(3, 4));
	answer = disable_kprobe(&first);
	pr_info("probes: disabled %d %d\n", answer, kprobe_disabled(&first));
	pr_info("probes: added %d\n", probes_add(5, 6));
	answer = enable_kprobe(&first);
	pr_info("probes: enabled %d %d\n", answer, kprobe_disabled(&first));
	unregister_kprobe(&second);
	pr_info("probes: added %d\n", probes_add(7, 8));
	unregister_kprobe(&first);
	pr_info("probes: added %d, address still there %d, disabled %d\n", probes_add(9, 10), first.addr == (void *)probes_add,
		kprobe_disabled(&first));
	answer = register_kprobe(&change);
	pr_info("probes: changing %d, added %d\n", answer, probes_add(11, 12));
	unregister_kprobe(&change);
	answer = register_kprobe(&back);
	pr_info("probes: returning %d, added %d\n", answer, probes_add(13, 14));
	unregister_kprobe(&back);
	answer = register_kprobe(&eight);
	pr_info("probes: eight %d, sum %d\n", answer, probes_many(1, 2, 3, 4, 5, 6, 7, 8));
	unregister_kprobe(&eight);
	pr_info("probes: added %d\n", probes_add(15, 16));
}

static int try(const char *name, void *at, unsigned int offset)
{
	struct kprobe p = { .symbol_name = name, .addr = at, .offset = offset, .pre_handler = nothing };
	int answer = register_kprobe(&p);

	if (!answer)
		unregister_kprobe(&p);
	return answer;
}

static void refused(void)
{
	struct kprobe off = { .symbol_name = "probes_add", .pre_handler = before, .flags = KPROBE_FLAG_DISABLED };
	struct kprobe *both[2] = { &first, &second }, *bad[2] = { &first, &off };

	pr_info("probes: both %d, none %d, unknown %d\n", try("probes_add", probes_add, 0), try(NULL, NULL, 0), try("probes_nosuch", NULL, 0));
	pr_info("probes: inside %d, nowhere %d, data %d\n", try("probes_add", NULL, 2), try(NULL, (void *)0x1234, 0), try(NULL, &probes_data, 0));
	pr_info("probes: hidden %d, other module %d\n", try("probes_hidden", NULL, 0), try("nosuch:probes_add", NULL, 0));
	first.addr = second.addr = NULL;
	pr_info("probes: none of them %d %d\n", register_kprobes(both, 0), register_kprobes(both, -1));
	pr_info("probes: two %d\n", register_kprobes(both, 2));
	pr_info("probes: enabled twice %d %d\n", enable_kprobe(&first), enable_kprobe(&first));
	unregister_kprobes(both, 2);
	pr_info("probes: not there %d %d\n", enable_kprobe(&first), disable_kprobe(&first));
	// The second of these has both a name and an address.
	first.addr = NULL;
	off.addr = (void *)probes_add;
	pr_info("probes: all or none %d\n", register_kprobes(bad, 2));
	off.addr = first.addr = NULL;
	pr_info("probes: off %d, disabled %d, added %d\n", register_kprobe(&off), kprobe_disabled(&off), probes_add(1, 1));
	pr_info("probes: on %d\n", enable_kprobe(&off));
	pr_info("probes: added %d\n", probes_add(2, 2));
	unregister_kprobe(&off);
	unregister_kprobe(&off);
	pr_info("probes: twice %d\n", off.addr == NULL);
}

static struct kprobe inner = { .symbol_name = "probes_many", .pre_handler = nothing };

static int calling(struct kprobe *p, struct pt_regs *regs)
{
	probes_many(1, 1, 1, 1, 1, 1, 1, 1);
	return 0;
}

static void nested(void)
{
	struct kprobe outer = { .symbol_name = "probes_add", .pre_handler = calling };
	int answer = register_kprobe(&inner);

	pr_info("probes: outer %d, inner %d\n", register_kprobe(&outer), answer);
	answer = probes_add(1, 2) + probes_add(3, 4);
	pr_info("probes: added %d, missed %lu %lu\n", answer, outer.nmissed, inner.nmissed);
	unregister_kprobe(&outer);
	unregister_kprobe(&inner);
}

// Instructions of many sorts, and where each stands.
extern long probes_forms(long a);
extern const u8 probes_places[], probes_places_end[];
asm(".text\n"
    ".type probes_forms, @function\n"
    "probes_forms:\n"
    ".Lp0: push %rbx\n"
    ".Lp1: lea probes_data(%rip), %rax\n"
    ".Lp2: movslq (%rax), %rax\n"
    ".Lp3: mov $0x1122334455667788, %rcx\n"
    ".Lp4: cmpl $1, probes_data(%rip)\n"
    ".Lp5: jne .Lbad\n"
    ".Lp6: test %rdi, %rdi\n"
    ".Lp7: je .Lzero\n"
    ".Lp8: add $5, %rax\n"
    ".Lp9: call probes_callee\n"
    ".Lzero:\n"
    ".Lp10: jmp .Lout\n"
    ".Lbad: mov $-1, %rax\n"
    ".Lout:\n"
    ".Lp11: mov %rdi, %rbx\n"
    ".Lp12: imul $3, %rbx, %rbx\n"
    ".Lp13: push %rbx\n"
    ".Lp14: add (%rsp), %rax\n"
    ".Lp15: nopl 0(%rax,%rax,1)\n"
    ".Lp16: pop %rbx\n"
    ".Lp17: xor %rcx, %rax\n"
    ".Lp18: mov %gs:0, %ecx\n"
    ".Lp19: pop %rbx\n"
    ".Lp20: ret\n"
    ".size probes_forms, . - probes_forms\n"
    ".type probes_callee, @function\n"
    "probes_callee:\n"
    ".Lp21: shl $2, %rax\n"
    ".Lp22: ret\n"
    ".size probes_callee, . - probes_callee\n"
    ".section .rodata\n"
    "probes_places:\n"
    ".irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22\n"
    ".byte .Lp\\n - probes_forms\n"
    ".endr\n"
    "probes_places_end:\n"
    ".text\n");

static int hits, ends;

static int hit(struct kprobe *p, struct pt_regs *regs)
{
	hits++;
	return 0;
}

static void over(struct kprobe *p, struct pt_regs *regs, unsigned long flags)
{
	ends++;
}

static void forms(void)
{
	int count = probes_places_end - probes_places, i, bad = 0, inside = 0;
	long one = probes_forms(7), zero = probes_forms(0);

	for (i = 0; i < count; i++) {
		struct kprobe p = { .addr = (void *)probes_forms + probes_places[i], .pre_handler = hit };
		int pass;

		// With and without a handler behind it: Linux takes another way then.
		for (pass = 0; pass < 2; pass++) {
			int answer = register_kprobe(&p);

			hits = ends = 0;
			if (answer || probes_forms(7) != one || probes_forms(0) != zero || hits != 2 - (i == 8 || i == 9 || i > 20)
			    || (pass && ends != hits)) {
				pr_info("probes: form %d is wrong: %d, hits %d %d\n", i, answer, hits, ends);
				bad++;
			}
			if (!answer)
				unregister_kprobe(&p);
			p.post_handler = over;
			p.flags = 0;
		}
		if (i == 1 || i == 3)
			inside += try(NULL, (void *)probes_forms + probes_places[i] + 1, 0) == -EILSEQ;
	}
	pr_info("probes: forms %d, wrong %d, inside %d, %lx %lx\n", count, bad, inside, one, zero);
}

#define THREADS 4
#define ROUNDS 2000
static atomic_t calls, wrong, left;
static atomic_long_t counted;
static DECLARE_COMPLETION(done);

static int counting(struct kprobe *p, struct pt_regs *regs)
{
	atomic_long_inc(&counted);
	return 0;
}

static int caller(void *unused)
{
	int i;

	for (i = 0; i < ROUNDS; i++) {
		if (probes_add(i, 1) != i + 1)
			atomic_inc(&wrong);
		atomic_inc(&calls);
		if (i % 64 == 0)
			cond_resched();
	}
	if (atomic_dec_and_test(&left))
		complete(&done);
	return 0;
}

static void start(void)
{
	int i;

	reinit_completion(&done);
	atomic_set(&left, THREADS);
	for (i = 0; i < THREADS; i++) {
		struct task_struct *thread = kthread_create(caller, NULL, "probes/%d", i);

		if (IS_ERR(thread))
			return;
		kthread_bind(thread, i % num_online_cpus());
		wake_up_process(thread);
	}
}

static void together(void)
{
	struct kprobe p = { .symbol_name = "probes_add", .pre_handler = counting };
	int i, answer = register_kprobe(&p), failed = 0;

	start();
	wait_for_completion(&done);
	pr_info("probes: together %d, calls %d, counted %ld, missed %lu, wrong %d\n", answer, atomic_read(&calls), atomic_long_read(&counted),
		p.nmissed, atomic_read(&wrong));
	unregister_kprobe(&p);
	start();
	for (i = 0; i < 20; i++) {
		p.addr = NULL;
		p.flags = 0;
		failed += register_kprobe(&p) != 0;
		if (i % 4 == 0)
			failed += disable_kprobe(&p) != 0 || enable_kprobe(&p) != 0;
		unregister_kprobe(&p);
	}
	wait_for_completion(&done);
	pr_info("probes: coming and going: failed %d, calls %d, wrong %d\n", failed, atomic_read(&calls), atomic_read(&wrong));
}

noinline int probes_deep(int depth);
noinline int probes_deep(int depth)
{
	int answer = depth > 0 ? probes_deep(depth - 1) : 0;

	barrier();
	return answer + 1;
}

struct seen {
	int argument;
};

static int entered(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	struct seen *seen = (struct seen *)instance->data;

	seen->argument = regs_get_kernel_argument(regs, 0);
	// The third is not told.
	return seen->argument == 3;
}

static int left_it(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	struct kretprobe *rp = get_kretprobe(instance);

	pr_info("probes: %s(%d) returned %ld\n", rp->kp.symbol_name, ((struct seen *)instance->data)->argument, regs_return_value(regs));
	return 0;
}

static int twice_as_much(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	regs_set_return_value(regs, 2 * regs_return_value(regs));
	return 0;
}

static int count_return(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	atomic_long_inc(&counted);
	return 0;
}

static void returns(void)
{
	struct kretprobe deep = { .kp.symbol_name = "probes_deep", .handler = left_it, .entry_handler = entered, .data_size = sizeof(struct seen) };
	struct kretprobe twice = { .kp.symbol_name = "probes_deep", .handler = twice_as_much };
	struct kretprobe few = { .kp.symbol_name = "probes_deep", .handler = left_it, .entry_handler = entered, .maxactive = 2,
				 .data_size = sizeof(struct seen) };
	struct kretprobe bad = { .kp.symbol_name = "probes_deep", .handler = left_it, .data_size = 5000 };
	struct kretprobe within = { .kp.symbol_name = "probes_forms", .kp.offset = 1, .handler = left_it };
	struct kretprobe busy = { .kp.symbol_name = "probes_add", .handler = count_return, .maxactive = 64 };
	struct kretprobe *both[2] = { &deep, &twice };
	int answer = register_kretprobe(&deep);

	pr_info("probes: returns %d, enough %d\n", answer, deep.maxactive >= 2);
	pr_info("probes: deep %d\n", probes_deep(4));
	answer = disable_kretprobe(&deep);
	pr_info("probes: off %d, deep %d\n", answer, probes_deep(1));
	pr_info("probes: on %d\n", enable_kretprobe(&deep));
	unregister_kretprobe(&deep);
	deep.kp.addr = NULL;
	deep.kp.flags = 0;
	pr_info("probes: both %d\n", register_kretprobes(both, 2));
	pr_info("probes: deep %d\n", probes_deep(1));
	unregister_kretprobes(both, 2);
	answer = register_kretprobe(&few);
	pr_info("probes: few %d, deep %d\n", answer, probes_deep(2));
	pr_info("probes: missed %d\n", few.nmissed);
	unregister_kretprobe(&few);
	pr_info("probes: too much data %d, not a beginning %d\n", register_kretprobe(&bad), register_kretprobe(&within));
	pr_info("probes: deep %d\n", probes_deep(4));
	atomic_long_set(&counted, 0);
	atomic_set(&calls, 0);
	answer = register_kretprobe(&busy);
	start();
	wait_for_completion(&done);
	unregister_kretprobe(&busy);
	pr_info("probes: busy %d, calls %d, counted %ld, missed %d, wrong %d\n", answer, atomic_read(&calls), atomic_long_read(&counted),
		busy.nmissed, atomic_read(&wrong));
}

static int __init probes_init(void)
{
	handlers();
	refused();
	nested();
	forms();
	together();
	returns();
	return 0;
}

static void __exit probes_exit(void)
{
	pr_info("probes: gone\n");
}

module_init(probes_init);
module_exit(probes_exit);
MODULE_LICENSE("GPL");
