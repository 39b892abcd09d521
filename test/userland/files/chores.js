// What node asks of a kernel: its loop, files, children, workers, pipes, compression on its threads.
'use strict';
const assert = require('assert');
const child = require('child_process');
const crypto = require('crypto');
const events = require('events');
const fs = require('fs');
const os = require('os');
const path = require('path');
const stream = require('stream/promises');
const timers = require('timers/promises');
const zlib = require('zlib');
const { Worker, isMainThread, parentPort, workerData } = require('worker_threads');

function primes(limit) {
  const sieve = new Uint8Array(limit);
  let count = 0;
  for (let n = 2; n < limit; n++) {
    if (sieve[n]) continue;
    count++;
    for (let m = n * n; m < limit; m += n) sieve[m] = 1;
  }
  return count;
}

async function files(folder) {
  const file = path.join(folder, 'file');
  await fs.promises.writeFile(file, 'line\n'.repeat(10000));
  await fs.promises.appendFile(file, 'last\n');
  const stat = await fs.promises.stat(file, { bigint: true });
  console.log('file', stat.size, (stat.mode & 0o777n).toString(8), stat.isFile());
  await fs.promises.mkdir(path.join(folder, 'a/b/c'), { recursive: true });
  await fs.promises.rename(file, path.join(folder, 'a/file'));
  await fs.promises.symlink('../file', path.join(folder, 'a/b/link'));
  console.log('real', path.relative(folder, fs.realpathSync(path.join(folder, 'a/b/link'))));
  await fs.promises.copyFile(path.join(folder, 'a/file'), path.join(folder, 'copy'));
  await fs.promises.cp(path.join(folder, 'a'), path.join(folder, 'tree'), { recursive: true });
  console.log('entries', fs.readdirSync(folder, { withFileTypes: true }).map((e) => e.name + (e.isDirectory() ? '/' : '')).sort().join(' '));
  await stream.pipeline(fs.createReadStream(path.join(folder, 'copy')), zlib.createGzip(), fs.createWriteStream(path.join(folder, 'gz')));
  console.log('unzipped', zlib.gunzipSync(fs.readFileSync(path.join(folder, 'gz'))).length);
  const handle = await fs.promises.open(path.join(folder, 'copy'), 'r+');
  await handle.write('START', 0);
  await handle.truncate(10);
  await handle.datasync();
  await handle.close();
  console.log('copy', JSON.stringify(fs.readFileSync(path.join(folder, 'copy'), 'utf8')));
  await fs.promises.open('/nothing').catch((error) => console.log(error.code, error.syscall));
  const many = await Promise.all([...Array(200).keys()].map((n) => fs.promises.writeFile(path.join(folder, 'a', `f${n}`), String(n)).then(() => fs.promises.readFile(path.join(folder, 'a', `f${n}`), 'utf8'))));
  console.log('many', many.reduce((sum, text) => sum + Number(text), 0));
  const watcher = fs.watch(folder);
  setTimeout(() => fs.writeFileSync(path.join(folder, 'new'), ''), 20);
  console.log('watched', (await events.once(watcher, 'change')).join(' '));
  watcher.close();
  fs.rmSync(folder, { recursive: true });
  console.log('there', fs.existsSync(folder));
}

async function children() {
  console.log(child.execFileSync('sh', ['-c', 'echo $0 $1', 'a', 'b']).toString().trim());
  const failed = child.spawnSync('sh', ['-c', 'echo err >&2; exit 4']);
  console.log('status', failed.status, failed.stderr.toString().trim());
  const cat = child.spawn('cat');
  const gathered = [];
  cat.stdout.on('data', (piece) => gathered.push(piece));
  cat.stdin.end('x'.repeat(300000));
  const [code] = await events.once(cat, 'close');
  console.log('cat', code, Buffer.concat(gathered).length);
  const sleeper = child.spawn('sleep', ['1000']);
  sleeper.kill('SIGINT');
  console.log('killed', (await events.once(sleeper, 'exit')).join(' '));
  const [error] = await events.once(child.spawn('/nothing'), 'error');
  console.log(error.code, error.syscall);
  const forked = child.fork(__filename, ['child']);
  forked.send({ n: 20 });
  const [message] = await events.once(forked, 'message');
  console.log('forked', JSON.stringify(message), (await events.once(forked, 'exit')).join(' '));
}

async function workers() {
  const shared = new Int32Array(new SharedArrayBuffer(8));
  const crew = [1, 2, 3].map((n) => new Worker(__filename, { workerData: { n, shared } }));
  const ends = crew.map((worker) => events.once(worker, 'exit'));
  const said = await Promise.all(crew.map((worker) => events.once(worker, 'message')));
  await Promise.all(ends);
  console.log('workers', said.flat().sort((a, b) => a - b).join(' '), Atomics.load(shared, 0));
}

async function main() {
  console.log(process.platform, process.arch, os.type(), os.cpus().length, os.totalmem() > os.freemem(), os.userInfo().username);
  const order = [];
  setTimeout(() => order.push('timeout'), 5);
  setImmediate(() => order.push('immediate'));
  process.nextTick(() => order.push('tick'));
  queueMicrotask(() => order.push('micro'));
  await timers.setTimeout(30);
  await timers.setImmediate();
  // On a busy machine the time is up before the loop comes to the immediate.
  console.log(order.slice(0, 2).join(' '), order.slice(2).sort().join(' '));
  const start = process.hrtime.bigint();
  await timers.setTimeout(100);
  console.log('slept', process.hrtime.bigint() - start >= 99000000n);
  await files(fs.mkdtempSync(path.join(os.tmpdir(), 'node-')));
  await children();
  await workers();
  const keys = await Promise.all(['a', 'b', 'c', 'd', 'e', 'f'].map((salt) => new Promise((done) => crypto.pbkdf2('key', salt, 1000, 16, 'sha512', (_, key) => done(key.toString('hex'))))));
  console.log(keys.join(' '));
  console.log(crypto.createHash('sha256').update('gaon').digest('hex').slice(0, 16), crypto.randomBytes(16).length);
  const caught = events.once(process, 'SIGUSR2');
  const patience = setTimeout(() => {}, 60000);
  process.kill(process.pid, 'SIGUSR2');
  console.log('signal', (await caught)[0]);
  clearTimeout(patience);
  let garbage = [];
  for (let n = 0; n < 200; n++) { garbage.push(new Array(10000).fill(n)); if (n % 20 === 0) garbage = []; }
  console.log('heap', process.memoryUsage().rss > 1 << 20, process.resourceUsage().userCPUTime > 0);
  assert.throws(() => new Array(-1), RangeError);
  const deep = (n) => deep(n + 1) + 1;
  assert.throws(() => deep(0), RangeError);
  console.log('primes', primes(300000));
  process.on('exit', (code) => console.log('exit', code));
}

if (!isMainThread) {
  const { n, shared } = workerData;
  for (let i = 0; i < 1000; i++) Atomics.add(shared, 0, 1);
  parentPort.postMessage(primes(10000 * n));
} else if (process.argv[2] === 'child') {
  process.once('message', ({ n }) => { process.send({ primes: primes(n * 100) }, () => process.disconnect()); });
} else {
  main().catch((error) => { console.log(error); process.exitCode = 1; });
}
