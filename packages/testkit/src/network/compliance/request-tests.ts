import type { Clock, CoreError, Network, PeerId } from '@stead/core'
import { expect, it } from 'vitest'
import { addressOf, type Bench, bytesOf, codeOf, echo, LIMITS, PATIENT, PROTOCOL, textOf } from './bench.ts'

/** Requests that go well. */
export function requestTests(bench: Bench): void {
  it('are answered, and the handler learns who asks', async () => {
    const askers: PeerId[] = []
    const [first, second] = await bench.startPair((network) =>
      network.handle(PROTOCOL, LIMITS, async ({ payload, peer }) => {
        askers.push(peer)
        return bytesOf(`re: ${textOf(payload)}`)
      }),
    )
    const answer = await second.request(first.self, PROTOCOL, bytesOf('hello'), PATIENT)
    expect(textOf(answer)).toBe('re: hello')
    expect(askers).toEqual([second.self])
  })

  it('go both ways between two peers at once', async () => {
    const serve = (network: Network): void => network.handle(PROTOCOL, LIMITS, echo)
    const [first, second] = await bench.startPair(serve)
    serve(second)
    await bench.eventually('the second serves', async () => {
      try {
        await first.request(second.self, PROTOCOL, bytesOf('a'), PATIENT)
        return true
      } catch {
        return false
      }
    })
    const answers = await Promise.all([
      first.request(second.self, PROTOCOL, bytesOf('a'), PATIENT),
      second.request(first.self, PROTOCOL, bytesOf('b'), PATIENT),
    ])
    expect(answers.map(textOf)).toEqual(['a', 'b'])
  })

  it('may be many at once, and are answered as they are ready, not in order', async () => {
    const gate = Promise.withResolvers<void>()
    const [first, second] = await bench.startPair((network) =>
      network.handle(PROTOCOL, LIMITS, async ({ payload }) => {
        if (payload[0] === 0) await gate.promise
        return payload
      }),
    )
    const slow = second.request(first.self, PROTOCOL, Uint8Array.of(0), PATIENT)
    const quick = await Promise.all(
      Array.from({ length: 10 }, (_, i) => second.request(first.self, PROTOCOL, Uint8Array.of(i + 1), PATIENT)),
    )
    expect(quick.map((answer) => answer[0])).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    gate.resolve()
    expect((await slow)[0]).toBe(0)
  })

  it('carry nothing, and as much as the protocol allows', async () => {
    const [first, second] = await bench.startPair((network) =>
      network.handle(PROTOCOL, { ...LIMITS, messageBytesMax: 1024 * 1024 }, echo),
    )
    const large = new Uint8Array(1024 * 1024).map((_, i) => i * 31)
    expect(await second.request(first.self, PROTOCOL, new Uint8Array(0), PATIENT)).toHaveLength(0)
    expect(await second.request(first.self, PROTOCOL, large, PATIENT)).toEqual(large)
  })

  it('have the memory of a large lent payload back when the handler has ended, and not before', async () => {
    const seen: Uint8Array[] = []
    const before: number[] = []
    const limits = { ...LIMITS, messageBytesMax: 1024 * 1024, lendsPayloads: true }
    const [first, second] = await bench.startPair((network) =>
      network.handle(PROTOCOL, limits, async ({ payload }) => {
        seen.push(payload)
        await bench.clock.sleep(1)
        before.push(payload.length)
        if (payload[0] === 1) throw new RangeError('refused')
        return payload.slice(0, 5)
      }),
    )
    const large = new Uint8Array(200_000).fill(7)
    expect(await second.request(first.self, PROTOCOL, large, PATIENT)).toEqual(large.slice(0, 5))
    expect(await codeOf(second.request(first.self, PROTOCOL, large.fill(1), PATIENT))).toBe('NETWORK_REMOTE')
    expect(before).toEqual([200_000, 200_000])
    expect(seen.map(({ length }) => length)).toEqual([0, 0])
    expect(large).toHaveLength(200_000)
  })

  it('are answered whole where the memory of answers is not kept either', async () => {
    const limits = { ...LIMITS, messageBytesMax: 1024 * 1024, lendsPayloads: true }
    const [first, second] = await bench.startPair((network) =>
      network.handle(PROTOCOL, limits, async ({ payload }) => new Uint8Array(200_000).fill(payload[0] ?? 0)),
    )
    const bytes = Array.from({ length: 4 }, (_, byte) => byte)
    for (let round = 0; round < 3; round++) {
      const asked = bytes.map((byte) => second.request(first.self, PROTOCOL, Uint8Array.of(byte), PATIENT))
      expect(await Promise.all(asked)).toEqual(bytes.map((byte) => new Uint8Array(200_000).fill(byte)))
    }
  })

  it('connect by themselves to a peer that is known', async () => {
    const [first, second] = await bench.startPair((network) => network.handle(PROTOCOL, LIMITS, echo))
    const [address] = first.addresses()
    const third = await bench.start()
    await third.connect(address ?? '', PATIENT.timeoutMs)
    expect(textOf(await third.request(first.self, PROTOCOL, bytesOf('x'), PATIENT))).toBe('x')
    expect(textOf(await second.request(first.self, PROTOCOL, bytesOf('y'), PATIENT))).toBe('y')
  })

  it('are the bytes of the moment of the call, whatever becomes of the array', async () => {
    const [first, second] = await bench.startPair((network) => network.handle(PROTOCOL, LIMITS, echo))
    const payload = bytesOf('before')
    const answer = second.request(first.self, PROTOCOL, payload, PATIENT)
    payload.fill(0)
    expect(textOf(await answer)).toBe('before')
  })

  it('may have a tail, which arrives as their end, small or large', async () => {
    const [first, second] = await bench.startPair((network) =>
      network.handle(PROTOCOL, { ...LIMITS, messageBytesMax: 1024 * 1024 + 5 }, echo),
    )
    const large = new Uint8Array(1024 * 1024).map((_, i) => i * 29)
    const ask = (text: string, tail: Uint8Array): Promise<Uint8Array> =>
      second.request(first.self, PROTOCOL, bytesOf(text), { ...PATIENT, tail })
    const both = await Promise.all([ask('head ', large), ask('head ', bytesOf('and tail')), ask('', bytesOf('tail'))])
    expect(both[0]).toEqual(Uint8Array.from([...bytesOf('head '), ...large]))
    expect(both.slice(1).map(textOf)).toEqual(['head and tail', 'tail'])
    // It is the sender's own afterwards as well.
    expect(large[77]).toBe((77 * 29) % 256)
  })
}

