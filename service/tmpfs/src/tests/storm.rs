//! Many threads in one tree: nothing hangs, nothing is lost, nothing leaks.
use super::*;

struct Rng(u64);

impl Rng {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }

    /// A path of up to three components out of few names, so that threads meet.
    fn path(&mut self) -> String {
        let mut path = String::new();
        for _ in 0..=self.below(3) {
            path.push('/');
            path.push(char::from(b'a' + self.below(4) as u8));
        }
        path
    }
}

/// One random operation; most fail, in the ways they may.
fn step(w: &World, rng: &mut Rng) {
    use Errno as E;
    let (a, b) = (rng.path(), rng.path());
    let may = |result: Result<()>, allowed: &[Errno]| match result {
        Err(e) if !allowed.contains(&e) && e != E::ENOENT && e != E::ENOTDIR => {
            panic!("{e:?} for {a} {b}")
        }
        _ => {}
    };
    match rng.below(10) {
        0 | 1 => may(w.mkdir(&a), &[E::EEXIST, E::ELOOP]),
        2 => may(
            w.open(&a, raw::O_CREAT | raw::O_RDWR).map(|f| {
                let _ = put(&f, b"x");
            }),
            &[E::EISDIR, E::ELOOP],
        ),
        3 => may(w.unlink(&a), &[E::EISDIR, E::ELOOP]),
        4 => may(w.rmdir(&a), &[E::ENOTEMPTY, E::ELOOP]),
        5 => may(
            w.rename(&a, &b),
            &[E::EISDIR, E::EINVAL, E::ENOTEMPTY, E::ELOOP],
        ),
        6 => may(
            w.rename2(&a, &b, RenameFlags::EXCHANGE),
            &[E::EINVAL, E::ELOOP],
        ),
        7 => may(w.link(&a, &b), &[E::EEXIST, E::EPERM, E::ELOOP]),
        8 => may(w.symlink(&b, &a), &[E::EEXIST, E::ELOOP]),
        _ => {
            let _ = w.stat(&a).map(|_| ());
            if let Ok(dir) = w.open(&a, raw::O_RDONLY | raw::O_DIRECTORY) {
                let mut sink = |_: &vfs::DirEntry<'_>| Ok(vfs::Sink::Taken);
                may(dir.read_dir(&mut sink), &[]);
            }
        }
    }
}

/// Walks the tree, holds each directory's listing against its look-ups and counts, and removes it. Answers how many
/// entries there were.
fn check_and_remove(w: &World, path: &str) -> usize {
    let mut count = 0;
    for name in w.list(path) {
        let child = std::format!("{path}/{name}");
        let stat = w.lstat(&child).unwrap();
        count += 1;
        if stat.mode & raw::S_IFMT == raw::S_IFDIR {
            assert_eq!(
                w.stat(&std::format!("{child}/..")).unwrap().ino,
                w.stat(path).unwrap().ino
            );
            count += check_and_remove(w, &child);
            w.rmdir(&child).unwrap();
        } else {
            w.unlink(&child).unwrap();
        }
    }

    let stat = w.stat(path).unwrap();
    assert_eq!((stat.nlink, stat.size), (2, 40), "{path}");
    count
}

#[test]
fn threads_change_one_tree() {
    let w = World::new();
    std::thread::scope(|scope| {
        for seed in 1..=4 {
            let w = &w;
            scope.spawn(move || {
                let mut rng = Rng(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed));
                for _ in 0..20_000 {
                    step(w, &mut rng);
                }
            });
        }
    });
    assert!(check_and_remove(&w, "/.") > 0);
    assert_eq!(w.used(), (0, 1));
}
