import type { Address } from '@stead/core'
import type { AuditParameters } from '../audits/audit-parameters.ts'
import { PPM, ppm } from '../units.ts'
import { type NodeQuality, QualityTable } from './node-quality.ts'

/** What an epoch's audits do to its nodes. */
export interface AuditedEpoch {
  /** With q of nodes that were warned and are not proven again, as much as is left of it. */
  readonly quality: QualityTable
  /** Nodes that are warned from now on, ascending. */
  readonly unproven: readonly Address[]
}

/**
 * A warning before each penalty: a node that is not proven is warned, and loses a part of q only when it is not proven in
 * a later epoch either. A warning stands until the node is proven; that it could not be audited does not lift it.
 * @param warned nodes that were warned before
 */
export function warnUnproven(
  quality: QualityTable,
  warned: Iterable<Address>,
  { unprovenWorthPpm }: AuditParameters,
): AuditedEpoch {
  const before = new Set(warned)
  const nodes = quality.nodes.map((node): NodeQuality => {
    if (node.provenPpm !== 0 || !before.has(node.node)) return node
    const { qualityPpm } = node
    const left = qualityPpm === undefined ? undefined : ppm(Math.floor((qualityPpm * unprovenWorthPpm) / PPM))
    return { ...node, qualityPpm: left, isPenalised: true }
  })
  const unproven = nodes.flatMap(({ node, provenPpm }) =>
    provenPpm === 0 || (provenPpm === undefined && before.has(node)) ? [node] : [],
  )
  return { quality: new QualityTable(nodes), unproven: unproven.sort() }
}
