import type { TLSSocket } from 'node:tls'

/**
 * The first bytes that come on a socket, which is paused afterwards; undefined when it is closed before they are there, or
 * when more comes with them. Keeps no more than asked for.
 */
export function readFirst(socket: TLSSocket, bytes: number): Promise<Uint8Array | undefined> {
  return new Promise((resolve) => {
    const first = new Uint8Array(bytes)
    let have = 0
    const finish = (result: Uint8Array | undefined): void => {
      socket.pause()
      socket.off('data', onData)
      socket.off('close', onClose)
      socket.off('end', onClose)
      resolve(result)
    }
    const onClose = (): void => finish(undefined)
    const onData = (chunk: Uint8Array): void => {
      if (have + chunk.length > bytes) {
        finish(undefined)
        return
      }
      first.set(chunk, have)
      have += chunk.length
      if (have === bytes) finish(first)
    }
    socket.on('data', onData)
    socket.once('close', onClose)
    socket.once('end', onClose)
    if (socket.destroyed) onClose()
  })
}
