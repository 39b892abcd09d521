# landing_call(landing rdi, function rsi, arguments rdx: *const [u64; 6]) -> rax: its result; rdx: 0, or 1 if it landed.
# The landing is hung on the running context and taken off again; what a callee must preserve is on the stack, so that
# a fault in the function can go on at landing_land as if it had returned.
.section .text.entry, "ax", @progbits
.balign 16
.global landing_call
landing_call:
    push rbp
    mov rbp, rsp
    push rbx
    push r12
    push r13
    push r14
    push r15
    sub rsp, 8
    mov rax, gs:[{running}]
    lea rbx, [rax + {slot}]
    mov rax, [rbx]
    mov [rdi + {previous}], rax
    mov [rdi + {slot_of}], rbx
    mov [rdi + {sp}], rsp
    mov [rdi + {frame_pointer}], rbp
    pushfq
    pop qword ptr [rdi + {flags}]
    mov eax, gs:[{preempt_count}]
    mov [rdi + {preempt}], eax
    mov [rbx], rdi
    mov r12, rdi
    mov rax, rsi
    mov r10, rdx
    mov rdi, [r10]
    mov rsi, [r10 + 8]
    mov rdx, [r10 + 16]
    mov rcx, [r10 + 24]
    mov r8, [r10 + 32]
    mov r9, [r10 + 40]
    cld
    call rax
    xor edx, edx
1:  mov rcx, [r12 + {previous}]
    mov [rbx], rcx
    add rsp, 8
    pop r15
    pop r14
    pop r13
    pop r12
    pop rbx
    pop rbp
    ret
# A fault's way out: rsp, rbp, rbx, r12 and the flags are those of the call above.
.global landing_land
landing_land:
    mov edx, 1
    xor eax, eax
    jmp 1b
# landing_leave(landing rdi): gives up the frames below and goes on as above. Interrupts are off, the count is right.
.global landing_leave
landing_leave:
    mov rsp, [rdi + {sp}]
    mov rbp, [rdi + {frame_pointer}]
    mov rbx, [rdi + {slot_of}]
    mov r12, rdi
    push qword ptr [rdi + {flags}]
    popfq
    jmp landing_land
.text
