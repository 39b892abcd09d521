//! Static ACPI tables: RSDP, MADT, FADT, HPET, the S5 package.
#![no_std]
#![forbid(unsafe_code)]
