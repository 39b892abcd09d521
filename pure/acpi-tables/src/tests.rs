//! Tables built by hand, cut short at every length, and with every byte changed.

extern crate std;

use std::vec;
use std::vec::Vec;

use crate::fadt::{Fadt, Register};
use crate::madt::{Entry, Madt, Signal};
use crate::{Error, Rsdp, aml, check, find_rsdp, hpet, mcfg, root_entries};

fn seal(table: &mut [u8], at: usize, over: core::ops::Range<usize>) {
    table[at] = 0;
    let sum = table[over]
        .iter()
        .fold(0u8, |sum, byte| sum.wrapping_add(*byte));
    table[at] = sum.wrapping_neg();
}

fn table(signature: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; 36];
    bytes[..4].copy_from_slice(signature);
    bytes[4..8].copy_from_slice(&(36 + body.len() as u32).to_le_bytes());
    bytes.extend_from_slice(body);
    let length = bytes.len();
    seal(&mut bytes, 9, 0..length);
    bytes
}

fn rsdp(revision: u8) -> Vec<u8> {
    let mut bytes = vec![0; 36];
    bytes[..8].copy_from_slice(b"RSD PTR ");
    bytes[15] = revision;
    bytes[16..20].copy_from_slice(&0x1234u32.to_le_bytes());
    bytes[24..32].copy_from_slice(&0x1_0000_0000u64.to_le_bytes());
    seal(&mut bytes, 8, 0..20);
    seal(&mut bytes, 32, 0..36);
    bytes
}

#[test]
fn root_pointer() {
    assert_eq!(
        Rsdp::parse(&rsdp(0)),
        Ok(Rsdp {
            root: 0x1234,
            wide: false
        })
    );
    assert_eq!(
        Rsdp::parse(&rsdp(0)[..20]),
        Ok(Rsdp {
            root: 0x1234,
            wide: false
        })
    );
    assert_eq!(
        Rsdp::parse(&rsdp(2)),
        Ok(Rsdp {
            root: 0x1_0000_0000,
            wide: true
        })
    );
    assert_eq!(Rsdp::parse(&rsdp(2)[..35]), Err(Error::Truncated));
    let mut bad = rsdp(2);
    bad[33] ^= 1;
    assert_eq!(Rsdp::parse(&bad), Err(Error::Checksum));
    let mut area = vec![0; 64];
    area.extend(rsdp(0));
    assert_eq!(find_rsdp(&area), Some(64));
    assert_eq!(find_rsdp(&area[..70]), None);
}

#[test]
fn root_table() {
    let wide = table(
        b"XSDT",
        &[1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 9],
    );
    assert_eq!(
        root_entries(&wide, true).unwrap().collect::<Vec<_>>(),
        [1, 0x1_0000_0002]
    );
    assert!(root_entries(&wide, false).is_err());
    let narrow = table(b"RSDT", &[1, 0, 0, 0, 2, 0, 0, 0]);
    assert_eq!(
        root_entries(&narrow, false).unwrap().collect::<Vec<_>>(),
        [1, 2]
    );
}

