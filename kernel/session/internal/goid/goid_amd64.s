#include "textflag.h"

// func Current() uintptr
TEXT ·Current(SB), NOSPLIT, $0-8
	MOVQ (TLS), AX
	MOVQ AX, ret+0(FP)
	RET

// func Depth() uintptr
TEXT ·Depth(SB), NOSPLIT, $0-8
	MOVQ (TLS), AX
	MOVQ 8(AX), AX // the upper end of g's stack, which stands first in it
	SUBQ SP, AX
	MOVQ AX, ret+0(FP)
	RET

// func code() uintptr
TEXT ·code(SB), NOSPLIT, $0-8
	LEAQ ·Current(SB), AX
	MOVQ AX, ret+0(FP)
	RET
