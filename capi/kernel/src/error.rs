//! Errors of the kernel: the numbers that system calls answer.
use core::fmt;
use core::num::{NonZeroI32, TryFromIntError};

/// A negative errno value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Error(NonZeroI32);

/// What may fail in the kernel.
pub type Result<T = (), E = Error> = core::result::Result<T, E>;

impl Error {
    /// From what a C function answered; `EINVAL` for a number that is no error.
    #[must_use]
    pub const fn from_errno(errno: i32) -> Self {
        match NonZeroI32::new(errno) {
            Some(number) if errno >= -4095 && errno < 0 => Self(number),
            _ => code::EINVAL,
        }
    }

    /// The negative number.
    #[must_use]
    pub const fn to_errno(self) -> i32 {
        self.0.get()
    }
}

/// `Err` when a C function answered a negative number.
pub fn to_result(answer: i32) -> Result {
    match answer {
        0.. => Ok(()),
        errno => Err(Error::from_errno(errno)),
    }
}

macro_rules! codes {
    ($($name:ident $number:literal $text:literal,)*) => {
        /// The errors by name.
        pub mod code {
            $(
                #[doc = $text]
                pub const $name: super::Error = super::Error(match core::num::NonZeroI32::new(-$number) {
                    Some(number) => number,
                    None => panic!(),
                });
            )*
        }

        impl Error {
            /// The name, if it is one of [`code`].
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match -self.to_errno() {
                    $($number => Some(stringify!($name)),)*
                    _ => None,
                }
            }
        }
    };
}

codes! {
    EPERM 1 "Operation not permitted.",
    ENOENT 2 "No such file or directory.",
    ESRCH 3 "No such process.",
    EINTR 4 "Interrupted system call.",
    EIO 5 "I/O error.",
    ENXIO 6 "No such device or address.",
    E2BIG 7 "Argument list too long.",
    EBADF 9 "Bad file number.",
    EAGAIN 11 "Try again.",
    ENOMEM 12 "Out of memory.",
    EACCES 13 "Permission denied.",
    EFAULT 14 "Bad address.",
    EBUSY 16 "Device or resource busy.",
    EEXIST 17 "File exists.",
    ENODEV 19 "No such device.",
    EINVAL 22 "Invalid argument.",
    ENFILE 23 "File table overflow.",
    ENOTTY 25 "Not a typewriter.",
    EFBIG 27 "File too large.",
    ENOSPC 28 "No space left on device.",
    ESPIPE 29 "Illegal seek.",
    EPIPE 32 "Broken pipe.",
    EDOM 33 "Math argument out of domain of func.",
    ERANGE 34 "Math result not representable.",
    ENOSYS 38 "Function not implemented.",
    ENODATA 61 "No data available.",
    EOVERFLOW 75 "Value too large for defined data type.",
    EMSGSIZE 90 "Message too long.",
    EOPNOTSUPP 95 "Operation not supported.",
    ETIMEDOUT 110 "Connection timed out.",
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "Error({})", -self.to_errno()),
        }
    }
}

/// No memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AllocError;

impl From<AllocError> for Error {
    fn from(_: AllocError) -> Self {
        code::ENOMEM
    }
}

impl From<TryFromIntError> for Error {
    fn from(_: TryFromIntError) -> Self {
        code::EINVAL
    }
}

impl From<core::str::Utf8Error> for Error {
    fn from(_: core::str::Utf8Error) -> Self {
        code::EINVAL
    }
}

impl From<core::num::ParseIntError> for Error {
    fn from(_: core::num::ParseIntError) -> Self {
        code::EINVAL
    }
}

impl From<fmt::Error> for Error {
    fn from(_: fmt::Error) -> Self {
        code::EINVAL
    }
}
