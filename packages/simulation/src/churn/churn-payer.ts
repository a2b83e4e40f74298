import type { Address, UnixMs } from '@stead/core'
import {
  chooseNodes,
  NodeWatch,
  type PieceOutlook,
  planRepair,
  type StorageConsumerOptions,
  type StorageProviderOptions,
  storageConsumerOptionsSchema,
  storageProviderOptionsSchema,
} from '@stead/storage'
import type { SeededRandom } from '@stead/testkit'
import type { ChurnOptions } from './churn-options.ts'
import { type ChurnAgreement, ChurnSegment, isGone } from './churn-segment.ts'
import { NodeSession } from './node-session.ts'
import type { ChurnNode, Population } from './population.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** Objects are put within the first days. */
const PUT_DAYS = 5
/** A node that did not take a piece is left out for so long; piece-sender.ts. */
const BUSY_MS = 10_000

/** What a payer's repairs took. */
export interface RepairTally {
  repairs: number
  failedRepairs: number
  madePieces: number
  /** Of what is stored, in units of one byte. */
  readBytes: number
  sentBytes: number
  busyMs: number
  /** Sent bytes by the hour of the payer's day. */
  readonly sentBytesByHour: Float64Array
}

interface RunningRepair {
  readonly segment: ChurnSegment
  readonly wanted: readonly number[]
  readonly targets: readonly ChurnAgreement[]
  readonly readBytes: number
  readonly totalMs: number
  leftMs: number
}

/** What a payer knows about time. */
export interface PayerClock {
  nowMs: number
  monotonicMs(): number
  now(): UnixMs
}

/** One payer's daemon: the rules of the code, over nodes that are only on or off. */
export class ChurnPayer {
  readonly segments: ChurnSegment[] = []
  readonly tally: RepairTally = {
    repairs: 0,
    failedRepairs: 0,
    madePieces: 0,
    readBytes: 0,
    sentBytes: 0,
    busyMs: 0,
    sentBytesByHour: new Float64Array(24),
  }
  onlineMs = 0
  failedPuts = 0
  readonly #options: ChurnOptions
  readonly #rules: StorageConsumerOptions
  readonly #nodeRules: StorageProviderOptions
  readonly #clock: PayerClock
  readonly #random: SeededRandom
  readonly #population: Population
  readonly #session: NodeSession
  readonly #putAtMs: readonly number[]
  readonly #bought: Map<Address, ChurnAgreement> = new Map()
  /** Left out when pieces are placed, until then. */
  readonly #shunnedUntilMs: Map<Address, number> = new Map()
  readonly #pieceBytes: number
  readonly #outlooks: Map<ChurnAgreement, Omit<PieceOutlook, 'number'>> = new Map()
  #watch: NodeWatch
  #isOn = false
  #roundAtMs = 0
  /** Segments that this round has not looked at yet. */
  #queue: ChurnSegment[] = []
  #running: RunningRepair | undefined

  constructor(
    options: ChurnOptions,
    population: Population,
    { clock, random }: { clock: PayerClock; random: SeededRandom },
  ) {
    this.#options = options
    this.#population = population
    this.#clock = clock
    this.#random = random
    this.#rules = storageConsumerOptionsSchema.parse({})
    this.#nodeRules = storageProviderOptionsSchema.parse({})
    const { hoursPerDay, skippedDayShare } = options.habits
    const rhythm =
      hoursPerDay >= 24
        ? ({ kind: 'steady', meanUpHours: 1000, meanDownHours: 1 } as const)
        : ({ kind: 'evening', fromHour: 12, hours: hoursPerDay, spreadHours: 1, skippedDayShare } as const)
    this.#session = new NodeSession(rhythm, random, random.fraction() * DAY_MS)
    const put = (): number => random.fraction() * PUT_DAYS * DAY_MS
    this.#putAtMs = Array.from({ length: options.segmentsPerPayer }, put).sort((left, right) => right - left)
    this.#watch = new NodeWatch(clock, this.#rules.lostAfterMs)
    const { storedBytesPerPayer, segmentsPerPayer, profile } = options
    this.#pieceBytes = storedBytesPerPayer / segmentsPerPayer / profile.dataPieces
  }

  get nodes(): number {
    return this.#bought.size
  }

