import { type Hash, hash } from '@stead/core'
import { epochNumber, openProbeLog, signProbeLog } from '@stead/rewards'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { EpochWorld, type WorldMember } from './epoch-world.ts'

const TIMEOUT_MS = 180_000
const TOKEN = 10n ** 18n
const LIE: Hash = hash(`0x${'66'.repeat(32)}`)

describe('epochs with a liar among three honest watchers', () => {
  const world = new EpochWorld()
  let honest: readonly WorldMember[] = []
  let liar: WorldMember | undefined
  beforeAll(async () => {
    await world.start()
    honest = [await world.join('first'), await world.join('second'), await world.join('third')]
    liar = await world.join('liar', { 'epochs.watch': false })
  }, TIMEOUT_MS)
  afterAll(() => world.stop(), TIMEOUT_MS)

  const parties = (): { readonly first: WorldMember; readonly liar: WorldMember } => {
    const [first] = honest
    if (first === undefined || liar === undefined) throw new TypeError('no members')
    return { first, liar }
  }

  /** What an operator's proposals and challenges have cost or brought it. */
  const balanceOf = ({ economy, operator }: WorldMember): Promise<bigint> => economy.tokenBalance(operator.address)

  it(
    'a false root is challenged, decided against, and costs its proposer the deposit',
    async () => {
      const { first, liar } = parties()
      const { economy, time } = first.epochs.ports
      const epoch = epochNumber(
        await world.until('an epoch', async () => (time.epoch() >= 2 ? time.epoch() - 1 : undefined)),
      )
      const truth = await world.until('the honest result', async () => {
        return await first.epochs.computer.own(epoch).catch(() => undefined)
      })
      const before = await Promise.all([...honest, liar].map(balanceOf))
      await liar.economy.propose(epoch, { root: LIE, evidence: truth.digest }, liar.nodeKey.address)
      const attempt = (await economy.proposal())?.attempt
      const final = await world.until('a decision', async () => {
        const root = await economy.finalRoot()
        return root?.epoch === epoch ? root : undefined
      })
      expect(final).toMatchObject({ root: truth.root, epoch })
      expect(first.epochs.watcher.verdictOn(attempt ?? 0, { root: LIE, evidence: truth.digest })).toMatchObject({
        verdict: 'mismatch',
        reason: expect.stringContaining('root'),
      })
      const after = await Promise.all([...honest, liar].map(balanceOf))
      const changes = after.map((balance, index) => balance - (before[index] ?? 0n))
      expect(changes.pop()).toBe(-100n * TOKEN)
      expect(changes.toSorted((left, right) => Number(left - right))).toEqual([0n, 0n, 50n * TOKEN])
    },
    TIMEOUT_MS,
  )

  it(
    'a liar who proposes and challenges, so that both sides are false, loses both deposits to a third result',
    async () => {
      const { first, liar } = parties()
      const { economy, time } = first.epochs.ports
      const later = ((await economy.finalRoot())?.epoch ?? 0) + 1
      const epoch = epochNumber(later)
      const truth = await world.until('the honest result', async () =>
        time.epoch() > epoch ? await first.epochs.computer.own(epoch).catch(() => undefined) : undefined,
      )
      const before = await balanceOf(liar)
      const other = hash(`0x${'99'.repeat(32)}`)
      await liar.economy.propose(epoch, { root: LIE, evidence: truth.digest }, liar.nodeKey.address)
      const attempt = (await economy.proposal())?.attempt ?? 0
      await liar.economy.challenge(attempt, { root: other, evidence: truth.digest }, liar.nodeKey.address)
      const final = await world.until('a decision', async () => {
        const root = await economy.finalRoot()
        return root?.epoch === epoch ? root : undefined
      })
      expect(final.root).toBe(truth.root)
      expect((await balanceOf(liar)) - before).toBe(-200n * TOKEN)
    },
    TIMEOUT_MS,
  )

  it(
    'a node that publishes two logs for one epoch is reported and loses its bond',
    async () => {
      const { first, liar } = parties()
      const { economy } = first.epochs.ports
      const log = await world.until('a log of the liar', async () => {
        const ended = epochNumber(liar.epochs.ports.time.epoch() - 1)
        const own = liar.epochs.board.of(ended, 'log').find(({ node }) => node === liar.nodeKey.address)
        return own?.document === undefined ? undefined : await liar.epochs.shelf.get(own.document)
      })
      const { log: said } = openProbeLog(world.secp256k1, log)
      const other = signProbeLog(liar.nodeKey, { ...said, reports: [] })
      const document = await liar.epochs.shelf.put(other, said.epoch)
      await liar.epochs.board.publish({ version: 1, kind: 'log', epoch: said.epoch, node: said.prober, document })
      const bond = await world.until('the punishment', async () => {
        const state = await economy.bondOf(liar.nodeKey.address)
        return state.expelled ? state : undefined
      })
      expect(bond.bondedTokenUnits).toBe(0n)
      await world.until('the word of who reported it', async () =>
        honest.some(({ epochs }) => epochs.lies.reported > 0) ? true : undefined,
      )
    },
    TIMEOUT_MS,
  )
})
