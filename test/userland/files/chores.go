// What Go's run-time asks of a kernel: goroutines on threads, their preemption by signals, pipes, files, programs, timers.
package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

func check(err error) {
	if err != nil {
		fmt.Println("failed:", err)
		os.Exit(1)
	}
}

func goroutines() {
	numbers, sums := make(chan int), make(chan int)
	for n := 0; n < 50; n++ {
		go func() {
			sum := 0
			for number := range numbers {
				sum += number
				runtime.Gosched()
			}
			sums <- sum
		}()
	}
	for n := 1; n <= 10000; n++ {
		numbers <- n
	}
	close(numbers)
	total := 0
	for n := 0; n < 50; n++ {
		total += <-sums
	}
	fmt.Println("sum", total)
	// Loops without a call are preempted by a signal.
	var stop int32
	var spun int64
	for n := 0; n < 4; n++ {
		go func() {
			for atomic.LoadInt32(&stop) == 0 {
				spun++
			}
		}()
	}
	time.Sleep(50 * time.Millisecond)
	runtime.GC()
	atomic.StoreInt32(&stop, 1)
	// A ring.
	first := make(chan int)
	last := first
	for n := 0; n < 1000; n++ {
		next := make(chan int)
		go func(from, to chan int) { to <- 1 + <-from }(last, next)
		last = next
	}
	go func() { first <- 0 }()
	fmt.Println("ring", <-last)
	var lock sync.Mutex
	var group sync.WaitGroup
	counts := map[int]int{}
	for n := 0; n < 100; n++ {
		group.Add(1)
		go func(n int) {
			defer group.Done()
			runtime.LockOSThread()
			lock.Lock()
			counts[n%10]++
			lock.Unlock()
		}(n)
	}
	group.Wait()
	fmt.Println("counts", counts)
}

func files() {
	folder, err := os.MkdirTemp("", "go")
	check(err)
	defer os.RemoveAll(folder)
	name := filepath.Join(folder, "file")
	check(os.WriteFile(name, bytes.Repeat([]byte("line\n"), 10000), 0o640))
	file, err := os.OpenFile(name, os.O_RDWR, 0)
	check(err)
	_, err = file.Seek(-5, io.SeekEnd)
	check(err)
	text, _ := io.ReadAll(file)
	info, _ := file.Stat()
	fmt.Printf("%q %d %v\n", text, info.Size(), info.Mode())
	memory, err := syscall.Mmap(int(file.Fd()), 0, 4096, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	check(err)
	memory[0] = 'L'
	check(syscall.Munmap(memory))
	to, err := os.Create(filepath.Join(folder, "copy"))
	check(err)
	_, err = file.Seek(0, io.SeekStart)
	check(err)
	count, err := io.Copy(to, file)
	check(err)
	to.Close()
	text, _ = os.ReadFile(filepath.Join(folder, "copy"))
	fmt.Printf("%d %.5s %x\n", count, text, sha256.Sum256(text))
	for n := 0; n < 100; n++ {
		check(os.Mkdir(filepath.Join(folder, fmt.Sprint("d", n)), 0o755))
	}
	entries, _ := os.ReadDir(folder)
	fmt.Println(len(entries), entries[0].Name())
	_, err = os.Open("/nothing")
	fmt.Println(err, errors.Is(err, os.ErrNotExist))
	fmt.Println(os.Remove("/proc"))
}

func programs() {
	output, err := exec.Command("sh", "-c", "echo out; exit 3").CombinedOutput()
	fmt.Printf("%q %v\n", output, err)
	command := exec.Command("sort", "-n")
	command.Stdin = strings.NewReader("3\n1\n2\n")
	output, err = command.Output()
	fmt.Printf("%q %v\n", output, err)
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	fmt.Println(exec.CommandContext(ctx, "sleep", "1000").Run())
	var said []string
	var lock sync.Mutex
	var group sync.WaitGroup
	for n := 0; n < 10; n++ {
		group.Add(1)
		go func(n int) {
			defer group.Done()
			output, _ := exec.Command("echo", fmt.Sprint(n)).Output()
			lock.Lock()
			said = append(said, strings.TrimSpace(string(output)))
			lock.Unlock()
		}(n)
	}
	group.Wait()
	sort.Strings(said)
	fmt.Println(said)
}

func main() {
	fmt.Println(runtime.GOOS, runtime.GOARCH)
	goroutines()
	files()
	programs()
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, syscall.SIGUSR1)
	check(syscall.Kill(os.Getpid(), syscall.SIGUSR1))
	fmt.Println(<-caught)
	// A read of a pipe that a deadline ends, as the poller does it.
	reader, writer, err := os.Pipe()
	check(err)
	check(reader.SetReadDeadline(time.Now().Add(20 * time.Millisecond)))
	_, err = reader.Read(make([]byte, 1))
	fmt.Println(errors.Is(err, os.ErrDeadlineExceeded))
	check(reader.SetReadDeadline(time.Time{}))
	go func() { fmt.Fprintln(writer, "through the pipe"); writer.Close() }()
	line, _ := bufio.NewReader(reader).ReadString('\n')
	fmt.Print(line)
	ticker, ticks := time.NewTicker(2*time.Millisecond), 0
	for range ticker.C {
		if ticks++; ticks == 5 {
			break
		}
	}
	select {
	case <-time.After(20 * time.Millisecond):
		fmt.Println("after", ticks)
	case <-caught:
	}
	// Garbage.
	var kept [][]byte
	for n := 0; n < 5000; n++ {
		kept = append(kept, make([]byte, 20000))
		if len(kept) > 100 {
			kept = nil
		}
	}
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	fmt.Println("collected", stats.NumGC > 0)
	func() {
		defer func() { fmt.Println(recover()) }()
		var none *int
		fmt.Println(*none)
	}()
	fmt.Println("done")
}
