import type { Socket } from 'node:net'
import type { Clock, Random } from '@stead/core'

/** Limits of a {@link WaitingRoom}. */
export interface WaitingRoomOptions {
  readonly socketsMax: number
  readonly socketsPerHostMax: number
  /** From the first packet to the ticket. */
  readonly timeoutMs: number
}

/**
 * The sockets of those who have not said who they are. Each has little time, and there are few: when there are too many, one
 * of them gives way by chance, so that a crowd that just waits keeps nobody out who comes and shows a ticket at once.
 */
export class WaitingRoom {
  readonly #clock: Clock
  readonly #random: Random
  readonly #options: WaitingRoomOptions
  /** How each leaves. */
  readonly #waiting = new Map<Socket, () => void>()

  constructor(components: { readonly clock: Clock; readonly random: Random }, options: WaitingRoomOptions) {
    this.#clock = components.clock
    this.#random = components.random
    this.#options = options
  }

  /** Sockets that wait. */
  get size(): number {
    return this.#waiting.size
  }

  /** Takes a socket in, until it is closed or the returned function is called. */
  enter(socket: Socket): () => void {
    const { remoteAddress } = socket
    const neighbours = [...this.#waiting.keys()].filter((other) => other.remoteAddress === remoteAddress)
    if (neighbours.length >= this.#options.socketsPerHostMax) this.#turnOutOne(neighbours)
    else if (this.#waiting.size >= this.#options.socketsMax) this.#turnOutOne([...this.#waiting.keys()])
    const timer = this.#clock.setTimer(this.#options.timeoutMs, () => socket.destroy())
    const leave = (): void => {
      timer.clear()
      this.#waiting.delete(socket)
      socket.off('close', leave)
    }
    socket.once('close', leave)
    this.#waiting.set(socket, leave)
    return leave
  }

  /** Turns all out. */
  clear(): void {
    for (const socket of [...this.#waiting.keys()]) socket.destroy()
  }

  #turnOutOne(sockets: readonly Socket[]): void {
    const chosen = sockets[Math.floor(this.#random.fraction() * sockets.length)]
    if (chosen === undefined) return
    // At once: its close event comes later, and the room must not be fuller meanwhile.
    this.#waiting.get(chosen)?.()
    chosen.destroy()
  }
}
