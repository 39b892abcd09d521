//! Every interleaving of two writers and a reader on a tiny ring: `RUSTFLAGS="--cfg loom" cargo test -p logring`.
use crate::{Meta, Ring};

#[test]
fn two_writers_one_reader() {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(2);
    builder.check(|| {
        let ring = loom::sync::Arc::new(Ring::<2, 16>::new());
        ring.push(
            &Meta {
                ts_ns: 9,
                ..Meta::default()
            },
            b"zz",
        );
        let writers: Vec<_> = (0..2u8)
            .map(|w| {
                let ring = ring.clone();
                loom::thread::spawn(move || {
                    ring.push(
                        &Meta {
                            ts_ns: u64::from(w),
                            ..Meta::default()
                        },
                        &[w + b'0'; 3],
                    );
                })
            })
            .collect();
        let mut buf = [0; 16];
        for seq in 0..3 {
            if let Ok(record) = ring.read(seq, &mut buf) {
                match record.meta.ts_ns {
                    9 => assert_eq!(&buf[..record.len], b"zz"),
                    w => assert_eq!(&buf[..record.len], &[w as u8 + b'0'; 3]),
                }
            }
        }
        for writer in writers {
            writer.join().expect("writer");
        }
    });
}
