import { Socket } from 'node:net'
import { messageOf } from '@stead/core'
import type { CodeBundle } from './code-bundle.ts'
import { FRAME_HEADER_BYTES, FrameReader, ToChild, ToParent } from './frames.ts'
import { probeWalls } from './wall-probe.ts'
import { WireReader, WireWriter } from './wire-buffer.ts'
import { JobKind } from './worker-messages.ts'
import { WorkerPool } from './worker-pool.ts'

/** Descriptor of the socket pair's end. */
const SOCKET_DESCRIPTOR = 3

/** What the parent passes. */
export interface ChildOptions {
  readonly workersMax: number
  readonly terminateGraceMs: number
  readonly frameBytesMax: number
}

/**
 * Entry of the executor process. It owns the workers and one socket to its parent, and nothing else: the permission
 * model, and where present bubblewrap, keep files, network, other programs and add-ons out of reach.
 */
export function start(options: ChildOptions, code: CodeBundle): void {
  // bubblewrap sets PWD after it has cleared the rest.
  for (const name of Object.keys(process.env)) delete process.env[name]
  const socket = new Socket({ fd: SOCKET_DESCRIPTOR, readable: true, writable: true })
  const sender = new FrameSender(socket)
  const pool = new WorkerPool(
    { code, events: { frames: (frames) => sender.send(frames), stuck: () => sender.sendKind(ToParent.stuck) } },
    options,
  )
  const frames = new FrameReader(options.frameBytesMax, (frame) => takeFrame(frame, pool, sender))
  socket.on('data', (chunk: Uint8Array) => {
    frames.push(chunk)
    pool.schedule()
  })
  socket.on('close', die)
  socket.on('error', die)
  probeWalls().then(
    (walls) => sender.sendKind(ToParent.ready, JSON.stringify({ walls })),
    (error: unknown) => {
      process.stderr.write(`${messageOf(error)}\n`)
      die()
    },
  )
}

/** Sends frames, all of one turn of the event loop in one write. */
class FrameSender {
  readonly #socket: Socket
  #isCorked = false

  constructor(socket: Socket) {
    this.#socket = socket
  }

  send(frames: Uint8Array): void {
    if (!this.#isCorked) {
      this.#isCorked = true
      this.#socket.cork()
      setImmediate(() => {
        this.#isCorked = false
        this.#socket.uncork()
      })
    }
    this.#socket.write(frames)
  }

  /** Sends a frame of this kind with a text. */
  sendKind(kind: number, text = ''): void {
    const out = new WireWriter(FRAME_HEADER_BYTES + 1 + text.length)
    const frame = out.beginFrame(kind)
    out.raw(new TextEncoder().encode(text))
    out.endFrame(frame)
    this.send(out.take())
  }
}

/** There is no state to save: the fastest end is the safest. */
function die(): void {
  process.kill(process.pid, 'SIGKILL')
}

function takeFrame(frame: Uint8Array, pool: WorkerPool, sender: FrameSender): void {
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
      sender.sendKind(ToParent.pong)
      return
    default:
      throw new RangeError('unknown frame')
  }
}
