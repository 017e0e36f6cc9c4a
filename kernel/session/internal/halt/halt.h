#include <stdint.h>

int halt_install(uintptr_t preempt, uintptr_t findfunc, int32_t *word);
void halt_target(uintptr_t g);
