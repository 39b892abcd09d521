//! User and group ids inside the kernel.
use core::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(transparent)]
        pub struct $name(pub u32);

        impl $name {
            /// Root of the initial namespace.
            pub const ROOT: Self = Self(0);
            /// "No id": what -1 means to chown(2) and setresuid(2).
            pub const INVALID: Self = Self(u32::MAX);

            /// Whether it names somebody at all.
            pub const fn is_valid(self) -> bool {
                self.0 != u32::MAX
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
    };
}

id! {
    /// A user, as an id of the initial user namespace.
    Kuid
}
id! {
    /// A group, as an id of the initial user namespace.
    Kgid
}
