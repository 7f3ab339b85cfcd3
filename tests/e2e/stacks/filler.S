/* SPDX-License-Identifier: GPL-2.0-only */
/* 140,000 functions, each of five rows of unwind information: more than one chunk of tables holds. */
	.text
	.rept 140000
	.cfi_startproc
	push %rbx
	.cfi_adjust_cfa_offset 8
	push %rbp
	.cfi_adjust_cfa_offset 8
	.cfi_offset %rbp, -24
	pop %rbp
	.cfi_adjust_cfa_offset -8
	.cfi_restore %rbp
	pop %rbx
	.cfi_adjust_cfa_offset -8
	ret
	.cfi_endproc
	.endr
	.section .note.GNU-stack, "", @progbits
