# memcpy, memmove, memset, memcmp, bcmp. Strong symbols: they win over the compiler's weak byte loops. 8-byte moves for
# what is short, string instructions above 64 bytes (no SSE: the kernel leaves the user's registers alone).

.section .text.entry, "ax", @progbits

.balign 64
.global memmove
memmove:
    mov rax, rdi
    sub rax, rsi
    cmp rax, rdx
    jb 7f                               # dst inside src: from the end
    # falls into memcpy, which copies upwards and loads the tail first: right for dst below src
.global memcpy
memcpy:
    mov rax, rdi
    cmp rdx, 16
    jb 4f
    cmp rdx, 64
    ja 3f
    cmp rdx, 32
    ja 2f
    mov rcx, [rsi]
    mov r8, [rsi + 8]
    mov r9, [rsi + rdx - 16]
    mov r10, [rsi + rdx - 8]
    mov [rdi], rcx
    mov [rdi + 8], r8
    mov [rdi + rdx - 16], r9
    mov [rdi + rdx - 8], r10
    ret
2:  mov r8, [rsi + rdx - 32]
    mov r9, [rsi + rdx - 24]
    mov r10, [rsi + rdx - 16]
    mov r11, [rsi + rdx - 8]
    mov rcx, [rsi]
    mov [rdi], rcx
    mov rcx, [rsi + 8]
    mov [rdi + 8], rcx
    mov rcx, [rsi + 16]
    mov [rdi + 16], rcx
    mov rcx, [rsi + 24]
    mov [rdi + 24], rcx
    mov [rdi + rdx - 32], r8
    mov [rdi + rdx - 24], r9
    mov [rdi + rdx - 16], r10
    mov [rdi + rdx - 8], r11
    ret
3:  mov rcx, rdx
    mov r8, [rsi + rdx - 8]
    shr rcx, 3
    rep movsq
    mov [rax + rdx - 8], r8
    ret
4:  cmp edx, 8
    jb 5f
    mov rcx, [rsi]
    mov r8, [rsi + rdx - 8]
    mov [rdi], rcx
    mov [rdi + rdx - 8], r8
    ret
5:  cmp edx, 4
    jb 6f
    mov ecx, [rsi]
    mov r8d, [rsi + rdx - 4]
    mov [rdi], ecx
    mov [rdi + rdx - 4], r8d
    ret
6:  test edx, edx
    jz 61f
    movzx ecx, byte ptr [rsi]
    movzx r8d, byte ptr [rsi + rdx - 1]
    shr edx, 1
    movzx r9d, byte ptr [rsi + rdx]
    mov [rdi + rdx], r9b
    jnc 62f
    mov [rdi + rdx*2], r8b              # length 1 or 3
    mov [rdi], cl
    ret
62: mov [rdi + 1], r8b                  # length 2
    mov [rdi], cl
61: ret
7:  mov rax, rdi
    cmp rdx, 32
    jbe 8f
    mov rcx, [rsi]                      # the head, loaded first and stored last
71: mov r8, [rsi + rdx - 8]
    mov r9, [rsi + rdx - 16]
    mov [rdi + rdx - 8], r8
    mov [rdi + rdx - 16], r9
    sub rdx, 16
    cmp rdx, 16
    jae 71b
    test edx, 8
    jz 72f
    mov r8, [rsi + rdx - 8]
    mov [rdi + rdx - 8], r8
72: mov [rdi], rcx
    ret
8:  cmp rdx, 16                         # up to 32: all loads come before all stores in memcpy
    jae memcpy
    jmp 4b

.balign 64
.global memset
memset:
    mov r9, rdi
    movzx eax, sil
    mov r8, 0x0101010101010101
    imul rax, r8
    cmp rdx, 16
    jb 3f
    cmp rdx, 64
    ja 2f
    mov [rdi], rax
    mov [rdi + 8], rax
    mov [rdi + rdx - 16], rax
    mov [rdi + rdx - 8], rax
    cmp rdx, 32
    jbe 21f
    mov [rdi + 16], rax
    mov [rdi + 24], rax
    mov [rdi + rdx - 32], rax
    mov [rdi + rdx - 24], rax
21: mov rax, r9
    ret
2:  mov rcx, rdx
    mov [rdi + rdx - 8], rax
    shr rcx, 3
    rep stosq
    mov rax, r9
    ret
3:  test edx, 8
    jz 4f
    mov [rdi], rax
    mov [rdi + rdx - 8], rax
    mov rax, r9
    ret
4:  test edx, 4
    jz 5f
    mov [rdi], eax
    mov [rdi + rdx - 4], eax
    mov rax, r9
    ret
5:  test edx, edx
    jz 6f
    mov [rdi], al
    mov [rdi + rdx - 1], al
    shr edx, 1
    mov [rdi + rdx], al
6:  mov rax, r9
    ret

.balign 64
.global memcmp
.global bcmp
memcmp:
bcmp:
    cmp rdx, 8
    jb 4f
2:  mov rax, [rdi]
    mov rcx, [rsi]
    cmp rax, rcx
    jne 3f
    add rdi, 8
    add rsi, 8
    sub rdx, 8
    cmp rdx, 8
    jae 2b
    test rdx, rdx
    jz 5f
    # The last 1 to 7 bytes, together with equal ones before them.
    mov rax, [rdi + rdx - 8]
    mov rcx, [rsi + rdx - 8]
    cmp rax, rcx
    je 5f
3:  bswap rax
    bswap rcx
    cmp rax, rcx
    sbb eax, eax
    or eax, 1
    ret
4:  test edx, edx
    jz 5f
41: movzx eax, byte ptr [rdi]
    movzx ecx, byte ptr [rsi]
    sub eax, ecx
    jnz 6f
    inc rdi
    inc rsi
    dec edx
    jnz 41b
5:  xor eax, eax
6:  ret
.text
