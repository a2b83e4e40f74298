// The thread on which `npm run sim` plays its worlds.
import { loadSecp256k1 } from '@stead/protocol'
import type { WorldPlan } from '../plan/world-plan.ts'
import { answerOnThread } from './answer-on-thread.ts'
import { playPlan } from './play-plan.ts'

const secp256k1 = await loadSecp256k1()
answerOnThread((plan: WorldPlan, onStep) => playPlan(secp256k1, plan, onStep))