  /** Goes on to the clock's moment. */
  step(stepMs: number): void {
    const { nowMs } = this.#clock
    this.#outlooks.clear()
    this.#nodesLetGo()
    const isOn = this.#session.step(nowMs, stepMs)
    if (!isOn || this.#isOnHoliday()) {
      this.#isOn = false
      this.#running = undefined
      this.#queue = []
      return
    }
    if (!this.#isOn) this.#start()
    this.onlineMs += stepMs
    this.#look()
    this.#put()
    if (this.#queue.length === 0 && this.#running === undefined && nowMs >= this.#roundAtMs) this.#beginRound()
    this.#repair(stepMs)
  }

  #isOnHoliday(): boolean {
    const { holiday } = this.#options.habits
    const day = this.#clock.nowMs / DAY_MS
    return holiday !== undefined && day >= holiday.atDay && day < holiday.atDay + holiday.days
  }

  #start(): void {
    this.#isOn = true
    this.#watch = new NodeWatch(this.#clock, this.#rules.lostAfterMs, this.#watch.entries())
    this.#roundAtMs = this.#clock.nowMs + this.#rules.settleEveryMs
  }

  #look(): void {
    for (const [name, { node }] of this.#bought) {
      this.#watch.note(name, node.isOn)
      if (this.#watch.isAway(name) || this.#watch.isLost(name)) this.#shun(name, 2 * this.#rules.lookEveryMs)
    }
  }

  /** Nodes keep nothing that is not paid for, and nothing that was on another disk. */
  #nodesLetGo(): void {
    const unpaidMs = this.#nodeRules.unpaidSecondsMax * 1000
    for (const agreement of this.#bought.values()) {
      const { node, disk, paidAtMs } = agreement
      if (node.isOn && (node.disk !== disk || this.#clock.nowMs - paidAtMs > unpaidMs)) agreement.isVoid = true
    }
  }

  #put(): void {
    const { pieces, enough } = this.#options.profile
    for (let atMs = this.#putAtMs.at(-1); atMs !== undefined && atMs <= this.#clock.nowMs; ) {
      const chosen = this.#choose(pieces, [])
      const placed = Array.from({ length: pieces }, (_, number) => placedAt(chosen[number]))
      if (placed.filter((agreement) => agreement !== undefined).length < enough) {
        this.failedPuts++
        for (const agreement of chosen) if (placedAt(agreement) === undefined) this.#shun(agreement.node.node, BUSY_MS)
        return
      }
      this.segments.push(new ChurnSegment(placed))
      ;(this.#putAtMs as number[]).pop()
      atMs = this.#putAtMs.at(-1)
    }
  }

  /** As StorageNodes.choose does: nodes with an agreement before others, of which only those answer that are there. */
  #choose(count: number, taken: readonly ChurnNode[]): readonly ChurnAgreement[] {
    const spread = { hasDistinctSubnets: this.#rules.hasDistinctSubnets, taken }
    const known = (): readonly ChurnAgreement[] => {
      const drawn = shuffled(
        Array.from(this.#bought.values()).filter(({ node }) => !this.#isShunned(node.node)),
        this.#random,
      )
      const chosen = chooseNodes(
        drawn.map(({ node }) => node),
        count,
        spread,
      )
      return chosen.flatMap(({ node }) => this.#bought.get(node) ?? [])
    }
    const have = known()
    if (have.length >= count) return have
    const others = shuffled(
      this.#population.living.filter(({ node, isOn }) => isOn && !this.#bought.has(node) && !this.#isShunned(node)),
      this.#random,
    )
    const nodes = [...taken, ...have.map(({ node }) => node)]
    for (const node of chooseNodes(others, count - have.length, { ...spread, taken: nodes }))
      this.#bought.set(node.node, { node, disk: node.disk, paidAtMs: this.#clock.nowMs, isVoid: false })
    return known()
  }

  #isShunned(node: Address): boolean {
    return (this.#shunnedUntilMs.get(node) ?? 0) > this.#clock.nowMs
  }

  #shun(node: Address, forMs: number): void {
    this.#shunnedUntilMs.set(node, this.#clock.nowMs + forMs)
  }

  #beginRound(): void {
    for (const [name, agreement] of this.#bought) {
      if (!agreement.node.isOn) continue
      // The node says that there is no such agreement: another one may follow, the pieces of this one are lost.
      if (agreement.isVoid) this.#bought.delete(name)
      else agreement.paidAtMs = this.#clock.nowMs
    }
    this.#queue = this.segments.filter(({ lostAtMs }) => lostAtMs === undefined)
    if (this.#queue.length === 0) this.#roundAtMs = this.#clock.nowMs + this.#rules.settleEveryMs
  }

  /** Goes on with the round's repairs, one after another, for as long as a step lasts. */
  #repair(stepMs: number): void {
    for (let leftMs = stepMs; leftMs > 0; ) {
      this.#running ??= this.#next()
      const running = this.#running
      if (running === undefined) return
      const spentMs = Math.min(leftMs, running.leftMs)
      running.leftMs -= spentMs
      leftMs -= spentMs
      this.tally.busyMs += spentMs
      if (running.leftMs > 0) return
      this.#running = undefined
      this.#finish(running)
      this.#roundEnds()
    }
  }

  #roundEnds(): void {
    if (this.#queue.length === 0) this.#roundAtMs = this.#clock.nowMs + this.#rules.settleEveryMs
  }

  #next(): RunningRepair | undefined {
    for (let segment = this.#queue.pop(); segment !== undefined; segment = this.#queue.pop()) {
      const running = this.#begin(segment)
      if (running !== undefined) return running
      this.#roundEnds()
    }
    return undefined
  }

