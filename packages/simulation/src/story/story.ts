import type { Violation } from '../checks/violations.ts'
import type { SimNode } from '../world/sim-node.ts'
import type { World } from '../world/world.ts'
import type { Message } from './conversations.ts'
import { messageText } from './message-text.ts'
import { NodeNames } from './node-names.ts'

/** A node that a broken rule is about, or with which that node dealt. */
export interface InvolvedNode {
  readonly name: string
  readonly role: 'payer' | 'provider'
  /** Undefined for an honest node. */
  readonly cheat: string | undefined
  readonly starts: number
  readonly powerLosses: number
}

/** Something that one of those involved did. */
export interface StoryLine {
  readonly atMs: number
  /** A node's name, `one -> another`, or undefined for the world. */
  readonly who: string | undefined
  readonly what: string
}

/** What explains a broken rule: who was involved, and the last that went on of and between them. */
export interface Story {
  readonly involved: readonly InvolvedNode[]
  /** Others that the rule is about as well. */
  readonly others: number
  readonly lines: readonly StoryLine[]
}

interface Told extends StoryLine {
  /** It speaks of what the rule speaks of. */
  readonly isMeant: boolean
}

interface Said extends Told {
  readonly ends: readonly [string, string]
  readonly isFailed: boolean
}

const INVOLVED_MAX = 5
const MESSAGES_MAX = 16
const LINES_MAX = 12
const WORLD_LINES_MAX = 4
/** A job is named by its first digits where it is submitted. */
const PREFIX_DIGITS = 8

/** The story of a broken rule; the world must have stopped to keep what happens when it was broken. */
export function storyOf(world: World, violation: Violation): Story {
  const names = new NodeNames(world.nodes.map(({ plan }) => plan))
  const subjects = subjectsIn(violation.what)
  const messages = toldMessages(world, names, subjects)
  const partners = messages.filter(({ isMeant }) => isMeant).flatMap(({ ends }) => ends)
  const named = [...violation.who, ...names.namedIn(violation.what), ...partnersOf(violation, partners)]
  const all = new Set(named.length === 0 ? actedOnChain(world) : named)
  const spoken = best(withoutRepeats(relevant(messages, all)), MESSAGES_MAX)
  for (const { ends } of spoken) for (const name of ends) all.add(name)
  // Those of the rule itself come first.
  const byName = new Map(world.nodes.map((node) => [node.plan.name, node] as const))
  const known = [...all].flatMap((name) => byName.get(name) ?? [])
  const involved = known.slice(0, INVOLVED_MAX)
  const shown = new Set(involved.map(({ plan }) => plan.name))
  const own = world.trace.linesOf(shown).map((line): Told => {
    return { ...line, what: names.readable(line.what), isMeant: isAbout(line.what, subjects) }
  })
  const isOfWorld = ({ who }: Told): boolean => who === undefined
  const lines = [
    ...spoken,
    ...best(withoutRepeats(own.filter((line) => !isOfWorld(line))), LINES_MAX),
    ...best(withoutRepeats(own.filter(isOfWorld)), WORLD_LINES_MAX),
  ]
  return {
    involved: involved.map(involvedNode),
    others: known.length - involved.length,
    lines: lines.toSorted((left, right) => left.atMs - right.atMs).map(({ atMs, who, what }) => ({ atMs, who, what })),
  }
}

/** What several nodes said to each other; of one alone, what it is about, or else what went wrong, or else all. */
function relevant(messages: readonly Said[], names: ReadonlySet<string>): readonly Said[] {
  if (names.size > 1) return messages.filter(({ ends }) => ends.every((name) => names.has(name)))
  const own = messages.filter(({ ends }) => ends.some((name) => names.has(name)))
  const meant = own.filter(({ isMeant }) => isMeant)
  if (meant.length > 0) return meant
  const failed = own.filter(({ isFailed }) => isFailed)
  return failed.length > 0 ? failed : own
}

/** A rule about nobody is about money: who sent transactions. */
function actedOnChain({ nodes, trace }: World): ReadonlySet<string> {
  const names = new Set(nodes.map(({ plan }) => plan.name))
  const deeds = trace.linesOf(names).filter(({ who, what }) => who !== undefined && what.startsWith('chain: '))
  const latest = deeds.toSorted((left, right) => right.atMs - left.atMs).slice(0, INVOLVED_MAX)
  return new Set(latest.flatMap(({ who }) => who ?? []))
}

/** With whom those of the rule dealt; where it names nobody, all who did. */
function partnersOf({ who }: Violation, pairs: readonly string[]): readonly string[] {
  const partners: string[] = []
  for (let at = 0; at < pairs.length; at += 2) {
    const pair = pairs.slice(at, at + 2)
    if (who.length === 0 || pair.some((name) => who.includes(name))) partners.push(...pair)
  }
  return partners
}

/** Ids of channels, purses, deliveries and jobs, without `0x`. */
function subjectsIn(what: string): readonly string[] {
  return Array.from(what.matchAll(/(?:\b|0x)([0-9a-f]{64}|[0-9a-f]{32})(?![0-9a-f])/g), ([, id = '']) => id)
}

function isAbout(text: string, subjects: readonly string[]): boolean {
  return subjects.some((id) => text.includes(id) || text.endsWith(id.slice(0, PREFIX_DIGITS)))
}

function toldMessages(world: World, names: NodeNames, subjects: readonly string[]): readonly Said[] {
  const { conversations, ledger } = world.parts
  return conversations.all.map((message: Message): Said => {
    const [from, to] = [names.of(message.from) ?? 'a stranger', names.of(message.to) ?? 'a stranger']
    const text = messageText(message, ledger.identity)
    const took = message.answer === undefined ? '' : ` (${Math.round(message.answeredMs - message.atMs)} ms)`
    const told = { atMs: message.atMs, who: `${from} -> ${to}`, what: `${names.readable(text)}${took}` }
    const isFailed = message.answer === undefined || 'code' in message.answer
    return { ...told, isMeant: isAbout(text, subjects), isFailed, ends: [from, to] }
  })
}

/**
 * Lines of one node, or between two, that follow each other and differ in nothing but an id or a time become one, which
 * says how many there were; others may have done something in between.
 */
function withoutRepeats<Line extends Told>(told: readonly Line[]): readonly Line[] {
  const groups: { readonly first: Line; readonly alike: string; count: number }[] = []
  for (const line of told.toSorted((left, right) => left.atMs - right.atMs)) {
    const alike = line.what.replace(/delivery 0x[0-9a-f]+|\d+ fuel|\(\d+ ms\)/g, '')
    const last = groups.findLast(({ first }) => first.who === line.who)
    if (last?.alike === alike) last.count++
    else groups.push({ first: line, alike, count: 1 })
  }
  return groups.map(({ first, count }) => (count === 1 ? first : { ...first, what: `${count} times: ${first.what}` }))
}

/** What speaks of the subject first, then the latest. */
function best<Line extends Told>(told: readonly Line[], most: number): readonly Line[] {
  const latest = told.toSorted((left, right) => right.atMs - left.atMs)
  return [...latest.filter(({ isMeant }) => isMeant), ...latest.filter(({ isMeant }) => !isMeant)].slice(0, most)
}

function involvedNode({ plan, lives, powerLosses }: SimNode): InvolvedNode {
  return { name: plan.name, role: plan.role, cheat: plan.cheat, starts: lives, powerLosses }
}
