import {
  address,
  type ChainIdentity,
  hash,
  microUsd,
  type PeerId,
  silentLogger,
  silentMetrics,
  type UnixMs,
} from '@stead/core'
import { createSigner, keccakText, loadSecp256k1, peerIdOfPublicKey } from '@stead/protocol'
import { type AuditReport, auditSeed, defaultAuditParameters, type EpochBegin, epochNumber } from '@stead/rewards'
import {
  AGREEMENTS_PROTOCOL,
  agreementIdOf,
  agreementNumber,
  STORAGE_PROTOCOL,
  StorageError,
  type StorageErrorCode,
  shownAskSchema,
  shownReplySchema,
  storageReplySchema,
  storageRequestSchema,
} from '@stead/storage'
import { ManualClock, MemoryHub, type MemoryNetwork, MemoryStore, SeededRandom } from '@stead/testkit'
import { beforeEach, describe, expect, it } from 'vitest'
import { checkAudit } from '../../rewards/src/audits/check-audit.ts'
import { KeptPieces } from '../../rewards/test/kept-pieces.ts'
import { CHAIN_ID, ESCROW } from '../../rewards/test/world.ts'
import { AuditRound } from '../src/audit-round.ts'
import { ChainTime } from '../src/chain-time.ts'
import { NodeDirectory } from '../src/node-directory.ts'

const secp256k1 = await loadSecp256k1()
const EPOCH = epochNumber(10)
const EPOCH_SECONDS = 86_400
const BEGINS = EPOCH * EPOCH_SECONDS
const CALENDAR = { genesisSeconds: 0, epochSeconds: EPOCH_SECONDS }
const LIMITS = { messageBytesMax: 100_000, inFlightPerPeerMax: 8, handlerTimeoutMs: 60_000 }
const SEED = keccakText('the seed of an auditor')
const parameters = defaultAuditParameters
const keyOf = (name: string) => {
  const signer = createSigner(secp256k1, keccakText(`auditing ${name}`))
  return { signer, peer: peerIdOfPublicKey(signer.publicKey), address: signer.address }
}
const [auditor, keeper, payer] = [keyOf('auditor'), keyOf('keeper'), keyOf('payer')]
const identity: ChainIdentity = {
  chainId: CHAIN_ID,
  escrow: ESCROW,
  stake: address(`0x${'57'.repeat(20)}`),
  dollar: address(`0x${'d0'.repeat(20)}`),
}
const begin: EpochBegin = {
  epoch: EPOCH,
  fromBlock: 1,
  beacon: hash(`0x${'be'.repeat(32)}`),
  nodes: [auditor, keeper].map(({ address: node }) => ({ node, operator: node })),
  utility: hash(`0x${'a1'.repeat(32)}`),
}
const paid = { node: keeper.address, payer: payer.address, grossMicroUsd: microUsd(1000n) }
const question = { node: keeper.address, payer: payer.address, leaves: auditSeed(SEED, keeper.address) }
const span = { beginsAtSeconds: BEGINS, endsAtSeconds: BEGINS + EPOCH_SECONDS }
const rules = { secp256k1, facts: { ...identity, ...span }, parameters }
const kept = new KeptPieces(payer.signer, keeper.signer, { atSecond: BEGINS + 600 })

type Answer = (ask: {
  readonly agreement: string
  readonly seed: Uint8Array
}) => Promise<Parameters<typeof storageReplySchema.encodeMessage>[0]>

const honest: Answer = async ({ seed }) => ({
  agreement: kept.signed,
  proof: await kept.prove(seed),
  slots: [],
  damaged: [],
})
const refusing =
  (code: StorageErrorCode): Answer =>
  async () => {
    throw new StorageError(code, 'no')
  }

