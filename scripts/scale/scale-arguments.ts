// By its file: command lines of the simulator are read alike.
import { integer, optionValues, refused, seedOf } from '../../packages/simulation/src/node/option-values.ts'

/** What a command line asks for. */
export interface ScaleWanted {
  readonly sizes: readonly number[]
  /** What each node keeps at rest; undefined: what the code keeps, or all others where there are fewer. */
  readonly connections: number | undefined
  readonly seed: number
  /** The run that docs/scale.md tells of. */
  readonly isStandard: boolean
  /** A file for the picture of how it grows. */
  readonly picture: string | undefined
  readonly checks: boolean
  readonly printsJson: boolean
  readonly printsHelp: boolean
}

const OPTIONS = {
  nodes: { type: 'string' },
  connections: { type: 'string' },
  seed: { type: 'string' },
  picture: { type: 'string' },
  json: { type: 'boolean' },
  check: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

const SIZES = '1000,10000,100000'
/** Below this the wish for near nodes cannot be met at all. */
const NODES_MIN = 20
/** Above this ids of 32 bits are too few. */
const NODES_MAX = 100_000_000
const CONNECTIONS_MIN = 4

/** What `--help` prints. */
export const SCALE_HELP: string = `npm run sim:scale -- [options]     what discovery costs in large networks; limits follow from the largest

  --nodes A,B          sizes, each ${NODES_MIN} .. ${NODES_MAX}; default ${SIZES}; 100,000 take 330 MB
  --connections N      what each node keeps at rest, from ${CONNECTIONS_MIN} to all others of the smallest size; default: what the code keeps
  --seed N             default 1
  --picture FILE       draws how it grows, over two sizes or more
  --check              holds the model's gossip against real nodes over loopback instead
  --json               one JSON document instead of text
  -h, --help           this text

Without --nodes, --connections, --seed and --picture the picture of docs/scale.md is drawn anew: docs/scale.svg. Nothing
else is written. Ends with 2 when the arguments are wrong.
`

/** Reads a command line. @throws SimulationError SIMULATION_BAD_ARGUMENT */
export function scaleArguments(args: readonly string[]): ScaleWanted {
  const values = optionValues(args, OPTIONS)
  const { nodes, connections, seed, picture } = values
  if (values.check === true && (nodes ?? connections ?? picture) !== undefined)
    throw refused('--check has networks of its own, without --nodes, --connections and --picture')
  const sizes = sizesOf(nodes ?? SIZES)
  if (picture !== undefined && sizes.length < 2) throw refused('--picture needs two sizes or more')
  if (picture === '') throw refused('--picture needs the name of a file')
  return {
    sizes,
    connections: connections === undefined ? undefined : connectionsOf(connections, Math.min(...sizes)),
    seed: seedOf(seed ?? '1'),
    isStandard: (nodes ?? connections ?? seed ?? picture) === undefined && values.check !== true,
    picture,
    checks: values.check === true,
    printsJson: values.json === true,
    printsHelp: values.help === true,
  }
}

function sizesOf(text: string): readonly number[] {
  const sizes = text.split(',').map((each) => integer('--nodes', each, NODES_MIN, NODES_MAX))
  const twice = sizes.find((size, index) => sizes.indexOf(size) !== index)
  if (twice !== undefined) throw refused(`--nodes names ${twice} twice`)
  return sizes
}

function connectionsOf(text: string, smallest: number): number {
  const connections = integer('--connections', text, CONNECTIONS_MIN, NODES_MAX)
  if (connections >= smallest)
    throw refused(`--connections is ${smallest - 1} at most where there are ${smallest} nodes, not ${text}`)
  return connections
}
