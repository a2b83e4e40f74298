import { COMPUTE_PROTOCOL, runTaskSchema } from '@stead/compute'
import { bytesToHex, loadSecp256k1 } from '@stead/protocol'
import { beforeAll, describe, expect, it } from 'vitest'
import type { Violation } from '../src/checks/violations.ts'
import { PROFILES, runWorld } from '../src/index.ts'
import { eventLoopTurns } from '../src/node/event-loop-turn.ts'
import { type Story, storyOf } from '../src/story/story.ts'
import type { SimNode } from '../src/world/sim-node.ts'
import { World } from '../src/world/world.ts'

const secp256k1 = await loadSecp256k1()
/** Lines that somebody reads before looking at the code. */
const LINES_MAX = 32
const OPTIONS = { seed: 1, nodes: 12, faultMinutes: 1, hasRealSignatures: false }

function violation(what: string, who: readonly string[] = []): Violation {
  return { rule: 'bill-is-sum', what, who, atMs: 0 }
}

function namesOf({ involved }: Story): readonly string[] {
  return involved.map(({ name }) => name)
}

describe('the story of a broken rule', () => {
  let world: World
  let payer: SimNode

  beforeAll(async () => {
    const faults = { ...PROFILES.byzantine, byzantineShare: 0.5, cheats: ['over-bills', 'never-pays'] as const }
    world = new World({ secp256k1, turn: eventLoopTurns() }, { ...OPTIONS, faults })
    await world.start()
    await world.faultPhase(() => undefined)
    const [first] = world.payers
    if (first === undefined) throw new Error('a world has an honest payer')
    payer = first
  })

  it('names the counterparty of a channel with its cheats, and tells what the two said to each other with the amounts', () => {
    const cheats = new Map(world.cheats.map(({ plan }) => [plan.signer.address, plan.name]))
    const channel = payer.payer?.market.channels().find(({ terms }) => cheats.has(terms.node))
    if (channel === undefined) throw new Error('the payer has a channel with a cheat')
    const cheat = cheats.get(channel.terms.node) ?? ''
    const story = storyOf(world, violation(`${channel.id} is wrong`, [payer.plan.name]))
    expect(story.involved).toMatchObject([
      { name: payer.plan.name, role: 'payer', cheat: undefined },
      { name: cheat, role: 'provider', cheat: 'over-bills' },
    ])
    const between = story.lines.filter(({ who }) => who === `${payer.plan.name} -> ${cheat}`).map(({ what }) => what)
    const short = channel.id.slice(0, 10)
    expect(between.some((what) => what.startsWith('open ') && what.includes(short))).toBe(true)
    expect(between.some((what) => /run a task .* at most \d+ micro-dollars => /.test(what))).toBe(true)
    expect(
      between.some((what) => /pays \d deliver.* micro-dollars \(increment \d+, a voucher over \d+ in all/.test(what)),
    ).toBe(true)
  })

  it('is short, of those who are involved alone, in the order of time, and says nothing for debugging', () => {
    const [provider] = world.providers
    const story = storyOf(world, violation('something is wrong', [payer.plan.name, provider?.plan.name ?? '']))
    expect(story.lines.length).toBeGreaterThan(3)
    expect(story.lines.length).toBeLessThanOrEqual(LINES_MAX)
    const names = new Set(namesOf(story))
    const speakers = story.lines.flatMap(({ who }) => who?.split(' -> ') ?? [])
    expect(speakers.filter((name) => !names.has(name))).toEqual([])
    expect(story.lines.filter(({ what }) => what.startsWith('debug') || /0x[0-9a-f]{20}/.test(what))).toEqual([])
    expect(story.lines.map(({ atMs }) => atMs)).toEqual(story.lines.map(({ atMs }) => atMs).toSorted((a, b) => a - b))
  })

  it('finds by itself whom a delivery, an address or nothing but money is about', () => {
    const task = world.parts.conversations.all.find(({ protocol }) => protocol === COMPUTE_PROTOCOL)
    if (task === undefined) throw new Error('nodes spoke to each other')
    const { delivery } = runTaskSchema.decodeMessage(task.payload)
    const ends = world.nodes.filter(({ plan }) => plan.peer === task.from || plan.peer === task.to)
    const byDelivery = namesOf(storyOf(world, violation(`the delivery ${bytesToHex(delivery)} was made twice`)))
    expect(byDelivery.toSorted()).toEqual(ends.map(({ plan }) => plan.name).toSorted())
    const { plan } = payer
    expect(namesOf(storyOf(world, violation(`a result of ${plan.signer.address} is wrong`)))).toContain(plan.name)
    expect(namesOf(storyOf(world, violation('a micro-dollar is missing'))).length).toBeGreaterThan(0)
  })

  it('shows five nodes at the most, and counts the others', () => {
    const all = world.nodes.map(({ plan }) => plan.name)
    const { involved, others } = storyOf(world, violation('nobody knows anybody', all))
    expect([involved.length, others]).toEqual([5, all.length - 5])
  })
})

it('a story ends when the rule was broken, however long the world goes on', async () => {
  let asked = 0
  const strayErrors = (): readonly string[] => (++asked === 50 ? ['payer 0 has a fault: it was made up'] : [])
  const options = { ...OPTIONS, faults: PROFILES.none }
  const { violations, story, simulatedMs } = await runWorld({ secp256k1, turn: eventLoopTurns(), strayErrors }, options)
  const [first] = violations
  expect(first).toMatchObject({ rule: 'no-own-fault', who: ['payer 0'] })
  const atMs = first?.atMs ?? 0
  expect(atMs).toBeLessThan(simulatedMs / 2)
  expect(story?.involved[0]).toMatchObject({ name: 'payer 0', role: 'payer' })
  expect(story?.lines.filter((line) => line.atMs > atMs)).toEqual([])
})
