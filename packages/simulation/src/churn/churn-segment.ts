import type { ChurnNode } from './population.ts'

/** What a payer and a node agreed on, as it truly stands. */
export interface ChurnAgreement {
  readonly node: ChurnNode
  /** The node's disk when they agreed. */
  readonly disk: number
  paidAtMs: number
  /** The node has let it go: unpaid for too long, or its disk is another one. */
  isVoid: boolean
}

/** One segment, with the truth about its pieces. */
export class ChurnSegment {
  /** Who has which piece, by number; undefined where nobody has. */
  readonly placed: (ChurnAgreement | undefined)[]
  /** Its repair found too few nodes before. */
  isBegun = false
  /** When too few pieces were left for ever; undefined while there are enough. */
  lostAtMs: number | undefined
  /** Fewest pieces that were left at any time. */
  fewestKept: number
  isReadable = true

  constructor(placed: readonly (ChurnAgreement | undefined)[]) {
    this.placed = [...placed]
    this.fewestKept = placed.length
  }

  /** Pieces that are not gone for good, and those of them that can be had at this moment. */
  count(): { readonly kept: number; readonly there: number } {
    let [kept, there] = [0, 0]
    for (const agreement of this.placed) {
      if (agreement === undefined || isGone(agreement)) continue
      kept++
      if (agreement.node.isOn) there++
    }
    return { kept, there }
  }
}

/** Whether what a node agreed to keep is lost for good. */
export function isGone({ node, isVoid }: ChurnAgreement): boolean {
  return node.isGone || isVoid
}
