#include "textflag.h"

// func call32() int32
TEXT ·call32(SB), NOSPLIT, $0-4
	MOVL $20, AX
	INT  $0x80
	MOVL AX, ret+0(FP)
	RET
