import type { SocketConstructorOpts } from 'node:net'
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'
import { fingerprintOf } from './certificate.ts'
import type { Endpoint } from './endpoint.ts'
import { type Bond, encodeGreeting, proofOf, WELCOME } from './greeting.ts'
import { PlacingReader } from './placing-reader.ts'
import { readFirst } from './read-first.ts'
import { TLS_OPTIONS } from './tls-options.ts'

/** A data listener to connect to, and the ticket to it. */
export interface DialTarget {
  /** All of these are tried at once. */
  readonly endpoints: readonly Endpoint[]
  readonly ticketId: Uint8Array
  readonly secret: Uint8Array
  readonly bond: Bond
}

/** A socket, and what reads it. */
export interface DialledSocket {
  readonly socket: TLSSocket
  readonly reader: PlacingReader
}

/**
 * Connects, checks that the certificate is the one that the peer told, shows the ticket, and waits to be let in. Before the
 * check nothing but the TLS handshake is sent. @throws Error saying why there is no connection
 */
export async function dialData(target: DialTarget, signal: AbortSignal): Promise<DialledSocket> {
  const { endpoints, ticketId, secret, bond } = target
  const dialled = await firstSecure(endpoints, bond.fingerprint, signal)
  const { socket, reader } = dialled
  const onAbort = (): void => void socket.destroy()
  signal.addEventListener('abort', onAbort)
  try {
    if (signal.aborted) onAbort()
    socket.write(encodeGreeting(ticketId, proofOf(socket, secret, bond)))
    const answer = await readFirst(socket, 1, reader)
    if (answer?.[0] !== WELCOME) throw new Error('the listener did not take the ticket')
    return dialled
  } catch (error) {
    socket.destroy()
    throw error
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

async function firstSecure(
  endpoints: readonly Endpoint[],
  fingerprint: Uint8Array,
  signal: AbortSignal,
): Promise<DialledSocket> {
  const others = new AbortController()
  const either = AbortSignal.any([signal, others.signal])
  const attempts = endpoints.map((endpoint) => secureSocket(endpoint, fingerprint, either))
  try {
    const first = await Promise.any(attempts)
    for (const attempt of attempts) {
      attempt.then(
        (other) => other !== first && other.socket.destroy(),
        () => undefined,
      )
    }
    return first
  } catch (error) {
    const reasons = error instanceof AggregateError ? error.errors.map(String) : [String(error)]
    throw new Error(reasons.join('; ') || 'no address is known', { cause: error })
  } finally {
    others.abort()
  }
}

function secureSocket({ host, port }: Endpoint, fingerprint: Uint8Array, signal: AbortSignal): Promise<DialledSocket> {
  return new Promise((resolve, reject) => {
    const reader = new PlacingReader()
    const options: ConnectionOptions & Pick<SocketConstructorOpts, 'onread'> = {
      ...TLS_OPTIONS,
      host,
      port,
      // No authority vouches for the certificate: its fingerprint came from the authenticated peer, and is checked below.
      rejectUnauthorized: false,
      onread: reader.options,
    }
    const socket = connect(options)
    const fail = (error: Error): void => {
      signal.removeEventListener('abort', onAbort)
      socket.destroy()
      reject(new Error(`${host} port ${port}: ${error.message}`, { cause: error }))
    }
    const onAbort = (): void => fail(new Error('no connection in time'))
    socket.setNoDelay(true)
    socket.on('error', fail)
    socket.once('close', () => fail(new Error('closed')))
    socket.once('secureConnect', () => {
      const certificate = socket.getPeerX509Certificate()?.raw
      if (certificate === undefined || !Buffer.from(fingerprintOf(certificate)).equals(fingerprint)) {
        fail(new Error('another certificate than the peer told'))
        return
      }
      signal.removeEventListener('abort', onAbort)
      resolve({ socket, reader })
    })
    signal.addEventListener('abort', onAbort)
    if (signal.aborted) onAbort()
  })
}
