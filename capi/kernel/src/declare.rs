//! `module!`.

/// Declares the module: its type, what modinfo shows, its parameters. The fields stand in this order.
///
/// ```ignore
/// module! {
///     type: Hello,
///     name: "hello",
///     authors: ["Somebody"],
///     description: "Says hello",
///     license: "GPL",
///     params: {
///         number: i32 { default: 1, permissions: 0o644, description: "a number" },
///     },
/// }
/// ```
/// A parameter's value is `module_parameters::number.value()`.
#[macro_export]
macro_rules! module {
    (
        type: $type:ty,
        name: $name:literal,
        $(author: $author:literal,)?
        $(authors: [$($authors:literal),* $(,)?],)?
        $(description: $description:literal,)?
        license: $license:literal
        $(, version: $version:literal)?
        $(, alias: [$($alias:literal),* $(,)?])?
        $(, params: {
            $($parameter:ident: $kind:ty {
                default: $default:expr,
                $(permissions: $permissions:expr,)?
                description: $says:literal $(,)?
            }),* $(,)?
        })?
        $(,)?
    ) => {
        #[doc(hidden)]
        pub const __LOG_PREFIX: &str = $name;
        #[doc(hidden)]
        pub const __INIT: fn() -> ::core::ffi::c_int = $crate::glue::init::<$type>;

        /// The module's parameters.
        #[allow(non_upper_case_globals, unused, reason = "users know them by these names")]
        pub mod module_parameters {
            $($(
                #[doc = $says]
                pub static $parameter: $crate::ModuleParam<$kind> = $crate::ModuleParam::new($default);
            )*)?
        }

        #[doc(hidden)]
        pub const __PARAMETERS: &[$crate::Record] = &[
            $($($crate::Record::new(
                ::core::concat!(::core::stringify!($parameter), "\0"),
                0 $(+ $permissions)?,
                &module_parameters::$parameter,
            ),)*)?
        ];

        #[doc(hidden)]
        pub const __INFO: $crate::Info<'static> = $crate::Info(&[
            $(("author", &[$author]),)?
            $($(("author", &[$authors]),)*)?
            $(("description", &[$description]),)?
            ("license", &[$license]),
            $(("version", &[$version]),)?
            $($(("alias", &[$alias]),)*)?
            $($(
                ("parm", &[::core::stringify!($parameter), ":", $says]),
                ("parmtype", &[::core::stringify!($parameter), ":", <$kind as $crate::Parameter>::NAME]),
            )*)?
        ]);
    };
}
