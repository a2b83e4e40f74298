import { once } from 'node:events'
import { createServer } from 'node:net'
import { ChainError } from '../errors.ts'

/** Checks that a port of 127.0.0.1 is free, or picks one for 0. @throws ChainError CHAIN_LOCAL_BUSY */
export async function freePort(port: number): Promise<number> {
  const server = createServer()
  try {
    const listening = once(server, 'listening')
    server.listen({ port, host: '127.0.0.1', exclusive: true })
    await listening
    const address = server.address()
    if (typeof address !== 'object' || address === null) throw new TypeError('a TCP server has a port')
    return address.port
  } catch (cause) {
    throw new ChainError('CHAIN_LOCAL_BUSY', `port ${port} of 127.0.0.1 is taken`, {
      details: { port },
      cause,
      next: 'Stop the program that uses the port, or choose another one.',
    })
  } finally {
    await new Promise<void>((resolve) => server.close(() => resolve()))
  }
}
