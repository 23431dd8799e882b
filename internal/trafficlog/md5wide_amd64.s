#include "textflag.h"

// Sixteen MD5 computations side by side, one in each 32-bit lane of the AVX-512 registers
// (RFC 1321, section 3.4). Z0 to Z3 hold a, b, c, d; Z16 to Z31 the block's 16 words, each
// for all lanes; CX points to the constants.

// STEP is one step: f is the truth table of the round's function of b, c and d.
#define STEP(a, b, c, d, m, k, s, f) \
	VPADDD.BCST ((k)*4)(CX), a, a \
	VPADDD      m, a, a           \
	VMOVDQA32   b, Z4             \
	VPTERNLOGD  $f, d, c, Z4      \
	VPADDD      Z4, a, a          \
	VPROLD      $s, a, a          \
	VPADDD      b, a, a

// PAIRS mixes the words of two lanes: lo gets the first halves of each 128 bits, hi the
// second ones.
#define PAIRS(x, y, lo, hi) \
	VPUNPCKLDQ y, x, lo \
	VPUNPCKHDQ y, x, hi

#define QUADS(x, y, lo, hi) \
	VPUNPCKLQDQ y, x, lo \
	VPUNPCKHQDQ y, x, hi

// FOUR reads a block of four lanes and leaves words 0, 4, 8, 12 in w0, then 1, 5, 9, 13
// in w1, and so on: each word of the four lanes in 128 bits.
#define FOUR(p, w0, w1, w2, w3) \
	MOVQ      (p)(DX), R8      \
	MOVQ      (p+8)(DX), R9    \
	MOVQ      (p+16)(DX), R10  \
	MOVQ      (p+24)(DX), R11  \
	VMOVDQU32 (R8)(SI*1), Z4   \
	VMOVDQU32 (R9)(SI*1), Z5   \
	VMOVDQU32 (R10)(SI*1), Z6  \
	VMOVDQU32 (R11)(SI*1), Z7  \
	PAIRS(Z4, Z5, Z8, Z9)      \
	PAIRS(Z6, Z7, Z10, Z11)    \
	QUADS(Z8, Z10, w0, w1)     \
	QUADS(Z9, Z11, w2, w3)

// SPREAD makes four words of all lanes out of the four registers that hold them for four
// lanes each.
#define SPREAD(x0, x1, x2, x3) \
	VSHUFI32X4 $0x44, x1, x0, Z4 \
	VSHUFI32X4 $0xee, x1, x0, Z5 \
	VSHUFI32X4 $0x44, x3, x2, Z6 \
	VSHUFI32X4 $0xee, x3, x2, Z7 \
	VSHUFI32X4 $0x88, Z6, Z4, x0 \
	VSHUFI32X4 $0xdd, Z6, Z4, x1 \
	VSHUFI32X4 $0x88, Z7, Z5, x2 \
	VSHUFI32X4 $0xdd, Z7, Z5, x3

// func md5Sixteen(state *[4][lanes]uint32, data *[lanes]*byte, blocks int, constants *[64]uint32)
TEXT ·md5Sixteen(SB), NOSPLIT, $0-32
	MOVQ state+0(FP), AX
	MOVQ data+8(FP), DX
	MOVQ blocks+16(FP), BX
	MOVQ constants+24(FP), CX
	XORQ SI, SI

	VMOVDQU32 0(AX), Z0
	VMOVDQU32 64(AX), Z1
	VMOVDQU32 128(AX), Z2
	VMOVDQU32 192(AX), Z3

