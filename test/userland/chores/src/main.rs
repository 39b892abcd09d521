//! Threads and asynchronous I/O, as programs in Rust use them: what is said has to be the same on every kernel.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Condvar, Mutex, RwLock, mpsc};
use std::thread;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncSeekExt, AsyncWriteExt, BufReader};
use tokio::net::unix::pipe;
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};
use tokio::{fs, task, time};

fn main() -> std::io::Result<()> {
    threads();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        tasks().await;
        files().await?;
        programs().await?;
        pipes().await
    })?;
    runtime.shutdown_timeout(Duration::from_secs(1));
    println!("done");
    Ok(())
}

fn threads() {
    let mut numbers: Vec<u64> = (0..100_000).collect();
    thread::scope(|scope| {
        for piece in numbers.chunks_mut(10_000) {
            scope.spawn(move || piece.iter_mut().for_each(|n| *n = *n * *n % 1009));
        }
    });
    println!("sum {}", numbers.iter().sum::<u64>());
    let (sender, receiver) = mpsc::sync_channel(4);
    let crew: Vec<_> = (0..8)
        .map(|n| {
            let sender = sender.clone();
            thread::spawn(move || (0..100).for_each(|m| sender.send(n * 100 + m).unwrap()))
        })
        .collect();
    drop(sender);
    println!("received {}", receiver.iter().sum::<i32>());
    crew.into_iter().for_each(|one| one.join().unwrap());
    let (barrier, turns) = (Arc::new(Barrier::new(5)), Arc::new(AtomicUsize::new(0)));
    let table = Arc::new(RwLock::new(BTreeMap::new()));
    let bell = Arc::new((Mutex::new(0), Condvar::new()));
    let crew: Vec<_> = (0..5)
        .map(|n| {
            let (barrier, turns, table, bell) =
                (barrier.clone(), turns.clone(), table.clone(), bell.clone());
            thread::spawn(move || {
                for round in 0..50 {
                    barrier.wait();
                    turns.fetch_add(1, Ordering::Relaxed);
                    table
                        .write()
                        .unwrap()
                        .insert((n, round), thread::current().id());
                    let _ = table.read().unwrap().len();
                    *bell.0.lock().unwrap() += 1;
                    bell.1.notify_all();
                }
            })
        })
        .collect();
    let rung = bell
        .1
        .wait_while(bell.0.lock().unwrap(), |count| *count < 250)
        .map(|count| *count);
    println!("rung {}", rung.unwrap());
    crew.into_iter().for_each(|one| one.join().unwrap());
    println!(
        "turns {} table {}",
        turns.load(Ordering::Relaxed),
        table.read().unwrap().len()
    );
    let panicked = thread::Builder::new()
        .name("one that panics".to_owned())
        .spawn(|| std::panic::resume_unwind(Box::new("as it should")))
        .unwrap()
        .join();
    println!(
        "panicked {:?}",
        panicked.unwrap_err().downcast_ref::<&str>()
    );
    let start = Instant::now();
    thread::park_timeout(Duration::from_millis(20));
    println!("parked {}", start.elapsed() >= Duration::from_millis(1));
}

async fn tasks() {
    let crew: Vec<_> = (0..1000u64)
        .map(|n| {
            task::spawn(async move {
                time::sleep(Duration::from_millis(n % 20)).await;
                task::yield_now().await;
                n
            })
        })
        .collect();
    let mut sum = 0;
    for one in crew {
        sum += one.await.unwrap();
    }
    println!("tasks {sum}");
    println!(
        "blocking {}",
        task::spawn_blocking(|| (1..=20).product::<u64>())
            .await
            .unwrap()
    );
    let late = time::timeout(Duration::from_millis(20), std::future::pending::<()>()).await;
    println!("late {}", late.is_err());
    let mut ticks = time::interval(Duration::from_millis(2));
    for _ in 0..5 {
        ticks.tick().await;
    }
    let endless = task::spawn(async { time::sleep(Duration::from_secs(1000)).await });
    endless.abort();
    println!("cancelled {}", endless.await.unwrap_err().is_cancelled());
    let (sender, mut receiver) = tokio::sync::mpsc::channel(2);
    for n in 0..10 {
        let sender = sender.clone();
        task::spawn(async move { sender.send(n).await.unwrap() });
    }
    drop(sender);
    let mut got = Vec::new();
    while let Some(n) = receiver.recv().await {
        got.push(n);
    }
    got.sort_unstable();
    println!("got {got:?}");
}

