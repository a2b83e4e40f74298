import type { JobEvidence, TaskResult } from '@stead/compute'
import type { Address, ContentId } from '@stead/core'
import { taskSchema } from '@stead/protocol'
import { type CheckedBy, checkedBy } from '../world/workload.ts'
import type { World } from '../world/world.ts'

/** A job that has ended, with its name. */
export interface EndedJob {
  readonly name: string
  readonly tasks: readonly TaskResult[]
  readonly evidence: JobEvidence
}

/** Rules about what a task ended in. */
export const OUTPUT_RULES = ['outputs-right', 'operators-distinct', 'trust-earned'] as const

/** A result that is not what the mode of its job promises. */
export interface OutputFault {
  readonly rule: (typeof OUTPUT_RULES)[number]
  readonly what: string
  /** By whose word the task ended. */
  readonly nodes: readonly Address[]
}

/** Confirmed results in a row without which a node's word alone is not taken: the default of the option. */
const PROBATION = 10

/**
 * What verification promises, exactly. The guest gives back its input, so what is right is known.
 *
 * - Nodes that agreed are of distinct operators, so that a Sybil counts once.
 * - A wrong result that an honest node stands behind never ends a task.
 * - `quorum=n` and `adaptive` end in a wrong result only by as many liars as answers are needed, who all told the same
 *   lie. So n - 1 who collude get nowhere.
 * - `adaptive` takes one word only of a node whose results others confirmed often enough, with this payer.
 *
 * @param jobs all jobs of one payer that have ended
 */
export function outputFaults(world: World, jobs: readonly EndedJob[]): readonly OutputFault[] {
  const providers = new Map(world.nodes.map(({ plan, isHonest }) => [plan.signer.address, { plan, isHonest }] as const))
  const isHonest = (node: Address): boolean => providers.get(node)?.isHonest === true
  const confirmed = confirmations(jobs)
  const operatorOf = (node: Address): Address => providers.get(node)?.plan.operator ?? node
  return jobs.flatMap((job) => {
    const rightOutputs = inputsOf(job)
    const by = checkedBy(job.name)
    return job.tasks.flatMap(({ key, state, record, nodes }): readonly OutputFault[] => {
      if (record === undefined) return []
      const what = `${key} (${job.name}) ended by the word of ${nodes.length} nodes`
      const faults: OutputFault[] = []
      if (new Set(nodes.map(operatorOf)).size !== nodes.length) faults.push({ rule: 'operators-distinct', what, nodes })
      const isWordEnough = isTrusted(by, nodes, confirmed)
      if (!isWordEnough) faults.push({ rule: 'trust-earned', what, nodes })
      const isRight = state === 'succeeded' && record.output === rightOutputs.get(key)
      const isLie = nodes.every((node) => !isHonest(node)) && isWordEnough
      if (!isRight && !isLie) faults.push({ rule: 'outputs-right', what: `${what}, in a wrong result`, nodes })
      return faults
    })
  })
}

/** As many as its mode needs, or one with a record where that is enough. */
function isTrusted(by: CheckedBy, nodes: readonly Address[], confirmed: ReadonlyMap<Address, number>): boolean {
  if (nodes.length >= by.answersMin) return true
  const [node] = nodes
  return by.mode === 'adaptive' && node !== undefined && (confirmed.get(node) ?? 0) >= PROBATION
}

/** Results of each node that another's confirmed: at least what its record with this payer ever was. */
function confirmations(jobs: readonly EndedJob[]): ReadonlyMap<Address, number> {
  const counts = new Map<Address, number>()
  for (const { tasks } of jobs)
    for (const { nodes } of tasks)
      if (nodes.length > 1) for (const node of nodes) counts.set(node, (counts.get(node) ?? 0) + 1)
  return counts
}

function inputsOf({ evidence }: EndedJob): ReadonlyMap<string, ContentId | undefined> {
  return new Map(evidence.tasks.map(({ key, document }) => [key, taskSchema.decodeDocument(document).input[0]]))
}
