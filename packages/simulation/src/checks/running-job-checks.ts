import { isFinal } from '@stead/compute'
import type { World } from '../world/world.ts'
import type { Violations } from './violations.ts'

/** What the jobs of honest payers do while they run is what their own journals tell. */
export function checkRunningJobs(world: World, violations: Violations): void {
  const names = new Set(world.payers.map(({ plan }) => plan.name))
  checkMoney(world, names, violations)
  checkLiars(world, violations)
}

/** What a job says of its money is what was accepted, and what is in flight or undecided: nothing is held for what was refused or lost. */
function checkMoney({ parts: { jobs } }: World, names: ReadonlySet<string>, violations: Violations): void {
  for (const job of jobs.jobs) {
    const { state, events, cost } = job.handle.status()
    const { last, spentMicroUsd, reservedMicroUsd } = job.account
    // A journal is read when it is on disk; until then it tells of an earlier moment.
    if (events !== last || !names.has(job.payer)) continue
    violations.check(
      cost.spentMicroUsd === spentMicroUsd && cost.reservedMicroUsd === reservedMicroUsd,
      'job-money',
      () =>
        `${job.payer}: the job ${job.handle.id} says that it has accepted ${cost.spentMicroUsd} micro-dollars and holds ${cost.reservedMicroUsd}; by its events it has accepted ${spentMicroUsd}, and ${reservedMicroUsd} are in flight or undecided`,
      [job.payer],
    )
    if (isFinal(state)) jobs.leave(job)
  }
}

/** Who was caught lying gets no more work of the payer that caught it; what was sent before is no matter. */
function checkLiars({ parts: { jobs }, payers, nodes }: World, violations: Violations): void {
  for (const { plan, wallJumps } of payers) {
    const work = jobs.liarsOf(plan.name).found(wallJumps === 0)
    if (work === undefined) continue
    const { caught, placed } = work
    const liar = nodes.find((node) => node.plan.signer.address === caught.node)?.plan.name ?? caught.node
    violations.check(
      false,
      'liars-left-out',
      () =>
        `${plan.name} gave the delivery 0x${placed.delivery} of the job ${placed.job} to ${liar} ${placed.at - caught.at} ms after it had caught it lying in 0x${caught.delivery} of ${caught.job === placed.job ? 'the same job' : `the job ${caught.job}`}`,
      [plan.name, liar],
    )
  }
}
