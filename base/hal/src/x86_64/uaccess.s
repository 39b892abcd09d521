# Access to user memory: each instruction that may fault has an entry in the exception table. Entries must stay in the
# order of their instructions (the search is binary), which they do if each follows its instruction.

.macro EX label, fixup
    .pushsection .ex_table, "a", @progbits
    .quad \label
    .quad \fixup
    .popsection
.endm

# Opens and closes user memory on CPUs with SMAP; 3-byte nops else (patched by the boot CPU).
.macro USER_OPEN
781:
    .byte 0x0f, 0x1f, 0x00
    .pushsection .altinstr, "a", @progbits
    .quad 781b
    .quad 0
    .popsection
.endm
.macro USER_CLOSE
782:
    .byte 0x0f, 0x1f, 0x00
    .pushsection .altinstr, "a", @progbits
    .quad 782b
    .quad 1
    .popsection
.endm

.section .text.entry, "ax", @progbits

# copy_user_raw(dst rdi, src rsi, length rdx) -> bytes not copied. Either side may be user memory. rep movsq and not
# movsb also where the CPU has ERMS: both are its fast path then, and without it only the former is.
.balign 64
.global hal_copy_user
hal_copy_user:
    USER_OPEN
    cmp rdx, 64
    jae 3f
    mov ecx, edx
    shr ecx, 3
    jz 2f
21: mov rax, [rsi]
    EX 21b, 90f
22: mov [rdi], rax
    EX 22b, 90f
    add rsi, 8
    add rdi, 8
    dec ecx
    jnz 21b
2:  and edx, 7
    jnz 4f
    USER_CLOSE
    xor eax, eax
    ret
3:  mov rcx, rdx
    shr rcx, 3
    and edx, 7
31: rep movsq
    EX 31b, 91f
    test edx, edx
    jnz 4f
    USER_CLOSE
    xor eax, eax
    ret
4:  test edx, 4                         # the last 1 to 7 bytes
    jz 5f
41: mov eax, [rsi]
    EX 41b, 92f
42: mov [rdi], eax
    EX 42b, 92f
    add rsi, 4
    add rdi, 4
5:  test edx, 2
    jz 6f
51: movzx eax, word ptr [rsi]
    EX 51b, 93f
52: mov [rdi], ax
    EX 52b, 93f
    add rsi, 2
    add rdi, 2
6:  test edx, 1
    jz 7f
61: mov al, [rsi]
    EX 61b, 94f
62: mov [rdi], al
    EX 62b, 94f
7:  USER_CLOSE
    xor eax, eax
    ret
# After a fault: what is left, then byte by byte up to the very byte that faults.
90: lea ecx, [rcx*8]
    and edx, 7
    add edx, ecx
    jmp 95f
91: lea rdx, [rdx + rcx*8]
    jmp 95f
92: and edx, 7
    jmp 95f
93: and edx, 3
    jmp 95f
94: and edx, 1
95: mov al, [rsi]
    EX 95b, 97f
96: mov [rdi], al
    EX 96b, 97f
    inc rsi
    inc rdi
    dec rdx
    jnz 95b
97: USER_CLOSE
    mov rax, rdx
    ret

# zero_user_raw(dst rdi, length rsi) -> bytes not zeroed.
.balign 16
.global hal_zero_user
hal_zero_user:
    USER_OPEN
    xor eax, eax
    mov rcx, rsi
    shr rcx, 3
    and esi, 7
21: rep stosq
    EX 21b, 3f
    mov ecx, esi
2:  rep stosb
    EX 2b, 4f
    USER_CLOSE
    mov rax, rcx
    ret
3:  lea rcx, [rsi + rcx*8]
    jmp 2b
4:  USER_CLOSE
    mov rax, rcx
    ret

# read_N(address rdi, to rsi) -> 0, or 1 on a fault.
.macro READER name, load, store
.balign 16
.global \name
\name:
    USER_OPEN
21: \load
    EX 21b, hal_user_fault
    USER_CLOSE
    \store
    xor eax, eax
    ret
.endm
READER hal_read_u8, "mov al, [rdi]", "mov [rsi], al"
READER hal_read_u16, "mov ax, [rdi]", "mov [rsi], ax"
READER hal_read_u32, "mov eax, [rdi]", "mov [rsi], eax"
READER hal_read_u64, "mov rax, [rdi]", "mov [rsi], rax"

