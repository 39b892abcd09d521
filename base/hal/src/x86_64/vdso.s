# A shared object for user programs, as it lies in their memory: one page, position-independent, after the page that `clock`
# shows. All numbers in it are distances from `vdso_begin`, which is address 0 of the object.
.section .rodata.vdso, "a", @progbits
.balign 4096
.globl vdso_begin, vdso_end
vdso_begin:
    .byte 0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0
    .zero 8
    .short 3, 62
    .long 1
    .quad 0, vdso_phdrs - vdso_begin, 0
    .long 0
    .short 64, 56, 3, 64, 0, 0
vdso_phdrs:
    .long 1, 5
    .quad 0, 0, 0, vdso_end - vdso_begin, vdso_end - vdso_begin, 4096
    .long 2, 4
    .quad vdso_dynamic - vdso_begin, vdso_dynamic - vdso_begin, vdso_dynamic - vdso_begin
    .quad vdso_dynamic_end - vdso_dynamic, vdso_dynamic_end - vdso_dynamic, 8
    .long 4, 4
    .quad vdso_note - vdso_begin, vdso_note - vdso_begin, vdso_note - vdso_begin
    .quad vdso_note_end - vdso_note, vdso_note_end - vdso_note, 4

# LINUX_VERSION_CODE.
.balign 4
vdso_note:
    .long 6, 4, 0
    .asciz "Linux"
    .balign 4
    .long 0x060100
vdso_note_end:

.balign 8
vdso_dynamic:
    .quad 14, vdso_soname - vdso_strings                    # DT_SONAME
    .quad 4, vdso_hash - vdso_begin                         # DT_HASH
    .quad 5, vdso_strings - vdso_begin                      # DT_STRTAB
    .quad 6, vdso_symbols - vdso_begin                      # DT_SYMTAB
    .quad 10, vdso_strings_end - vdso_strings               # DT_STRSZ
    .quad 11, 24                                            # DT_SYMENT
    .quad 0x6ffffff0, vdso_versions - vdso_begin            # DT_VERSYM
    .quad 0x6ffffffc, vdso_definitions - vdso_begin         # DT_VERDEF
    .quad 0x6ffffffd, 2                                     # DT_VERDEFNUM
    .quad 0, 0
vdso_dynamic_end:

# One bucket, with all symbols in a row.
vdso_hash:
    .long 1, 11, 1
    .long 0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0

.macro symbol name, kind, function
    .long \name - vdso_strings
    .byte \kind, 0
    .short 1
    .quad \function - vdso_begin, \function\()_end - \function
.endm
.balign 8
vdso_symbols:
    .zero 24
    symbol name_clock_gettime, 0x12, vdso_clock_gettime
    symbol name_clock_gettime + 7, 0x22, vdso_clock_gettime
    symbol name_gettimeofday, 0x12, vdso_gettimeofday
    symbol name_gettimeofday + 7, 0x22, vdso_gettimeofday
    symbol name_time, 0x12, vdso_time
    symbol name_time + 7, 0x22, vdso_time
    symbol name_clock_getres, 0x12, vdso_clock_getres
    symbol name_clock_getres + 7, 0x22, vdso_clock_getres
    symbol name_getcpu, 0x12, vdso_getcpu
    symbol name_getcpu + 7, 0x22, vdso_getcpu
vdso_versions:
    .short 0, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2

.balign 8
vdso_definitions:
    .short 1, 1, 1, 1                                       # the object itself
    .long 0xdeebfa1, 20, 28
    .long vdso_soname - vdso_strings, 0
    .short 1, 0, 2, 1                                       # LINUX_2.6
    .long 0x3ae75f6, 20, 0
    .long vdso_version - vdso_strings, 0

vdso_strings:
    .byte 0
vdso_soname: .asciz "linux-vdso.so.1"
vdso_version: .asciz "LINUX_2.6"
name_clock_gettime: .asciz "__vdso_clock_gettime"
name_gettimeofday: .asciz "__vdso_gettimeofday"
name_time: .asciz "__vdso_time"
name_clock_getres: .asciz "__vdso_clock_getres"
name_getcpu: .asciz "__vdso_getcpu"
vdso_strings_end:

