# All ways into the kernel after boot, and the way to user mode.
#
# The frame that every way builds, from high to low addresses (TrapFrame, and the head of UserRegs):
#   ss rsp rflags cs rip | error/orig_rax | rdi rsi rdx rcx rax r8 r9 r10 r11 rbx rbp r12 r13 r14 r15 | vector
# From user mode it is built right inside the thread's UserRegs, because rsp0 of the TSS points at its end.

# The general registers but rdi.
.macro PUSH_GENERAL
    push rsi
    push rdx
    push rcx
    push rax
    push r8
    push r9
    push r10
    push r11
    push rbx
    push rbp
    push r12
    push r13
    push r14
    push r15
.endm

# Pushes what stands between a vector's stub (which pushed error and rdi, and has the vector in edi) and Rust.
.macro PUSH_REST
    PUSH_GENERAL
    push rdi
.endm

.macro POP_ALL
    add rsp, 8
    pop r15
    pop r14
    pop r13
    pop r12
    pop rbp
    pop rbx
    pop r11
    pop r10
    pop r9
    pop r8
    pop rax
    pop rcx
    pop rdx
    pop rsi
    pop rdi
    add rsp, 8
.endm

# clac or stac once the CPU is known to have SMAP (the boot CPU patches these), else a 3-byte nop.
.macro CLAC
771:
    .byte 0x0f, 0x1f, 0x00
    .pushsection .altinstr, "a", @progbits
    .quad 771b
    .quad 1
    .popsection
.endm

# Leaves user mode: back into enter_user's caller, with rax as its result. The stack is where enter_user left it.
.macro RETURN_TO_CALLER
    add rsp, 24
    pop r15
    pop r14
    pop r13
    pop r12
    pop rbx
    pop rbp
    ret
.endm

.macro RETURN_TO_RUN
    mov rsp, gs:[{kernel_sp}]
    RETURN_TO_CALLER
.endm

.section .text.entry, "ax", @progbits

# ---- system calls ---------------------------------------------------------------------------------------------------
.balign 64
.global syscall_entry
syscall_entry:
    swapgs
    mov gs:[{scratch}], rsp
    mov rsp, gs:[{rsp0}]
    push {user_ss}
    push qword ptr gs:[{scratch}]
    push r11
    push {user_cs}
    push rcx
    push rax
    push rdi
    PUSH_GENERAL
    mov rsp, gs:[{kernel_sp}]
    lea rbp, [rsp + 64]                 # enter_user's frame: backtraces go on there
    mov rdi, [rsp + 8]
    call [rsp + 16]                     # call(caller) -> straight back?, interrupts off
    # rbx and r12 to r15 are the user's own again, as the ABI has it. Straight back only if no other context ran on this
    # CPU since (nor this one on another), and to a place and with flags that sysret may have.
    test al, al
    jz 4f
    cmp qword ptr gs:[{user_live}], 0
    je 4f
    mov rdi, [rsp]
    test dword ptr [rdi + {rip} + 4], 0xffff8000
    jnz 4f
    mov r11, [rdi + {rflags}]
    test r11d, {sysret_flags_mask} & ~0x200
    jnz 4f
    or r11d, 0x200
    mov rcx, [rdi + {rip}]
    mov rbp, [rdi + {rbp}]
    mov r10, [rdi + {r10}]
    mov r9, [rdi + {r9}]
    mov r8, [rdi + {r8}]
    mov rax, [rdi + {rax}]
    mov rdx, [rdi + {rdx}]
    mov rsi, [rdi + {rsi}]
    mov rsp, [rdi + {rsp}]
    mov rdi, [rdi + {rdi}]
    swapgs
    sysretq
4:  mov eax, {trap_syscall}
    RETURN_TO_CALLER

# ---- to user mode: enter_user(regs, caller, call) -> vector, interrupts off -----------------------------------------
.balign 64
.global enter_user
enter_user:
    push rbp
    mov rbp, rsp
    push rbx
    push r12
    push r13
    push r14
    push r15
    push rdx
    push rsi
    push rdi
    mov gs:[{kernel_sp}], rsp
    lea rax, [rdi + {frame_size}]
    mov gs:[{rsp0}], rax
    # sysret is right when it gives what iret would: rcx = rip, r11 = rflags, and harmless values of both.
    mov rcx, [rdi + {rip}]
    cmp rcx, [rdi + {rcx}]
    jne 2f
    mov r11, [rdi + {rflags}]
    cmp r11, [rdi + {r11}]
    jne 2f
    mov eax, r11d
    and eax, {sysret_flags_mask}
    cmp eax, 0x200
    jne 2f
    mov rax, {user_end}
    cmp rcx, rax
    jae 2f
    mov r15, [rdi + {r15}]
    mov r14, [rdi + {r14}]
    mov r13, [rdi + {r13}]
    mov r12, [rdi + {r12}]
    mov rbp, [rdi + {rbp}]
    mov rbx, [rdi + {rbx}]
    mov r10, [rdi + {r10}]
    mov r9, [rdi + {r9}]
    mov r8, [rdi + {r8}]
    mov rax, [rdi + {rax}]
    mov rdx, [rdi + {rdx}]
    mov rsi, [rdi + {rsi}]
    mov rsp, [rdi + {rsp}]
    mov rdi, [rdi + {rdi}]
    swapgs
    sysretq
2:  # Slowly. Rust forces segments and flags to what user mode may have; it answers 0 when rip can't be a user's.
    mov rbx, rdi
    call {prepare_iret}
    test eax, eax
    jz 3f
    mov rsp, rbx
    POP_ALL
    swapgs
    iretq