# write_N(address rdi, value rsi) -> 0, or 1 on a fault.
.macro WRITER name, store
.balign 16
.global \name
\name:
    USER_OPEN
21: \store
    EX 21b, hal_user_fault
    USER_CLOSE
    xor eax, eax
    ret
.endm
WRITER hal_write_u8, "mov [rdi], sil"
WRITER hal_write_u16, "mov [rdi], si"
WRITER hal_write_u32, "mov [rdi], esi"
WRITER hal_write_u64, "mov [rdi], rsi"

# cmpxchg_u32(address rdi, expected esi, new edx, found rcx: *mut u32) -> 0, or 1 on a fault.
.balign 16
.global hal_cmpxchg_u32
hal_cmpxchg_u32:
    USER_OPEN
    mov eax, esi
21: lock cmpxchg [rdi], edx
    EX 21b, hal_user_fault
    USER_CLOSE
    mov [rcx], eax
    xor eax, eax
    ret

# exchange_if_u64(address rdi, expected rsi, new rdx) -> rax: what was there; rdx: 0, or 1 on a fault. Kernel memory that
# may be missing: user memory stays closed.
.balign 16
.global hal_exchange_if_u64
hal_exchange_if_u64:
    mov rax, rsi
21: lock cmpxchg [rdi], rdx
    EX 21b, 3f
    xor edx, edx
    ret
3:  mov edx, 1
    ret

# xadd/xchg for futex operations: rmw_u32(address rdi, operand esi, found rdx: *mut u32) -> 0, or 1 on a fault.
.balign 16
.global hal_xchg_u32
hal_xchg_u32:
    USER_OPEN
21: xchg [rdi], esi
    EX 21b, hal_user_fault
    USER_CLOSE
    mov [rdx], esi
    xor eax, eax
    ret
.balign 16
.global hal_xadd_u32
hal_xadd_u32:
    USER_OPEN
21: lock xadd [rdi], esi
    EX 21b, hal_user_fault
    USER_CLOSE
    mov [rdx], esi
    xor eax, eax
    ret

hal_user_fault:
    USER_CLOSE
    mov eax, 1
    ret

# strncpy_user(dst rdi, src rsi, limit rdx) -> length without the NUL, which is copied; limit when there is none within
# it; -1 on a fault. A word at a time where the source is aligned.
.balign 16
.global hal_strncpy_user
hal_strncpy_user:
    USER_OPEN
    push rbx
    mov r8, rdi
    mov r9, 0x0101010101010101
    mov r10, 0x8080808080808080
21: test rdx, rdx
    jz 6f
    test esi, 7
    jz 3f
2:  mov al, [rsi]
    EX 2b, 8f
    mov [rdi], al
    test al, al
    jz 6f
    inc rsi
    inc rdi
    dec rdx
    jmp 21b
3:  cmp rdx, 8
    jb 2b
31: mov rax, [rsi]                      # aligned: never crosses into another page
    EX 31b, 8f
    mov rcx, rax
    mov rbx, rax
    sub rcx, r9
    not rbx
    and rcx, rbx
    and rcx, r10
    jnz 4f
    mov [rdi], rax
    add rsi, 8
    add rdi, 8
    sub rdx, 8
    jnz 3b
    jmp 6f
4:  bsf rcx, rcx                        # the NUL's place in the word
    shr ecx, 3
5:  mov [rdi], al
    inc rdi
    shr rax, 8
    dec ecx
    jns 5b
    dec rdi
6:  USER_CLOSE
    mov rax, rdi
    sub rax, r8
    pop rbx
    ret
8:  USER_CLOSE
    mov rax, -1
    pop rbx
    ret

# strnlen_user(src rdi, limit rsi) -> length without the NUL; limit when there is none within it; -1 on a fault.
.balign 16
.global hal_strnlen_user
hal_strnlen_user:
    USER_OPEN
    xor eax, eax
21: cmp rax, rsi
    jae 3f
2:  cmp byte ptr [rdi + rax], 0
    EX 2b, 4f
    je 3f
    inc rax
    jmp 21b
3:  USER_CLOSE
    ret
4:  USER_CLOSE
    mov rax, -1
    ret
.text