fn madt() -> Vec<u8> {
    let mut body = vec![0, 0, 0xe0, 0xfe, 1, 0, 0, 0];
    body.extend([0, 8, 0, 3, 1, 0, 0, 0]);
    body.extend([0, 8, 1, 4, 0, 0, 0, 0]);
    body.extend([1, 12, 0, 0, 0, 0, 0xc0, 0xfe, 0, 0, 0, 0]);
    body.extend([2, 10, 0, 9, 9, 0, 0, 0, 0x0d, 0]);
    body.extend([4, 6, 0xff, 0, 0, 1]);
    body.extend([9, 16, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
    table(b"APIC", &body)
}

#[test]
fn interrupt_controllers() {
    let bytes = madt();
    let madt = Madt::parse(&bytes).unwrap();
    assert_eq!(madt.local_apic_address(), 0xfee0_0000);
    assert_eq!(
        madt.entries().collect::<Vec<_>>(),
        [
            Entry::LocalApic {
                id: 3,
                enabled: true
            },
            Entry::LocalApic {
                id: 4,
                enabled: false
            },
            Entry::IoApic {
                id: 0,
                address: 0xfec0_0000,
                gsi_base: 0
            },
            Entry::SourceOverride {
                irq: 9,
                gsi: 9,
                signal: Signal {
                    active_low: Some(false),
                    level: Some(true)
                }
            },
            Entry::LocalApic {
                id: 256,
                enabled: true
            },
        ]
    );
}

#[test]
fn entries_that_do_not_fit_end_the_list() {
    for entry in [&[0u8, 1][..], &[0, 0], &[0, 200, 1], &[1, 3, 0], &[0]] {
        let mut body = vec![0; 8];
        body.extend_from_slice(entry);
        let bytes = table(b"APIC", &body);
        assert_eq!(Madt::parse(&bytes).unwrap().entries().count(), 0);
    }
}

fn fadt(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; 276];
    bytes[..4].copy_from_slice(b"FACP");
    bytes[4..8].copy_from_slice(&(length as u32).to_le_bytes());
    bytes[40..44].copy_from_slice(&0xdddd_u32.to_le_bytes());
    bytes[64..68].copy_from_slice(&0x604u32.to_le_bytes());
    bytes[76..80].copy_from_slice(&0x608u32.to_le_bytes());
    bytes[112..116].copy_from_slice(&(1u32 << 10 | 1 << 8).to_le_bytes());
    bytes[116..128].copy_from_slice(&[1, 8, 0, 1, 0xf9, 0x0c, 0, 0, 0, 0, 0, 0]);
    bytes[128] = 0xf;
    bytes[244..256].copy_from_slice(&[0, 8, 0, 1, 0, 0, 0xa0, 0xfe, 0, 0, 0, 0]);
    bytes.truncate(length);
    seal(&mut bytes, 9, 0..length);
    bytes
}

#[test]
fn fixed_hardware() {
    let full = Fadt::parse(&fadt(276)).unwrap();
    assert_eq!(full.dsdt, 0xdddd);
    assert_eq!(full.pm1a_control, Some(Register::Port(0x604)));
    assert_eq!(full.pm_timer, Some(Register::Port(0x608)));
    assert!(full.pm_timer_wide && !full.hardware_reduced);
    assert_eq!(full.reset, Some((Register::Port(0xcf9), 0xf)));
    assert_eq!(full.sleep_control, Some(Register::Memory(0xfea0_0000)));
    assert_eq!(full.acpi_enable, None);
    let old = Fadt::parse(&fadt(116)).unwrap();
    assert_eq!((old.reset, old.sleep_control), (None, None));
    assert_eq!(Fadt::parse(&fadt(115)), Err(Error::Truncated));
}

#[test]
fn small_tables() {
    let mut body = [0; 20];
    body[8..16].copy_from_slice(&0xfed0_0000u64.to_le_bytes());
    assert_eq!(hpet::address(&table(b"HPET", &body)), Ok(0xfed0_0000));
    assert_eq!(
        hpet::address(&table(b"HPET", &body[..10])),
        Err(Error::Truncated)
    );
    let mut body = [0; 24];
    body[8..16].copy_from_slice(&0xb000_0000u64.to_le_bytes());
    body[19] = 255;
    let bytes = table(b"MCFG", &body);
    let segments: Vec<_> = mcfg::segments(&bytes).unwrap().collect();
    assert_eq!(
        segments,
        [mcfg::Segment {
            base: 0xb000_0000,
            group: 0,
            first_bus: 0,
            last_bus: 255
        }]
    );
    assert!(mcfg::segments(&table(b"MCFG", &body[..4])).is_err());
}

#[test]
fn sleep_types() {
    // QEMU q35's and Bochs' forms.
    assert_eq!(
        aml::s5_sleep_types(b"\x08_S5_\x12\x06\x04\x00\x00\x00\x00"),
        Some((0, 0))
    );
    assert_eq!(
        aml::s5_sleep_types(b"xx\x08\\_S5_\x12\x08\x04\x0a\x05\x0a\x05\x00\x00"),
        Some((5, 5))
    );
    assert_eq!(
        aml::s5_sleep_types(b"\x08_S5_\x12\x02\x01\x01"),
        Some((1, 0))
    );
    assert_eq!(aml::s5_sleep_types(b"y_S5_\x12\x06\x04\x00\x00"), None);
    assert_eq!(
        aml::s5_sleep_types(b"\x08_S5_\x12\x06\x04\x0a\x63\x00"),
        None
    );
    let whole = b"\x08_S5_\x12\x08\x04\x0a\x05\x0a\x05\x00\x00";
    for length in 0..whole.len() {
        let _ = aml::s5_sleep_types(&whole[..length]);
    }
}

/// Whatever the bytes are, parsing ends and doesn't panic.
#[test]
fn hostile() {
    let tables = [
        madt(),
        fadt(276),
        table(b"XSDT", &[1; 20]),
        table(b"MCFG", &[7; 40]),
        table(b"HPET", &[0; 20]),
    ];
    for good in &tables {
        for length in 0..good.len() {
            try_all(&good[..length]);
        }
        for at in 0..good.len() {
            for value in [0, 1, 0x7f, 0xff] {
                let mut bad = good.clone();
                bad[at] = value;
                if at != 9 {
                    let length = bad.len();
                    seal(&mut bad, 9, 0..length);
                }
                try_all(&bad);
            }
        }
    }
}

fn try_all(bytes: &[u8]) {
    let _ = Rsdp::parse(bytes);
    let _ = check(bytes, b"APIC");
    for wide in [false, true] {
        if let Ok(entries) = root_entries(bytes, wide) {
            assert!(entries.count() < 1000);
        }
    }
    if let Ok(madt) = Madt::parse(bytes) {
        let _ = madt.local_apic_address();
        assert!(madt.entries().count() < 1000);
    }
    let _ = Fadt::parse(bytes);
    let _ = hpet::address(bytes);
    let _ = mcfg::segments(bytes).map(Iterator::count);
    let _ = aml::s5_sleep_types(bytes);
}
