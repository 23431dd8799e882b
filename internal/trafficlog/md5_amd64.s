#include "textflag.h"

// Eight MD5 computations side by side, one in each 32-bit lane of the AVX2 registers (RFC
// 1321, section 3.4). Y0 to Y3 hold a, b, c, d; the stack holds the block's 16 words, each
// for all lanes; CX points to the constants, each eight times. The state has room for
// sixteen lanes.

// ROTATE turns a left by s, and adds b.
#define ROTATE(a, b, s) \
	VPSLLD $(s), a, Y5      \
	VPSRLD $(32-(s)), a, a  \
	VPOR   Y5, a, a         \
	VPADDD b, a, a

// ADD adds word m of the block and constant k to a.
#define ADD(a, m, k) \
	VPADDD ((m)*32)(SP), a, a \
	VPADDD ((k)*32)(CX), a, a

#define ROUND1(a, b, c, d, m, k, s) \
	ADD(a, m, k)     \
	VPXOR  c, d, Y4  \
	VPAND  b, Y4, Y4 \
	VPXOR  d, Y4, Y4 \
	VPADDD Y4, a, a  \
	ROTATE(a, b, s)

#define ROUND2(a, b, c, d, m, k, s) \
	ADD(a, m, k)     \
	VPXOR  b, c, Y4  \
	VPAND  d, Y4, Y4 \
	VPXOR  c, Y4, Y4 \
	VPADDD Y4, a, a  \
	ROTATE(a, b, s)

#define ROUND3(a, b, c, d, m, k, s) \
	ADD(a, m, k)     \
	VPXOR  c, d, Y4  \
	VPXOR  b, Y4, Y4 \
	VPADDD Y4, a, a  \
	ROTATE(a, b, s)

// Y15 has all bits set.
#define ROUND4(a, b, c, d, m, k, s) \
	ADD(a, m, k)      \
	VPXOR  d, Y15, Y4 \
	VPOR   b, Y4, Y4  \
	VPXOR  c, Y4, Y4  \
	VPADDD Y4, a, a   \
	ROTATE(a, b, s)

// LOAD takes eight words at off of each lane's block and puts them, word by word for all
// lanes, onto the stack: the transpose of a square of 8 by 8.
#define LOAD(off) \
	VMOVDQU    (off)(R8), Y0     \
	VMOVDQU    (off)(R9), Y1     \
	VMOVDQU    (off)(R10), Y2    \
	VMOVDQU    (off)(R11), Y3    \
	VMOVDQU    (off)(R12), Y4    \
	VMOVDQU    (off)(R13), Y5    \
	VMOVDQU    (off)(SI), Y6     \
	VMOVDQU    (off)(DI), Y7     \
	VPUNPCKLDQ Y1, Y0, Y8        \
	VPUNPCKHDQ Y1, Y0, Y9        \
	VPUNPCKLDQ Y3, Y2, Y10       \
	VPUNPCKHDQ Y3, Y2, Y11       \
	VPUNPCKLDQ Y5, Y4, Y12       \
	VPUNPCKHDQ Y5, Y4, Y13       \
	VPUNPCKLDQ Y7, Y6, Y14       \
	VPUNPCKHDQ Y7, Y6, Y7        \
	VPUNPCKLQDQ Y10, Y8, Y0      \
	VPUNPCKHQDQ Y10, Y8, Y1      \
	VPUNPCKLQDQ Y11, Y9, Y2      \
	VPUNPCKHQDQ Y11, Y9, Y3      \
	VPUNPCKLQDQ Y14, Y12, Y4     \
	VPUNPCKHQDQ Y14, Y12, Y5     \
	VPUNPCKLQDQ Y7, Y13, Y6      \
	VPUNPCKHQDQ Y7, Y13, Y8      \
	VPERM2I128 $0x20, Y4, Y0, Y9  \
	VPERM2I128 $0x20, Y5, Y1, Y10 \
	VPERM2I128 $0x20, Y6, Y2, Y11 \
	VPERM2I128 $0x20, Y8, Y3, Y12 \
	VPERM2I128 $0x31, Y4, Y0, Y13 \
	VPERM2I128 $0x31, Y5, Y1, Y14 \
	VPERM2I128 $0x31, Y6, Y2, Y2  \
	VPERM2I128 $0x31, Y8, Y3, Y3  \
	VMOVDQU    Y9, (off*8+0)(SP)    \
	VMOVDQU    Y10, (off*8+32)(SP)  \
	VMOVDQU    Y11, (off*8+64)(SP)  \
	VMOVDQU    Y12, (off*8+96)(SP)  \
	VMOVDQU    Y13, (off*8+128)(SP) \
	VMOVDQU    Y14, (off*8+160)(SP) \
	VMOVDQU    Y2, (off*8+192)(SP)  \
	VMOVDQU    Y3, (off*8+224)(SP)

