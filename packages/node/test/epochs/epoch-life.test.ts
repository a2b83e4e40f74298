import { type Fuel, hasCode, microUsd, type UnixMs } from '@stead/core'
import { contentIdOf } from '@stead/protocol'
import { openEvidence, openResult } from '@stead/rewards'
import { ECHO_MODULE } from '@stead/sandbox'
import type { JobSubmission } from '@stead/sdk/api'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { EpochWorld, type WorldMember } from './epoch-world.ts'

const TIMEOUT_MS = 180_000
const TASKS = 6
const GAS_IS_FREE = { 'claim.nativeCoinMicroUsd': '0', 'claim.minimumMicroUsd': '0' }
const limits = { fuel: 1_000_000n as Fuel, memoryPages: 4, outputBytes: 4096, timeMs: 10_000 }

describe('an epoch from paid work to minted tokens', () => {
  const world = new EpochWorld()
  let [proposer, earner, payer]: WorldMember[] = []
  beforeAll(async () => {
    await world.start()
    proposer = await world.join('proposer', { 'epochs.propose': true })
    earner = await world.join('earner', { ...GAS_IS_FREE, 'provide.minimumMicroUsdPerTask': '10000' })
    payer = await world.join('payer')
    await world.join('fourth')
    await world.giveDollars(payer.nodeKey.address, 100)
  }, TIMEOUT_MS)
  afterAll(() => world.stop(), TIMEOUT_MS)

  const members = () => {
    if (proposer === undefined || earner === undefined || payer === undefined) throw new TypeError('no members')
    return { proposer, earner, payer }
  }

  /** A job of the payer's that the earner alone may run. */
  async function doPaidWork(): Promise<void> {
    const client = world.clientOf(members().payer)
    const { id: module } = await client.putBlob(ECHO_MODULE)
    const task = (key: string) => ({ key, input: [{ bytes: new TextEncoder().encode(key) }] })
    const submission: JobSubmission = {
      name: 'paid work',
      kind: 'function',
      module,
      limits,
      tasks: Array.from({ length: TASKS }, (_, index) => task(`task ${index}`)),
      verification: { mode: 'trust' },
      maxCostMicroUsd: microUsd(10_000_000n),
      operators: [members().earner.operator.address],
    }
    const { id } = await client.submitJob(submission)
    for await (const event of client.watchJob(id)) if (event.type === 'finished') break
    expect((await client.getJob(id)).state).toBe('complete')
    await client.settle()
  }

  it(
    'collects all logs, proposes a root that everybody confirms, makes it final, and pays the operator',
    async () => {
      const { proposer, earner } = members()
      const { economy, time } = proposer.epochs.ports
      await doPaidWork()
      const epoch = time.epoch()
      const begun = await world.until('an epoch with all nodes bonded', async () =>
        time.epoch() > epoch ? time.epoch() : undefined,
      )
      await world.clientOf(earner).settle()
      const operator = earner.operator.address
      expect(await economy.feesOf(begun, operator)).toBe(BigInt(TASKS * 10_000) / 20n)

      await world.until('the end of the epoch', async () => (time.epoch() > begun ? true : undefined))
      const market = await world.holder.economy(world.book)
      const { lot, costTokenUnits } = await market.lotForSale()
      await market.buyLot(lot, 2n * costTokenUnits)
      const final = await world.until('a final root of the sale', async () => {
        const { final } = await world.clientOf(earner).listEpochs()
        return final !== null && final.epoch > begun ? final : undefined
      })
      for (const { epochs } of world.members) {
        expect(epochs.watcher.verdictOf(final.epoch)).toMatchObject({ verdict: 'match' })
      }
      const balance = await world.until('the claim', async () => {
        const balance = await economy.tokenBalance(operator)
        return balance > 3000n * 10n ** 18n ? balance : undefined
      })
      const [row] = (await world.clientOf(earner).getEarnings({ from: final.epoch, to: final.epoch })).rows
      expect(row).toMatchObject({ epoch: final.epoch, reason: null })
      expect(row?.mintedTokenUnits).toBe(balance - 3000n * 10n ** 18n)
    },
    TIMEOUT_MS,
  )

  it('shows by its API what became of the epochs, with evidence that anybody can fetch', async () => {
    const { proposer, payer } = members()
    const client = world.clientOf(payer)
    const { now, final, epochs, faults, terms } = await client.listEpochs()
    if (final === null) throw new TypeError('no final root')
    expect([terms.epochSeconds, epochs[0]?.epoch, epochs[0]?.state]).toEqual([8, now, 'running'])
    expect(faults).toEqual([])
    expect(epochs.find(({ epoch }) => epoch === final.epoch)).toMatchObject({
      state: 'final',
      root: final.root,
      missing: [],
    })
    const evidence = await client.getDocument(final.evidence)
    expect(contentIdOf('dag-cbor', evidence)).toBe(final.evidence)
    const { logs } = openEvidence(evidence)
    expect(logs).toHaveLength(4)
    for (const id of logs) expect(contentIdOf('dag-cbor', await client.getDocument(id))).toBe(id)
    const known = proposer.epochs.computer.known(final.epoch as never)
    expect(openResult(await client.getDocument(known?.result ?? final.evidence)).root).toBe(final.root)
    const unknown = contentIdOf('dag-cbor', Uint8Array.of(1))
    await expect(client.getDocument(unknown)).rejects.toSatisfy((error) => hasCode(error, 'EPOCHS_DOCUMENT_UNKNOWN'))
    await expect(client.runEpoch(now)).rejects.toSatisfy(
      (error) => hasCode(error, 'EPOCHS_NOT_OVER') || hasCode(error, 'EPOCHS_REFUSED'),
    )
    expect((await client.claimRewards()).reason).toBe('nothing-to-claim')
  })

  it(
    'goes on after a node was stopped and started again',
    async () => {
      const { earner } = members()
      const before = earner.epochs.ports.time.now()
      const again = await world.restart(earner)
      const { time } = again.epochs.ports
      const epoch = await world.until('the next epoch', async () =>
        time.head !== undefined && time.now() > ((before + 12_000) as UnixMs) ? time.epoch() : undefined,
      )
      const line = await world.until('its log', async () => {
        const { epochs } = await world.clientOf(again).listEpochs()
        return epochs.find((each) => each.epoch === epoch && each.logs === 4)
      })
      expect(line.missing).toEqual([])
    },
    TIMEOUT_MS,
  )
})
