import {
  address,
  type ChainIdentity,
  hash,
  type PeerId,
  type StoreOperation,
  silentLogger,
  silentMetrics,
  type UnixMs,
} from '@stead/core'
import { createSigner, keccakText, loadSecp256k1, peerIdOfPublicKey } from '@stead/protocol'
import {
  defaultAuditParameters,
  defaultQualityParameters,
  type EpochBegin,
  epochNumber,
  openProbeLog,
  type ProbeRequest,
  probeRequestSchema,
  type QualityParameters,
} from '@stead/rewards'
import { ManualClock, MemoryHub, MemoryStore, SeededRandom } from '@stead/testkit'
import { beforeEach, describe, expect, it } from 'vitest'
import { ChainTime } from '../src/chain-time.ts'
import { PROBE_PROTOCOL } from '../src/epoch-messages.ts'
import { EPOCH_TABLES, forkKey } from '../src/epoch-tables.ts'
import { NodeDirectory } from '../src/node-directory.ts'
import { ProbeResponder } from '../src/probe-responder.ts'
import { ProbeRound } from '../src/probe-round.ts'

const secp256k1 = await loadSecp256k1()
const EPOCH = epochNumber(1)
const CALENDAR = { genesisSeconds: 0, epochSeconds: 400 }
const BEGINS_MS = 400_000
const quality: QualityParameters = {
  ...defaultQualityParameters,
  probersPerNode: 2,
  probersMin: 2,
  probesPerEpoch: 4,
  audits: { ...defaultAuditParameters, auditorsPerNode: 2, auditorsMin: 2 },
}
const members = ['a', 'b', 'c'].map((name) => {
  const signer = createSigner(secp256k1, keccakText(`probing ${name}`))
  const operator = createSigner(secp256k1, keccakText(`probing operator ${name}`)).address
  return { signer, peer: peerIdOfPublicKey(signer.publicKey), node: signer.address, operator }
})
const stranger = createSigner(secp256k1, keccakText('probing stranger'))
const identity: ChainIdentity = {
  chainId: 31337,
  escrow: address(`0x${'e5'.repeat(20)}`),
  stake: address(`0x${'57'.repeat(20)}`),
  dollar: address(`0x${'d0'.repeat(20)}`),
}
const begin: EpochBegin = {
  epoch: EPOCH,
  fromBlock: 1,
  beacon: hash(`0x${'be'.repeat(32)}`),
  nodes: members.map(({ node, operator }) => ({ node, operator })),
  utility: hash(`0x${'a1'.repeat(32)}`),
}

/** Remembers what was written, in order. */
class WatchedStore extends MemoryStore {
  readonly written: string[] = []
  override async write(...[batch, durability]: Parameters<MemoryStore['write']>): Promise<void> {
    this.written.push(...batch.map((operation: StoreOperation) => `${operation.table} ${durability}`))
    await super.write(batch, durability)
  }
}

