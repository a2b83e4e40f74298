import type { FinalRoot, RootProposal } from '@stead/core'
import { type ChainFacts, epochNumber, evidenceIdOf, openChainFacts, openEvidence, openProbeLog } from '@stead/rewards'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type MemoryMember, MemoryWorld } from './memory-world.ts'

const EPOCH = epochNumber(1)

describe('when another fork of the chain wins', () => {
  let world = new MemoryWorld()
  let first: MemoryMember
  beforeEach(async () => {
    world = new MemoryWorld()
    first = await world.join('first', { propose: true })
    for (const name of ['second', 'third', 'fourth']) await world.join(name)
    await world.passTo(EPOCH)
  })
  afterEach(() => world.stop())

  /** What the chain says now: the last block of an epoch, and the hash of its first one. */
  function onChain(epoch: number) {
    const { beginsAt, endsAt } = { beginsAt: epochTime(epoch), endsAt: epochTime(epoch + 1) }
    const { blocks } = world.ledger
    const all = Array.from({ length: blocks.head.number + 1 }, (_, number) => blocks.block(number))
    const within = all.filter(({ at }) => at >= beginsAt && at < endsAt)
    return { beacon: within.at(0)?.hash, toBlock: BigInt(within.at(-1)?.number ?? 0) }
  }

  function epochTime(epoch: number): number {
    const { genesisSeconds, epochSeconds } = world.calendar
    return 1000 * (genesisSeconds + epoch * epochSeconds)
  }

  /** The documents that a root was computed from. */
  async function documentsOf({ evidence: digest }: Pick<FinalRoot, 'evidence'>) {
    const load = async (id: Parameters<typeof first.service.shelf.get>[0]): Promise<Uint8Array> => {
      const bytes = await world.during(first.service.exchange.load(id, { epoch: EPOCH }))
      if (bytes === undefined) throw new TypeError(`no document ${id}`)
      return bytes
    }
    const evidence = openEvidence(await load(evidenceIdOf(digest)))
    const facts: ChainFacts = openChainFacts(await load(evidence.facts))
    return { facts, logs: await Promise.all(evidence.logs.map(load)) }
  }

  async function openProposal(epoch: number): Promise<RootProposal> {
    return await world.until('a proposal', async () => {
      const open = await first.economy.proposal()
      return open?.epoch === epoch ? open : undefined
    })
  }

  async function finalRoot(epoch: number): Promise<FinalRoot> {
    return await world.until('a final root', async () => {
      const final = await first.economy.finalRoot()
      return final?.epoch === epoch ? final : undefined
    })
  }

  it('as an epoch begins, nodes probe those whom its beacon draws, and everybody has a log that counts', async () => {
    await world.passSeconds(4)
    const before = onChain(EPOCH).beacon
    world.ledger.reorganise(3)
    const { beacon } = onChain(EPOCH)
    expect(beacon).not.toBe(before)
    await world.passGathering(EPOCH)
    const { facts, logs } = await documentsOf((await openProposal(EPOCH)).proposed)
    expect(facts.beacon).toBe(beacon)
    const opened = logs.map((bytes) => openProbeLog(first.service.ports.secp256k1, bytes).log)
    expect(opened.map((log) => log.beacon)).toEqual([beacon, beacon, beacon, beacon])
    const answered = opened.flatMap(({ reports }) => reports).filter(({ signature }) => signature !== undefined)
    expect(answered).toHaveLength(4 * 3)
  })

  it('logs on a beacon that was undone count no more, although they counted before', async () => {
    await world.passGathering(EPOCH)
    const { logs } = first.service
    expect(await world.during(logs.all(EPOCH))).toHaveLength(4)
    const { beacon } = onChain(EPOCH)
    const { blocks } = world.ledger
    world.ledger.reorganise(blocks.head.number - Number(onChain(EPOCH - 1).toBlock))
    await world.passSeconds(2)
    expect(onChain(EPOCH).beacon).not.toBe(beacon)
    expect(await world.during(logs.all(EPOCH))).toEqual([])
  })

  it('as it ends, all compute it by the blocks that count, and the root stands unchallenged', async () => {
    await world.passTo(EPOCH + 1)
    await world.passSeconds(4)
    const { toBlock } = onChain(EPOCH)
    world.ledger.reorganise(4)
    expect(onChain(EPOCH).toBlock).not.toBe(toBlock)
    await world.passGathering(EPOCH)
    const open = await openProposal(EPOCH)
    const { facts } = await documentsOf(open.proposed)
    expect(facts.toBlock).toBe(onChain(EPOCH).toBlock)
    await finalRoot(EPOCH)
    for (const { service } of world.members)
      expect(service.watcher.verdictOf(EPOCH)).toMatchObject({ verdict: 'match' })
  })

  it('after a root was proposed, a proposal that came along with it is false on it: the true one becomes final', async () => {
    await world.passGathering(EPOCH)
    const open = await openProposal(EPOCH)
    await world.until('all have audited it', async () => {
      const verdicts = world.members.map(({ service }) => service.watcher.verdictOn(open.attempt, open.proposed))
      return verdicts.every((verdict) => verdict?.verdict === 'match') ? true : undefined
    })
    const depth = world.ledger.blocks.head.number - Number((await documentsOf(open.proposed)).facts.toBlock) + 2
    for (const transaction of world.ledger.reorganise(depth)) world.ledger.mineAgain(transaction)
    const again = await openProposal(EPOCH)
    expect(again.proposed).toEqual(open.proposed)
    const { facts } = await documentsOf(await finalRoot(EPOCH))
    expect([facts.toBlock, facts.beacon]).toEqual([onChain(EPOCH).toBlock, onChain(EPOCH).beacon])
  })

  it('while a node was away, it computes again what it had gathered before', async () => {
    await world.passGathering(EPOCH)
    const [, , , fourth] = world.members
    if (fourth === undefined) throw new TypeError('four members')
    const before = await world.during(fourth.service.computer.own(EPOCH))
    fourth.store.crash()
    world.ledger.reorganise(10)
    await world.passSeconds(2)
    const again = await world.restart(fourth)
    const own = await world.during(again.service.computer.own(EPOCH))
    expect(own.evidence).not.toBe(before.evidence)
    expect((await documentsOf({ evidence: own.digest })).facts.toBlock).toBe(onChain(EPOCH).toBlock)
  })
})
