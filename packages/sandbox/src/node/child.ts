/**
 * Entry of the executor process. It owns the workers and one socket (descriptor 3) to its parent, and nothing else: the
 * permission model, and where present bubblewrap, keep files, network, other programs and add-ons out of reach.
 */
import { Socket } from 'node:net'
import { messageOf } from '@stead/core'
import { FRAME_HEADER_BYTES, FrameReader, ToChild, ToParent } from './frames.ts'
import { probeWalls } from './wall-probe.ts'
import { WireReader, WireWriter } from './wire-buffer.ts'
import { JobKind } from './worker-messages.ts'
import { WorkerPool } from './worker-pool.ts'

/** Descriptor of the socket pair's end. */
const SOCKET_DESCRIPTOR = 3

/** What the parent passes as the one argument, as JSON. */
interface ChildOptions {
  readonly workersMax: number
  readonly terminateGraceMs: number
  readonly frameBytesMax: number
}

// bubblewrap sets PWD after it has cleared the rest.
for (const name of Object.keys(process.env)) delete process.env[name]

const options = JSON.parse(process.argv[2] ?? '{}') as ChildOptions
const socket = new Socket({ fd: SOCKET_DESCRIPTOR, readable: true, writable: true })
let isCorked = false

/** Sends frames, all of one turn of the event loop in one write. */
function send(frames: Uint8Array): void {
  if (!isCorked) {
    isCorked = true
    socket.cork()
    setImmediate(() => {
      isCorked = false
      socket.uncork()
    })
  }
  socket.write(frames)
}

function sendFrame(kind: number, text = ''): void {
  const out = new WireWriter(FRAME_HEADER_BYTES + 1 + text.length)
  const frame = out.beginFrame(kind)
  out.raw(new TextEncoder().encode(text))
  out.endFrame(frame)
  send(out.take())
}

/** There is no state to save: the fastest end is the safest. */
function die(): void {
  process.kill(process.pid, 'SIGKILL')
}

const pool = new WorkerPool({ events: { frames: send, stuck: () => sendFrame(ToParent.stuck) } }, options)

function take(frame: Uint8Array): void {
  const reader = new WireReader(frame)
  switch (reader.u8()) {
    case ToChild.load: {
      const handle = reader.u32()
      const timeMs = reader.u32()
      pool.submit({ kind: JobKind.load, id: 0, handle, timeMs, payload: reader.raw(reader.remaining) })
      return
    }
    case ToChild.unload:
      pool.unload(reader.u32())
      return
    case ToChild.call: {
      const id = reader.u32()
      const handle = reader.u32()
      const timeMs = reader.u32()
      pool.submit({ kind: JobKind.call, id, handle, timeMs, payload: reader.raw(reader.remaining) })
      return
    }
    case ToChild.cancel:
      pool.cancel(reader.u32())
      return
    case ToChild.ping:
      sendFrame(ToParent.pong)
      return
    default:
      throw new RangeError('unknown frame')
  }
}

const frames = new FrameReader(options.frameBytesMax, take)
socket.on('data', (chunk: Uint8Array) => {
  frames.push(chunk)
  pool.schedule()
})
socket.on('close', die)
socket.on('error', die)

probeWalls().then(
  (walls) => sendFrame(ToParent.ready, JSON.stringify({ walls })),
  (error: unknown) => {
    process.stderr.write(`${messageOf(error)}\n`)
    die()
  },
)
