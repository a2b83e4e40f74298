import type { ScaleResult } from '../../packages/simulation/src/index.ts'

/** Where things are drawn, in pixels. */
const WIDTH = 640
const HEIGHT = 360
const BOX = { left: 64, right: 500, top: 16, bottom: 320 }
/** Decades that are shown: nodes, and bytes a minute. */
const BYTES = { from: 1e4, to: 1e9 }
const LIMITS = [
  { name: 'phone, 10 GB a month', bytes: 231_481 },
  { name: 'home, 5 Mbit/s', bytes: 37_500_000 },
]
const COLOURS = ['#0969da', '#cf222e', '#bf8700', '#8250df', '#1a7f37']

/** What a node sends in a minute, by kind, over the size of the network; both logarithmic. Dark where the reader is. */
export function drawGrowth(results: readonly ScaleResult[]): string {
  const sizes = results.map(({ options }) => options.nodes)
  const nodes = { from: Math.min(...sizes), to: Math.max(...sizes) }
  const x = (value: number): number => scale(value, nodes, BOX.left, BOX.right)
  const y = (value: number): number => scale(Math.max(value, BYTES.from), BYTES, BOX.bottom, BOX.top)
  const parts: string[] = []
  for (const size of sizes) {
    parts.push(`<path class="grid" d="M${x(size)} ${BOX.top}V${BOX.bottom}"/>`)
    parts.push(`<text x="${x(size)}" y="${BOX.bottom + 18}" text-anchor="middle">${size.toLocaleString('en')}</text>`)
  }
  for (let bytes = BYTES.from; bytes <= BYTES.to; bytes *= 10) {
    parts.push(`<path class="grid" d="M${BOX.left} ${y(bytes)}H${BOX.right}"/>`)
    parts.push(`<text x="${BOX.left - 6}" y="${y(bytes) + 4}" text-anchor="end">${bytesText(bytes)}</text>`)
  }
  for (const { name, bytes } of LIMITS) {
    parts.push(`<path class="limit" d="M${BOX.left} ${y(bytes)}H${BOX.right}"/>`)
    parts.push(`<text x="${BOX.left + 6}" y="${y(bytes) - 4}">${name}</text>`)
  }
  const kinds = results[0]?.traffic.map(({ what }) => what) ?? []
  const ends: number[] = []
  for (const [index, kind] of kinds.entries()) {
    const points = results.map(({ traffic, options }) => {
      const bytes = traffic.find(({ what }) => what === kind)?.bytes ?? 0
      return `${x(options.nodes)},${y(bytes)}`
    })
    const colour = COLOURS[index] ?? 'currentColor'
    const last = Number(points.at(-1)?.split(',')[1] ?? 0)
    const label = labelPlace(last, ends)
    parts.push(`<polyline fill="none" stroke="${colour}" stroke-width="2" points="${points.join(' ')}"/>`)
    parts.push(`<text x="${BOX.right + 8}" y="${label}" style="fill:${colour}">${kind}</text>`)
  }
  const style =
    'text{font:12px system-ui,sans-serif;fill:#57606a}.grid{stroke:#8886;fill:none}.limit{stroke:#888;stroke-dasharray:4 4;fill:none}' +
    '@media(prefers-color-scheme:dark){text{fill:#adbac7}}'
  const title = 'Bytes that a node sends in a minute, by kind, over the number of nodes'
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img"><title>${title}</title><style>${style}</style>\n${parts.join('\n')}\n<text x="${(BOX.left + BOX.right) / 2}" y="${HEIGHT - 6}" text-anchor="middle">nodes</text>\n</svg>\n`
}

/** A place beside the end of a line that no other name has taken. */
function labelPlace(end: number, taken: number[]): number {
  let place = end + 4
  while (taken.some((other) => Math.abs(other - place) < 13)) place += 13
  taken.push(place)
  return place
}

function scale(
  value: number,
  { from, to }: { readonly from: number; readonly to: number },
  begin: number,
  end: number,
): number {
  return Math.round(begin + ((end - begin) * Math.log(value / from)) / Math.log(to / from))
}

function bytesText(bytes: number): string {
  return bytes >= 1e9 ? `${bytes / 1e9} GB` : bytes >= 1e6 ? `${bytes / 1e6} MB` : `${bytes / 1e3} kB`
}