// func md5Eight(state *[4][lanes]uint32, data *[lanes]*byte, blocks int, constants *[64][8]uint32)
TEXT ·md5Eight(SB), NOSPLIT, $512-32
	MOVQ state+0(FP), AX
	MOVQ data+8(FP), DX
	MOVQ blocks+16(FP), BX
	MOVQ constants+24(FP), CX

	MOVQ 0(DX), R8
	MOVQ 8(DX), R9
	MOVQ 16(DX), R10
	MOVQ 24(DX), R11
	MOVQ 32(DX), R12
	MOVQ 40(DX), R13
	MOVQ 48(DX), SI
	MOVQ 56(DX), DI

block:
	LOAD(0)
	LOAD(32)
	VPCMPEQD Y15, Y15, Y15
	VMOVDQU  0(AX), Y0
	VMOVDQU  64(AX), Y1
	VMOVDQU  128(AX), Y2
	VMOVDQU  192(AX), Y3

	ROUND1(Y0, Y1, Y2, Y3, 0, 0, 7)
	ROUND1(Y3, Y0, Y1, Y2, 1, 1, 12)
	ROUND1(Y2, Y3, Y0, Y1, 2, 2, 17)
	ROUND1(Y1, Y2, Y3, Y0, 3, 3, 22)
	ROUND1(Y0, Y1, Y2, Y3, 4, 4, 7)
	ROUND1(Y3, Y0, Y1, Y2, 5, 5, 12)
	ROUND1(Y2, Y3, Y0, Y1, 6, 6, 17)
	ROUND1(Y1, Y2, Y3, Y0, 7, 7, 22)
	ROUND1(Y0, Y1, Y2, Y3, 8, 8, 7)
	ROUND1(Y3, Y0, Y1, Y2, 9, 9, 12)
	ROUND1(Y2, Y3, Y0, Y1, 10, 10, 17)
	ROUND1(Y1, Y2, Y3, Y0, 11, 11, 22)
	ROUND1(Y0, Y1, Y2, Y3, 12, 12, 7)
	ROUND1(Y3, Y0, Y1, Y2, 13, 13, 12)
	ROUND1(Y2, Y3, Y0, Y1, 14, 14, 17)
	ROUND1(Y1, Y2, Y3, Y0, 15, 15, 22)

	ROUND2(Y0, Y1, Y2, Y3, 1, 16, 5)
	ROUND2(Y3, Y0, Y1, Y2, 6, 17, 9)
	ROUND2(Y2, Y3, Y0, Y1, 11, 18, 14)
	ROUND2(Y1, Y2, Y3, Y0, 0, 19, 20)
	ROUND2(Y0, Y1, Y2, Y3, 5, 20, 5)
	ROUND2(Y3, Y0, Y1, Y2, 10, 21, 9)
	ROUND2(Y2, Y3, Y0, Y1, 15, 22, 14)
	ROUND2(Y1, Y2, Y3, Y0, 4, 23, 20)
	ROUND2(Y0, Y1, Y2, Y3, 9, 24, 5)
	ROUND2(Y3, Y0, Y1, Y2, 14, 25, 9)
	ROUND2(Y2, Y3, Y0, Y1, 3, 26, 14)
	ROUND2(Y1, Y2, Y3, Y0, 8, 27, 20)
	ROUND2(Y0, Y1, Y2, Y3, 13, 28, 5)
	ROUND2(Y3, Y0, Y1, Y2, 2, 29, 9)
	ROUND2(Y2, Y3, Y0, Y1, 7, 30, 14)
	ROUND2(Y1, Y2, Y3, Y0, 12, 31, 20)

	ROUND3(Y0, Y1, Y2, Y3, 5, 32, 4)
	ROUND3(Y3, Y0, Y1, Y2, 8, 33, 11)
	ROUND3(Y2, Y3, Y0, Y1, 11, 34, 16)
	ROUND3(Y1, Y2, Y3, Y0, 14, 35, 23)
	ROUND3(Y0, Y1, Y2, Y3, 1, 36, 4)
	ROUND3(Y3, Y0, Y1, Y2, 4, 37, 11)
	ROUND3(Y2, Y3, Y0, Y1, 7, 38, 16)
	ROUND3(Y1, Y2, Y3, Y0, 10, 39, 23)
	ROUND3(Y0, Y1, Y2, Y3, 13, 40, 4)
	ROUND3(Y3, Y0, Y1, Y2, 0, 41, 11)
	ROUND3(Y2, Y3, Y0, Y1, 3, 42, 16)
	ROUND3(Y1, Y2, Y3, Y0, 6, 43, 23)
	ROUND3(Y0, Y1, Y2, Y3, 9, 44, 4)
	ROUND3(Y3, Y0, Y1, Y2, 12, 45, 11)
	ROUND3(Y2, Y3, Y0, Y1, 15, 46, 16)
	ROUND3(Y1, Y2, Y3, Y0, 2, 47, 23)

	ROUND4(Y0, Y1, Y2, Y3, 0, 48, 6)
	ROUND4(Y3, Y0, Y1, Y2, 7, 49, 10)
	ROUND4(Y2, Y3, Y0, Y1, 14, 50, 15)
	ROUND4(Y1, Y2, Y3, Y0, 5, 51, 21)
	ROUND4(Y0, Y1, Y2, Y3, 12, 52, 6)
	ROUND4(Y3, Y0, Y1, Y2, 3, 53, 10)
	ROUND4(Y2, Y3, Y0, Y1, 10, 54, 15)
	ROUND4(Y1, Y2, Y3, Y0, 1, 55, 21)
	ROUND4(Y0, Y1, Y2, Y3, 8, 56, 6)
	ROUND4(Y3, Y0, Y1, Y2, 15, 57, 10)
	ROUND4(Y2, Y3, Y0, Y1, 6, 58, 15)
	ROUND4(Y1, Y2, Y3, Y0, 13, 59, 21)
	ROUND4(Y0, Y1, Y2, Y3, 4, 60, 6)
	ROUND4(Y3, Y0, Y1, Y2, 11, 61, 10)
	ROUND4(Y2, Y3, Y0, Y1, 2, 62, 15)
	ROUND4(Y1, Y2, Y3, Y0, 9, 63, 21)

	VPADDD  0(AX), Y0, Y0
	VPADDD  64(AX), Y1, Y1
	VPADDD  128(AX), Y2, Y2
	VPADDD  192(AX), Y3, Y3
	VMOVDQU Y0, 0(AX)
	VMOVDQU Y1, 64(AX)
	VMOVDQU Y2, 128(AX)
	VMOVDQU Y3, 192(AX)

	ADDQ $64, R8
	ADDQ $64, R9
	ADDQ $64, R10
	ADDQ $64, R11
	ADDQ $64, R12
	ADDQ $64, R13
	ADDQ $64, SI
	ADDQ $64, DI
	DECQ BX
	JNE  block
	VZEROUPPER
	RET