async fn files() -> std::io::Result<()> {
    let folder = std::env::temp_dir().join(format!("chores-{}", std::process::id()));
    fs::create_dir_all(folder.join("a/b")).await?;
    let mut file = fs::File::create_new(folder.join("file")).await?;
    for n in 0..1000 {
        file.write_all(format!("line {n}\n").as_bytes()).await?;
    }
    file.sync_all().await?;
    let file = fs::File::open(folder.join("file")).await?;
    let (mut lines, mut count) = (BufReader::new(file).lines(), 0);
    while let Some(line) = lines.next_line().await? {
        count += line.len();
    }
    println!("read {count}");
    let mut file = fs::OpenOptions::new()
        .write(true)
        .read(true)
        .open(folder.join("file"))
        .await?;
    file.seek(std::io::SeekFrom::Start(5)).await?;
    file.set_len(20).await?;
    let mut rest = String::new();
    file.read_to_string(&mut rest).await?;
    println!("rest {rest:?}");
    println!(
        "copied {}",
        fs::copy(folder.join("file"), folder.join("a/copy")).await?
    );
    let many: Vec<_> = (0..50)
        .map(|n| {
            let path = folder.join(format!("a/b/{n}"));
            task::spawn(async move {
                fs::write(&path, vec![b'x'; n]).await?;
                fs::read(&path).await.map(|bytes| bytes.len())
            })
        })
        .collect();
    let mut total = 0;
    for one in many {
        total += one.await.unwrap()?;
    }
    println!("many {total}");
    println!(
        "missing {:?}",
        fs::metadata(folder.join("none")).await.unwrap_err().kind()
    );
    fs::remove_dir_all(&folder).await?;
    println!("there {}", fs::try_exists(&folder).await?);
    Ok(())
}

async fn programs() -> std::io::Result<()> {
    let mut child = Command::new("cat")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()?;
    let mut keys = child.stdin.take().unwrap();
    let writer = task::spawn(async move { keys.write_all(&vec![b'x'; 300_000]).await });
    let output = child.wait_with_output().await?;
    writer.await.unwrap()?;
    println!("cat {} {}", output.status, output.stdout.len());
    let mut crew = Vec::new();
    for n in 0..8 {
        crew.push(
            Command::new("sh")
                .args(["-c", &format!("exit {n}")])
                .spawn()?,
        );
    }
    let mut codes = Vec::new();
    for mut one in crew {
        codes.push(one.wait().await?.code());
    }
    println!("codes {codes:?}");
    let mut sleeper = Command::new("sleep").arg("1000").spawn()?;
    sleeper.start_kill()?;
    println!("killed {}", sleeper.wait().await?);
    println!(
        "missing {:?}",
        Command::new("/nothing").spawn().unwrap_err().kind()
    );
    Ok(())
}

async fn pipes() -> std::io::Result<()> {
    let (mut sender, receiver) = pipe::pipe()?;
    let reader = task::spawn(async move {
        let (mut lines, mut sum) = (BufReader::new(receiver).lines(), 0);
        while let Some(line) = lines.next_line().await? {
            sum += line.parse::<u64>().unwrap_or(0);
        }
        Ok::<_, std::io::Error>(sum)
    });
    for n in 0..20_000 {
        sender.write_all(format!("{n}\n").as_bytes()).await?;
    }
    drop(sender);
    println!("piped {}", reader.await.unwrap()?);
    let mut caught = signal(SignalKind::user_defined1())?;
    Command::new("sh")
        .args(["-c", &format!("kill -USR1 {}", std::process::id())])
        .status()
        .await?;
    println!("caught {}", caught.recv().await.is_some());
    Ok(())
}
