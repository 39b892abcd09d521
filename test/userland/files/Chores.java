// What a Java machine asks of a kernel: threads, collection of garbage, files, maps of them, programs, timers.
import java.io.*;
import java.nio.*;
import java.nio.channels.*;
import java.nio.file.*;
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.*;
import java.util.stream.*;

public class Chores {
    static int depth(int n) { return depth(n + 1) + 1; }

    public static void main(String[] arguments) throws Exception {
        System.out.println(System.getProperty("os.name") + " " + System.getProperty("os.arch") + " " + Runtime.getRuntime().availableProcessors());
        threads();
        files();
        programs();
        List<byte[]> kept = new ArrayList<>();
        long made = 0;
        for (int n = 0; n < 3000; n++) {
            byte[] piece = new byte[20000];
            made += piece.length;
            kept.add(piece);
            if (kept.size() > 100) kept.clear();
        }
        System.gc();
        System.out.println("made " + made);
        try { depth(0); } catch (StackOverflowError error) { System.out.println("StackOverflowError"); }
        try { Object none = arguments.length > 5 ? "" : null; none.hashCode(); } catch (NullPointerException error) { System.out.println("NullPointerException"); }
        try { List<long[]> all = new ArrayList<>(); while (true) all.add(new long[40_000_000]); } catch (OutOfMemoryError error) { System.out.println("OutOfMemoryError"); }
        Runtime.getRuntime().addShutdownHook(new Thread(() -> System.out.println("at the end")));
        System.exit(4);
    }

    static void threads() throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(4);
        List<Future<Long>> sums = new ArrayList<>();
        for (int n = 0; n < 8; n++) {
            final long from = n * 10000L;
            sums.add(pool.submit(() -> LongStream.range(from, from + 10000).sum()));
        }
        long sum = 0;
        for (Future<Long> one : sums) sum += one.get();
        System.out.println("sum " + sum);
        pool.shutdown();
        System.out.println(pool.awaitTermination(60, TimeUnit.SECONDS));
        System.out.println("parallel " + IntStream.range(0, 100000).parallel().filter(n -> n % 7 == 0).count());
        AtomicInteger count = new AtomicInteger();
        Object lock = new Object();
        Thread[] crew = new Thread[6];
        for (int n = 0; n < crew.length; n++) {
            crew[n] = new Thread(() -> { for (int i = 0; i < 1000; i++) synchronized (lock) { count.set(count.get() + 1); } });
            crew[n].start();
        }
        for (Thread one : crew) one.join();
        System.out.println("count " + count);
        Thread sleeper = new Thread(() -> { try { Thread.sleep(100000); } catch (InterruptedException error) { System.out.println("interrupted"); } });
        sleeper.start();
        sleeper.interrupt();
        sleeper.join();
        ScheduledExecutorService timer = Executors.newScheduledThreadPool(1);
        CountDownLatch ticks = new CountDownLatch(3);
        timer.scheduleAtFixedRate(ticks::countDown, 1, 5, TimeUnit.MILLISECONDS);
        System.out.println("ticks " + ticks.await(60, TimeUnit.SECONDS));
        timer.shutdownNow();
        long start = System.nanoTime();
        Thread.sleep(50);
        System.out.println("slept " + (System.nanoTime() - start >= 50_000_000));
    }

    static void files() throws Exception {
        Path folder = Files.createTempDirectory("java");
        Path file = folder.resolve("file");
        Files.writeString(file, "line\n".repeat(1000));
        System.out.println(Files.size(file) + " " + Files.lines(file).count() + " " + Files.isExecutable(file));
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE); FileLock lock = channel.lock()) {
            MappedByteBuffer map = channel.map(FileChannel.MapMode.READ_WRITE, 0, 4096);
            map.put(0, (byte) 'L');
            map.force();
            System.out.println(lock.isValid() + " " + map.isLoaded());
            channel.truncate(10);
            channel.transferTo(0, 10, FileChannel.open(folder.resolve("copy"), StandardOpenOption.CREATE, StandardOpenOption.WRITE));
        }
        System.out.println(Files.readString(file).trim().replace('\n', ' '));
        Files.createDirectories(folder.resolve("a/b"));
        Files.move(file, folder.resolve("a/b/moved"), StandardCopyOption.ATOMIC_MOVE);
        Files.createSymbolicLink(folder.resolve("link"), Path.of("a/b/moved"));
        try (Stream<Path> walk = Files.walk(folder)) {
            System.out.println(walk.map(p -> folder.relativize(p).toString()).sorted().collect(Collectors.joining(" ")));
        }
        System.out.println(Files.getPosixFilePermissions(folder).size() + " " + Files.getOwner(folder) + " " + (Files.getFileStore(folder).getTotalSpace() > 0));
        try { Files.createFile(folder.resolve("copy")); } catch (FileAlreadyExistsException error) { System.out.println("FileAlreadyExistsException"); }
        try { Files.delete(folder.resolve("a")); } catch (DirectoryNotEmptyException error) { System.out.println("DirectoryNotEmptyException"); }
        try (WatchService watch = folder.getFileSystem().newWatchService()) {
            folder.register(watch, StandardWatchEventKinds.ENTRY_CREATE);
            Files.createFile(folder.resolve("new"));
            WatchKey key = watch.poll(60, TimeUnit.SECONDS);
            System.out.println("watched " + key.pollEvents().get(0).context());
        }
        Pipe pipe = Pipe.open();
        Selector selector = Selector.open();
        pipe.source().configureBlocking(false);
        pipe.source().register(selector, SelectionKey.OP_READ);
        System.out.println("ready " + selector.selectNow());
        pipe.sink().write(ByteBuffer.wrap("bytes".getBytes()));
        System.out.println("ready " + selector.select(60000));
    }

    static void programs() throws Exception {
        Process process = new ProcessBuilder("sh", "-c", "read line; echo got $line; exit 5").redirectErrorStream(true).start();
        try (Writer writer = new OutputStreamWriter(process.getOutputStream())) { writer.write("a line\n"); }
        System.out.println(new String(process.getInputStream().readAllBytes()).trim() + " " + process.waitFor());
        Process sleeper = new ProcessBuilder("sleep", "1000").start();
        System.out.println(sleeper.isAlive() + " " + sleeper.waitFor(50, TimeUnit.MILLISECONDS));
        sleeper.destroy();
        System.out.println(sleeper.waitFor());
        try { new ProcessBuilder("/nothing").start(); } catch (IOException error) { System.out.println("IOException " + error.getMessage().replaceAll(".*error=", "")); }
        System.out.println(ProcessHandle.current().parent().isPresent() + " " + ProcessHandle.of(1).isPresent());
    }
}
