import type { ChurnResult } from '../../packages/simulation/src/index.ts'

/** Where things are drawn, in pixels. */
const WIDTH = 640
const HEIGHT = 300
const BOX = { left: 48, right: 520, top: 16, bottom: 256 }
const COLOURS = ['#bf8700', '#cf222e', '#0969da']

/** What is left of the pieces on each day of a year, mean and worst segment, for each profile. Dark where the reader is. */
export function drawYear(years: readonly (readonly [string, ChurnResult])[]): string {
  const days = Math.max(...years.map(([, { byDay }]) => byDay.length))
  const x = (day: number): number => Math.round(BOX.left + ((BOX.right - BOX.left) * day) / days)
  const y = (share: number): number => Math.round(BOX.bottom - (BOX.bottom - BOX.top) * share)
  const parts: string[] = []
  for (const share of [0, 0.25, 0.5, 0.75, 1]) {
    parts.push(`<path class="grid" d="M${BOX.left} ${y(share)}H${BOX.right}"/>`)
    parts.push(`<text x="${BOX.left - 6}" y="${y(share) + 4}" text-anchor="end">${share * 100} %</text>`)
  }
  for (let day = 0; day <= days; day += 60)
    parts.push(`<text x="${x(day)}" y="${BOX.bottom + 16}" text-anchor="middle">${day}</text>`)
  for (const [index, [name, { byDay, options }]] of years.entries()) {
    const { pieces } = options.profile
    const colour = COLOURS[index] ?? 'currentColor'
    const line = (of: (day: ChurnResult['byDay'][number]) => number): string =>
      byDay
        .filter(({ meanKept }) => meanKept > 0)
        .map((day) => `${x(day.day)},${y(of(day) / pieces)}`)
        .join(' ')
    parts.push(`<polyline class="line" stroke="${colour}" points="${line(({ meanKept }) => meanKept)}"/>`)
    parts.push(`<polyline class="worst" stroke="${colour}" points="${line(({ fewestKept }) => fewestKept)}"/>`)
    parts.push(`<text x="${BOX.right + 8}" y="${BOX.top + 20 + 16 * index}" style="fill:${colour}">${name}</text>`)
  }
  const style =
    'text{font:12px system-ui,sans-serif;fill:#57606a}.grid{stroke:#8886;fill:none}.line{fill:none;stroke-width:2}' +
    '.worst{fill:none;stroke-dasharray:3 3}@media(prefers-color-scheme:dark){text{fill:#adbac7}}'
  const title = 'Pieces that are left of a segment, mean and worst, over the days of a year'
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img"><title>${title}</title><style>${style}</style>\n${parts.join('\n')}\n<text x="${(BOX.left + BOX.right) / 2}" y="${HEIGHT - 6}" text-anchor="middle">day; dashed: the worst segment</text>\n</svg>\n`
}
