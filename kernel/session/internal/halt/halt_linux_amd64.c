#define _GNU_SOURCE
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <ucontext.h>
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
static uintptr_t target, preempt, find;
static struct sigaction urg, trap, fpe; // the runtime's own
static uintptr_t last_pc, last_sp;      // of the thread that goes in steps
static uintptr_t callee_sp;             // its stack just after a call; 0: it has not called
static int steps, probes;

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

static void on_urg(int sig, siginfo_t *info, void *context) {
	regs r = ((ucontext_t *)context)->uc_mcontext.gregs;
	int stepping = STEPPING;
	if (r[REG_EFL] & TF) { // the goroutine may be preempted
		r[REG_EFL] &= ~TF;
		atomic_compare_exchange_strong(word, &stepping, ARMED);
		urg.sa_sigaction(sig, info, context);
		return;
	}
	if (atomic_load(word) != ARMED || (uintptr_t)r[REG_R14] != target) {
		urg.sa_sigaction(sig, info, context);
		return;
	}
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
	if (atomic_load(word) != STEPPING || (uintptr_t)r[REG_R14] != target || ++steps > STEPS)
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
			siginfo_t fault;
			memset(&fault, 0, sizeof fault);
			fault.si_signo = SIGFPE;
			fault.si_code = FPE_FLTINV;
			fault.si_addr = (void *)pc;
			atomic_store(word, DONE);
			fpe.sa_sigaction(SIGFPE, &fault, context);
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

int halt_install(uintptr_t offset, uintptr_t findfunc, int32_t *state) {
	preempt = offset;
	find = findfunc;
	word = (atomic_int *)state;
	if (sigaction(SIGFPE, NULL, &fpe) != 0 || !(fpe.sa_flags & SA_SIGINFO) || install(SIGTRAP, on_trap, &trap) != 0)
		return -1;
	return install(SIGURG, on_urg, &urg);
}

void halt_target(uintptr_t g) { target = g; }