block:
	FOUR(0, Z16, Z17, Z18, Z19)
	FOUR(32, Z20, Z21, Z22, Z23)
	FOUR(64, Z24, Z25, Z26, Z27)
	FOUR(96, Z28, Z29, Z30, Z31)

	// Word i is now in Z(16 + i%4), Z20…, Z24…, Z28… at quarter i/4.
	SPREAD(Z16, Z20, Z24, Z28)
	SPREAD(Z17, Z21, Z25, Z29)
	SPREAD(Z18, Z22, Z26, Z30)
	SPREAD(Z19, Z23, Z27, Z31)

	// Word i is in Z(16 + i%4 + i/4*4).
	VMOVDQA32 Z0, Z12
	VMOVDQA32 Z1, Z13
	VMOVDQA32 Z2, Z14
	VMOVDQA32 Z3, Z15

	STEP(Z0, Z1, Z2, Z3, Z16, 0, 7, 0xca)
	STEP(Z3, Z0, Z1, Z2, Z17, 1, 12, 0xca)
	STEP(Z2, Z3, Z0, Z1, Z18, 2, 17, 0xca)
	STEP(Z1, Z2, Z3, Z0, Z19, 3, 22, 0xca)
	STEP(Z0, Z1, Z2, Z3, Z20, 4, 7, 0xca)
	STEP(Z3, Z0, Z1, Z2, Z21, 5, 12, 0xca)
	STEP(Z2, Z3, Z0, Z1, Z22, 6, 17, 0xca)
	STEP(Z1, Z2, Z3, Z0, Z23, 7, 22, 0xca)
	STEP(Z0, Z1, Z2, Z3, Z24, 8, 7, 0xca)
	STEP(Z3, Z0, Z1, Z2, Z25, 9, 12, 0xca)
	STEP(Z2, Z3, Z0, Z1, Z26, 10, 17, 0xca)
	STEP(Z1, Z2, Z3, Z0, Z27, 11, 22, 0xca)
	STEP(Z0, Z1, Z2, Z3, Z28, 12, 7, 0xca)
	STEP(Z3, Z0, Z1, Z2, Z29, 13, 12, 0xca)
	STEP(Z2, Z3, Z0, Z1, Z30, 14, 17, 0xca)
	STEP(Z1, Z2, Z3, Z0, Z31, 15, 22, 0xca)

	STEP(Z0, Z1, Z2, Z3, Z17, 16, 5, 0xe4)
	STEP(Z3, Z0, Z1, Z2, Z22, 17, 9, 0xe4)
	STEP(Z2, Z3, Z0, Z1, Z27, 18, 14, 0xe4)
	STEP(Z1, Z2, Z3, Z0, Z16, 19, 20, 0xe4)
	STEP(Z0, Z1, Z2, Z3, Z21, 20, 5, 0xe4)
	STEP(Z3, Z0, Z1, Z2, Z26, 21, 9, 0xe4)
	STEP(Z2, Z3, Z0, Z1, Z31, 22, 14, 0xe4)
	STEP(Z1, Z2, Z3, Z0, Z20, 23, 20, 0xe4)
	STEP(Z0, Z1, Z2, Z3, Z25, 24, 5, 0xe4)
	STEP(Z3, Z0, Z1, Z2, Z30, 25, 9, 0xe4)
	STEP(Z2, Z3, Z0, Z1, Z19, 26, 14, 0xe4)
	STEP(Z1, Z2, Z3, Z0, Z24, 27, 20, 0xe4)
	STEP(Z0, Z1, Z2, Z3, Z29, 28, 5, 0xe4)
	STEP(Z3, Z0, Z1, Z2, Z18, 29, 9, 0xe4)
	STEP(Z2, Z3, Z0, Z1, Z23, 30, 14, 0xe4)
	STEP(Z1, Z2, Z3, Z0, Z28, 31, 20, 0xe4)

	STEP(Z0, Z1, Z2, Z3, Z21, 32, 4, 0x96)
	STEP(Z3, Z0, Z1, Z2, Z24, 33, 11, 0x96)
	STEP(Z2, Z3, Z0, Z1, Z27, 34, 16, 0x96)
	STEP(Z1, Z2, Z3, Z0, Z30, 35, 23, 0x96)
	STEP(Z0, Z1, Z2, Z3, Z17, 36, 4, 0x96)
	STEP(Z3, Z0, Z1, Z2, Z20, 37, 11, 0x96)
	STEP(Z2, Z3, Z0, Z1, Z23, 38, 16, 0x96)
	STEP(Z1, Z2, Z3, Z0, Z26, 39, 23, 0x96)
	STEP(Z0, Z1, Z2, Z3, Z29, 40, 4, 0x96)
	STEP(Z3, Z0, Z1, Z2, Z16, 41, 11, 0x96)
	STEP(Z2, Z3, Z0, Z1, Z19, 42, 16, 0x96)
	STEP(Z1, Z2, Z3, Z0, Z22, 43, 23, 0x96)
	STEP(Z0, Z1, Z2, Z3, Z25, 44, 4, 0x96)
	STEP(Z3, Z0, Z1, Z2, Z28, 45, 11, 0x96)
	STEP(Z2, Z3, Z0, Z1, Z31, 46, 16, 0x96)
	STEP(Z1, Z2, Z3, Z0, Z18, 47, 23, 0x96)

	STEP(Z0, Z1, Z2, Z3, Z16, 48, 6, 0x39)
	STEP(Z3, Z0, Z1, Z2, Z23, 49, 10, 0x39)
	STEP(Z2, Z3, Z0, Z1, Z30, 50, 15, 0x39)
	STEP(Z1, Z2, Z3, Z0, Z21, 51, 21, 0x39)
	STEP(Z0, Z1, Z2, Z3, Z28, 52, 6, 0x39)
	STEP(Z3, Z0, Z1, Z2, Z19, 53, 10, 0x39)
	STEP(Z2, Z3, Z0, Z1, Z26, 54, 15, 0x39)
	STEP(Z1, Z2, Z3, Z0, Z17, 55, 21, 0x39)
	STEP(Z0, Z1, Z2, Z3, Z24, 56, 6, 0x39)
	STEP(Z3, Z0, Z1, Z2, Z31, 57, 10, 0x39)
	STEP(Z2, Z3, Z0, Z1, Z22, 58, 15, 0x39)
	STEP(Z1, Z2, Z3, Z0, Z29, 59, 21, 0x39)
	STEP(Z0, Z1, Z2, Z3, Z20, 60, 6, 0x39)
	STEP(Z3, Z0, Z1, Z2, Z27, 61, 10, 0x39)
	STEP(Z2, Z3, Z0, Z1, Z18, 62, 15, 0x39)
	STEP(Z1, Z2, Z3, Z0, Z25, 63, 21, 0x39)

	VPADDD Z12, Z0, Z0
	VPADDD Z13, Z1, Z1
	VPADDD Z14, Z2, Z2
	VPADDD Z15, Z3, Z3

	ADDQ $64, SI
	DECQ BX
	JNE  block

	VMOVDQU32 Z0, 0(AX)
	VMOVDQU32 Z1, 64(AX)
	VMOVDQU32 Z2, 128(AX)
	VMOVDQU32 Z3, 192(AX)
	VZEROUPPER
	RET
