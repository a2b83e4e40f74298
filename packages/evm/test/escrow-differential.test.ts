import { ManualClock, MemoryChain, MemoryLedger, SeededRandom } from '@stead/testkit'
import { describe, expect, it } from 'vitest'
import { newSigner, startDevnet } from './devnet.ts'
import type { PlayedStep } from './differential/contract-play.ts'
import { EscrowPlay, type EscrowWorld } from './differential/escrow-play.ts'

const STEPS = Number(process.env.DIFFERENTIAL_TEST_STEPS ?? 100)
const SEEDS = (process.env.DIFFERENTIAL_TEST_SEEDS ?? '1,2').split(',').map(Number)
const TIMEOUT_MS = 600_000

/** The real Escrow; blocks are made without time passing. */
async function realWorld(): Promise<EscrowWorld> {
  const { connect, rpc, stop } = await startDevnet()
  await rpc('anvil_setBlockTimestampInterval', 0)
  const headSeconds = async (): Promise<number> =>
    Number(((await rpc('eth_getBlockByNumber', 'latest', false)) as { readonly timestamp: string }).timestamp)
  const mineAt = async (seconds: number): Promise<void> => {
    await rpc('evm_setNextBlockTimestamp', seconds)
    await rpc('evm_mine')
  }
  return {
    connect: () => connect({ receiptPollMinMs: 5 }),
    newSigner,
    passSeconds: async (seconds) => mineAt((await headSeconds()) + seconds),
    reorganise: async (depth) => {
      const seconds = await headSeconds()
      await rpc('anvil_reorg', depth, [])
      await mineAt(seconds)
      await mineAt(seconds + 1)
    },
    stop,
  }
}

function modelWorld(): EscrowWorld {
  const ledger = new MemoryLedger({ clock: new ManualClock() })
  return {
    connect: async () => {
      const { address } = newSigner()
      ledger.give(address, { dollarMicroUsd: 1_000_000_000n, gasWei: 10n ** 18n })
      const chain = new MemoryChain(ledger, address)
      await chain.start()
      return chain
    },
    newSigner,
    passSeconds: async (seconds) => ledger.passSeconds(seconds),
    reorganise: async (depth) => {
      ledger.reorganise(depth)
      ledger.passSeconds(1)
    },
    stop: async () => undefined,
  }
}

async function playOn(world: EscrowWorld, seed: number): Promise<readonly PlayedStep[]> {
  try {
    return await new EscrowPlay(world, new SeededRandom(seed)).run(STEPS)
  } finally {
    await world.stop()
  }
}

describe('the Escrow in memory', () => {
  it.each(SEEDS)(
    'answers random calls as the one on a chain does, other forks among them, with seed %i',
    async (seed) => {
      const real = await playOn(await realWorld(), seed)
      const model = await playOn(modelWorld(), seed)
      expect(model.length).toBe(STEPS)
      const index = real.findIndex(({ call, answer, state }, place) => {
        const other = model[place]
        return call !== other?.call || answer !== other.answer || state !== other.state
      })
      expect({ index, ...model[index] }).toEqual({ index, ...real[index] })
      // A play in which everything is refused would show nothing.
      const done = new Set(real.filter(({ answer }) => answer === 'done').map(({ call }) => call.split(' ')[0]))
      for (const call of ['fund', 'claim', 'thaw', 'close', 'payout']) expect([...done]).toContain(call)
      expect(real.some(({ call, answer }) => call.endsWith('undone') && answer === 'done')).toBe(true)
    },
    TIMEOUT_MS,
  )
})
