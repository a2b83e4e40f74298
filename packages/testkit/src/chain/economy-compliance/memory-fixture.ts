import type { Hash, Signer } from '@stead/core'
import { ManualClock } from '../../manual-clock.ts'
import { MemoryChain } from '../memory-chain.ts'
import { MemoryLedger } from '../memory-ledger.ts'
import { COMPLIANCE_TERMS, type EconomyFixture, TOKEN } from './bench.ts'

const GIFT = { dollarMicroUsd: 1_000_000_000n, gasWei: 10n ** 18n, tokenUnits: 1_000_000n * TOKEN }

/** Keys and salts that nobody else uses. */
export interface FixtureSources {
  readonly newSigner: () => Signer
  readonly newSalt: () => Hash
}

/** The contracts in memory; time stands still but where it is passed. */
export function memoryFixture({ newSigner, newSalt }: FixtureSources): EconomyFixture {
  const ledger = new MemoryLedger({ clock: new ManualClock() }, { economy: COMPLIANCE_TERMS })
  return {
    connect: async () => {
      const { address } = newSigner()
      ledger.give(address, GIFT)
      const chain = new MemoryChain(ledger, address)
      await chain.start()
      return { chain, economy: chain.economy(), history: chain.history(), ledger: chain.ledger() }
    },
    newSigner,
    newSalt,
    passSeconds: async (seconds) => ledger.passSeconds(seconds),
    setKappaBps: async (kappaBps) => ledger.setKappaBps(kappaBps),
    setProgram: async (program, source, isEnabled) => ledger.setProgram(program, source, isEnabled),
    stop: async () => undefined,
  }
}
