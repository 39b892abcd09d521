# Where other CPUs start, copied to a page below 1 MiB: real mode, straight to 64-bit mode, then to the kernel's own
# addresses. AT&T syntax: the assembler takes 16-bit operands only so. Offsets are from the page's start; DS = CS = the
# page.
.section .rodata.trampoline, "a", @progbits
.balign 16
.global trampoline_begin
trampoline_begin:
.code16
    cli
    cld
    movw %cs, %ax
    movw %ax, %ds
    movw $(trampoline_gdt_pointer - trampoline_begin), %bx
    lgdtl (%bx)
    movl $0xa0, %eax                    # PAE, PGE
    movl %eax, %cr4
    movw $(trampoline_boot_root - trampoline_begin), %bx
    movl (%bx), %eax
    movl %eax, %cr3
    movl $0xc0000080, %ecx              # EFER: SCE, LME, NXE
    rdmsr
    orl $0x901, %eax
    wrmsr
    movl $0x80010001, %eax              # PG, WP, PE
    movl %eax, %cr0
    movw $(trampoline_far - trampoline_begin), %bx
    ljmpl *(%bx)

.org trampoline_begin + 0x80
.code64
    xorl %eax, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %fs
    movl %eax, %gs
    movl %eax, %ss
    movq trampoline_root(%rip), %rbx
    movq trampoline_stack(%rip), %rsp
    movq trampoline_header(%rip), %rdi
    movq trampoline_high_address(%rip), %rax
    jmp *%rax

.balign 16
.global trampoline_parameters
trampoline_parameters:
    .fill 32, 1, 0                      # GDT
    .short 0
trampoline_gdt_pointer:
    .short 0
    .long 0
trampoline_far:
    .long 0
    .short 0
    .balign 4
trampoline_boot_root:
    .long 0
    .balign 8
trampoline_root:
    .quad 0
trampoline_stack:
    .quad 0
trampoline_header:
    .quad 0
trampoline_high_address:
    .quad 0
.global trampoline_end
trampoline_end:

.text
.code64
.global trampoline_high
trampoline_high:
    movq %rbx, %cr3
    movq %rdi, %rdx
    movl %edi, %eax
    shrq $32, %rdx
    movl $0xc0000101, %ecx              # GS_BASE
    wrmsr
    xorl %ebp, %ebp
    pushq $0                            # ends every backtrace
    pushq $0
    call {ap_start}
    ud2
