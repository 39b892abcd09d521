# numpy: its machine code, its files, its memory maps, its threads.
import os, tempfile, threading
import numpy as np

a = np.arange(12, dtype=np.float64).reshape(3, 4)
print(a @ a.T)
print(np.linalg.det(np.array([[4.0, 2.0], [1.0, 3.0]])).round(9), np.linalg.inv(np.array([[2.0, 0.0], [0.0, 4.0]])))
print(np.linalg.svd(a, compute_uv=False).round(6), np.linalg.eigvalsh(np.array([[2.0, 1.0], [1.0, 2.0]])).round(9))
print(np.linalg.solve(np.array([[3.0, 1.0], [1.0, 2.0]]), np.array([9.0, 8.0])))
print(np.abs(np.fft.ifft(np.fft.fft(np.arange(1000.0))) - np.arange(1000.0)).max() < 1e-9)
rng = np.random.default_rng(7)
big = rng.integers(0, 1 << 40, 300000)
print(big[:3], np.sort(big)[:3], np.unique(big % 1000).size, big.sum(), np.median(big))
print(rng.normal(size=100000).mean().round(3), np.histogram(rng.random(10000), bins=4)[0].sum())
x = np.linspace(0, np.pi, 100001)
print(np.trapz(np.sin(x), x).round(8), np.exp(1j * np.pi).real.round(12), np.float16(1) / 3, np.longdouble(1) / 4)
with np.errstate(all="ignore"):
    print(np.array([1.0, -1.0, 0.0]) / 0, np.int8(100) + np.int8(100))
try:
    np.zeros(3) @ np.zeros(4)
except ValueError as error:
    print("ValueError", str(error)[:20])
try:
    np.ones(1 << 45)
except MemoryError:
    print("MemoryError")
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "array")
    mapped = np.memmap(path, dtype=np.int32, mode="w+", shape=(1000, 1000))
    mapped[:] = np.arange(1000)
    mapped.flush()
    print(os.path.getsize(path), np.memmap(path, dtype=np.int32, mode="r", shape=(1000, 1000))[999, 998:])
    np.save(path + ".npy", a)
    np.savez_compressed(path + ".npz", a=a, b=big[:10])
    print(np.load(path + ".npy", mmap_mode="r").sum(), np.load(path + ".npz")["b"].sum() == big[:10].sum())
sums = [0] * 4


def work(n):
    sums[n] = int(np.add.reduce(np.full(1 << 20, n)))


crew = [threading.Thread(target=work, args=(n,)) for n in range(4)]
[one.start() for one in crew]
[one.join() for one in crew]
print(sums)
