import { hasCode, type MicroUsd, type PeerId } from '@stead/core'
import { taskSchema } from '@stead/protocol'
import { describe, expect, it } from 'vitest'
import { COMPUTE_PROTOCOL, type ComputeProvider, runTaskSchema, taskAnswerSchema } from '../src/index.ts'
import { World } from './support/world.ts'

/** A world whose payer has an open channel, and sends what the test says instead of a job. */
async function world(compute: NonNullable<Parameters<typeof World.of>[1]>['provider'] = {}) {
  const made = await World.of(1, { provider: compute })
  const { result } = await made.run(await made.job(3))
  expect(result.status.state).toBe('complete')
  const [channel] = made.payer.market.channels()
  const [provider] = made.providers
  if (channel === undefined || provider === undefined) throw new Error('a job ran, so there is a channel')
  const network = made.hub.runningNode(made.payerPeer)
  if (network === undefined) throw new Error('the payer runs')
  const service = provider.service as ComputeProvider
  const ask = (payload: Uint8Array, signal?: AbortSignal) => {
    const options = { timeoutMs: 60_000, ...(signal === undefined ? {} : { signal }) }
    return network.request(provider.peer, COMPUTE_PROTOCOL, payload, options)
  }
  const message = async (change: Partial<Parameters<typeof runTaskSchema.encodeMessage>[0]> = {}) => {
    const task = await made.task('direct')
    const blobs = [task.module, ...task.input].flatMap((id) => made.payer.blobs.cache.peek(id) ?? [])
    const maximumMicroUsd = 100n as MicroUsd
    const reservation = channel.reserve(maximumMicroUsd)
    const delivery = reservation?.delivery ?? new Uint8Array(16)
    const document = taskSchema.encodeDocument(task)
    return runTaskSchema.encodeMessage({
      channel: channel.id,
      delivery,
      task: document,
      blobs,
      maximumMicroUsd,
      ...change,
    })
  }
  return { made, channel, provider, service, ask, message }
}

const remote = (code: string) => (error: unknown) =>
  hasCode(error, 'NETWORK_REMOTE') && error.details.remoteCode === code

