import type { Address } from '@stead/core'
import type { Secp256k1 } from '@stead/protocol'
import {
  type ComputedEpoch,
  type LoadDocument,
  openProbeLog,
  type QualityParameters,
  scoreProbes,
} from '@stead/rewards'
import type { OperatorBooks, PlayBooks } from './play-books.ts'
import type { Check } from './play-checks.ts'

/** Of what the check reads logs. */
export interface CollusionComponents {
  readonly secp256k1: Secp256k1
  readonly load: LoadDocument
  readonly quality: QualityParameters
}

/** That the pair's word moved no node's q beyond what probers outside of the pair measured, epoch by epoch. */
export async function collusionCheck(components: CollusionComponents, books: PlayBooks): Promise<Check> {
  const pair = books.operators.filter(({ role }) => role === 'colluding').map(({ node }) => node)
  let compared = 0
  let isWithin = true
  for (const epoch of books.epochs) {
    const scores = await scoresOf(components, epoch, pair)
    for (const { node } of books.operators) {
      const { qualityPpm: q, reports = 0 } = epoch.findings.quality.of(node) ?? {}
      const honest = scores.get(node) ?? []
      // The bound is for those of whom more than half of the reports are honest: docs/economics.md.
      if (q === undefined || 2 * honest.length <= reports) continue
      compared++
      isWithin &&= q >= Math.min(...honest) && q <= Math.max(...honest)
    }
  }
  return {
    what: `the pair's reports moved none of ${compared} qualities beyond what others measured; ${ownQuality(books.operators)}`,
    isTrue: compared > 0 && isWithin,
  }
}

async function scoresOf(
  { secp256k1, load, quality }: CollusionComponents,
  { evidence, findings }: ComputedEpoch,
  pair: readonly Address[],
): Promise<ReadonlyMap<Address, readonly number[]>> {
  const scores = new Map<Address, number[]>()
  for (const id of evidence.logs) {
    const bytes = await load(id)
    if (bytes === undefined) continue
    const { log } = openProbeLog(secp256k1, bytes)
    const isSilenced = findings.equivocations.some(({ prober }) => prober === log.prober)
    if (isSilenced || pair.includes(log.prober)) continue
    for (const { node, latencies } of log.reports) {
      const view = new DataView(latencies.buffer, latencies.byteOffset, latencies.byteLength)
      const latenciesMs = Array.from({ length: latencies.length / 2 }, (_, index) => view.getUint16(2 * index))
      scores.set(node, [...(scores.get(node) ?? []), scoreProbes(quality, latenciesMs).scorePpm])
    }
  }
  return scores
}

function ownQuality(operators: readonly OperatorBooks[]): string {
  const mean = (values: readonly (number | undefined)[]): string => {
    const known = values.filter((value) => value !== undefined)
    return known.length === 0 ? '-' : (known.reduce((sum, value) => sum + value, 0) / known.length / 1e6).toFixed(2)
  }
  const of = (role: string) => mean(operators.filter((each) => each.role === role).flatMap((each) => each.qualityPpm))
  return `its own q is ${of('colluding')}, the honest one's ${of('honest')}`
}
