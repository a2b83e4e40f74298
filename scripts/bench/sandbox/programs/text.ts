import type { TaskHandler } from '../../../../packages/toolchain/src/index.ts'

const words = ['machine', 'fuel', 'stranger', 'paid', 'counts', 'nobody', 'module', 'work']

/** Text split, matched and replaced by regular expressions, and its words counted. */
const handler: TaskHandler = (_input, { args }) => {
  const rounds = Number(args[0] ?? 1)
  const counts: Record<string, number> = {}
  let length = 0
  for (let round = 0; round < rounds; round++) {
    const lines = Array.from({ length: 200 }, (_, line) => {
      const draw = (line * 7919 + round * 31) % 1009
      return `2026-0${(draw % 9) + 1}-1${draw % 10} ${words[draw % 8]}@${words[(draw >> 3) % 8]}.example: ${draw} ${words[(draw >> 5) % 8]}s`
    })
    const changed = lines
      .join('\n')
      .replace(/(\d{4})-(\d\d)-(\d\d)/g, (_, year: string, month: string, day: string) => `${day}/${month}/${year}`)
      .replaceAll('example', 'invalid')
    for (const { groups } of changed.matchAll(/(?<name>[a-z]+)@(?<host>[a-z.]+): (?<number>\d+)/g)) {
      const key = `${groups?.name} at ${groups?.host}`
      counts[key] = (counts[key] ?? 0) + Number(groups?.number)
    }
    for (const word of changed.split(/[^a-z]+/)) length += word.toUpperCase().length
  }
  const sorted = Object.entries(counts).sort(([left], [right]) => (left < right ? -1 : 1))
  return `${length} ${JSON.stringify(sorted.slice(0, 50))}`
}

export default handler