describe('probing', () => {
  let clock: ManualClock
  let hub: MemoryHub
  beforeEach(() => {
    clock = new ManualClock()
    hub = new MemoryHub({ clock, random: new SeededRandom(5) })
    hub.setDefaultLink({ latencyMs: 20 })
  })

  async function node(of: { readonly signer: (typeof members)[0]['signer']; readonly peer: PeerId }) {
    const network = hub.createNode(of.peer)
    await network.start()
    const time = new ChainTime({ clock, calendar: CALENDAR })
    time.observe({ number: 1, hash: begin.beacon, at: BEGINS_MS as UnixMs })
    const store = new WatchedStore()
    const ports = {
      ...{ clock, network, time, store, secp256k1, signer: of.signer, logger: silentLogger, metrics: silentMetrics },
      ...{ random: new SeededRandom(9), calendar: CALENDAR, chain: { identity } },
    }
    const directory = new NodeDirectory(ports, { list: () => [] })
    const round = () => new ProbeRound({ ...ports, directory } as never, { begin, quality, claimants: [] })
    const beginOf = async (epoch: number) => (epoch === EPOCH ? { begin, quality } : undefined)
    new ProbeResponder(ports as never, { beginOf }).start()
    return { network, store, round, ports }
  }

  async function allOf() {
    const [first, second, third] = await Promise.all(members.map(node))
    if (first === undefined || second === undefined || third === undefined) throw new TypeError('three members')
    for (const { peer } of members.slice(1)) await moving(first.network.connect(peer, 1000))
    return { first, second, third }
  }

  async function moving<Value>(work: Promise<Value>, byMs = 10, times = 20): Promise<Value> {
    for (let i = 0; i < times; i++) await clock.advance(byMs)
    return work
  }

  it('asks each target once in each window, with a seed that was on disk before, and signs one log', async () => {
    const { first } = await allOf()
    const round = first.round()
    await round.start()
    expect([round.targets, first.store.written[0]]).toEqual([2, `${EPOCH_TABLES.seeds} power`])
    await moving(Promise.resolve(), 1000, 400)
    const bytes = await round.log()
    const { log } = openProbeLog(secp256k1, bytes)
    expect(log.reports.map(({ node: target }) => target)).toEqual([members[1]?.node, members[2]?.node].toSorted())
    for (const { latencies, signature } of log.reports) {
      expect([...latencies]).toEqual([0, 40, 0, 40, 0, 40, 0, 40])
      expect(signature).toHaveLength(65)
    }
    // After a restart it is the same log, although by now there would be another to sign.
    const again = first.round()
    await again.start()
    expect(await again.log()).toEqual(bytes)
    expect(first.store.written.filter((row) => row.startsWith(EPOCH_TABLES.ownLogs))).toHaveLength(1)
  })

  it.each([
    ['one window', 210, 2],
    ['two windows', 310, 0],
  ])(
    'of a prober that was away itself for %s, says of others what it saw, or nothing: its absence is not theirs',
    async (_, backAtSeconds, reports) => {
      const { first } = await allOf()
      const before = first.round()
      await before.start()
      await moving(Promise.resolve(), 1000, 90)
      before.stop()
      await moving(Promise.resolve(), 1000, backAtSeconds - 90)
      const after = first.round()
      await after.start()
      await moving(Promise.resolve(), 1000, 400 - backAtSeconds)
      expect(openProbeLog(secp256k1, await after.log()).log.reports).toHaveLength(reports)
    },
  )

  it('goes on after a restart with the same seed and what was answered', async () => {
    const { first, second } = await allOf()
    const before = first.round()
    await before.start()
    await moving(Promise.resolve(), 1000, 150)
    before.stop()
    await second.network.stop()
    const after = first.round()
    await after.start()
    await moving(Promise.resolve(), 1000, 250)
    const { log } = openProbeLog(secp256k1, await after.log())
    const answers = (index: number) => {
      const report = log.reports.find(({ node: target }) => target === members[index]?.node)
      return report?.latencies.filter((_, at) => at % 2 === 1).filter((latency) => latency > 0).length
    }
    expect(answers(2)).toBe(4)
    expect([1, 2]).toContain(answers(1))
    expect(log.seed).toEqual(await first.store.get(EPOCH_TABLES.seeds, forkKey(begin)))
  })

  describe('a node', () => {
    const request = (change: Partial<ProbeRequest> = {}): ProbeRequest => ({
      version: 1,
      epoch: EPOCH,
      beacon: begin.beacon,
      prober: members[0]?.node ?? stranger.address,
      node: members[1]?.node ?? stranger.address,
      index: 0,
      nonce: new Uint8Array(32),
      ...change,
    })

    async function askedBy(of: Parameters<typeof node>[0], change: Partial<ProbeRequest>) {
      const [asker, asked] = [await node(of), await node(members[1] ?? of)]
      await moving(asker.network.connect(asked.network.self, 1000))
      const ask = () => {
        const payload = probeRequestSchema.encodeMessage(request(change))
        const asking = asker.network.request(asked.network.self, PROBE_PROTOCOL, payload, { timeoutMs: 1000 })
        return moving(asking.catch((error: unknown) => error))
      }
      return { ask }
    }

    it.each<[string, Partial<ProbeRequest>]>([
      ['wrong-window', { index: 3 }],
      ['wrong-beacon', { beacon: hash(`0x${'00'.repeat(32)}`) }],
      ['wrong-prober', { prober: members[2]?.node ?? stranger.address }],
      ['wrong-node', { node: stranger.address }],
      ['forged-previous', { previousLink: new Uint8Array(32), previousSignature: new Uint8Array(65) }],
    ])('refuses with %s', async (reason, change) => {
      const { ask } = await askedBy(members[0] as never, change)
      expect(await ask()).toMatchObject({ details: { remoteCode: 'REWARDS_PROBE_REFUSED', remoteReason: reason } })
    })

    it('answers no stranger', async () => {
      const of = { signer: stranger, peer: peerIdOfPublicKey(stranger.publicKey) }
      const { ask } = await askedBy(of, { prober: stranger.address })
      expect(await ask()).toMatchObject({ details: { remoteReason: 'not-assigned' } })
    })

    it('answers a prober no more often than it may ask, whatever it asks', async () => {
      const { ask } = await askedBy(members[0] as never, {})
      for (let i = 0; i < 3 * quality.probesPerEpoch; i++) expect(await ask()).toBeInstanceOf(Uint8Array)
      const refusal = await ask()
      expect(refusal).toMatchObject({ details: { remoteCode: 'NETWORK_BUSY' } })
    })
  })
})
