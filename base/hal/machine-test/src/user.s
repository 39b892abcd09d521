# What the tests run in user mode; copied to a user page.
.section .rodata.user, "a", @progbits
.balign 16
.global user_begin, user_end_of_code, user_exceptions, user_migrant, user_spin

user_begin:
    mov eax, 39
    syscall
2:  mov eax, 1
    mov edi, 7
    syscall
    dec rbx
    jnz 2b
    movss xmm3, [rip + 3f]
    ud2
3:  .long 0x3f800000

user_spin:
    inc r15
    jmp user_spin

user_exceptions:
    int3
    xor eax, eax
    div eax                     # at + 3
    int 0x80                    # at + 5
    hlt                         # at + 7
    mov rax, 0x8000000000000000 # at + 8
    mov [rax], rax              # at + 18
    mov eax, 0x2b               # at + 21
    mov ss, eax
    syscall

# rbx: a number of one's own, which also stands at fs:0 and gs:0.
user_migrant:
    movq xmm5, rbx
    movq xmm13, rbx
2:  mov ecx, 100
3:  dec ecx
    jnz 3b
    movq rax, xmm5
    cmp rax, rbx
    jne 4f
    movq rax, xmm13
    cmp rax, rbx
    jne 4f
    mov rax, fs:[0]
    cmp rax, rbx
    jne 4f
    mov rax, gs:[0]
    cmp rax, rbx
    jne 4f
    inc r14
    test r14, 3
    jnz 2b
    syscall
    jmp 2b
4:  ud2
user_end_of_code:
.text
