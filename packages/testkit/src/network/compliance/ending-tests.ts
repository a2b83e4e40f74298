import { CoreError, type Network, type ProtocolLimits } from '@stead/core'
import { expect, it } from 'vitest'
import {
  addressOf,
  type Bench,
  bytesOf,
  codeOf,
  echo,
  errorOf,
  isConnected,
  LIMITS,
  PATIENT,
  PROTOCOL,
} from './bench.ts'

/** Requests that fail. */
export function failureTests(bench: Bench): void {
  it('tell a requester that the protocol is unknown', async () => {
    const [first, second] = await bench.startPair(() => undefined)
    expect(await codeOf(second.request(first.self, '/stead/unknown/9', bytesOf('x'), PATIENT))).toBe(
      'NETWORK_UNSUPPORTED',
    )
  })

  it("carry a handler's Stead error with code, text and details", async () => {
    const [first, second] = await bench.startPair((network) =>
      network.handle(PROTOCOL, LIMITS, async () => {
        throw new CoreError('STORE_FULL', 'no room for 12 bytes', {
          details: { needBytes: 12, haveMicroUsd: 2n ** 100n, isFinal: false, names: ['a', 'b'], missing: undefined },
        })
      }),
    )
    const error = await errorOf(second.request(first.self, PROTOCOL, bytesOf('x'), PATIENT))
    expect(error.code).toBe('NETWORK_REMOTE')
    expect(error.details).toMatchObject({
      remoteCode: 'STORE_FULL',
      remoteMessage: 'no room for 12 bytes',
      remoteRetryable: true,
      remoteNeedBytes: 12,
      remoteHaveMicroUsd: 2n ** 100n,
      remoteIsFinal: false,
      remoteNames: ['a', 'b'],
    })
  })

  it('cut an error down before it is sent', async () => {
    const many = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`key${i}`, 'x'.repeat(5000)]))
    const [first, second] = await bench.startPair((network) =>
      network.handle(PROTOCOL, LIMITS, async () => {
        throw new CoreError('STORE_FULL', 'x'.repeat(1_000_000), { details: many })
      }),
    )
    const error = await errorOf(second.request(first.self, PROTOCOL, bytesOf('x'), PATIENT))
    expect(error.details.remoteCode).toBe('STORE_FULL')
    expect(String(error.details.remoteMessage).length).toBeLessThanOrEqual(1000)
    expect(Object.keys(error.details).length).toBeLessThanOrEqual(40)
  })

  it('keep the text of any other error at home', async () => {
    const [first, second] = await bench.startPair((network) =>
      network.handle(PROTOCOL, LIMITS, async () => {
        throw new Error('password is swordfish')
      }),
    )
    const error = await errorOf(second.request(first.self, PROTOCOL, bytesOf('x'), PATIENT))
    expect(error.code).toBe('NETWORK_REMOTE')
    expect(JSON.stringify([error.message, error.details])).not.toContain('swordfish')
  })

  it('take a handler that throws at once like one that rejects', async () => {
    const [first, second] = await bench.startPair((network) =>
      network.handle(PROTOCOL, LIMITS, () => {
        throw new CoreError('STORE_FULL', 'no room')
      }),
    )
    const error = await errorOf(second.request(first.self, PROTOCOL, bytesOf('x'), PATIENT))
    expect(error.details.remoteCode).toBe('STORE_FULL')
  })

  it('say that nobody can be reached', async () => {
    const gone = await bench.start()
    const known = gone.self
    const network = await bench.start()
    await network.connect(addressOf(gone), PATIENT.timeoutMs)
    await gone.stop()
    await bench.eventually('the loss is noticed', () => !isConnected(network, known))
    const code = await codeOf(network.request(known, PROTOCOL, bytesOf('x'), { timeoutMs: 2000 }))
    expect(['NETWORK_UNREACHABLE', 'NETWORK_TIMEOUT']).toContain(code)
    expect(await codeOf(network.request(network.self, PROTOCOL, bytesOf('x'), PATIENT))).toBe('NETWORK_UNREACHABLE')
  })
}

