// Seeds and their trace hashes, one world of each profile and one with epochs: what another version of Node.js must print as well.
import { loadSecp256k1 } from '@stead/protocol'
import { PROFILES } from '../src/index.ts'
import { playPlan } from '../src/node/play-plan.ts'
import { EPOCHS_EVERY, mixedPlan } from '../src/plan/mixed-plan.ts'

const secp256k1 = await loadSecp256k1()
const seeds = Object.keys(PROFILES).map((_, index) => index + 1)
for (const plan of [...seeds, EPOCHS_EVERY].map((seed) => mixedPlan(seed))) {
  const { verdict } = await playPlan(secp256k1, plan)
  process.stdout.write(`${plan.seed} ${verdict.traceHash}\n`)
}
