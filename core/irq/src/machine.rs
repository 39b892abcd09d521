//! Routing a line to a vector. Hosted there are no lines.
use abi::{Errno, Result};

/// Routes ISA interrupts (0 to 15) by the firmware's overrides, others as level-triggered, active-low system interrupts.
#[cfg(target_os = "none")]
pub(crate) fn route(irq: u32, vector: u8) -> Result<()> {
    use hal::apic::{Polarity, Trigger, isa_irq, route_gsi};
    let (gsi, trigger, polarity) = match u8::try_from(irq) {
        Ok(isa) if isa < 16 => {
            let route = isa_irq(isa);
            (route.gsi, route.trigger, route.polarity)
        }
        _ => (irq, Trigger::Level, Polarity::Low),
    };
    route_gsi(gsi, vector, 0, trigger, polarity).map_err(|_| Errno::ENXIO)
}

#[cfg(target_os = "none")]
fn gsi(irq: u32) -> u32 {
    match u8::try_from(irq) {
        Ok(isa) if isa < 16 => hal::apic::isa_irq(isa).gsi,
        _ => irq,
    }
}

#[cfg(target_os = "none")]
pub(crate) fn unmask(irq: u32) -> Result<()> {
    hal::apic::unmask(gsi(irq)).map_err(|_| Errno::ENXIO)
}
#[cfg(target_os = "none")]
pub(crate) fn mask(irq: u32) {
    // A line that was routed exists.
    let _ = hal::apic::mask(gsi(irq));
}

#[cfg(not(target_os = "none"))]
pub(crate) fn route(irq: u32, _vector: u8) -> Result<()> {
    if irq < 64 { Ok(()) } else { Err(Errno::ENXIO) }
}
#[cfg(not(target_os = "none"))]
#[expect(clippy::unnecessary_wraps, reason = "the machine's can fail")]
pub(crate) fn unmask(_irq: u32) -> Result<()> {
    Ok(())
}
#[cfg(not(target_os = "none"))]
pub(crate) fn mask(_irq: u32) {}
