//! Interrupt controllers: each CPU's local APIC (SDM volume 3, chapter 11) and the I/O APICs (82093AA data sheet).

mod io;
mod local;

pub(crate) use io::route_nmi;
pub use io::{IsaRoute, Polarity, RouteError, Trigger, isa_irq, mask, route_gsi, unmask};
pub(crate) use local::{
    arm_count, disarm_count, eoi, init_boot_cpu, init_this_cpu, init_timer, read_count, send_init,
    send_startup, start_free_running, write_deadline,
};
pub use local::{send_ipi, send_ipi_all_but_self, send_nmi};

/// What another CPU asks of this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum IpiKind {
    /// Look at the run queue. `need_resched` is set already.
    Reschedule = 0,
    /// Call the functions queued for this CPU.
    Call = 1,
    /// Drop translations as the shared request says.
    TlbFlush = 2,
    /// Stop for good.
    Stop = 3,
}

/// First vector for devices.
pub const DEVICE_FIRST: u8 = 0x30;
/// Last vector for devices.
pub const DEVICE_LAST: u8 = 0xe0;
pub(crate) const TIMER_VECTOR: u8 = 0xec;
pub(crate) const IPI_FIRST: u8 = 0xf8;
pub(crate) const IPI_LAST: u8 = 0xfb;
pub(crate) const ERROR_VECTOR: u8 = 0xfe;
pub(crate) const SPURIOUS_VECTOR: u8 = 0xff;

pub(crate) const fn ipi_kind(vector: u8) -> IpiKind {
    match vector {
        0xf8 => IpiKind::Reschedule,
        0xf9 => IpiKind::Call,
        0xfa => IpiKind::TlbFlush,
        _ => IpiKind::Stop,
    }
}

/// Address and data with which a device's message-signalled interrupt reaches a CPU.
#[must_use]
pub fn msi_message(cpu: usize, vector: u8) -> (u64, u32) {
    (
        0xfee0_0000 | u64::from(super::cpu::apic_id(cpu) & 0xff) << 12,
        u32::from(vector),
    )
}