3:  # As if user mode had been entered and had faulted on the fetch.
    mov eax, {trap_bad_rip}
    RETURN_TO_RUN

# ---- exceptions and interrupts --------------------------------------------------------------------------------------
# One stub per vector, 16 bytes each.
.balign 16
.global vector_stubs
vector_stubs:
.set vector, 0
.rept 256
    .balign 16
    .if (vector == 8) || ((vector >= 10) && (vector <= 14)) || (vector == 17) || (vector == 21) || (vector == 29) || (vector == 30)
    .else
    push -1
    .endif
    push rdi
    mov edi, vector
    .if (vector == 1) || (vector == 2) || (vector == 8) || (vector == 18)
    jmp paranoid_entry
    .elseif vector == 3
    jmp breakpoint_entry
    .elseif vector < 32
    jmp exception_entry
    .else
    jmp interrupt_entry
    .endif
.set vector, vector + 1
.endr

# A breakpoint may stand for a push or a call, which is done while the frame is there: from kernel mode the frame is moved
# down, so that the words below the interrupted stack pointer are free. The way out needs none of what is left above.
.balign 16
breakpoint_entry:
    test byte ptr [rsp + 24], 3
    jnz exception_entry
    sub rsp, 8                      # 64 bytes with the seven words: the alignment stays
    .rept 7
    push qword ptr [rsp + 56]
    .endr
.balign 16
exception_entry:
    cld
    CLAC
    test byte ptr [rsp + 24], 3     # rdi, error, rip, cs
    jnz from_user
    PUSH_REST
    mov rdi, rsp
    mov rbx, rsp
    push qword ptr [rsp + {rip}]              # a stack frame for the backtrace: what was interrupted "called" us
    push rbp
    mov rbp, rsp
    and rsp, -16
    call {kernel_fault}
    mov rsp, rbx
    POP_ALL
    iretq

.balign 16
from_user:
    swapgs
    PUSH_REST
    mov eax, edi
    RETURN_TO_RUN

.balign 16
interrupt_entry:
    cld
    CLAC
    test byte ptr [rsp + 24], 3
    jnz from_user
    PUSH_REST
    mov rbx, rsp
    mov rcx, [rsp + {rip}]
    cmp dword ptr gs:[{irq_depth}], 0
    jne 21f
    mov rsp, gs:[{irq_stack_top}]
21: inc dword ptr gs:[{irq_depth}]
    push rcx
    push rbp
    mov rbp, rsp
    and rsp, -16
    mov rsi, rbx
    call {kernel_irq}               # (vector, frame)
    dec dword ptr gs:[{irq_depth}]
    mov rsp, rbx
    # Preempt what was interrupted if it may be (it had interrupts on, or we would not be here).
    cmp dword ptr gs:[{preempt_count}], 0
    jne 2f
    cmp dword ptr gs:[{need_resched}], 0
    je 2f
    push qword ptr [rsp + {rip}]
    push rbp
    mov rbp, rsp
    and rsp, -16
    call {kernel_preempt}
    mov rsp, rbx
2:  POP_ALL
    iretq

# NMI, debug, double fault, machine check: on stacks of their own, at any moment, with either GS. Above the frame stands
# the address of this CPU's header, put there when the stack was made.
.balign 16
paranoid_entry:
    cld
    CLAC
    PUSH_REST
    mov rbx, rsp
    test byte ptr [rsp + {cs}], 3
    jnz 3f
    mov ecx, 0xc0000101             # from the kernel: GS may be anything
    rdmsr
    mov r12d, eax
    mov r13d, edx
    mov rdx, [rsp + {frame_size}]
    mov eax, edx
    shr rdx, 32
    wrmsr
    mov rdi, rsp
    push qword ptr [rsp + {rip}]
    push rbp
    mov rbp, rsp
    and rsp, -16
    call {kernel_paranoid}
    mov ecx, 0xc0000101
    mov eax, r12d
    mov edx, r13d
    wrmsr
    mov rsp, rbx
    POP_ALL
    iretq
3:  swapgs                          # from user mode
    cmp edi, 2
    je 4f
    # Not an NMI: go on as any other trap from user mode, with the frame moved to where those build it.
    mov rsi, rsp
    mov rdi, gs:[{rsp0}]
    sub rdi, {frame_size}
    mov ecx, {frame_size} / 8
    rep movsq
    mov eax, [rbx]
    RETURN_TO_RUN
4:  mov rdi, rsp
    xor ebp, ebp
    and rsp, -16
    call {kernel_paranoid}
    mov rsp, rbx
    POP_ALL
    swapgs
    iretq

# ---- switching kernel stacks: switch_stacks(prev: &Context, save_sp: *mut usize, next_sp: usize) -> prev ------------
.balign 16
.global switch_stacks
switch_stacks:
    mov rax, rdi
    push rbp
    push rbx
    push r12
    push r13
    push r14
    push r15
    mov [rsi], rsp
    mov rsp, rdx
    pop r15
    pop r14
    pop r13
    pop r12
    pop rbx
    pop rbp
    ret

# The first return of a new context: rax = the one before, r12 = entry, r13 = its argument.
.balign 16
.global context_start
context_start:
    xor ebp, ebp
    mov rdi, rax
    call {finish_switch}
    mov rdi, r13
    push 0                          # ends every backtrace
    push 0
    mov rbp, rsp
    call r12
    ud2
.text
