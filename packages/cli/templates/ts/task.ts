import type { TaskHandler } from '@stead/toolchain'

interface Range {
  readonly from: number
  readonly to: number
}

/** Steps until a number comes to 1: halved when even, else tripled and one added. */
function stepsOf(start: number): number {
  let steps = 0
  for (let value = start; value !== 1; steps++) value = value % 2 === 0 ? value / 2 : value * 3 + 1
  return steps
}

// Runs on other people's machines, in a JavaScript engine inside of WebAssembly: no files, no network, no timers.
const longestChain: TaskHandler = (input) => {
  const { from, to } = JSON.parse(new TextDecoder().decode(input)) as Range
  let best = { start: from, steps: stepsOf(from) }
  for (let start = from + 1; start <= to; start++) {
    const steps = stepsOf(start)
    if (steps > best.steps) best = { start, steps }
  }
  return JSON.stringify(best)
}

export default longestChain
