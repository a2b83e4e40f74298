import type { Violation } from '../src/checks/violations.ts'
import type { WorldPlan } from '../src/plan/world-plan.ts'
import { worldOptionsOf } from '../src/plan/world-plan.ts'
import type { PlayedWorld } from '../src/sweep/played-world.ts'

export const PLAN: WorldPlan = { seed: 7, nodes: 40, minutes: 3, profile: 'all', without: [], hasRealSignatures: false }

/** A world that breaks a rule when `isBroken` says so, and another rule always. */
export function fakePlay(isBroken: (plan: WorldPlan) => boolean): (plan: WorldPlan) => Promise<PlayedWorld> {
  return async (plan) => {
    const broken: Violation = { rule: 'bill-is-sum', what: 'payer 0: 1 is not 2', who: ['payer 0'], atMs: 2500 }
    const other: Violation = { rule: 'no-own-fault', what: 'something else', who: [], atMs: 3000 }
    const violations = isBroken(plan) ? [broken, other] : [other]
    const payer = { name: 'payer 0', role: 'payer', cheat: undefined, starts: 2, powerLosses: 1 } as const
    const cheat = { name: 'drips provider 3', role: 'provider', cheat: 'drips', starts: 1, powerLosses: 0 } as const
    const lines = [
      { atMs: 1500, who: 'payer 0 -> drips provider 3', what: 'what does compute cost? => no answer' },
      { atMs: 2000, who: undefined, what: `FAULT ${'x'.repeat(500)}` },
    ]
    const story = { involved: [payer, cheat], others: 2, lines }
    const felt = {
      faults: new Map([['crashes', { count: 2, lastMs: 1000 }]]),
      cheats: new Map([['drips', 1]]),
      looks: new Map([['bill-is-sum', 3] as const]),
    }
    const counts = { simulatedMs: 60_000, events: 10, messages: 5, jobs: 1, ...felt }
    const verdict = { options: worldOptionsOf(plan), traceHash: 'ab'.repeat(16), violations, story, ...counts }
    return { plan, verdict, wallMs: 20, cpuMs: 10, faultsCpuMs: 5 }
  }
}
