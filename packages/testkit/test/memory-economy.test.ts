import { type Hash, hash, type Signer } from '@stead/core'
import { createSigner, nobleSecp256k1 } from '@stead/protocol'
import { economyCompliance, memoryFixture } from '../src/compliance.ts'

let made = 0
const newSigner = (): Signer => {
  const key = new Uint8Array(32).fill(0x18)
  new DataView(key.buffer).setUint32(0, ++made)
  return createSigner(nobleSecp256k1, key)
}
const newSalt = (): Hash => hash(`0x${(++made).toString(16).padStart(64, '0')}`)

economyCompliance('MemoryEconomy', async () => memoryFixture({ newSigner, newSalt }))