/** What a protocol's limits hold back. */
export function limitTests(bench: Bench): void {
  it('refuse a request that is too large, and go on', async () => {
    const [first, second] = await bench.startPair((network) => network.handle(PROTOCOL, LIMITS, echo))
    const tooLarge = new Uint8Array(LIMITS.messageBytesMax + 1)
    expect(await codeOf(second.request(first.self, PROTOCOL, tooLarge, PATIENT))).toBe('NETWORK_TOO_LARGE')
    const inTwo = second.request(first.self, PROTOCOL, bytesOf('x'), { ...PATIENT, tail: tooLarge.subarray(1) })
    expect(await codeOf(inTwo)).toBe('NETWORK_TOO_LARGE')
    expect(textOf(await second.request(first.self, PROTOCOL, bytesOf('x'), PATIENT))).toBe('x')
  })

  it('refuse an answer that is too large, and go on', async () => {
    const [first, second] = await bench.startPair((network) =>
      network.handle(PROTOCOL, LIMITS, async ({ payload }) =>
        payload.length === 0 ? new Uint8Array(LIMITS.messageBytesMax + 1) : payload,
      ),
    )
    expect(await codeOf(second.request(first.self, PROTOCOL, new Uint8Array(0), PATIENT))).toBe('NETWORK_TOO_LARGE')
    expect(textOf(await second.request(first.self, PROTOCOL, bytesOf('x'), PATIENT))).toBe('x')
  })

  it('refuse more requests at once than the protocol allows, and answer the others', async () => {
    const gate = Promise.withResolvers<void>()
    const [first, second] = await bench.startPair((network) =>
      network.handle(PROTOCOL, { ...LIMITS, inFlightPerPeerMax: 4 }, async ({ payload }) => {
        await gate.promise
        return payload
      }),
    )
    const asked = Array.from({ length: 10 }, (_, i) => second.request(first.self, PROTOCOL, Uint8Array.of(i), PATIENT))
    const outcomes = Promise.allSettled(asked)
    await bench.eventually('six are refused', async () => {
      const settled = await Promise.all(asked.map((one) => isSettled(one, bench.clock)))
      return settled.filter(Boolean).length === 6
    })
    gate.resolve()
    const results = await outcomes
    const refused = results.flatMap((one) => (one.status === 'rejected' ? [(one.reason as CoreError).code] : []))
    expect(refused).toEqual(Array.from({ length: 6 }, () => 'NETWORK_BUSY'))
  })

  it('hold one peer back without holding up another', async () => {
    const gate = Promise.withResolvers<void>()
    const [first, second] = await bench.startPair((network) =>
      network.handle(PROTOCOL, { ...LIMITS, inFlightPerPeerMax: 1 }, async ({ payload }) => {
        if (payload[0] === 0) await gate.promise
        return payload
      }),
    )
    const third = await bench.start()
    await third.connect(addressOf(first), PATIENT.timeoutMs)
    const held = second.request(first.self, PROTOCOL, Uint8Array.of(0), PATIENT)
    expect((await third.request(first.self, PROTOCOL, Uint8Array.of(1), PATIENT))[0]).toBe(1)
    gate.resolve()
    await held
  })

  it('never let a peer that asks and cancels run more handlers than it may have', async () => {
    let running = 0
    let runningMax = 0
    const gate = Promise.withResolvers<void>()
    const [first, second] = await bench.startPair((network) =>
      network.handle(PROTOCOL, { ...LIMITS, inFlightPerPeerMax: 4 }, async ({ payload }) => {
        running += 1
        runningMax = Math.max(runningMax, running)
        // Deaf to the signal, as a careless handler is.
        await gate.promise
        running -= 1
        return payload
      }),
    )
    for (let round = 0; round < 20; round++) {
      const abort = new AbortController()
      const asked = Array.from({ length: 4 }, () =>
        second.request(first.self, PROTOCOL, bytesOf('x'), { ...PATIENT, signal: abort.signal }),
      )
      const outcomes = Promise.allSettled(asked)
      await bench.clock.sleep(2)
      abort.abort()
      await outcomes
    }
    expect(runningMax).toBe(4)
    gate.resolve()
  })

  it('take one handler per protocol', async () => {
    const network = bench.create()
    network.handle(PROTOCOL, LIMITS, echo)
    expect(() => network.handle(PROTOCOL, LIMITS, echo)).toThrow(TypeError)
  })
}

async function isSettled(promise: Promise<unknown>, clock: Clock): Promise<boolean> {
  const pending = Symbol('pending')
  const settled = promise.then(
    () => true,
    () => true,
  )
  return (await Promise.race([settled, clock.sleep(1).then(() => pending)])) === true
}