/** Requests that end before their answer. */
export function endTests(bench: Bench): void {
  /** A pair whose first node never answers, and the signals that its handler got. */
  async function deafPair(limits: Partial<ProtocolLimits> = {}): Promise<readonly [Network, Network, AbortSignal[]]> {
    const signals: AbortSignal[] = []
    const [first, second] = await bench.startPair((network) =>
      network.handle(PROTOCOL, { ...LIMITS, ...limits }, ({ signal }) => {
        signals.push(signal)
        return new Promise<never>(() => undefined)
      }),
    )
    return [first, second, signals]
  }

  it("comes when the handler's time is over, and its signal aborts", async () => {
    const [first, second, signals] = await deafPair({ handlerTimeoutMs: 100 })
    expect(await codeOf(second.request(first.self, PROTOCOL, bytesOf('x'), PATIENT))).toBe('NETWORK_TIMEOUT')
    expect(signals.map(({ aborted }) => aborted)).toEqual([true])
  })

  it('leaves room for the next requests, though the handler never answers', async () => {
    const [first, second] = await deafPair({ handlerTimeoutMs: 50, inFlightPerPeerMax: 2 })
    for (let round = 0; round < 3; round++) {
      const asked = [1, 2].map(() => codeOf(second.request(first.self, PROTOCOL, bytesOf('x'), PATIENT)))
      expect(await Promise.all(asked)).toEqual(['NETWORK_TIMEOUT', 'NETWORK_TIMEOUT'])
      await bench.clock.sleep(20)
    }
  })

  it("comes when the requester's time is over, and the handler hears of it", async () => {
    const [first, second, signals] = await deafPair()
    const code = await codeOf(second.request(first.self, PROTOCOL, bytesOf('x'), { timeoutMs: 300 }))
    expect(code).toBe('NETWORK_TIMEOUT')
    await bench.eventually('the handler is told', () => signals[0]?.aborted === true)
  })

  it('comes when the requester cancels, and the handler hears of it', async () => {
    const [first, second, signals] = await deafPair()
    const abort = new AbortController()
    const asked = codeOf(second.request(first.self, PROTOCOL, bytesOf('x'), { ...PATIENT, signal: abort.signal }))
    await bench.eventually('the handler runs', () => signals.length === 1)
    abort.abort()
    expect(await asked).toBe('CORE_ABORTED')
    await bench.eventually('the handler is told', () => signals[0]?.aborted === true)
    const late = second.request(first.self, PROTOCOL, bytesOf('x'), { ...PATIENT, signal: abort.signal })
    expect(await codeOf(late)).toBe('CORE_ABORTED')
  })

  it('leaves a tail to whoever asked, and what arrives of it is what it was', async () => {
    const arrived: Uint8Array[] = []
    const limits = { ...LIMITS, messageBytesMax: TAIL_BYTES + 1 }
    const [first, second] = await bench.startPair((network) =>
      network.handle(PROTOCOL, limits, async ({ payload, signal }) => {
        arrived.push(Uint8Array.from(payload))
        if (isGivenUp(payload[0] ?? 0)) await aborted(signal)
        return payload.slice(0, 1)
      }),
    )
    const ask = async (byte: number, signal: AbortSignal): Promise<string> => {
      const tail = new Uint8Array(TAIL_BYTES).fill(byte)
      const options = { ...PATIENT, tail, ...(isGivenUp(byte) ? { signal } : {}) }
      try {
        const answer = await second.request(first.self, PROTOCOL, Uint8Array.of(byte), options)
        return answer[0] === byte ? 'answered' : 'changed'
      } catch (error) {
        return (error as CoreError).code
      } finally {
        tail.fill(255)
        tail.buffer.transfer(0)
      }
    }
    for (let round = 0; round < 6; round++) {
      const abort = new AbortController()
      const asked = Array.from({ length: 8 }, (_, byte) => ask(byte, abort.signal))
      await bench.clock.sleep(round)
      abort.abort()
      expect(await Promise.all(asked)).toEqual(asked.map((_, byte) => (isGivenUp(byte) ? 'CORE_ABORTED' : 'answered')))
    }
    for (const payload of arrived) {
      expect(payload).toHaveLength(TAIL_BYTES + 1)
      expect(payload.every((byte) => byte === payload[0])).toBe(true)
    }
  })

  it('comes soon when the responder goes away', async () => {
    const [first, second, signals] = await deafPair()
    const asked = codeOf(second.request(first.self, PROTOCOL, bytesOf('x'), PATIENT))
    await bench.eventually('the handler runs', () => signals.length === 1)
    await first.stop()
    expect(await asked).toBe('NETWORK_UNREACHABLE')
    expect(signals[0]?.aborted).toBe(true)
  })

  it('is heard by the handler when the requester goes away', async () => {
    const [first, second, signals] = await deafPair()
    const asked = codeOf(second.request(first.self, PROTOCOL, bytesOf('x'), PATIENT))
    await bench.eventually('the handler runs', () => signals.length === 1)
    await second.stop()
    expect(await asked).toBe('CORE_STOPPED')
    await bench.eventually('the handler is told', () => signals[0]?.aborted === true)
  })

  it('comes at once when the network does not run', async () => {
    const [first, second] = await bench.startPair((network) => network.handle(PROTOCOL, LIMITS, echo))
    await second.stop()
    const idle = bench.create()
    for (const network of [second, idle]) {
      expect(await codeOf(network.request(first.self, PROTOCOL, bytesOf('x'), PATIENT))).toBe('CORE_STOPPED')
      expect(await codeOf(network.publish('topic', bytesOf('x')))).toBe('CORE_STOPPED')
      expect(await codeOf(network.provide('key'))).toBe('CORE_STOPPED')
      expect(await codeOf(network.findProviders('key', 1, 100))).toBe('CORE_STOPPED')
      expect(await codeOf(network.connect(first.self, 100))).toBe('CORE_STOPPED')
    }
  })
}

const TAIL_BYTES = 500_000

/** Whether a request with this byte is cancelled by whoever asks. */
function isGivenUp(byte: number): boolean {
  return byte % 2 === 1
}

function aborted(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  signal.addEventListener('abort', () => resolve(), { once: true })
  if (signal.aborted) resolve()
  return promise
}
