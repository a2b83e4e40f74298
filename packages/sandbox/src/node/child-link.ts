import type { ChildProcess } from 'node:child_process'
import type { Socket } from 'node:net'
import { messageOf } from '@stead/core'
import { SandboxError } from '../errors.ts'
import type { Wall } from '../executor.ts'
import type { ExecutorOptions } from '../options.ts'
import { FrameReader, ToChild, ToParent } from './frames.ts'
import { FRAME_BYTES_MAX, launchChild, socketOf } from './launch.ts'
import { WireReader, WireWriter } from './wire-buffer.ts'

/** Kept of what the child writes to its standard error, for the message when it dies. */
const STDERR_BYTES_MAX = 2_048
/** Pings without any answer after which the child is taken for hung. */
const MISSED_PINGS_MAX = 3

/** What a {@link ChildLink} tells the executor. */
export interface ChildLinkEvents {
  /** An outcome or loaded frame, its kind already read. */
  readonly frame: (kind: number, reader: WireReader) => void
  /** The process is gone; nothing follows. */
  readonly died: (reason: string) => void
  /** True while something is owed by the child, so that silence means a hang. */
  readonly isOwed: () => boolean
}

/** One life of the executor process: its start, its socket, its signs of life, its end. */
export class ChildLink {
  readonly #events: ChildLinkEvents
  readonly #process: ChildProcess
  readonly #socket: Socket
  readonly #heartbeat: NodeJS.Timeout
  readonly #exited: Promise<void>
  #ready: { resolve: (walls: readonly Wall[]) => void; reject: (error: unknown) => void } | undefined
  #stderr = ''
  #missedPings = 0
  #isDead = false
  #isCorked = false
  #endReason: string | undefined

  constructor(events: ChildLinkEvents, options: ExecutorOptions, bubblewrap: string | undefined) {
    this.#events = events
    this.#process = launchChild(options, bubblewrap)
    this.#socket = socketOf(this.#process)
    const reader = new FrameReader(FRAME_BYTES_MAX, (frame) => this.#take(frame))
    this.#socket.on('data', (chunk: Uint8Array) => {
      this.#missedPings = 0
      this.#guard(() => reader.push(chunk))
    })
    this.#socket.on('error', (error) => this.kill(messageOf(error)))
    this.#process.stderr?.on('data', (chunk: Uint8Array) => {
      this.#stderr = (this.#stderr + String(chunk)).slice(-STDERR_BYTES_MAX)
    })
    this.#exited = new Promise((resolve) => {
      this.#process.once('error', (error) => this.#end(messageOf(error), resolve))
      this.#process.once('exit', (code, signal) => this.#end(signal ?? `exit code ${code}`, resolve))
    })
    this.#heartbeat = setInterval(() => this.#beat(), Math.ceil(options.hangTimeoutMs / MISSED_PINGS_MAX))
    this.#heartbeat.unref()
  }

  /** Resolves with the child's own report when it is ready for work. @throws SandboxError SANDBOX_EXECUTOR_FAILED */
  async whenReady(timeoutMs: number): Promise<readonly Wall[]> {
    const timer = setTimeout(() => this.kill(`it was not ready within ${timeoutMs} ms`), timeoutMs)
    try {
      return await new Promise((resolve, reject) => {
        this.#ready = { resolve, reject }
        if (this.#isDead) reject(this.#failure(this.#endReason ?? 'it ended'))
      })
    } finally {
      clearTimeout(timer)
    }
  }

  /** Of the process that was started: this Node.js, or the bubblewrap around it. */
  get pid(): number | undefined {
    return this.#process.pid
  }

  /** True once the process is gone. */
  get isDead(): boolean {
    return this.#isDead
  }

  /** Sends frames; all of one turn of the event loop go in one write. */
  send(frames: Uint8Array): void {
    if (this.#isDead) return
    if (!this.#isCorked) {
      this.#isCorked = true
      this.#socket.cork()
      process.nextTick(() => {
        this.#isCorked = false
        this.#socket.uncork()
      })
    }
    this.#socket.write(frames)
  }

  /** Ends the process at once, whatever it does. @param reason for the message of those who wait */
  kill(reason: string): void {
    this.#endReason ??= reason
    this.#process.kill('SIGKILL')
  }

  /** Resolves when the process is gone. */
  whenGone(): Promise<void> {
    return this.#exited
  }

  #take(frame: Uint8Array): void {
    const reader = new WireReader(frame)
    const kind = reader.u8()
    if (kind === ToParent.outcome || kind === ToParent.loaded) this.#events.frame(kind, reader)
    else if (kind === ToParent.ready) {
      const { walls } = JSON.parse(new TextDecoder().decode(reader.raw(reader.remaining))) as { walls: Wall[] }
      this.#ready?.resolve(walls)
    } else if (kind === ToParent.stuck) this.kill('a worker could not be ended')
    else if (kind !== ToParent.pong) throw new RangeError(`frame of unknown kind ${kind}`)
  }

  /** A child that sends what it must not is not to be trusted any more. */
  #guard(action: () => void): void {
    try {
      action()
    } catch (error) {
      this.kill(`it sent something wrong: ${messageOf(error)}`)
    }
  }

  #beat(): void {
    if (!this.#events.isOwed()) {
      this.#missedPings = 0
      return
    }
    if (this.#missedPings >= MISSED_PINGS_MAX) {
      this.kill('it gave no sign of life')
      return
    }
    this.#missedPings++
    const out = new WireWriter(8)
    out.endFrame(out.beginFrame(ToChild.ping))
    this.send(out.take())
  }

  #end(how: string, exited: () => void): void {
    if (this.#isDead) return
    this.#isDead = true
    clearInterval(this.#heartbeat)
    this.#socket.destroy()
    const reason = this.#endReason ?? how
    this.#endReason = reason
    this.#ready?.reject(this.#failure(reason))
    this.#events.died(reason)
    exited()
  }

  #failure(reason: string): SandboxError {
    const words = this.#stderr.trim()
    return new SandboxError(
      'SANDBOX_EXECUTOR_FAILED',
      `the executor process could not be started: ${reason}${words === '' ? '' : `; it said: ${words}`}`,
      { details: { reason } },
    )
  }
}
