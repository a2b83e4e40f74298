// What a call through the executor costs this machine before anything is executed: a process that hands what it reads to a
// thread of its own, and sends back what the thread gives. Run as the process by `bareTripsUs`, by itself as the thread.
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'

const FLAG = '--echo'
const file = fileURLToPath(import.meta.url)

function serveThread(): void {
  parentPort?.on('message', (bytes: Uint8Array) => parentPort?.postMessage(bytes, [bytes.buffer as ArrayBuffer]))
}

function serveProcess(): void {
  const thread = new Worker(file)
  thread.on('message', (bytes: Uint8Array) => process.stdout.write(bytes))
  process.stdin.on('data', (chunk: Uint8Array) => {
    const bytes = new Uint8Array(chunk)
    thread.postMessage(bytes, [bytes.buffer])
  })
  process.stdin.on('end', () => void thread.terminate())
}

/** Times of bytes there and back, one after the other, once the first tenth has warmed everything up. */
export async function bareTripsUs(bytes: number, trips: number): Promise<readonly number[]> {
  const child = spawn(process.execPath, [file, FLAG], { stdio: ['pipe', 'pipe', 'inherit'] })
  const samples: number[] = []
  const payload = new Uint8Array(bytes)
  let received = 0
  let sentAt = 0
  const done = Promise.withResolvers<void>()
  const send = (): void => {
    sentAt = performance.now()
    child.stdin.write(payload)
  }
  child.on('error', done.reject)
  child.stdout.on('data', (chunk: Uint8Array) => {
    received += chunk.length
    if (received < bytes) return
    received -= bytes
    samples.push(1000 * (performance.now() - sentAt))
    if (samples.length < trips) send()
    else done.resolve()
  })
  send()
  try {
    await done.promise
  } finally {
    child.stdin.end()
  }
  return samples.slice(trips / 10)
}

if (!isMainThread) serveThread()
else if (process.argv[2] === FLAG) serveProcess()
