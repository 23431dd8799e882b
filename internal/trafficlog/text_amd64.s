#include "textflag.h"

// A nibble's digit.
DATA digits<>+0(SB)/8, $"01234567"
DATA digits<>+8(SB)/8, $"89abcdef"
GLOBL digits<>(SB), RODATA|NOPTR, $16

DATA nibble<>+0(SB)/8, $0x0f0f0f0f0f0f0f0f
DATA nibble<>+8(SB)/8, $0x0f0f0f0f0f0f0f0f
GLOBL nibble<>(SB), RODATA|NOPTR, $16

// func hexBlocks(dst, src *byte, blocks int)
TEXT ·hexBlocks(SB), NOSPLIT, $0-24
	MOVQ    dst+0(FP), DI
	MOVQ    src+8(FP), SI
	MOVQ    blocks+16(FP), CX
	VMOVDQU digits<>(SB), X14
	VMOVDQU nibble<>(SB), X15

hex:
	VMOVDQU    (SI), X0
	VPSRLQ     $4, X0, X1
	VPAND      X15, X0, X0  // second digits
	VPAND      X15, X1, X1  // first digits
	VPUNPCKLBW X0, X1, X2
	VPUNPCKHBW X0, X1, X3
	VPSHUFB    X2, X14, X2
	VPSHUFB    X3, X14, X3
	VMOVDQU    X2, (DI)
	VMOVDQU    X3, 16(DI)
	ADDQ       $16, SI
	ADDQ       $32, DI
	DECQ       CX
	JNE        hex
	VZEROUPPER
	RET

DATA bounds<>+0(SB)/4, $0x1f1f1f1f // below the space
DATA bounds<>+4(SB)/4, $0x7e7e7e7e // the tilde
DATA bounds<>+8(SB)/4, $0x08080808 // below the tab
DATA bounds<>+12(SB)/4, $0x0d0d0d0d // carriage return
GLOBL bounds<>(SB), RODATA|NOPTR, $16

// func printableBlocks(src *byte, blocks int) bool
TEXT ·printableBlocks(SB), NOSPLIT, $0-17
	MOVQ         src+0(FP), SI
	MOVQ         blocks+8(FP), CX
	VPBROADCASTD bounds<>+0(SB), Y12
	VPBROADCASTD bounds<>+4(SB), Y13
	VPBROADCASTD bounds<>+8(SB), Y14
	VPBROADCASTD bounds<>+12(SB), Y15

	// The comparisons are signed: bytes from 0x80 on are below everything.
text:
	VMOVDQU   (SI), Y0
	VPCMPGTB  Y12, Y0, Y1 // 0x1f < c
	VPCMPGTB  Y13, Y0, Y2 // 0x7e < c
	VPANDN    Y1, Y2, Y1  // a character
	VPCMPGTB  Y14, Y0, Y3 // 0x08 < c
	VPCMPGTB  Y15, Y0, Y4 // 0x0d < c
	VPANDN    Y3, Y4, Y3  // white space
	VPOR      Y3, Y1, Y1
	VPMOVMSKB Y1, AX
	CMPL      AX, $-1
	JNE       no
	ADDQ      $32, SI
	DECQ      CX
	JNE       text
	VZEROUPPER
	MOVB      $1, ret+16(FP)
	RET

no:
	VZEROUPPER
	MOVB $0, ret+16(FP)
	RET
