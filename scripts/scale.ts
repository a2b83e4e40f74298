// `npm run sim:scale`: what a node sends, how long searches take and how a loss is mended in networks of 1,000, 10,000
// and 100,000 nodes, by the model of packages/simulation/src/scale; `docs/scale.svg` shows how it grows.
// `-- --nodes 1000,10000` chooses sizes, `--connections 300` what each node keeps at rest, `--json` prints {results, walls}.
// `-- --check` holds the model's gossip against real nodes over loopback instead.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { messageOf } from '@stead/core'
import { figuresOfTheCode, runScale, type ScaleResult, wallsOf } from '../packages/simulation/src/index.ts'
import { root } from './run-step.ts'
import { checkGossip } from './scale/check-gossip.ts'
import { drawGrowth } from './scale/draw-growth.ts'
import { printScale, printTrials } from './scale/print-scale.ts'

const HELP = `npm run sim:scale -- [options]     what discovery costs in large networks; limits follow from the largest

  --nodes A,B          sizes; default 1000,10000,100000
  --connections N      what each node keeps at rest; default: what the code keeps
  --seed N             default 1
  --check              holds the model's gossip against real nodes over loopback instead
  --json               one JSON document instead of text
`

function readOptions() {
  try {
    return parseArgs({
      options: {
        nodes: { type: 'string', default: '1000,10000,100000' },
        connections: { type: 'string' },
        seed: { type: 'string', default: '1' },
        json: { type: 'boolean', default: false },
        check: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }).values
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n${HELP}`)
    process.exit(2)
  }
}

const values = readOptions()
if (values.help) {
  process.stdout.write(HELP)
  process.exit(0)
}
const { idleMax } = figuresOfTheCode(0).connections
const sizes = values.nodes.split(',').map(Number)
const connections = Number(values.connections ?? idleMax)
const seed = Number(values.seed)
const isBad = (number: number, least: number): boolean => !Number.isSafeInteger(number) || number < least
// Below this the wish for near nodes cannot be met at all, and ids of 32 bits are too few above a hundred million.
if (sizes.some((nodes) => isBad(nodes, 20) || nodes > 1e8) || isBad(connections, 4) || isBad(seed, 0)) {
  process.stderr.write('give --nodes as numbers from 20 on, --connections from 4 on, --seed from 0 on\n')
  process.exit(2)
}

if (values.check) {
  const trials = await checkGossip(seed)
  process.stdout.write(values.json ? `${JSON.stringify({ trials }, null, 2)}\n` : `${printTrials(trials)}\n`)
} else {
  const results: ScaleResult[] = []
  for (const nodes of sizes) {
    process.stderr.write(`running ${nodes.toLocaleString('en')} nodes …\n`)
    const wish = { count: 10, roundTripMsMax: 20 }
    results.push(
      runScale(
        { seed, nodes, connections: Math.min(connections, nodes - 1), wish, lostShare: 0.3 },
        figuresOfTheCode(nodes),
      ),
    )
  }
  const largest = results.reduce((left, right) => (right.options.nodes > left.options.nodes ? right : left))
  const walls = wallsOf(largest, figuresOfTheCode(largest.options.nodes))
  if (values.json) process.stdout.write(`${JSON.stringify({ results, walls }, null, 2)}\n`)
  else process.stdout.write(`${printScale(results, walls)}\n`)
  if (results.length > 1) {
    const file = join(root, 'docs', connections === idleMax ? 'scale.svg' : `scale-${connections}.svg`)
    writeFileSync(file, drawGrowth(results))
    process.stderr.write(`wrote ${file}\n`)
  }
}
