//! The uses of modules: what `linux/module.h` counts.
use crate::enter::misuse;
use crate::export::exports;
use alloc::sync::Arc;
use module::Module;

/// The module of a `struct module`; ends the call when there is none.
fn of(record: usize) -> Arc<Module> {
    match module::by_record(record) {
        Some(module) => module,
        None => misuse("a struct module that is none"),
    }
}

/// `try_module_get(module)`: true for NULL, which means the kernel.
extern "C" fn try_module_get(record: usize) -> bool {
    record == 0 || of(record).get()
}

/// `__module_get(module)`: of one that is in use already.
extern "C" fn __module_get(record: usize) {
    if record != 0 {
        of(record).get();
    }
}

/// `module_put(module)`.
extern "C" fn module_put(record: usize) {
    if record == 0 {
        return;
    }
    let module = of(record);
    let counted = module.users() > 0;
    if counted {
        module.put();
        return;
    }
    drop(module);
    misuse("module_put of a module that nobody uses");
}

/// `module_refcount(module)`.
extern "C" fn module_refcount(record: usize) -> i32 {
    of(record).users()
}

exports![try_module_get, __module_get, module_put, module_refcount];
