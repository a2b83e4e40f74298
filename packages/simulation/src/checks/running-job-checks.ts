import { isFinal } from '@stead/compute'
import type { WitnessedJob } from '../world/job-witness.ts'
import type { World } from '../world/world.ts'
import type { Violations } from './violations.ts'

const CONDUCT_RULES = ['liars-rechecked', 'hedged-once'] as const

/** What the jobs of honest payers do while they run is what their own journals tell, and what they promise. */
export function checkRunningJobs(world: World, violations: Violations): void {
  const { parts, payers } = world
  const names = new Set(payers.map(({ plan }) => plan.name))
  for (const job of parts.jobs.jobs) if (names.has(job.payer)) checkJob(world, job, violations)
  checkLiars(world, violations)
}

function checkJob({ parts: { jobs }, nodes }: World, job: WitnessedJob, violations: Violations): void {
  const { payer, handle, account, conduct } = job
  for (const rule of CONDUCT_RULES)
    violations.checkNone(rule, conduct.found?.rule === rule ? [conduct.found] : [], ({ what, nodes: about }) => {
      const names = nodes.filter(({ plan }) => about.includes(plan.signer.address)).map(({ plan }) => plan.name)
      return { what: `${payer}: the job ${handle.id}: ${what}`, who: [payer, ...names] }
    })
  const { state, events, cost } = handle.status()
  const { last, spentMicroUsd, reservedMicroUsd } = account
  // A journal is read when it is on disk; until then it tells of an earlier moment.
  if (events !== last) return
  // Nothing is held for what was refused or lost.
  violations.check(
    cost.spentMicroUsd === spentMicroUsd && cost.reservedMicroUsd === reservedMicroUsd,
    'job-money',
    () =>
      `${payer}: the job ${handle.id} says that it has accepted ${cost.spentMicroUsd} micro-dollars and holds ${cost.reservedMicroUsd}; by its events it has accepted ${spentMicroUsd}, and ${reservedMicroUsd} are in flight or undecided`,
    [payer],
  )
  if (isFinal(state)) jobs.leave(job)
}

/** Who was caught lying gets no more work of the payer that caught it; what was sent before is no matter. */
function checkLiars({ parts: { jobs }, payers, nodes }: World, violations: Violations): void {
  for (const { plan, wallJumps } of payers) {
    const work = jobs.liarsOf(plan.name).found(wallJumps === 0)
    violations.checkNone('liars-left-out', work === undefined ? [] : [work], ({ caught, placed }) => {
      const liar = nodes.find((node) => node.plan.signer.address === caught.node)?.plan.name ?? caught.node
      const where = caught.job === placed.job ? 'the same job' : `the job ${caught.job}`
      const what = `${plan.name} gave the delivery 0x${placed.delivery} of the job ${placed.job} to ${liar} ${placed.at - caught.at} ms after it had caught it lying in 0x${caught.delivery} of ${where}`
      return { what, who: [plan.name, liar] }
    })
  }
}
