# From the PVH entry (32-bit, paging off, EBX = start info) to Rust in 64-bit mode at the kernel's own addresses.

.section .note.Xen, "a", @note
    .balign 4
    .long 4                     # name size
    .long 8                     # descriptor size
    .long 18                    # XEN_ELFNOTE_PHYS32_ENTRY
    .asciz "Xen"
    .quad boot_entry_phys

.section .text.boot, "ax", @progbits
.code32
.global boot_entry
boot_entry:
    cli
    cld
    mov esi, ebx
    mov eax, offset boot_gdt_pointer_phys
    lgdt [eax]

    mov eax, cr4
    or eax, 0xa0                # PAE, PGE
    mov cr4, eax
    mov eax, offset boot_pml4_phys
    mov cr3, eax
    mov ecx, 0xc0000080         # EFER
    rdmsr
    or eax, 0x901               # SCE, LME, NXE
    wrmsr
    mov eax, cr0
    or eax, 0x80010001          # PG, WP, PE
    and eax, 0x9fffffff         # caches on
    mov cr0, eax
    # A far jump by retf: .code32 has no relocation for the direct form.
    push 0x10
    mov eax, offset boot_long_phys
    push eax
    retf

.code64
.global boot_long
boot_long:
    mov rax, offset boot_high
    jmp rax
boot_high:
    xor eax, eax
    mov ds, eax
    mov es, eax
    mov fs, eax
    mov gs, eax
    mov ss, eax
    mov rsp, offset {boot_stack} + {boot_stack_size}
    xor ebp, ebp
    mov edi, esi
    # The per-CPU header of CPU 0.
    mov rax, offset {headers}
    mov [rax], rax
    mov rdx, rax
    shr rdx, 32
    mov ecx, 0xc0000101         # GS_BASE
    wrmsr
    push rbp                    # ends every backtrace
    push rbp
    call {rust_entry}
    ud2

.section .data.page_aligned, "aw", @progbits
.balign 4096
.global boot_pml4
boot_pml4:
    .quad boot_pdpt_low_phys + 3
    .fill 510, 8, 0
    .quad boot_pdpt_high_phys + 3
.global boot_pdpt_low
boot_pdpt_low:
    .quad boot_pd_phys + 0x0003
    .quad boot_pd_phys + 0x1003
    .quad boot_pd_phys + 0x2003
    .quad boot_pd_phys + 0x3003
    .fill 508, 8, 0
.global boot_pdpt_high
boot_pdpt_high:
    .fill 510, 8, 0
    .quad boot_pd_phys + 3
    .quad 0
.global boot_pd
boot_pd:                        # the first 4 GiB in 2 MiB pages
    .set page, 0
    .rept 2048
    .quad page + 0x83
    .set page, page + 0x200000
    .endr

.balign 16
.global boot_gdt
boot_gdt:
    .quad 0
    .quad 0x00cf9b000000ffff    # 0x08: 32-bit code
    .quad 0x00af9b000000ffff    # 0x10: 64-bit code
    .quad 0x00cf93000000ffff    # 0x18: data
.global boot_gdt_pointer
boot_gdt_pointer:
    .short 31
    .long boot_gdt_phys
    .long 0
.text
