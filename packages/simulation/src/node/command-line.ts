import { PROFILES, type ProfileName } from '../faults/profiles.ts'
import { allFaultNames } from '../plan/fault-names.ts'
import {
  EPOCH_MINUTES_FACTOR,
  EPOCHS_EVERY,
  LONG_EVERY,
  LONG_MINUTES_MAX,
  LONG_MINUTES_MIN,
  LONG_NODES_MAX,
  MIXED_MINUTES_MAX,
  mixedPlan,
  STORAGE_EVERY,
} from '../plan/mixed-plan.ts'
import { NODES_MIN, type WorldPlan } from '../plan/world-plan.ts'
import { FAILURES_MAX } from '../sweep/sweep.ts'
import { integer, numeric, optionValues, refused, SEED_MAX, seedOf } from './option-values.ts'

/** What a command line asks for. */
export interface SimCommand {
  readonly plans: readonly WorldPlan[]
  /** True when more than one world was asked for: failures are told, worlds are counted. */
  readonly isSweep: boolean
  readonly shrinks: boolean
  readonly printsJson: boolean
  readonly printsHelp: boolean
  /** A sweep ends after so long. */
  readonly timeMsMax: number
  /** The search for a smaller world ends after so long. */
  readonly shrinkMsMax: number
  /** A world that takes no step for so long is ended. */
  readonly stallMsMax: number
}

