#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>
#include "halt.h"

// The way of a goroutine to its end:
//
//   SIGURG comes while it computes. The runtime's own handler says whether it may be preempted here, by pushing a call. That is taken back,
//   and the thread goes on step by step.
//   SIGTRAP comes after each step. After a call the runtime's handler is asked again: if it would preempt here, the callee has done nothing
//   yet. If it defers nothing either, the runtime's handler of SIGFPE makes it panic.
//   Any other call ends the attempt: the runtime's own functions are never gone through in steps.

#define TF 0x100
#define STEPS 5000  // of one attempt: some milliseconds
#define PROLOGUE 8  // instructions in which a callee checks its stack

enum { OFF, ARMED, STEPPING, DONE, ENDED }; // as in halt.go

static atomic_int *word;
static atomic_uintptr_t *held;
static uintptr_t target, preempt, find;
static struct sigaction urg, trap, fpe, segv; // the runtime's own
static uintptr_t last_pc, last_sp;      // of the thread that goes in steps
static uintptr_t callee_sp;             // its stack just after a call; 0: it has not called
static int steps, probes;
static atomic_int thread; // that ran the goroutine when a signal last came to it

typedef greg_t *regs;

// Go's calling convention takes the argument and returns the result in AX, and keeps nothing but SP and BP.
static uintptr_t deferreturn(uintptr_t pc) {
	uintptr_t f = pc;
	__asm__ volatile("subq $256, %%rsp\n\txorps %%xmm15, %%xmm15\n\tcall *%[fn]\n\taddq $256, %%rsp"
		: "+a"(f) : [fn] "m"(find)
		: "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "memory", "cc",
		"xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
	return f ? ((uint32_t *)f)[3] : 1;
}

// would_preempt asks the runtime. What it says, the place where the goroutine would go on, is left in RIP, and nothing else is changed.
static int would_preempt(siginfo_t *info, void *context, regs r) {
	uintptr_t pc = r[REG_RIP], sp = r[REG_RSP], below = ((uintptr_t *)sp)[-1];
	*(volatile uint8_t *)(target + preempt) = 1;
	siginfo_t own;
	memset(&own, 0, sizeof own);
	own.si_signo = SIGURG;
	own.si_code = SI_TKILL;
	urg.sa_sigaction(SIGURG, info ? info : &own, context);
	if ((uintptr_t)r[REG_RSP] != sp - 8 || (uintptr_t)r[REG_RIP] == pc)
		return 0;
	r[REG_RIP] = *(uintptr_t *)(sp - 8);
	r[REG_RSP] = sp;
	((uintptr_t *)sp)[-1] = below;
	return 1;
}

// make_panic has the runtime make a goroutine panic where it is: its handler of SIGFPE does, for what Go code never raises on this machine.
static void make_panic(void *context, regs r) {
	siginfo_t fault;
	memset(&fault, 0, sizeof fault);
	fault.si_signo = SIGFPE;
	fault.si_code = FPE_FLTINV;
	fault.si_addr = (void *)r[REG_RIP];
	fpe.sa_sigaction(SIGFPE, &fault, context);
}

static void on_urg(int sig, siginfo_t *info, void *context) {
	regs r = ((ucontext_t *)context)->uc_mcontext.gregs;
	int stepping = STEPPING;
	if (r[REG_EFL] & TF) { // the goroutine may be preempted
		r[REG_EFL] &= ~TF;
		atomic_compare_exchange_strong(word, &stepping, ARMED);
		urg.sa_sigaction(sig, info, context);
		return;
	}
	if (atomic_load(word) != ARMED || (uintptr_t)r[REG_R14] != target || atomic_load(held) == target) {
		urg.sa_sigaction(sig, info, context);
		return;
	}
	atomic_store(&thread, (int)syscall(SYS_gettid));
	if (!would_preempt(info, context, r))
		return;
	int armed = ARMED;
	if (!atomic_compare_exchange_strong(word, &armed, STEPPING))
		return;
	steps = 0;
	callee_sp = 0;
	last_pc = r[REG_RIP];
	last_sp = r[REG_RSP];
	r[REG_EFL] |= TF;
}

static void on_trap(int sig, siginfo_t *info, void *context) {
	regs r = ((ucontext_t *)context)->uc_mcontext.gregs;
	if (!(r[REG_EFL] & TF)) { // a breakpoint of somebody else
		trap.sa_sigaction(sig, info, context);
		return;
	}
	uintptr_t pc = r[REG_RIP], sp = r[REG_RSP];
	if (atomic_load(word) != STEPPING || (uintptr_t)r[REG_R14] != target || atomic_load(held) == target || ++steps > STEPS)
		goto stop;
	int called = sp == last_sp - 8 && *(uintptr_t *)sp - last_pc - 2 <= 5 && pc - last_pc > 15;
	last_pc = pc;
	last_sp = sp;
	if (called) {
		if (callee_sp)
			goto stop;
		callee_sp = sp;
		probes = 0;
	}
	if (callee_sp) {
		if (sp != callee_sp || ++probes > PROLOGUE)
			goto stop;
		if (would_preempt(NULL, context, r)) {
			if ((uintptr_t)r[REG_RIP] != pc || deferreturn(pc) != 0) {
				r[REG_RIP] = pc;
				goto stop;
			}
			r[REG_EFL] &= ~TF;
			atomic_store(word, DONE);
			make_panic(context, r);
			return;
		}
	}
	return;
stop:
	r[REG_EFL] &= ~TF;
	int stepping = STEPPING;
	atomic_compare_exchange_strong(word, &stepping, ARMED);
}

static int install(int sig, void (*handler)(int, siginfo_t *, void *), struct sigaction *runtimes) {
	struct sigaction old, own;
	if (sigaction(sig, NULL, &old) != 0 || !(old.sa_flags & SA_SIGINFO) || old.sa_sigaction == NULL)
		return -1;
	if (old.sa_sigaction == handler)
		return 0;
	*runtimes = own = old;
	own.sa_sigaction = handler;
	return sigaction(sig, &own, NULL);
}

int halt_install(uintptr_t offset, uintptr_t findfunc, int32_t *state, uintptr_t *hold) {
	preempt = offset;
	find = findfunc;
	word = (atomic_int *)state;
	held = (atomic_uintptr_t *)hold;
	if (sigaction(SIGFPE, NULL, &fpe) != 0 || !(fpe.sa_flags & SA_SIGINFO) || install(SIGTRAP, on_trap, &trap) != 0)
		return -1;
	return install(SIGURG, on_urg, &urg);
}

void halt_target(uintptr_t g) { target = g; }

int halt_thread(void) { return atomic_load(&thread); }

// Polls. A goroutine that is made to panic at one is where a load may fault, before anything that comes behind it is done.

#define PAGE 4096
#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

enum { IDLE, AIMED, HITTING, HIT };

static uintptr_t polled; // what polls load, at the begin of a page
static atomic_int aim;
static struct goroutines {
	int room;
	_Atomic(uintptr_t) g[];
} *_Atomic stops; // those that are to panic

static int is_to_stop(uintptr_t g) {
	struct goroutines *all = atomic_load(&stops);
	for (int i = 0; all && i < all->room; i++)
		if (atomic_load(&all->g[i]) == g)
			return 1;
	return 0;
}

// load is the length of the instruction if it loads 32 bits into a register, else 0.
static int load(const uint8_t *code) {
	int n = (*code & 0xf0) == 0x40; // REX
	if (code[n] != 0x8b)
		return 0;
	int mode = code[n + 1] >> 6, base = code[n + 1] & 7;
	n += 2;
	if (mode == 3)
		return 0;
	if (base == 4)
		base = code[n++] & 7;
	return mode == 1 ? n + 1 : mode == 2 || base == 5 ? n + 4 : n;
}

static void on_segv(int sig, siginfo_t *info, void *context) {
	regs r = ((ucontext_t *)context)->uc_mcontext.gregs;
	int length = 0;
	if (info->si_code == SEGV_ACCERR && (uintptr_t)info->si_addr == polled)
		length = load((uint8_t *)r[REG_RIP]);
	if (!length) {
		segv.sa_sigaction(sig, info, context);
		return;
	}
	int aimed = AIMED;
	if (!is_to_stop(r[REG_R14]) || !atomic_compare_exchange_strong(&aim, &aimed, HITTING)) {
		r[REG_RIP] += length; // nobody uses what it loads
		return;
	}
	mprotect((void *)polled, PAGE, PROT_READ);
	atomic_store(&aim, HIT);
	if (r[REG_EFL] & TF) {
		int stepping = STEPPING;
		r[REG_EFL] &= ~TF;
		atomic_compare_exchange_strong(word, &stepping, ARMED);
	}
	make_panic(context, r);
}

int halt_polls(uintptr_t at) {
	void *page = mmap((void *)at, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	if (page == MAP_FAILED)
		return -1;
	polled = (uintptr_t)page;
	if (polled != at || sigaction(SIGFPE, NULL, &fpe) != 0 || !(fpe.sa_flags & SA_SIGINFO)) {
		munmap(page, PAGE);
		return -1;
	}
	return install(SIGSEGV, on_segv, &segv);
}

int halt_aim(const uintptr_t *g, int n) {
	struct goroutines *all = atomic_load(&stops);
	if (!all || n > all->room) { // a handler may still look into the smaller one
		all = calloc(1, sizeof *all + 2 * n * sizeof *g);
		if (!all)
			return 0;
		all->room = 2 * n;
	}
	for (int i = 0; i < all->room; i++)
		atomic_store(&all->g[i], i < n ? g[i] : 0);
	atomic_store(&stops, all);
	if (atomic_load(&aim) != IDLE)
		return 0;
	atomic_store(&aim, AIMED);
	mprotect((void *)polled, PAGE, PROT_NONE);
	return 1;
}

void halt_withdraw(void) {
	int now = atomic_load(&aim);
	while (now == HITTING || now != IDLE && !atomic_compare_exchange_strong(&aim, &now, IDLE)) {
		sched_yield();
		now = atomic_load(&aim);
	}
	if (now == AIMED)
		mprotect((void *)polled, PAGE, PROT_READ);
}

int halt_hit(void) { return atomic_load(&aim) >= HITTING; }
