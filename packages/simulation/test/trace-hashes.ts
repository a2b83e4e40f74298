// Seeds and their trace hashes, one world of each profile, one with epochs and two with storage: what another version of Node.js must print as well.
import { loadSecp256k1 } from '@stead/protocol'
import { playPlan } from '../src/node/play-plan.ts'
import { EPOCHS_EVERY, MIXED_PROFILES, mixedPlan, STORAGE_EVERY } from '../src/plan/mixed-plan.ts'

const secp256k1 = await loadSecp256k1()
const seeds = MIXED_PROFILES.map((_, index) => index + 1)
for (const plan of [...seeds, EPOCHS_EVERY, STORAGE_EVERY, 4 * STORAGE_EVERY].map((seed) => mixedPlan(seed))) {
  const { verdict } = await playPlan(secp256k1, plan)
  process.stdout.write(`${plan.seed} ${verdict.traceHash}\n`)
}
