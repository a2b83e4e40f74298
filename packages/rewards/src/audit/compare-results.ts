import { type EpochResult, lineKey, type ResultLine } from '../epoch/result.ts'
import type { EpochDifference } from './epoch-difference.ts'

type LineDifference = Extract<EpochDifference, { readonly what: 'line' }>

/** The first difference between the result that an auditor computed and the published one, line by line. */
export function compareResults(own: EpochResult, theirs: EpochResult): EpochDifference | undefined {
  return lineDifference(own, theirs) ?? openLotDifference(own, theirs) ?? warningDifference(own, theirs)
}

function lineDifference(own: EpochResult, theirs: EpochResult): LineDifference | undefined {
  const [needed, had] = [byKey(own), byKey(theirs)]
  for (const key of [...new Set([...needed.keys(), ...had.keys()])].sort()) {
    const [need, have] = [needed.get(key), had.get(key)]
    const either = need ?? have
    if (either === undefined) continue
    const { program, operator } = either
    for (const field of ['share', 'cumulative', 'reasons'] as const) {
      const [needed, had] = [textOf(need, field), textOf(have, field)]
      if (needed !== had) return { what: 'line', program, operator, field, need: needed, have: had }
    }
  }
  return undefined
}

function byKey({ lines }: EpochResult): ReadonlyMap<string, ResultLine> {
  return new Map(lines.map((line) => [lineKey(line), line]))
}

function textOf(line: ResultLine | undefined, field: LineDifference['field']): string {
  if (line === undefined) return 'none'
  if (field === 'share') return String(line.shareUnits)
  if (field === 'cumulative') return String(line.cumulativeUnits)
  return line.reasons.map(({ code, about, need, have }) => `${code} ${about} ${need} ${have}`).join('; ')
}

function openLotDifference(own: EpochResult, theirs: EpochResult): EpochDifference | undefined {
  const [needed, had] = [own, theirs].map(({ openLots }) => new Map(openLots.map(({ lot, sheet }) => [lot, sheet])))
  const lots = new Set([...(needed?.keys() ?? []), ...(had?.keys() ?? [])])
  for (const lot of [...lots].sort((left, right) => left - right)) {
    const [need, have] = [needed?.get(lot), had?.get(lot)]
    if (need !== have) return { what: 'open-lot', lot, need, have }
  }
  return undefined
}

function warningDifference(own: EpochResult, theirs: EpochResult): EpochDifference | undefined {
  const [needed, had] = [new Set(own.audits?.unproven), new Set(theirs.audits?.unproven)]
  const [node] = [...needed.symmetricDifference(had)].sort()
  return node === undefined ? undefined : { what: 'unproven', node, need: needed.has(node), have: had.has(node) }
}