describe('a provider', () => {
  it('answers a paid request', async () => {
    const { made, ask, message } = await world()
    const answer = taskAnswerSchema.decodeMessage(await made.within(ask(await message())))
    expect(answer.amountMicroUsd).toBe(1n)
    expect(answer.blobs).toHaveLength(1)
  })

  it.each([
    ['garbage', Uint8Array.of(255, 255, 255, 255), 'PROTOCOL_MALFORMED'],
    ['nothing', new Uint8Array(0), 'PROTOCOL_MALFORMED'],
  ])('refuses %s by name', async (_, payload, code) => {
    const { made, ask } = await world()
    await expect(made.within(ask(payload))).rejects.toSatisfy(remote(code))
  })

  it('refuses a channel that is not there, a delivery that was made, and too little money', async () => {
    const { made, ask, message } = await world()
    const channel = `0x${'00'.repeat(32)}` as never
    await expect(made.within(ask(await message({ channel })))).rejects.toSatisfy(remote('MARKET_CHANNEL_UNKNOWN'))
    const payload = await message()
    await made.within(ask(payload))
    await expect(made.within(ask(payload))).rejects.toSatisfy(remote('MARKET_DELIVERY_REPEATED'))
    const poor = await message({ maximumMicroUsd: 0n as MicroUsd })
    await expect(made.within(ask(poor))).rejects.toSatisfy(remote('COMPUTE_MAXIMUM_TOO_LOW'))
  })

  it('refuses a task that asks for more than was quoted, before it pulls anything', async () => {
    const { made, ask, message } = await world()
    const task = await made.task('x', { memoryPages: 65_536 })
    const payload = await message({ task: taskSchema.encodeDocument(task), blobs: [] })
    await expect(made.within(ask(payload))).rejects.toSatisfy(remote('COMPUTE_LIMIT'))
    const meter = { ...(await made.task('x')), meterVersion: 999 }
    const other = await message({ task: taskSchema.encodeDocument(meter), blobs: [] })
    await expect(made.within(ask(other))).rejects.toSatisfy(remote('COMPUTE_METER_VERSION'))
  })

  it('bills nothing for what it refused or could not get', async () => {
    const { made, provider, service, ask, message } = await world()
    const before = await provider.market.earnings()
    const task = {
      ...(await made.task('unseen')),
      input: [await made.payer.blobs.cache.put(Uint8Array.of(5))],
    }
    const payload = await message({ task: taskSchema.encodeDocument(task), blobs: [] })
    await expect(made.within(ask(payload))).rejects.toSatisfy(remote('COMPUTE_BLOB_UNAVAILABLE'))
    const after = await provider.market.earnings()
    expect(after.deliveredMicroUsd).toBe(before.deliveredMicroUsd)
    expect(service.status()).toMatchObject({ running: 0, waiting: 0, tasks: { succeeded: 3 } })
  })

  it('refuses while it is paused and after it has finished, and says so in quotes', async () => {
    const { made, service, ask, message } = await world()
    service.pause('on battery')
    expect(service.offerTerms()).toBeUndefined()
    await expect(made.within(ask(await message()))).rejects.toSatisfy(remote('COMPUTE_PAUSED'))
    const quote = await made.within(made.consumer.quote(await made.job(1)))
    expect(quote.excluded).toEqual({ 'refused-paused': 1 })
    service.resume()
    await made.within(ask(await message()))
    await made.within(service.finish())
    await expect(made.within(ask(await message()))).rejects.toSatisfy(remote('COMPUTE_FINISHING'))
    expect(service.status()).toMatchObject({
      state: 'finishing',
      tasks: { rejected: { COMPUTE_PAUSED: 1, COMPUTE_FINISHING: 1 } },
    })
  })

  it('is busy when it has accepted all that it takes', async () => {
    const { made, service, message, provider } = await world({ compute: { concurrency: 1, queueMax: 1 } })
    const network = made.hub.runningNode(made.payerPeer)
    if (network === undefined) throw new Error('the payer runs')
    const limits = { timeoutMs: 5000 }
    const payloads = [await message({ blobs: [] }), await message({ blobs: [] }), await message({ blobs: [] })]
    // Nobody gives the input away, so that all of them wait for it.
    const asked = payloads.map((payload) => network.request(provider.peer, COMPUTE_PROTOCOL, payload, limits))
    const outcomes = await made.within(Promise.allSettled(asked))
    const codes = outcomes.map((outcome) =>
      outcome.status === 'rejected' && hasCode(outcome.reason, 'NETWORK_REMOTE')
        ? outcome.reason.details.remoteCode
        : outcome.status === 'rejected'
          ? outcome.reason.code
          : 'ok',
    )
    expect(codes).toContainEqual(expect.stringMatching(/BUSY/))
    expect(service.status()).toMatchObject({ running: 0, waiting: 0 })
  })
})

describe('a peer without a task', () => {
  it('gets no blobs, whatever it asks for', async () => {
    const { made } = await world()
    const task = await made.task('secret')
    const stranger = made.hub.createNode('stranger' as PeerId)
    await stranger.start()
    await made.within(stranger.connect(made.payerPeer, 1000))
    const { getBlobSchema, BLOBS_PROTOCOL } = await import('../src/index.ts')
    const [input] = task.input
    if (input === undefined) throw new Error('the task has an input')
    const payload = getBlobSchema.encodeMessage({ id: input, offset: 0, length: 10 })
    const asked = stranger.request(made.payerPeer, BLOBS_PROTOCOL, payload, { timeoutMs: 1000 })
    await expect(made.within(asked)).rejects.toSatisfy(remote('COMPUTE_BLOB_UNAVAILABLE'))
  })
})