  #begin(segment: ChurnSegment): RunningRepair | undefined {
    const { profile, payerDownBytesPerSecond, payerUpBytesPerSecond, nodeUpBytesPerSecond } = this.#options
    const outlooks: PieceOutlook[] = []
    for (let number = 0; number < segment.placed.length; number++) {
      const agreement = segment.placed[number]
      if (agreement === undefined) continue
      const { availability, isLost, isOverdue } = this.#outlookOf(agreement)
      outlooks.push({ number, availability, isLost, isOverdue })
    }
    const wanted = planRepair(profile, outlooks, segment.isBegun)
    segment.isBegun = wanted.length > 0
    if (wanted.length === 0) return undefined
    const isWanted = new Set(wanted)
    const stays = segment.placed.flatMap((agreement, number) => {
      return agreement === undefined || isWanted.has(number) ? [] : [agreement.node]
    })
    for (const { number } of outlooks) {
      const node = isWanted.has(number) ? segment.placed[number]?.node.node : undefined
      if (node !== undefined) this.#shun(node, this.#rules.shunMs)
    }
    const targets = this.#choose(wanted.length, stays)
    if (targets.length === 0) return undefined
    const { dataPieces } = profile
    const readBytes = dataPieces * this.#pieceBytes
    const readRate = Math.min(payerDownBytesPerSecond, dataPieces * nodeUpBytesPerSecond)
    const sentBytes = targets.length * this.#pieceBytes
    const totalMs = 1000 * (readBytes / readRate + sentBytes / payerUpBytesPerSecond)
    return { segment, wanted, targets, readBytes, totalMs, leftMs: totalMs }
  }

  /** What the watch says; asked once a step, in which it does not change. */
  #outlookOf(agreement: ChurnAgreement): Omit<PieceOutlook, 'number'> {
    const known = this.#outlooks.get(agreement)
    if (known !== undefined) return known
    const { node } = agreement.node
    const outlook = {
      isLost: this.#watch.isLost(node) || this.#bought.get(node) !== agreement,
      availability: this.#watch.availability(node),
      isOverdue: this.#watch.isOverdue(node),
    }
    this.#outlooks.set(agreement, outlook)
    return outlook
  }

  #finish({ segment, wanted, targets, readBytes }: RunningRepair): void {
    const { tally } = this
    tally.readBytes += readBytes
    if (segment.count().there < this.#options.profile.dataPieces) {
      tally.failedRepairs++
      return
    }
    tally.repairs++
    let made = 0
    for (const [place, number] of wanted.entries()) {
      const fresh = placedAt(targets[place])
      segment.placed[number] = fresh
      if (fresh !== undefined) made++
      const target = targets[place]
      if (fresh === undefined && target !== undefined) this.#shun(target.node.node, BUSY_MS)
    }
    segment.isBegun = made < wanted.length
    const sentBytes = made * this.#pieceBytes
    tally.madePieces += made
    tally.sentBytes += sentBytes
    const hour = Math.floor((this.#clock.nowMs % DAY_MS) / HOUR_MS)
    tally.sentBytesByHour[hour] = (tally.sentBytesByHour[hour] ?? 0) + sentBytes
  }
}

/** A piece that was sent there, if it could be. */
function placedAt(agreement: ChurnAgreement | undefined): ChurnAgreement | undefined {
  return agreement === undefined || !agreement.node.isOn || isGone(agreement) ? undefined : agreement
}

function shuffled<Item>(items: readonly Item[], random: SeededRandom): Item[] {
  const drawn = [...items]
  for (let place = drawn.length - 1; place > 0; place--) {
    const other = Math.floor(random.fraction() * (place + 1))
    const [left, right] = [drawn[place], drawn[other]]
    if (left === undefined || right === undefined) continue
    drawn[place] = right
    drawn[other] = left
  }
  return drawn
}