describe('an auditor', () => {
  let clock: ManualClock
  let hub: MemoryHub
  let store: MemoryStore
  let networks: readonly MemoryNetwork[]
  let asked: number
  beforeEach(async () => {
    clock = new ManualClock()
    hub = new MemoryHub({ clock, random: new SeededRandom(5) })
    hub.setDefaultLink({ latencyMs: 20 })
    store = new MemoryStore()
    asked = 0
    networks = [auditor, keeper, payer].map(({ peer }) => hub.createNode(peer))
    for (const network of networks) await network.start()
    await connectAll()
  })

  const networkOf = ({ peer }: { readonly peer: PeerId }): MemoryNetwork => {
    const network = networks.find(({ self }) => self === peer)
    if (network === undefined) throw new Error(`no network of ${peer}`)
    return network
  }

  async function connectAll(): Promise<void> {
    const connecting = [keeper, payer].map(({ peer }) => networkOf(auditor).connect(peer, 5000))
    await pass(1)
    await Promise.all(connecting)
  }

  async function pass(seconds: number): Promise<void> {
    for (let second = 0; second < seconds; second++) await clock.advance(1000)
  }

  function serve(answer: Answer): void {
    networkOf(keeper).handle(STORAGE_PROTOCOL, LIMITS, async ({ payload }) => {
      asked++
      const { audit } = storageRequestSchema.decodeMessage(payload)
      if (audit === undefined) throw new Error('only audits are asked')
      return storageReplySchema.encodeMessage(await answer(audit))
    })
  }

  /** The payer shows what it agreed on with the node. */
  function attest(of: () => KeptPieces = () => kept): void {
    networkOf(payer).handle(AGREEMENTS_PROTOCOL, LIMITS, async ({ payload }) => {
      const { node } = shownAskSchema.decodeMessage(payload)
      return shownReplySchema.encodeMessage(node === keeper.address ? { agreement: of().signed } : {})
    })
  }

  async function begun(claimants = [paid]): Promise<AuditRound> {
    const time = new ChainTime({ clock, calendar: CALENDAR })
    time.observe({ number: 1, hash: begin.beacon, at: (BEGINS * 1000) as UnixMs })
    const ports = {
      ...{ clock, network: networkOf(auditor), time, store, secp256k1, signer: auditor.signer },
      ...{ logger: silentLogger, metrics: silentMetrics },
      ...{ random: new SeededRandom(9), calendar: CALENDAR, chain: { identity } },
    }
    const directory = new NodeDirectory(ports, { list: () => [] })
    const options = { begin, parameters, claimants, seed: SEED, nodes: [keeper.address] }
    const round = new AuditRound({ ...ports, directory } as never, options)
    await round.start()
    return round
  }

  /** What one epoch's audit of the keeper comes to, and what a stranger makes of the report. */
  async function found(): Promise<{ readonly report: AuditReport | undefined; readonly counts: string | undefined }> {
    const round = await begun()
    for (let hour = 0; hour < 24; hour++) await clock.advance(3_600_000)
    round.stop()
    const [report] = round.reports()
    return { report, counts: report === undefined ? undefined : checkAudit(rules, question, report) }
  }

  it('finds proven what is shown in time, and has the evidence for everybody', async () => {
    serve(honest)
    const { report, counts } = await found()
    expect([report?.outcome, counts, asked]).toEqual(['proven', 'proven', 1])
    expect(report?.tookMs).toBe(40)
  })

  it('finds late what a node had to fetch from another copy first', async () => {
    serve(async (ask) => {
      await clock.sleep(parameters.answerMaxMs)
      return await honest(ask)
    })
    expect((await found()).counts).toBe('late')
  })

  it.each<[string, Answer, string]>([
    ['answers payers and not auditors', refusing('STORAGE_BUSY'), 'offline'],
    ['says that a piece is gone', refusing('STORAGE_PIECE_UNKNOWN'), 'lost'],
    ['says that a piece has rotted', refusing('STORAGE_PIECE_DAMAGED'), 'lost'],
    ['denies the agreement', refusing('STORAGE_AGREEMENT_UNKNOWN'), 'lied'],
    ['says of every agreement that it has ended', refusing('STORAGE_AGREEMENT_ENDED'), 'lied'],
    [
      'shows an agreement with itself in its place',
      async ({ seed }) => {
        const own = new KeptPieces(keyOf('sybil').signer, keeper.signer, { pieces: 1, atSecond: BEGINS })
        return { agreement: own.signed, proof: await own.prove(seed), slots: [], damaged: [] }
      },
      'lied',
    ],
    [
      'shows a revision of long ago, with what it still has',
      async ({ seed }) => {
        const old = new KeptPieces(payer.signer, keeper.signer, { pieces: 1, atSecond: 1 })
        return { agreement: old.signed, proof: await old.prove(seed), slots: [], damaged: [] }
      },
      'lied',
    ],
  ])('finds out a node that %s, by what the payer shows, and nothing without it', async (_, answer, outcome) => {
    serve(answer)
    expect(await found()).toMatchObject({ report: { outcome: 'none' }, counts: 'none' })
    store = new MemoryStore()
    attest()
    expect(await found()).toMatchObject({ report: { outcome }, counts: outcome })
  })

  it('finds out a node that is away', async () => {
    attest()
    serve(honest)
    await networkOf(keeper).stop()
    expect((await found()).counts).toBe('offline')
  })

  it('finds a lie in other leaves by what the node itself has signed', async () => {
    serve(async () => ({ agreement: kept.signed, proof: await kept.prove(new Uint8Array(32)), slots: [], damaged: [] }))
    expect((await found()).counts).toBe('lied')
  })

  it('does not take the word of a payer for it: only what the node signed, lately and of pieces', async () => {
    serve(refusing('STORAGE_AGREEMENT_UNKNOWN'))
    const shown = [
      new KeptPieces(payer.signer, payer.signer, { atSecond: BEGINS }),
      new KeptPieces(payer.signer, keeper.signer, { pieces: 0, atSecond: BEGINS }),
      new KeptPieces(payer.signer, keeper.signer, { atSecond: BEGINS - 4 * EPOCH_SECONDS }),
      kept,
    ]
    const outcomes: (string | undefined)[] = []
    let now = kept
    attest(() => now)
    for (const each of shown) {
      now = each
      store = new MemoryStore()
      outcomes.push((await found()).counts)
    }
    expect(outcomes).toEqual(['none', 'none', 'none', 'lied'])
  })

  it('is not made a tool by a payer that numbers its agreements in its own way', async () => {
    const number = keccakText('a number of its own').slice(0, 16)
    const own = new KeptPieces(payer.signer, keeper.signer, { atSecond: BEGINS + 600, change: { number } })
    const { chainId, escrow } = identity
    const id = agreementIdOf({ chainId, escrow, payer: payer.address, node: keeper.address, number })
    serve(async (ask) => {
      if (ask.agreement !== id) return await refusing('STORAGE_AGREEMENT_UNKNOWN')(ask)
      return { agreement: own.signed, proof: await own.prove(ask.seed), slots: [], damaged: [] }
    })
    attest(() => own)
    expect((await found()).counts).toBe('proven')
  })

  it('asks for the agreement after one that has ended', async () => {
    const { chainId, escrow } = identity
    const parties = { chainId, escrow, payer: payer.address, node: keeper.address }
    const second = agreementIdOf({ ...parties, number: agreementNumber(1) })
    serve(async (ask) =>
      ask.agreement === second ? await honest(ask) : await refusing('STORAGE_AGREEMENT_ENDED')(ask),
    )
    expect([(await found()).counts, asked]).toEqual(['proven', 2])
  })

  it('asks nobody whom nobody has paid', async () => {
    serve(honest)
    const round = await begun([])
    await pass(EPOCH_SECONDS / 100)
    expect([round.reports(), asked]).toEqual([[], 0])
  })

  it('goes on after a restart: what was found is not asked again, and what was denied is asked of the payer', async () => {
    serve(refusing('STORAGE_AGREEMENT_UNKNOWN'))
    const before = await begun()
    while (before.reports().length === 0) await clock.advance(600_000)
    before.stop()
    attest()
    const after = await begun()
    for (let hour = 0; hour < 24; hour++) await clock.advance(3_600_000)
    expect([after.reports()[0]?.outcome, asked]).toEqual(['lied', 2])
    after.stop()
    const again = await begun()
    expect(again.reports()).toEqual(after.reports())
  })
})
