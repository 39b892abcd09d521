//! The interpreter.
use crate::attribute;
use crate::check::{Program, WORDS};
use crate::code::{Beside, From, LINK, NETWORK, Op, Operand, Sum, Test};

/// What is known of a packet beside its bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct About {
    /// What it is, by the number of Ethernet's types.
    pub protocol: u16,
    /// To whom it goes (`PACKET_HOST` and so on).
    pub packet_type: u8,
    /// Number and hardware type of the interface it came by; `None` without one.
    pub interface: Option<(u32, u16)>,
    /// The mark that the firewall put on it.
    pub mark: u32,
    /// The receive queue.
    pub queue: u16,
    /// Its flow's hash.
    pub hash: u32,
    /// The CPU that filters it.
    pub cpu: u32,
    /// The tag of its VLAN and that tag's protocol; `None` without one.
    pub vlan: Option<(u16, u16)>,
    /// Where its payload begins; 0 when nobody knows.
    pub payload: u32,
    /// A random number.
    pub random: u32,
}

/// A packet to filter.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// Its bytes.
    pub data: &'a [u8],
    /// What else is known.
    pub about: About,
}

impl Packet<'_> {
    /// `size` bytes from `offset` on as a number, the first byte the highest; `None` outside of the packet. Headers that
    /// are asked for by the negative offsets of filter.rst stand at the beginning.
    fn load(&self, offset: u32, size: usize) -> Option<u32> {
        let offset = match offset {
            NETWORK.. => offset - NETWORK,
            LINK.. => offset - LINK,
            0x8000_0000.. => return None,
            _ => offset,
        } as usize;
        let bytes = self.data.get(offset..offset.checked_add(size)?)?;
        Some(
            bytes
                .iter()
                .fold(0, |word, byte| word << 8 | u32::from(*byte)),
        )
    }
}

/// The registers.
struct Machine {
    a: u32,
    x: u32,
    memory: [u32; WORDS],
}

impl Machine {
    /// What stands beside the packet; `None` ends the program with what A is.
    fn beside(&self, beside: Beside, packet: &Packet<'_>) -> Option<u32> {
        let about = &packet.about;
        Some(match beside {
            Beside::Protocol => about.protocol.into(),
            Beside::PacketType => about.packet_type.into(),
            Beside::Interface => about.interface?.0,
            Beside::HardwareType => about.interface?.1.into(),
            Beside::Attribute => attribute::find(packet.data, self.a, self.x),
            Beside::NestedAttribute => attribute::find_nested(packet.data, self.a, self.x),
            Beside::Mark => about.mark,
            Beside::Queue => about.queue.into(),
            Beside::Hash => about.hash,
            Beside::Cpu => about.cpu,
            Beside::XorX => self.a ^ self.x,
            Beside::VlanTag => about.vlan.map_or(0, |(tag, _)| tag.into()),
            Beside::VlanPresent => about.vlan.is_some().into(),
            Beside::VlanProtocol => about.vlan.map_or(0, |(_, protocol)| protocol.into()),
            Beside::PayloadOffset => about.payload,
            Beside::Random => about.random,
        })
    }

    /// `None`: a division by zero.
    fn sum(&self, sum: Sum, by: u32) -> Option<u32> {
        let a = self.a;
        Some(match sum {
            Sum::Add => a.wrapping_add(by),
            Sum::Sub => a.wrapping_sub(by),
            Sum::Mul => a.wrapping_mul(by),
            Sum::Div => a.checked_div(by)?,
            Sum::Mod => a.checked_rem(by)?,
            Sum::And => a & by,
            Sum::Or => a | by,
            Sum::Xor => a ^ by,
            Sum::Left => a.wrapping_shl(by),
            Sum::Right => a.wrapping_shr(by),
        })
    }

    fn holds(&self, test: Test, by: u32) -> bool {
        match test {
            Test::Equal => self.a == by,
            Test::Greater => self.a > by,
            Test::AtLeast => self.a >= by,
            Test::AnySet => self.a & by != 0,
        }
    }
}

impl Program {
    /// How many bytes of a packet pass: 0 for none of it. Reading outside of the packet, and dividing by zero, is 0.
    #[must_use]
    pub fn run(&self, packet: &Packet<'_>) -> u32 {
        let mut machine = Machine {
            a: 0,
            x: 0,
            memory: [0; WORDS],
        };
        let mut at = 0;
        // Jumps lead on only, so this ends.
        while let Some((op, instruction)) = self.ops.get(at) {
            let k = instruction.k;
            let word = k as usize % WORDS;
            let other = |operand: &Operand| match operand {
                Operand::K => k,
                Operand::X => machine.x,
            };
            at += 1;
            match op {
                Op::Return => return k,
                Op::ReturnA => return machine.a,
                Op::Load(from, size) => {
                    let offset = match from {
                        From::Absolute => k,
                        From::Indirect => k.wrapping_add(machine.x),
                    };
                    match packet.load(offset, *size) {
                        Some(loaded) => machine.a = loaded,
                        None => return 0,
                    }
                }
                Op::LoadBeside(beside) => match machine.beside(*beside, packet) {
                    Some(loaded) => machine.a = loaded,
                    None => return machine.a,
                },
                Op::LoadConstant => machine.a = k,
                Op::LoadLength => machine.a = packet.data.len() as u32,
                Op::LoadMemory => machine.a = machine.memory[word],
                Op::XConstant => machine.x = k,
                Op::XLength => machine.x = packet.data.len() as u32,
                Op::XMemory => machine.x = machine.memory[word],
                Op::XHeader => match packet.load(k, 1) {
                    Some(byte) => machine.x = (byte & 15) * 4,
                    None => return 0,
                },
                Op::Store => machine.memory[word] = machine.a,
                Op::StoreX => machine.memory[word] = machine.x,
                Op::Sum(sum, operand) => match machine.sum(*sum, other(operand)) {
                    Some(result) => machine.a = result,
                    None => return 0,
                },
                Op::Negate => machine.a = machine.a.wrapping_neg(),
                Op::Jump => at += k as usize,
                Op::JumpIf(test, operand) => {
                    let distance = if machine.holds(*test, other(operand)) {
                        instruction.jt
                    } else {
                        instruction.jf
                    };
                    at += usize::from(distance);
                }
                Op::ToX => machine.x = machine.a,
                Op::ToA => machine.a = machine.x,
            }
        }
        0
    }
}
