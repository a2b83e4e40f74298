import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'

interface Target {
  readonly host: string
  readonly port: number
}

/** Forwards a socket's bytes both ways, as long as both ends live. */
export function pipeBoth(socket: Socket, target: Target): Socket {
  const other = connect(target)
  for (const [one, two] of [
    [socket, other],
    [other, socket],
  ] as const) {
    one.on('error', () => one.destroy())
    one.on('close', () => two.destroy())
    one.pipe(two)
  }
  return other
}

/** A TCP proxy on loopback that can be made to fail as networks do. */
export class FaultyProxy {
  readonly server: Server
  readonly #sockets: Socket[] = []

  private constructor(target: Target) {
    this.server = createServer((socket) => void this.#sockets.push(socket, pipeBoth(socket, target)))
  }

  static async start(target: Target): Promise<FaultyProxy> {
    const proxy = new FaultyProxy(target)
    proxy.server.listen(0, '127.0.0.1')
    await once(proxy.server, 'listening')
    return proxy
  }

  get port(): number {
    const bound = this.server.address()
    return bound !== null && typeof bound === 'object' ? bound.port : 0
  }

  /** Breaks what is open when that many more bytes have come. */
  cutAfter(bytes: number): void {
    let left = bytes
    for (const socket of this.#sockets) {
      socket.on('data', (chunk: Buffer) => {
        left -= chunk.length
        if (left < 0) socket.destroy()
      })
    }
  }

  /** Forwards nothing more of what is open, and closes nothing. */
  freeze(): void {
    for (const socket of this.#sockets) {
      socket.unpipe()
      socket.pause()
    }
  }
}
