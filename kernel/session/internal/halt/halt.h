#include <stdint.h>

int halt_install(uintptr_t preempt, uintptr_t findfunc, int32_t *word, uintptr_t *held);
void halt_target(uintptr_t g);

int halt_polls(uintptr_t polled);
int halt_aim(const uintptr_t *goroutines, int n);
void halt_withdraw(void);
int halt_hit(void);
int halt_thread(void);
