//go:build !purego

#include "textflag.h"

// func hasAES() bool
TEXT ·hasAES(SB), NOSPLIT, $0-1
	MOVL $1, AX
	XORL CX, CX
	CPUID
	SHRL $25, CX
	ANDL $1, CX
	MOVB CX, ret+0(FP)
	RET

// func subWord(w uint32) uint32
TEXT ·subWord(SB), NOSPLIT, $0-12
	MOVL            w+0(FP), AX
	MOVQ            AX, X0
	PSHUFD          $0, X0, X0
	AESKEYGENASSIST $0, X0, X1
	MOVQ            X1, AX
	MOVL            AX, ret+8(FP)
	RET

// func inverseKeys(rounds int, dec, enc *schedule)
TEXT ·inverseKeys(SB), NOSPLIT, $0-24
	MOVQ  rounds+0(FP), CX
	MOVQ  dec+8(FP), DI
	MOVQ  enc+16(FP), SI
	MOVQ  CX, AX
	SHLQ  $4, AX
	ADDQ  AX, SI
	MOVOU (SI), X0
	MOVOU X0, (DI)
	DECQ  CX

inverse:
	SUBQ   $16, SI
	ADDQ   $16, DI
	MOVOU  (SI), X0
	AESIMC X0, X0
	MOVOU  X0, (DI)
	DECQ   CX
	JNZ    inverse
	MOVOU  -16(SI), X0
	MOVOU  X0, 16(DI)
	RET

// ALL applies op with X8, a round key, to the state of every lane.
#define ALL(op) \
	op X8, X0; \
	op X8, X1; \
	op X8, X2; \
	op X8, X3; \
	op X8, X4; \
	op X8, X5; \
	op X8, X6; \
	op X8, X7

// CHAIN adds a block of text to the state of a lane.
#define CHAIN(text, state) \
	MOVOU (text)(BX*1), X9; \
	PXOR  X9, state

// func encryptLanes(rounds int, keys *schedule, texts *[laneCount]*byte, blocks int)
//
// X0 to X7 are the lanes' states: the block of ciphertext that the next is chained to.
// All lanes load a block before one stores, so that lanes may be the same.
TEXT ·encryptLanes(SB), NOSPLIT, $0-32
	MOVQ texts+16(FP), AX
	MOVQ 0(AX), R8
	MOVQ 8(AX), R9
	MOVQ 16(AX), R10
	MOVQ 24(AX), R11
	MOVQ 32(AX), R12
	MOVQ 40(AX), R13
	MOVQ 48(AX), SI
	MOVQ 56(AX), DI
	MOVQ blocks+24(FP), CX
	XORQ BX, BX
	MOVOU (R8), X0
	MOVOU (R9), X1
	MOVOU (R10), X2
	MOVOU (R11), X3
	MOVOU (R12), X4
	MOVOU (R13), X5
	MOVOU (SI), X6
	MOVOU (DI), X7

encryptBlock:
	ADDQ  $16, BX
	MOVQ  keys+8(FP), AX
	MOVQ  rounds+0(FP), DX
	CHAIN(R8, X0)
	CHAIN(R9, X1)
	CHAIN(R10, X2)
	CHAIN(R11, X3)
	CHAIN(R12, X4)
	CHAIN(R13, X5)
	CHAIN(SI, X6)
	CHAIN(DI, X7)
	MOVOU (AX), X8
	ALL(PXOR)
	DECQ  DX

encryptRound:
	ADDQ  $16, AX
	MOVOU (AX), X8
	ALL(AESENC)
	DECQ  DX
	JNZ   encryptRound
	MOVOU 16(AX), X8
	ALL(AESENCLAST)
	MOVOU X0, (R8)(BX*1)
	MOVOU X1, (R9)(BX*1)
	MOVOU X2, (R10)(BX*1)
	MOVOU X3, (R11)(BX*1)
	MOVOU X4, (R12)(BX*1)
	MOVOU X5, (R13)(BX*1)
	MOVOU X6, (SI)(BX*1)
	MOVOU X7, (DI)(BX*1)
	DECQ  CX
	JNZ   encryptBlock
	RET

// UNCHAIN adds the block of ciphertext before its own to a decrypted one.
#define UNCHAIN(before, state) \
	MOVOU before(SI), X9; \
	PXOR  X9, state

// func decryptBlocks(rounds int, keys *schedule, dst, text *byte, blocks int)
//
// SI is at the block before those in work, X10 holds its ciphertext: in place, what
// came before is overwritten by now.
TEXT ·decryptBlocks(SB), NOSPLIT, $0-40
	MOVQ  dst+16(FP), DI
	MOVQ  text+24(FP), SI
	MOVQ  blocks+32(FP), CX
	MOVOU (SI), X10

decryptEight:
	CMPQ  CX, $8
	JLT   decryptOne
	MOVQ  keys+8(FP), AX
	MOVQ  rounds+0(FP), DX
	MOVOU 16(SI), X0
	MOVOU 32(SI), X1
	MOVOU 48(SI), X2
	MOVOU 64(SI), X3
	MOVOU 80(SI), X4
	MOVOU 96(SI), X5
	MOVOU 112(SI), X6
	MOVOU 128(SI), X7
	MOVOU (AX), X8
	ALL(PXOR)
	DECQ  DX

decryptRound:
	ADDQ  $16, AX
	MOVOU (AX), X8
	ALL(AESDEC)
	DECQ  DX
	JNZ   decryptRound
	MOVOU 16(AX), X8
	ALL(AESDECLAST)
	PXOR  X10, X0
	UNCHAIN(16, X1)
	UNCHAIN(32, X2)
	UNCHAIN(48, X3)
	UNCHAIN(64, X4)
	UNCHAIN(80, X5)
	UNCHAIN(96, X6)
	UNCHAIN(112, X7)
	MOVOU 128(SI), X10
	MOVOU X0, (DI)
	MOVOU X1, 16(DI)
	MOVOU X2, 32(DI)
	MOVOU X3, 48(DI)
	MOVOU X4, 64(DI)
	MOVOU X5, 80(DI)
	MOVOU X6, 96(DI)
	MOVOU X7, 112(DI)
	ADDQ  $128, SI
	ADDQ  $128, DI
	SUBQ  $8, CX
	JMP   decryptEight

decryptOne:
	TESTQ CX, CX
	JZ    decryptDone
	MOVQ  keys+8(FP), AX
	MOVQ  rounds+0(FP), DX
	MOVOU 16(SI), X0
	MOVOU X0, X1
	MOVOU (AX), X8
	PXOR  X8, X0
	DECQ  DX

decryptOneRound:
	ADDQ       $16, AX
	MOVOU      (AX), X8
	AESDEC     X8, X0
	DECQ       DX
	JNZ        decryptOneRound
	MOVOU      16(AX), X8
	AESDECLAST X8, X0
	PXOR       X10, X0
	MOVOU      X1, X10
	MOVOU      X0, (DI)
	ADDQ       $16, SI
	ADDQ       $16, DI
	DECQ       CX
	JMP        decryptOne

decryptDone:
	RET
