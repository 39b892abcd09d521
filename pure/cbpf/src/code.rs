//! Instructions as user space writes them, and as the interpreter reads them.

/// `struct sock_filter`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Instruction {
    /// Class, size, mode, operation and source in one.
    pub code: u16,
    /// How far to jump when the condition holds.
    pub jt: u8,
    /// How far to jump when it does not.
    pub jf: u8,
    /// The constant.
    pub k: u32,
}

/// Where a packet is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum From {
    /// At the constant.
    Absolute,
    /// At the constant and X together.
    Indirect,
}

/// What stands beside the packet (`SKF_AD_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beside {
    Protocol,
    PacketType,
    Interface,
    Attribute,
    NestedAttribute,
    Mark,
    Queue,
    HardwareType,
    Hash,
    Cpu,
    XorX,
    VlanTag,
    VlanPresent,
    PayloadOffset,
    Random,
    VlanProtocol,
}

/// Where in the space of offsets that stands (`SKF_AD_OFF`).
pub(crate) const BESIDE: u32 = 0xffff_f000;
/// The network header (`SKF_NET_OFF`) and the link's (`SKF_LL_OFF`).
pub(crate) const NETWORK: u32 = 0xfff0_0000;
pub(crate) const LINK: u32 = 0xffe0_0000;

impl Beside {
    pub(crate) fn at(k: u32) -> Option<Self> {
        const ALL: [Beside; 16] = [
            Beside::Protocol,
            Beside::PacketType,
            Beside::Interface,
            Beside::Attribute,
            Beside::NestedAttribute,
            Beside::Mark,
            Beside::Queue,
            Beside::HardwareType,
            Beside::Hash,
            Beside::Cpu,
            Beside::XorX,
            Beside::VlanTag,
            Beside::VlanPresent,
            Beside::PayloadOffset,
            Beside::Random,
            Beside::VlanProtocol,
        ];
        let offset = k.checked_sub(BESIDE).filter(|o| o.is_multiple_of(4))?;
        ALL.get(offset as usize / 4).copied()
    }
}

/// Arithmetic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sum {
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    And,
    Or,
    Xor,
    Left,
    Right,
}

/// A condition on A and the other operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Test {
    Equal,
    Greater,
    AtLeast,
    AnySet,
}

/// The other operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operand {
    K,
    X,
}

/// What an instruction does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    /// A becomes so many bytes of the packet.
    Load(From, usize),
    LoadBeside(Beside),
    LoadConstant,
    LoadLength,
    LoadMemory,
    XConstant,
    XLength,
    XMemory,
    /// X becomes four times the low half of a byte: the length of an IPv4 header.
    XHeader,
    Store,
    StoreX,
    Sum(Sum, Operand),
    Negate,
    Jump,
    JumpIf(Test, Operand),
    ToX,
    ToA,
    Return,
    ReturnA,
}

impl Op {
    /// What a code means; `None` for one that has no meaning.
    pub(crate) fn of(instruction: &Instruction) -> Option<Self> {
        let code = instruction.code;
        if code > 0xff {
            return None;
        }
        let operand = if code & 8 == 0 {
            Operand::K
        } else {
            Operand::X
        };
        match code & 7 {
            0 => Self::load(code, instruction.k),
            1 => match code {
                0x01 => Some(Self::XConstant),
                0x61 => Some(Self::XMemory),
                0x81 => Some(Self::XLength),
                0xb1 => Some(Self::XHeader),
                _ => None,
            },
            2 => (code == 2).then_some(Self::Store),
            3 => (code == 3).then_some(Self::StoreX),
            4 => Self::sum(code, operand),
            5 => {
                let test = match code & 0xf0 {
                    0x00 => return (code == 5).then_some(Self::Jump),
                    0x10 => Test::Equal,
                    0x20 => Test::Greater,
                    0x30 => Test::AtLeast,
                    0x40 => Test::AnySet,
                    _ => return None,
                };
                Some(Self::JumpIf(test, operand))
            }
            6 => match code {
                0x06 => Some(Self::Return),
                0x16 => Some(Self::ReturnA),
                _ => None,
            },
            _ => match code {
                0x07 => Some(Self::ToX),
                0x87 => Some(Self::ToA),
                _ => None,
            },
        }
    }

    fn load(code: u16, k: u32) -> Option<Self> {
        let size = match code & 0x18 {
            0x00 => 4,
            0x08 => 2,
            0x10 => 1,
            _ => return None,
        };
        match code & 0xe0 {
            0x00 => (size == 4).then_some(Self::LoadConstant),
            // Beside the packet each size reads the whole.
            0x20 => Some(match Beside::at(k) {
                Some(beside) => Self::LoadBeside(beside),
                None => Self::Load(From::Absolute, size),
            }),
            0x40 => Some(Self::Load(From::Indirect, size)),
            0x60 => (size == 4).then_some(Self::LoadMemory),
            0x80 => (size == 4).then_some(Self::LoadLength),
            _ => None,
        }
    }

    fn sum(code: u16, operand: Operand) -> Option<Self> {
        let sum = match code & 0xf0 {
            0x00 => Sum::Add,
            0x10 => Sum::Sub,
            0x20 => Sum::Mul,
            0x30 => Sum::Div,
            0x40 => Sum::Or,
            0x50 => Sum::And,
            0x60 => Sum::Left,
            0x70 => Sum::Right,
            0x80 => return (code == 0x84).then_some(Self::Negate),
            0x90 => Sum::Mod,
            0xa0 => Sum::Xor,
            _ => return None,
        };
        Some(Self::Sum(sum, operand))
    }
}
