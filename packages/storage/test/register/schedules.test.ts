import { isSteadError } from '@stead/core'
import { describe, expect, it } from 'vitest'
import { type Machine, RegisterWorld, settled, type Vice } from './register-world.ts'

/** Something that a machine did. */
interface Done {
  readonly kind: 'read' | 'swap'
  readonly machine: number
  readonly from: number
  to: number
  /** What was swapped in, and where. */
  readonly sequence: number
  readonly value: string
  outcome: 'done' | 'moved' | 'unknown' | { readonly sequence: number; readonly value: string } | undefined
}

interface Plan {
  readonly vices: readonly Vice[]
  readonly away: number
  readonly crashes: boolean
  readonly machines: number
  /** Share of messages that get lost. */
  readonly loss: number
  /** Share of links that are cut at a time. */
  readonly cuts: number
}

const OPERATIONS = 16
const SEEDS = Number(process.env.STEAD_REGISTER_SEEDS ?? 60)

/** Plays machines that read and write at random, and gives what they saw. */
async function play(
  seed: number,
  plan: Plan,
): Promise<{ readonly history: readonly Done[]; readonly world: RegisterWorld }> {
  const world = new RegisterWorld(seed)
  const { random } = world
  for (const [number, vice] of plan.vices.entries()) setAt(world, number).vice = vice
  world.lossShare = plan.loss
  const machines: Machine[] = []
  for (let number = 0; number < plan.machines; number++)
    machines.push(world.machine(number, undefined, { keepers: world.first }))
  const history: Done[] = []
  const busy = new Set<number>()
  let [now, begun] = [0, 0]
  const begin = (number: number): void => {
    const { pointer } = atPlace(machines, number)
    busy.add(number)
    begun++
    const isRead = random.fraction() < 0.4
    const op = async (): Promise<void> => {
      const read = await track(isRead ? 'read' : 'swap', number, async (done) => {
        if (isRead) return tell(await pointer.read())
        const known = random.fraction() < 0.7 ? await pointer.cached() : await pointer.read()
        const sequence = (known?.sequence ?? 0) + 1
        const value = Uint8Array.of(number, begun, seed & 255)
        Object.assign(done, { sequence, value: value.toString() })
        return await pointer.swap(sequence - 1, value)
      })
      history.push(read)
    }
    void op().finally(() => busy.delete(number))
  }
  const track = async (
    kind: Done['kind'],
    machine: number,
    work: (done: Done) => Promise<Done['outcome']>,
  ): Promise<Done> => {
    const done: Done = { kind, machine, from: now, to: now, sequence: 0, value: '', outcome: undefined }
    try {
      done.outcome = await work(done)
    } catch (error) {
      if (!isSteadError(error)) throw error
      done.outcome = 'unknown'
    }
    done.to = now
    return done
  }
  for (; begun < OPERATIONS || busy.size > 0; now++) {
    for (let number = 0; number < machines.length; number++)
      if (begun < OPERATIONS && !busy.has(number) && random.fraction() < 0.3) begin(number)
    if (plan.away > 0 && random.fraction() < 0.02) {
      // Others are away now.
      for (const [place, keeper] of world.keepers.entries())
        keeper.isAway = place >= plan.vices.length && random.fraction() < plan.away / 7
    }
    if (plan.cuts > 0 && random.fraction() < 0.012) world.cutLinks(plan.machines, plan.cuts)
    if (plan.crashes && random.fraction() < 0.005)
      for (const keeper of world.keepers) if (keeper.vice === undefined) await world.restart(keeper, false)
    if (plan.crashes && random.fraction() < 0.01) {
      const keeper = setAt(world, Math.floor(random.fraction() * 7))
      if (keeper.vice === undefined) await world.restart(keeper, false)
    }
    if (plan.crashes && random.fraction() < 0.004) {
      // A machine is started anew with what its disk has; what it was about never comes to an end.
      const number = Math.floor(random.fraction() * machines.length)
      if (!busy.has(number))
        machines[number] = world.machine(number, atPlace(machines, number).store, { keepers: world.first })
    }
    await world.step()
    if (world.pending === 0) await settled()
    if (now > 40_000) throw new Error('the schedule does not end')
  }
  return { history, world }
}

function setAt(world: RegisterWorld, number: number): RegisterWorld['keepers'][number] {
  return atPlace(world.keepers, number)
}

function atPlace<Item>(items: readonly Item[], place: number): Item {
  const item = items[place]
  if (item === undefined) throw new RangeError(`there is no ${place}`)
  return item
}

function tell(value: { readonly sequence: number; readonly value: Uint8Array } | undefined): {
  readonly sequence: number
  readonly value: string
} {
  return { sequence: value?.sequence ?? 0, value: value?.value.toString() ?? '' }
}

/** What must hold whatever happens: one value for each sequence, and time goes on for everybody. */
function check(history: readonly Done[]): void {
  const values = new Map<number, string>()
  const seen = (sequence: number, value: string): void => {
    if (sequence === 0) return
    expect(values.get(sequence) ?? value, `sequence ${sequence}`).toBe(value)
    values.set(sequence, value)
  }
  for (const { outcome, sequence, value } of history) {
    if (outcome === 'done') seen(sequence, value)
    else if (typeof outcome === 'object') seen(outcome.sequence, outcome.value)
  }
  for (const { outcome, sequence, value } of history)
    if (outcome === 'moved') expect(values.get(sequence), 'what was not done is nowhere').not.toBe(value)
  const reached = ({ outcome, sequence }: Done): number | undefined =>
    outcome === 'done' ? sequence : typeof outcome === 'object' ? outcome.sequence : undefined
  for (const before of history)
    for (const after of history) {
      const [low, high] = [reached(before), reached(after)]
      if (low === undefined || high === undefined || before.to >= after.from) continue
      expect(high, 'who comes later sees no less').toBeGreaterThanOrEqual(after.kind === 'swap' ? low + 1 : low)
    }
}

const VICES: readonly Vice[] = ['forgets', 'old', 'hides', 'two-faced', 'loses-disk']

describe('a register on seven nodes', () => {
  it('says one thing for each sequence, whatever messages, crashes and two liars do', async () => {
    let swaps = 0
    for (let seed = 1; seed <= SEEDS; seed++) {
      const plan: Plan = {
        vices: seed % 4 === 0 ? [] : [atPlace(VICES, seed % 5), atPlace(VICES, Math.floor(seed / 5) % 5)],
        // With two that lie, a third that is away stops what is under way, and harms nothing.
        away: seed % 3,
        crashes: seed % 2 === 0,
        machines: 1 + (seed % 3),
        loss: atPlace([0, 0.05, 0.2], Math.floor(seed / 3) % 3),
        cuts: atPlace([0, 0.2, 0.4], Math.floor(seed / 2) % 3),
      }
      const { history } = await play(seed, plan)
      check(history)
      swaps += history.filter(({ outcome }) => outcome === 'done').length
    }
    expect(swaps).toBeGreaterThan(SEEDS)
  }, 1_800_000)
})