const OPTIONS = {
  seed: { type: 'string' },
  seeds: { type: 'string' },
  nodes: { type: 'string' },
  minutes: { type: 'string' },
  faults: { type: 'string' },
  without: { type: 'string' },
  'time-minutes': { type: 'string' },
  epochs: { type: 'boolean' },
  storage: { type: 'boolean' },
  'real-signatures': { type: 'boolean' },
  shrink: { type: 'boolean' },
  'shrink-minutes': { type: 'string' },
  'stall-seconds': { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

const SEEDS_MAX = 1_000_000
const NODES_MAX = 1000
const NODES_DEFAULT = 20
const MINUTES_MIN = 0.05
const MINUTES_MAX = 1440
const MINUTES_DEFAULT = 2
const MINUTE_MS = 60_000
/** Enough for some hundred small worlds, and for a few large ones. */
const SHRINK_MINUTES_DEFAULT = 10
const SECOND_MS = 1000
/** The longest step of the largest world that can be asked for is far shorter, also on a slow machine. */
const STALL_SECONDS_DEFAULT = 60
const STALL_SECONDS_MAX = 86_400
/** Each seed with a small world of its own. */
const MIXED = 'mixed'

/** What `--help` prints. */
export const SIM_HELP: string = `npm run sim -- [options]     plays whole networks on simulated time; ends with 1 when a rule was broken,
                             with 2 when the arguments are wrong, and with 3 when a world hangs

  --seed N             the world to play; without it one by chance, which is printed
  --seeds A..B         a sweep over seeds, ${SEEDS_MAX} at most
  --nodes N            ${NODES_MIN} .. ${NODES_MAX}; default ${NODES_DEFAULT}; a tenth of them pay
  --minutes M          how long faults go on, in simulated minutes, ${MINUTES_MIN} .. ${MINUTES_MAX}; default ${MINUTES_DEFAULT}
  --faults NAME        ${Object.keys(PROFILES).join(', ')}; default all;
                       ${MIXED}: each seed has its own profile, 4 to 16 nodes, and minutes up to --minutes,
                       which is ${MIXED_MINUTES_MAX} then; one in ${EPOCHS_EVERY} has epochs, and ${EPOCH_MINUTES_FACTOR} times as many minutes,
                       one in ${STORAGE_EVERY} has storage; without --minutes every ${LONG_EVERY}th is ${NODES_MIN} to ${LONG_NODES_MAX} nodes
                       with storage for ${LONG_MINUTES_MIN} to ${LONG_MINUTES_MAX} minutes
  --without A,B        leaves faults of the profile out: ${wrapped(allFaultNames())}
  --epochs             providers are bonded, probe each other, propose and watch roots, and claim rewards
  --storage            providers sell storage as well, and payers keep objects there; always so with --faults storage
  --real-signatures    signs and verifies as the real network does, which takes longer and comes to the same;
                       with epochs to another hash: documents that are signed have names by their content
  --shrink             looks for the smallest command that still breaks the same rule
  --shrink-minutes M   begins no world for that after so many minutes, which are real ones; default ${SHRINK_MINUTES_DEFAULT}
  --time-minutes M     a sweep begins no world after so many real minutes
  --stall-seconds S    a world that takes no step for so many real seconds hangs: it is named, and the command ends;
                       default ${STALL_SECONDS_DEFAULT}
  --json               one JSON document instead of text: npm run --silent sim -- --json

A sweep ends after ${FAILURES_MAX} failures. SIGINT and SIGTERM end anything, and what was found until then is told: the seeds that
failed, the smallest command.
`

/** Reads a command line. @param chance a seed for who names none @throws SimulationError SIMULATION_BAD_ARGUMENT */
export function parseCommandLine(args: readonly string[], chance: () => number): SimCommand {
  const values = optionValues(args, OPTIONS)
  const { seed, seeds, nodes, minutes, faults = 'all', without } = values
  if (seed !== undefined && seeds !== undefined) throw refused('--seed and --seeds exclude each other')
  const [from, to] = seeds === undefined ? oneSeed(seed, chance) : seedRange(seeds)
  const isMixed = faults === MIXED
  if (isMixed && (nodes ?? without ?? values.epochs ?? values.storage) !== undefined)
    throw refused(`--faults ${MIXED} chooses nodes, faults, epochs and storage by itself`)
  const profile = isMixed ? 'all' : profileOf(faults)
  const plan = {
    nodes: integer('--nodes', nodes ?? String(NODES_DEFAULT), NODES_MIN, NODES_MAX),
    minutes: numeric(
      '--minutes',
      minutes ?? String(isMixed ? MIXED_MINUTES_MAX : MINUTES_DEFAULT),
      MINUTES_MIN,
      MINUTES_MAX,
    ),
    profile,
    without: without === undefined ? [] : faultsOf(without),
    hasEpochs: values.epochs === true,
    hasStorage: values.storage === true || profile === 'storage',
  }
  const hasRealSignatures = values['real-signatures'] === true
  const timeMinutes = values['time-minutes']
  const shrinkMinutes = values['shrink-minutes']
  if (timeMinutes !== undefined && seeds === undefined) throw refused('--time-minutes goes with --seeds')
  if (shrinkMinutes !== undefined && values.shrink !== true) throw refused('--shrink-minutes goes with --shrink')
  return {
    plans: Array.from({ length: to - from + 1 }, (_, index) => {
      const seed = from + index
      return isMixed
        ? { ...mixedPlan(seed, minutes === undefined ? {} : { minutesMax: plan.minutes }), hasRealSignatures }
        : { ...plan, seed, hasRealSignatures }
    }),
    isSweep: from !== to,
    shrinks: values.shrink === true,
    printsJson: values.json === true,
    printsHelp: values.help === true,
    timeMsMax:
      timeMinutes === undefined
        ? Number.POSITIVE_INFINITY
        : numeric('--time-minutes', timeMinutes, 0, MINUTES_MAX) * MINUTE_MS,
    shrinkMsMax:
      numeric('--shrink-minutes', shrinkMinutes ?? String(SHRINK_MINUTES_DEFAULT), 0, MINUTES_MAX) * MINUTE_MS,
    stallMsMax:
      integer('--stall-seconds', values['stall-seconds'] ?? String(STALL_SECONDS_DEFAULT), 1, STALL_SECONDS_MAX) *
      SECOND_MS,
  }
}

function oneSeed(seed: string | undefined, chance: () => number): readonly [number, number] {
  const one = seed === undefined ? chance() : seedOf(seed)
  return [one, one]
}

function seedRange(seeds: string): readonly [number, number] {
  if (!/^[-\w]+\.\.[-\w]+$/.test(seeds))
    throw refused(`--seeds is two numbers with two dots between them, such as 1..200, not ${JSON.stringify(seeds)}`)
  const [first = '', last = ''] = seeds.split('..')
  const [from, to] = [integer('--seeds', first, 0, SEED_MAX), integer('--seeds', last, 0, SEED_MAX)]
  if (to < from) throw refused(`--seeds goes upwards, not from ${first} to ${last}`)
  const worlds = to - from + 1
  if (worlds > SEEDS_MAX) throw refused(`--seeds ${seeds} is ${worlds} worlds; a sweep is ${SEEDS_MAX} at most`)
  return [from, to]
}

function profileOf(name: string): ProfileName {
  const names = Object.keys(PROFILES) as readonly ProfileName[]
  const found = names.find((each) => each === name)
  if (found === undefined) throw refused(`--faults is one of ${[...names, MIXED].join(', ')}, not ${name}`)
  return found
}

function faultsOf(text: string): readonly string[] {
  const known = allFaultNames()
  const names = [...new Set(text.split(','))].sort()
  const there = `there are ${known.join(', ')}`
  if (names.includes('')) throw refused(`--without needs names of faults with commas between them; ${there}`)
  const unknown = names.filter((name) => !known.includes(name))
  if (unknown.length > 0) throw refused(`no fault is named ${unknown.join(', ')}; ${there}`)
  return names
}

function wrapped(names: readonly string[]): string {
  const lines: string[] = ['']
  for (const name of names) {
    const line = lines.at(-1) ?? ''
    if (line.length + name.length > 60) lines.push(name)
    else lines[lines.length - 1] = line === '' ? name : `${line}, ${name}`
  }
  return lines.join(',\n                       ')
}
