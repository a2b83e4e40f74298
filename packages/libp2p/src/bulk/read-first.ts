import type { TLSSocket } from 'node:tls'
import type { PlacingReader } from './placing-reader.ts'

/**
 * The first bytes that come on a socket, which is paused afterwards; undefined when it is closed before they are there, or
 * when more comes with them. Keeps no more than asked for. `reader` is what reads the socket, if not the socket itself.
 */
export function readFirst(socket: TLSSocket, bytes: number, reader?: PlacingReader): Promise<Uint8Array | undefined> {
  return new Promise((resolve) => {
    const first = new Uint8Array(bytes)
    let have = 0
    const finish = (result: Uint8Array | undefined): void => {
      socket.pause()
      socket.off('data', onData)
      if (reader !== undefined) reader.target = undefined
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
    if (reader === undefined) socket.on('data', onData)
    else reader.target = { onBytes: onData, place: () => undefined, onPlaced: () => undefined }
    socket.resume()
    socket.once('close', onClose)
    socket.once('end', onClose)
    if (socket.destroyed) onClose()
  })
}
