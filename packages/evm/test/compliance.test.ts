import { chainCompliance } from '@stead/testkit/compliance'
import { newSalt, newSigner, startDevnet } from './devnet.ts'

chainCompliance('EvmChain over anvil', async () => {
  const devnet = await startDevnet()
  return {
    connect: (signer) => devnet.connect({ thawPollMs: 50 }, signer),
    newSigner,
    newSalt,
    passSeconds: (seconds) => devnet.passSeconds(seconds),
    stop: () => devnet.stop(),
  }
})
