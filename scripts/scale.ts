// `npm run sim:scale`: what a node sends, how long searches take and how a loss is mended in networks of 1,000, 10,000
// and 100,000 nodes, by the model of packages/simulation/src/scale; `docs/scale.svg` shows how it grows.
import { writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { messageOf } from '@stead/core'
import { figuresOfTheCode, runScale, type ScaleResult, wallsOf } from '../packages/simulation/src/index.ts'
import { EXIT_BAD_ARGUMENTS, readArguments } from './command-arguments.ts'
import { EXIT_UNWRITABLE, endWhenUnwritable } from './command-end.ts'
import { root } from './run-step.ts'
import { checkGossip } from './scale/check-gossip.ts'
import { drawGrowth } from './scale/draw-growth.ts'
import { printScale, printTrials } from './scale/print-scale.ts'
import { SCALE_HELP, type ScaleWanted, scaleArguments } from './scale/scale-arguments.ts'

/** The picture of the run that docs/scale.md tells of. */
const STANDARD_PICTURE = join(root, 'docs', 'scale.svg')

function resultsOf({ sizes, connections, seed }: ScaleWanted): readonly ScaleResult[] {
  const kept = connections ?? figuresOfTheCode(0).connections.idleMax
  return sizes.map((nodes) => {
    process.stderr.write(`running ${nodes.toLocaleString('en')} nodes …\n`)
    const wish = { count: 10, roundTripMsMax: 20 }
    return runScale(
      { seed, nodes, connections: Math.min(kept, nodes - 1), wish, lostShare: 0.3 },
      figuresOfTheCode(nodes),
    )
  })
}

function grow(wanted: ScaleWanted): number {
  const results = resultsOf(wanted)
  const largest = results.reduce((left, right) => (right.options.nodes > left.options.nodes ? right : left))
  const walls = wallsOf(largest, figuresOfTheCode(largest.options.nodes))
  const text = wanted.printsJson ? JSON.stringify({ results, walls }, null, 2) : printScale(results, walls)
  process.stdout.write(`${text}\n`)
  const picture = wanted.picture ?? (wanted.isStandard ? STANDARD_PICTURE : undefined)
  if (picture === undefined) return 0
  try {
    writeFileSync(picture, drawGrowth(results))
  } catch (error) {
    process.stderr.write(`cannot write the picture: ${messageOf(error)}\n`)
    return EXIT_UNWRITABLE
  }
  process.stderr.write(`wrote ${relative(process.cwd(), picture)}\n`)
  return 0
}

async function main(): Promise<number> {
  const wanted = readArguments('npm run sim:scale', scaleArguments)
  if (wanted === undefined) return EXIT_BAD_ARGUMENTS
  if (wanted.printsHelp) {
    process.stdout.write(SCALE_HELP)
    return 0
  }
  if (!wanted.checks) return grow(wanted)
  const trials = await checkGossip(wanted.seed)
  process.stdout.write(wanted.printsJson ? `${JSON.stringify({ trials }, null, 2)}\n` : `${printTrials(trials)}\n`)
  return 0
}

endWhenUnwritable()
process.exitCode = await main()
