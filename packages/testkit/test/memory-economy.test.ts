import { type Hash, hash, type Signer } from '@stead/core'
import { createSigner, nobleSecp256k1 } from '@stead/protocol'
import { COMPLIANCE_TERMS, economyCompliance } from '../src/compliance.ts'
import { ManualClock, MemoryChain, MemoryLedger } from '../src/index.ts'

const TOKEN = 10n ** 18n
const GIFT = { dollarMicroUsd: 1_000_000_000n, gasWei: 10n ** 18n, tokenUnits: 1_000_000n * TOKEN }
let made = 0
const newSigner = (): Signer => {
  const key = new Uint8Array(32).fill(0x18)
  new DataView(key.buffer).setUint32(0, ++made)
  return createSigner(nobleSecp256k1, key)
}
const newSalt = (): Hash => hash(`0x${(++made).toString(16).padStart(64, '0')}`)

economyCompliance('MemoryEconomy', async () => {
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
})
