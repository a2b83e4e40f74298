import { amountOf, type ComputeTerms, computeTermsSchema, isFinal, type JobEvidence } from '@stead/compute'
import type { Hash } from '@stead/core'
import { bytesToHex, contentIdOf, outcomeRecordSchema, type Quote, quoteSchema } from '@stead/protocol'
import type { LivePayer, SimNode } from '../world/sim-node.ts'
import { checkedBy } from '../world/workload.ts'
import type { World } from '../world/world.ts'
import { type EndedJob, OUTPUT_RULES, outputFaults } from './output-checks.ts'
import type { Violations, Wrong } from './violations.ts'

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
  const ended: EndedJob[] = []
  for (const { id, state, name: jobName } of await payer.compute.jobs()) {
    violations.check(isFinal(state), 'jobs-end', () => `the job ${id} of ${name} is ${state} at the end`, [name])
    if (!isFinal(state)) continue
    const handle = await payer.compute.job(id)
    const { status, tasks } = await handle.result()
    const { spentMicroUsd, capMicroUsd } = status.cost
    // Faults and absences are shorter than a stall takes: only a task that nobody looks after any more can stall. Who has
    // no gas is no exception: its new jobs end as unfunded, and what another fork undid is locked again in time.
    const stalled = status.unfinished.stalled ?? 0
    violations.check(stalled === 0, 'no-stall', () => `${name}: ${stalled} tasks of the job ${id} stalled`, [name])
    violations.check(
      spentMicroUsd <= capMicroUsd,
      'within-cap',
      () => `${name}: the job ${id} cost ${spentMicroUsd}, its cap is ${capMicroUsd}`,
      [name],
    )
    const evidence = await payer.compute.evidence(id)
    const job = { name: jobName, tasks, evidence }
    ended.push(job)
    const tell = (fault: string): Wrong => ({ what: `${name}: the job ${id}: ${fault}`, who: [name] })
    violations.checkNone('only-right-paid', paymentFaults(job), tell)
    violations.checkNone('price-as-quoted', priceFaults(prices, evidence), tell)
  }
  const faults = outputFaults(world, ended)
  for (const rule of OUTPUT_RULES)
    violations.checkNone(
      rule,
      faults.filter((fault) => fault.rule === rule),
      ({ what, nodes }) => {
        const names = world.nodes.filter(({ plan }) => nodes.includes(plan.signer.address)).map(({ plan }) => plan.name)
        return { what: `${name}: ${what}`, who: [name, ...names] }
      },
    )
}

/** With a quorum nothing is accepted but what the quorum agreed on. */
function paymentFaults({ name, tasks, evidence }: EndedJob): readonly string[] {
  if (checkedBy(name).mode !== 'quorum') return []
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
      `${task} was accepted for ${amountMicroUsd} micro-dollars, no quote of ${channel} gives that for ${fuel} fuel`,
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
  for (const { id, quote } of market.channels()) if (quote.resource === 'compute') add(id, quote.terms)
  const documents = new Map<string, Pick<Quote, 'resource' | 'terms'>>()
  for (const { evidence } of await market.receipts({}))
    for (const { document } of evidence.quotes) {
      const key = bytesToHex(document)
      const { resource, terms } = documents.get(key) ?? quoteSchema.decodeDocument(document)
      documents.set(key, { resource, terms })
      if (resource === 'compute') add(evidence.channel, terms)
    }
  const decoded = (terms: Uint8Array): ComputeTerms => computeTermsSchema.decodeDocument(terms)
  return new Map(Array.from(quoted, ([channel, terms]) => [channel, Array.from(terms.values(), decoded)]))
}
