import type { TaskHandler } from '../../../../packages/toolchain/src/index.ts'

interface Sale {
  readonly id: number
  readonly town: string
  readonly price: number
  readonly tags: readonly string[]
}

/** Records written as JSON, read back, grouped, and their sums written as JSON: what most tasks in TypeScript do. */
const handler: TaskHandler = (_input, { args }) => {
  const rounds = Number(args[0] ?? 1)
  let text = ''
  for (let round = 0; round < rounds; round++) {
    const sales: Sale[] = Array.from({ length: 500 }, (_, id) => {
      const draw = (id * 7919 + round * 104_729) % 10_007
      return { id, town: `town ${draw % 17}`, price: draw / 100, tags: [`tag ${draw % 5}`, 'all'] }
    })
    const read = JSON.parse(JSON.stringify(sales)) as Sale[]
    const groups = new Map<string, { count: number; total: number; tags: Set<string> }>()
    for (const { town, price, tags } of read) {
      const group = groups.get(town) ?? { count: 0, total: 0, tags: new Set() }
      group.count++
      group.total += price
      for (const tag of tags) group.tags.add(tag)
      groups.set(town, group)
    }
    const sums = [...groups].map(([town, { count, total, tags }]) => ({ town, count, total, tags: [...tags].sort() }))
    text = JSON.stringify(sums.sort((left, right) => right.total - left.total))
  }
  return text
}

export default handler
