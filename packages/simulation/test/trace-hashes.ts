// Seeds and their trace hashes, one world of each profile: what another version of Node.js must print as well.
import { loadSecp256k1 } from '@stead/protocol'
import { PROFILES } from '../src/index.ts'
import { playPlan } from '../src/node/play-plan.ts'
import { mixedPlan } from '../src/plan/mixed-plan.ts'

const secp256k1 = await loadSecp256k1()
for (let seed = 1; seed <= Object.keys(PROFILES).length; seed++) {
  const { verdict } = await playPlan(secp256k1, mixedPlan(seed))
  process.stdout.write(`${seed} ${verdict.traceHash}\n`)
}