# The time of the clock in ecx, in nanoseconds, in rax; carry: not from here. Changes rdx, r8 to r11.
.balign 16
vdso_now:
    lea r8, [rip + vdso_begin - 4096]
    cmp byte ptr [r8 + {fallback}], 0
    jne 9f
    cmp ecx, 11
    ja 9f
    mov eax, 0x8f3                                          # clocks 0, 1, 4, 5, 6, 7, 11
    bt eax, ecx
    jnc 9f
2:  mov r9, [r8 + {era}]
    test r9b, 1
    jnz 8f
    mov r10d, r9d
    shr r10d
    and r10d, {scales} - 1
    imul r10d, r10d, {scale_size}
    add r10, r8
    # Not before what precedes it.
    lfence
    rdtsc
    shl rdx, 32
    or rax, rdx
    xor r11d, r11d
    sub rax, [r10 + {base}]
    cmovb rax, r11
    cmp ecx, 4
    je 3f
    mul qword ptr [r10 + {per_tick}]
    shrd rax, rdx, 32
    add rax, [r10 + {base_ns}]
    jmp 4f
3:  mul qword ptr [r10 + {raw_per_tick}]
    shrd rax, rdx, 32
    add rax, [r10 + {raw_ns}]
4:  cmp r9, [r8 + {era}]
    jne 2b
    cmp ecx, 5
    je 5f
    cmp ecx, 6
    jne 6f
    # At the last tick.
5:  mov r9, rax
    xor edx, edx
    mov r10d, {tick}
    div r10
    sub r9, rdx
    mov rax, r9
6:  mov edx, 0x821                                          # clocks 0, 5, 11
    bt edx, ecx
    jnc 7f
    add rax, [r8 + {offset}]
    cmp ecx, 11
    jne 7f
    add rax, [r8 + {tai}]
7:  clc
    ret
8:  pause
    jmp 2b
9:  stc
    ret

# Splits rax nanoseconds into rdx seconds and rax nanoseconds. Changes r8.
vdso_split:
    mov r8, rax
    shr rax, 9
    movabs rdx, 0x44b82fa09b5a53
    mul rdx
    shr rdx, 11
    imul rax, rdx, 1000000000
    sub r8, rax
    mov rax, r8
    ret

vdso_clock_gettime:
    mov ecx, edi
    call vdso_now
    jc 1f
    call vdso_split
    mov [rsi], rdx
    mov [rsi + 8], rax
    xor eax, eax
    ret
1:  mov eax, 228
    syscall
    ret
vdso_clock_gettime_end:

vdso_gettimeofday:
    test rsi, rsi
    jnz 1f
    xor ecx, ecx
    call vdso_now
    jc 1f
    test rdi, rdi
    jz 2f
    call vdso_split
    mov [rdi], rdx
    mov ecx, 1000
    xor edx, edx
    div rcx
    mov [rdi + 8], rax
2:  xor eax, eax
    ret
1:  mov eax, 96
    syscall
    ret
vdso_gettimeofday_end:

vdso_time:
    xor ecx, ecx
    call vdso_now
    jc 1f
    call vdso_split
    mov rax, rdx
    test rdi, rdi
    jz 2f
    mov [rdi], rax
2:  ret
1:  mov eax, 201
    syscall
    ret
vdso_time_end:

vdso_clock_getres:
    mov eax, 229
    syscall
    ret
vdso_clock_getres_end:

# The limit of a segment says on which CPU this runs.
vdso_getcpu:
    mov eax, {cpu_segment}
    lsl eax, eax
    test rdi, rdi
    jz 1f
    mov [rdi], eax
1:  xor eax, eax
    test rsi, rsi
    jz 2f
    mov [rsi], eax
2:  ret
vdso_getcpu_end:
vdso_end:
.text
