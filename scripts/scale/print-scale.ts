import type { ScaleResult, Spans, Wall } from '../../packages/simulation/src/index.ts'
import type { CheckedTrial } from './check-gossip.ts'

/** Three significant digits, whole above 1000. */
function figure(value: number): string {
  return value >= 1000 ? Math.round(value).toLocaleString('en') : String(Number(value.toPrecision(3)))
}

function seconds(ms: number): string {
  return Number.isFinite(ms) ? `${figure(ms / 1000)} s` : 'never'
}

function percent(share: number): string {
  return `${figure(100 * share)} %`
}

function spans({ medianMs, ninetyPercentMs, failedShare }: Spans): string {
  const failed = failedShare > 0 ? `, ${percent(failedShare)} gave up` : ''
  return `${seconds(medianMs)} / ${seconds(ninetyPercentMs)}${failed}`
}

/** A table for people: one line a figure, one column a size. */
export function printScale(results: readonly ScaleResult[], walls: readonly Wall[]): string {
  const line = (name: string, of: (result: ScaleResult) => string): readonly string[] => [name, ...results.map(of)]
  const total = (result: ScaleResult, what: 'messages' | 'bytes'): number =>
    result.traffic.reduce((sum, row) => sum + row[what], 0)
  const kinds = results[0]?.traffic.map(({ what }) => what) ?? []
  const lines = [
    line('nodes', ({ options }) => figure(options.nodes)),
    line('connections, mesh', ({ facts }) => `${figure(facts.connectionsPerNode)}, ${figure(facts.meshPerNode)}`),
    line('messages sent, node and minute', (result) => figure(total(result, 'messages'))),
    line('kB sent, node and minute', (result) => figure(total(result, 'bytes') / 1000)),
    ...kinds.map((kind) =>
      line(`  ${kind}`, ({ traffic }) => figure((traffic.find(({ what }) => what === kind)?.bytes ?? 0) / 1000)),
    ),
    line('copies of an offer, node', ({ facts }) => figure(facts.copiesPerMessage / facts.nodes)),
    line('an offer arrives (50 / 90 %)', ({ arrival }) => spans(arrival)),
    line('first copies by one neighbour', ({ busiestNeighbourShare }) => percent(busiestNeighbourShare)),
    line('table search (50 / 90 %)', ({ tableSearch }) => spans(tableSearch)),
    line('keepers found: with room, full', (r) => `${percent(r.keepersFoundOpen)}, ${percent(r.keepersFoundGrown)}`),
    line('10 near offers, newcomer', ({ newcomer }) => spans(newcomer)),
    line('  round trips measured', ({ newcomer }) => figure(newcomer.measuredMedian)),
    line('10 near offers, resident', ({ resident }) => spans(resident)),
    line('  round trips measured', ({ resident }) => figure(resident.measuredMedian)),
    line('  just after losing 30 %', ({ residentAfterLoss }) => spans(residentAfterLoss)),
    line('30 % lost: reach at once, 40 s, 60 s', ({ recovery }) =>
      [0, 40_000, 60_000]
        .map((at) => percent(recovery.looks.find(({ atMs }) => atMs === at)?.reachedShare ?? 0))
        .join(', '),
    ),
    line('  mesh whole again', ({ recovery }) => seconds(recovery.meshWholeMs)),
    line('  no dead offer listed', ({ recovery }) =>
      seconds(recovery.deadOffers.find(({ share }) => share === 0)?.atMs ?? Number.POSITIVE_INFINITY),
    ),
  ]
  const limits = walls.map(({ what, nodes }) => [`until ${figure(nodes)} nodes`, what])
  return `${align(lines)}\n\n${align(limits)}`
}

/** Model beside reality. */
export function printTrials(trials: readonly CheckedTrial[]): string {
  const names = ['copies', 'dontWants', 'ids', 'bytes', 'meshPerNode'] as const
  const lines = trials.flatMap(({ nodes, connections, estimate, real }) =>
    names.map((name) => {
      const deviation = real[name] === 0 ? 0 : estimate[name] / real[name] - 1
      const sign = deviation < 0 ? '-' : '+'
      const shown = [figure(estimate[name]), figure(real[name]), `${sign}${percent(Math.abs(deviation))}`]
      return [`${nodes} nodes, ${connections} connections`, name, ...shown]
    }),
  )
  return align([['network', 'per message', 'model', 'real', 'deviation'], ...lines])
}

function align(lines: readonly (readonly string[])[]): string {
  const widths = (lines[0] ?? []).map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)))
  const print = (line: readonly string[]): string => line.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  ')
  return lines.map((line) => print(line).trimEnd()).join('\n')
}
