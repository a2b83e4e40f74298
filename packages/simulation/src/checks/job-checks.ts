import {
  amountOf,
  type ComputeTerms,
  computeTermsSchema,
  isFinal,
  type JobEvidence,
  type TaskResult,
} from '@stead/compute'
import type { Address, ContentId, Hash } from '@stead/core'
import { bytesToHex, contentIdOf, outcomeRecordSchema, quoteSchema, taskSchema } from '@stead/protocol'
import type { LivePayer, SimNode } from '../world/sim-node.ts'
import { isCheckedMode } from '../world/workload.ts'
import type { World } from '../world/world.ts'
import type { Violations } from './violations.ts'

/** An honest payer that lives. */
export interface HonestPayer {
  readonly node: SimNode
  readonly payer: LivePayer
}

/** Every job of a payer has ended, within its cap, in right outputs, and paid for those alone. */
export async function checkJobs(world: World, sides: HonestPayer, violations: Violations): Promise<void> {
  const { node, payer } = sides
  const { name } = node.plan
  const prices = await pricesOf(payer)
  for (const { id, state, name: mode } of await payer.compute.jobs()) {
    violations.check(isFinal(state), 'jobs-end', () => `the job ${id} of ${name} is ${state} at the end`, [name])
    if (!isFinal(state)) continue
    const handle = await payer.compute.job(id)
    const { status, tasks } = await handle.result()
    const { spentMicroUsd, capMicroUsd } = status.cost
    violations.check(
      spentMicroUsd <= capMicroUsd,
      'within-cap',
      () => `${name}: the job ${id} cost ${spentMicroUsd}, its cap is ${capMicroUsd}`,
      [name],
    )
    const evidence = await payer.compute.evidence(id)
    for (const fault of outputFaults(world, { mode, tasks, evidence }))
      violations.check(false, 'outputs-right', () => `${name}: the job ${id}: ${fault}`, [name])
    for (const fault of paymentFaults({ mode, tasks, evidence }))
      violations.check(false, 'only-right-paid', () => `${name}: the job ${id}: ${fault}`, [name])
    for (const fault of priceFaults(prices, evidence))
      violations.check(false, 'price-as-quoted', () => `${name}: the job ${id}: ${fault}`, [name])
  }
}

interface Ended {
  readonly mode: string
  readonly tasks: readonly TaskResult[]
  readonly evidence: JobEvidence
}

/**
 * The guest gives back its input, so what is right is known. A result counts that an honest node gave, or one cheat
 * alone under a verification that does not take one word; cheats that happen to agree are collusion, which no
 * verification finds out.
 */
function outputFaults(world: World, { mode, tasks, evidence }: Ended): readonly string[] {
  const honest = new Set<Address>(world.providers.map(({ plan }) => plan.signer.address))
  const inputs = new Map<string, ContentId | undefined>(
    evidence.tasks.map(({ key, document }) => [key, taskSchema.decodeDocument(document).input[0]]),
  )
  return tasks.flatMap(({ key, state, record, nodes }) => {
    if (record === undefined || (state === 'succeeded' && record.output === inputs.get(key))) return []
    const isVouchedFor = nodes.some((node) => honest.has(node))
    const isLoneWord = isCheckedMode(mode) && nodes.length < 2
    return isVouchedFor || isLoneWord ? [`${key} (${mode}) ended in a wrong result of ${nodes.length} nodes`] : []
  })
}

/** With a quorum nothing is accepted but what the quorum agreed on. */
function paymentFaults({ mode, tasks, evidence }: Ended): readonly string[] {
  if (mode !== 'quorum') return []
  const agreed = new Map(
    tasks.map(({ key, record }) => [
      key,
      record === undefined ? undefined : contentIdOf('dag-cbor', outcomeRecordSchema.encodeDocument(record)),
    ]),
  )
  return evidence.accepted
    .filter(({ task, outcome }) => agreed.get(task) !== outcome)
    .map(({ task, node }) => `a result of ${node} for ${task} is paid that was not agreed on`)
}

/** Each delivery costs what a quote of its channel says for its fuel, to the micro-dollar. */
function priceFaults(prices: ReadonlyMap<Hash, readonly ComputeTerms[]>, evidence: JobEvidence): readonly string[] {
  return evidence.accepted.flatMap(({ task, channel, fuel, amountMicroUsd }) => {
    const terms = prices.get(channel) ?? []
    if (terms.length === 0 || terms.some((price) => amountOf(price, fuel) === amountMicroUsd)) return []
    return [
      `${task} was accepted for ${amountMicroUsd} micro-dollars, no quote of its channel gives that for ${fuel} fuel`,
    ]
  })
}

/** The terms of all quotes of each channel; a channel's bills name the same quote again and again. */
async function pricesOf({ market }: LivePayer): Promise<ReadonlyMap<Hash, readonly ComputeTerms[]>> {
  const quoted = new Map<Hash, Map<string, Uint8Array>>()
  const add = (channel: Hash, terms: Uint8Array): void => {
    const known = quoted.get(channel) ?? new Map<string, Uint8Array>()
    quoted.set(channel, known.set(bytesToHex(terms), terms))
  }
  for (const { id, quote } of market.channels()) add(id, quote.terms)
  const documents = new Map<string, Uint8Array>()
  for (const { evidence } of await market.receipts({}))
    for (const { document } of evidence.quotes) {
      const key = bytesToHex(document)
      const terms = documents.get(key) ?? quoteSchema.decodeDocument(document).terms
      documents.set(key, terms)
      add(evidence.channel, terms)
    }
  const decoded = (terms: Uint8Array): ComputeTerms => computeTermsSchema.decodeDocument(terms)
  return new Map(Array.from(quoted, ([channel, terms]) => [channel, Array.from(terms.values(), decoded)]))
}
