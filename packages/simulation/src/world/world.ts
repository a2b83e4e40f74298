import { type Address, address, type Hash, isSteadError, messageOf, type PeerId, type UnixMs } from '@stead/core'
import { createSigner, peerIdOfPublicKey, type Secp256k1 } from '@stead/protocol'
import { InlineExecutor } from '@stead/sandbox'
import type { CaretakerInput } from '@stead/storage'
import { MemoryLedger, type SeededRandom } from '@stead/testkit'
import { CARE_CHEATS, type CareCheat, careCheatOf } from '../byzantine/care-cheats.ts'
import { Cast } from '../byzantine/cast.ts'
import { type CheatName, isPayerCheat } from '../byzantine/cheats.ts'
import { isSelfDealing } from '../byzantine/epoch-cheats.ts'
import { isStoragePayerCheat } from '../byzantine/storage-cheats.ts'
import { RandomStreams } from '../engine/random-streams.ts'
import { unlessRefused } from '../engine/refusals.ts'
import { type RunEnd, Scheduler } from '../engine/scheduler.ts'
import { SimClock } from '../engine/sim-clock.ts'
import { Tally } from '../engine/tally.ts'
import { Trace } from '../engine/trace.ts'
import { FaultInjector } from '../faults/fault-injector.ts'
import type { FaultProfile } from '../faults/profiles.ts'
import { Conversations } from '../story/conversations.ts'
import { TOLD_PROTOCOLS } from '../story/message-text.ts'
import { CareSeason } from './care-season.ts'
import { caringOptions } from './care-terms.ts'
import { CareWitness } from './care-witness.ts'
import { Eclipse } from './eclipse.ts'
import { drawEpochDuties, type EpochDuties } from './epoch-duties.ts'
import { EPOCH_ECONOMY, SYBIL } from './epoch-terms.ts'
import { JobWitness } from './job-witness.ts'
import { ModelSecp256k1 } from './model-signatures.ts'
import { SharedOfferReader } from './shared-offer-reader.ts'
import { SimHub } from './sim-hub.ts'
import { accountOf, type NodePlan, SimNode, THAW_SECONDS } from './sim-node.ts'
import { drawStorageDuties, type StorageDuties } from './storage-duties.ts'
import { StorageKit } from './storage-kit.ts'
import { segmentProfileOf } from './storage-terms.ts'
import { StorageWitness } from './storage-witness.ts'
import { StorageWorkload } from './storage-workload.ts'
import { Witness } from './witness.ts'
import { Workload } from './workload.ts'
import { WorldEconomy } from './world-economy.ts'
import type { WorldParts } from './world-parts.ts'

/** Which world. */
export interface WorldOptions {
  readonly seed: number
  readonly nodes: number
  /** How long faults go on; after that everything is whole, and the world must come to rest. */
  readonly faultMinutes: number
  readonly faults: FaultProfile
  /** Signatures as on the real network; fifty times as slow. */
  readonly hasRealSignatures: boolean
  /** Providers are bonded, and do what bonded nodes do in epochs. @default false */
  readonly hasEpochs?: boolean
  /** Providers sell storage as well, and payers keep objects there. @default false */
  readonly hasStorage?: boolean
}

/** What a world needs from outside. */
export interface WorldComponents {
  readonly secp256k1: Secp256k1
  /** One turn of the process's event loop. */
  readonly turn: () => Promise<void>
  /** What the process has caught since it was asked last, and no code of the world did. */
  readonly strayErrors?: () => readonly string[]
  /** Told when the last fault has ended, and the world is left in peace. */
  readonly onPeace?: () => void
}

const MINUTE_MS = 60_000
/** Side of the square in which nodes are, in milliseconds of one-way travel. */
const WORLD_MS = 80
const DRIFT_PPM = 100
const WALL_MS = 2000
const PAYER_SHARE = 0.1
/** Providers that sell care, in a world in which some do. */
const CARETAKER_SHARE = 0.3
const NEIGHBOURS = 4
const NEIGHBOUR_CHECK_MS = 20_000
const BETWEEN_JOBS_MS = 20_000
const CONNECT_TIMEOUT_MS = 5000
const RESTART_PAUSE_MS = 1000
const START_MS = 10_000
const OFFERS_LEAST = 64
/** The one operator of all nodes of a Sybil. */
const SYBIL_OPERATOR = address(`0x${'5b'.repeat(20)}`)
const FUNDS = 1_000_000_000n
const GAS_WEI = 10n ** 20n
/** Providers with which the fuel decides what a task costs, and not the least price; then it may cost less than reserved. */
const DEAR_SHARE = 0.3
const DEAR_FACTOR = 1000
/** Credit of a few dozen tasks at the simulated prices. */
const CREDIT_LEAST = 30n
const CREDIT_MORE = 300
/** More than honest payers leave unpaid by hedging and crashing in some minutes of faults, and within reach of an attack. */
const WRITE_OFF_LEAST = 1000n
const WRITE_OFF_MINUTES = 5
const WRITE_OFF_MORE = 2000
/** Providers that let their vouchers pile up until a thaw or the end forces them to claim. */
const PATIENT_SHARE = 0.5
const PATIENT_MICRO_USD = 10n ** 9n
/** Providers for which gas costs something, and what a coin is worth to them: a claim costs a few micro-dollars then. */
const GAS_SHARE = 0.5
const COIN_MICRO_USD = 20_000n
/** Nothing that a world of this size does takes so many events: it hangs in a loop. */
const EVENTS_PER_NODE_MINUTE_MAX = 200_000

/** The whole network in one process: the same seed goes the same way, on any machine. */
export class World {
  readonly options: WorldOptions
  readonly trace: Trace = new Trace()
  readonly nodes: readonly SimNode[]
  readonly parts: WorldParts
  readonly workload: Workload
  /** Objects that payers keep; nobody does in a world without storage. */
  readonly objects: StorageWorkload
  /** Payers with caretakers; undefined in a world without care. */
  readonly care: CareSeason | undefined
  readonly eclipse: Eclipse
  /** Undefined in a world without epochs. */
  readonly economy: WorldEconomy | undefined
  /** What the code itself took for its own fault, and whatever nobody caught. */
  readonly bugs: string[] = []
  readonly #cast: Cast
  readonly #faults: FaultInjector
  readonly #strayErrors: () => readonly string[]
  readonly #given: bigint
  readonly #hasCare: boolean
  #kit: StorageKit | undefined
  #mended = { at: 0 as UnixMs, nowMs: 0 }

  constructor({ secp256k1, turn, strayErrors }: WorldComponents, options: WorldOptions) {
    this.options = options
    const { trace } = this
    const onThrow = (error: unknown): void => void this.bugs.push(`an event threw: ${messageOf(error)}`)
    const scheduler = new Scheduler({ trace, turn, onThrow })
    this.#strayErrors = strayErrors ?? (() => [])
    const streams = new RandomStreams(options.seed)
    const clock = new SimClock(scheduler)
    const keys = options.hasRealSignatures ? secp256k1 : new ModelSecp256k1(secp256k1)
    const tally = new Tally(() => scheduler.nowMs)
    const nowMs = (): number => scheduler.nowMs
    const isOfCare = (channel: Hash): boolean => careWitness.isOfCare(channel)
    const storageWitness: StorageWitness = new StorageWitness({ nowMs, isOfCare })
    const careWitness: CareWitness = new CareWitness({
      nowMs: () => clock.now(),
      season: () => this.care,
      storage: storageWitness,
    })
    this.parts = {
      scheduler,
      trace,
      tally,
      streams,
      hub: new SimHub({ clock, random: streams.stream('wires'), scheduler, trace, tally }),
      ledger: new MemoryLedger(
        { clock, secp256k1: keys },
        { thawSeconds: THAW_SECONDS, ...(options.hasEpochs === true ? { economy: EPOCH_ECONOMY } : {}) },
      ),
      secp256k1: keys,
      offerReader: new SharedOfferReader(keys),
      executor: new InlineExecutor(),
      witness: new Witness(),
      jobs: new JobWitness(),
      storageWitness,
      careWitness,
      storage: () => this.#storageKit(),
      conversations: new Conversations(() => scheduler.nowMs, TOLD_PROTOCOLS),
      offersMax: OFFERS_LEAST + 2 * options.nodes,
    }
    const { byzantineShare, cheats, careShare } = options.faults
    const hasEpochs = options.hasEpochs === true
    const hasStorage = options.hasStorage === true
    this.#hasCare = hasStorage && streams.stream('care').fraction() < careShare
    this.#cast = new Cast(streams, {
      byzantineShare,
      cheats: cheats?.filter((cheat) => careCheatOf(cheat) === undefined),
      hasEpochs,
      hasStorage,
      isPayer: (index) => this.#isPayer(index),
    })
    const plans = withGangs(Array.from({ length: options.nodes }, (_, index) => this.#plan(index)))
    this.nodes = plans.map((plan) => {
      const node: SimNode = new SimNode(this.parts, plan, {
        faults: () => this.#faults.faultsOf(node),
        view: () => this.#faults.viewOf(node),
        onBug: (what) => this.bugs.push(what),
      })
      return node
    })
    this.eclipse = new Eclipse(this.parts, this.nodes)
    this.#faults = new FaultInjector(
      {
        ...this.parts,
        random: streams.stream('faults'),
        nodes: this.nodes,
        restart: (node) => void this.#start(node),
      },
      options.faults,
    )
    this.workload = new Workload(
      { scheduler, trace, random: streams.stream('workload') },
      { betweenJobsMs: BETWEEN_JOBS_MS, tasksMax: 12 },
    )
    this.objects = new StorageWorkload({
      scheduler,
      trace,
      random: streams.stream('objects'),
      onBug: (what) => this.bugs.push(what),
    })
    const { caretakers } = this
    const restart = (node: SimNode): void => void this.#start(node)
    const seasonal = { ...this.parts, caretakers, restart }
    this.care = this.#hasCare ? new CareSeason(seasonal, this.payers, options.faultMinutes) : undefined
    this.#given = this.#endow()
    this.economy = options.hasEpochs === true ? new WorldEconomy(this.parts, this.nodes) : undefined
  }

  /** Honest nodes that buy: the rules are about them. */
  get payers(): readonly SimNode[] {
    return this.nodes.filter(({ plan, isHonest }) => plan.role === 'payer' && isHonest)
  }

  /** Honest nodes that sell. */
  get providers(): readonly SimNode[] {
    return this.nodes.filter(({ plan, isHonest }) => plan.role === 'provider' && isHonest)
  }

  /** Nodes that sell care, cheats among them. */
  get caretakers(): readonly SimNode[] {
    return this.nodes.filter(({ plan }) => plan.care !== undefined)
  }

  get cheats(): readonly SimNode[] {
    return this.nodes.filter(({ isHonest }) => !isHonest)
  }

  /** Ends the byzantine nodes: what they still do would hide what they left behind. */
  endCheats(): void {
    for (const node of this.cheats) node.crash('kill', 0)
  }

  /** When the last fault ended: on the chain's clock, and in simulated time. */
  get mendedAt(): UnixMs {
    return this.#mended.at
  }

  get mendedMs(): number {
    return this.#mended.nowMs
  }

  /** Dollars that each payer had at the beginning. */
  get fundsMicroUsd(): bigint {
    return FUNDS
  }

  /** Dollars that were given out at the beginning. */
  get givenMicroUsd(): bigint {
    return this.#given
  }

  /** Starts all nodes and lets them find each other. */
  async start(): Promise<RunEnd> {
    await this.parts.executor.start()
    const sellers = this.nodes.filter(({ plan }) => plan.role === 'provider')
    if (this.options.hasStorage === true) this.#kit = await StorageKit.load(segmentProfileOf(sellers.length))
    await this.economy?.start()
    for (const node of this.nodes) void this.#start(node)
    return this.#pass(START_MS, () => undefined)
  }

  /** Lets things go wrong for a while, then mends everything. `each` is called after every simulated second. */
  async faultPhase(each: () => void): Promise<RunEnd> {
    const { scheduler } = this.parts
    this.workload.start(this.nodes.filter(({ plan }) => plan.role === 'payer'))
    if (this.options.hasStorage === true) this.objects.start(this.nodes.filter(({ plan }) => plan.role === 'payer'))
    this.care?.start()
    this.#faults.start()
    this.eclipse.begin(scheduler.nowMs)
    const endMs = scheduler.nowMs + this.options.faultMinutes * MINUTE_MS
    const end = await this.#pass(endMs, each)
    this.workload.stop()
    this.objects.stop()
    this.#faults.stop()
    this.#mended = { at: this.parts.hub.clock.now(), nowMs: scheduler.nowMs }
    this.eclipse.end(scheduler.nowMs)
    return end
  }

  /** Lets the mended world go on until it is at rest or the time is over; true when it came to rest. */
  async healPhase(isAtRest: () => Promise<boolean>, minutesMax: number, each: () => void): Promise<boolean> {
    const { scheduler } = this.parts
    const endMs = scheduler.nowMs + minutesMax * MINUTE_MS
    while (scheduler.nowMs < endMs) {
      if ((await this.#pass(scheduler.nowMs + 5000, each)) !== 'time') return false
      if (await isAtRest()) return true
    }
    return false
  }

  async #pass(untilMs: number, each: () => void): Promise<RunEnd> {
    const { scheduler } = this.parts
    const minutes = Math.max(1, (untilMs - scheduler.nowMs) / MINUTE_MS)
    const eventsMax = scheduler.fired + this.options.nodes * minutes * EVENTS_PER_NODE_MINUTE_MAX
    while (scheduler.nowMs < untilMs) {
      const end = await scheduler.run(Math.min(untilMs, scheduler.nowMs + 1000), eventsMax)
      this.bugs.push(...this.#strayErrors())
      if (end !== 'time') return end
      each()
    }
    return 'time'
  }

  /** A start may fail: the disk refuses, the chain is away. Then it is tried again, as a supervisor does. */
  async #start(node: SimNode): Promise<void> {
    const { scheduler, trace } = this.parts
    const { name } = node.plan
    try {
      await node.start()
      trace.tell(scheduler.nowMs, name, node.lives === 1 ? 'is up' : `is up again, its start ${node.lives}`)
      this.#keepNeighbours(node, node.lives)
    } catch (error) {
      trace.tell(scheduler.nowMs, name, `did not start: ${messageOf(error)}`)
      if (!isSteadError(error)) this.bugs.push(`${name} did not start: ${String(error)}`)
      node.crash('kill', 0)
      scheduler.at(scheduler.nowMs + RESTART_PAUSE_MS, () => void this.#start(node))
    }
  }

  /** Each node keeps some connections, as the mesh of the real network does. */
  #keepNeighbours(node: SimNode, life: number): void {
    const { scheduler, hub } = this.parts
    if (node.lives !== life || !node.isAlive) return
    const network = hub.runningNode(node.plan.peer)
    const connected = network?.peers().filter((peer) => peer.connected).length ?? 0
    if (network !== undefined && (connected < NEIGHBOURS || this.eclipse.victim !== undefined)) {
      for (const peer of this.eclipse.neighboursOf(node, this.#neighboursOf(node)))
        void unlessRefused(network.connect(peer, CONNECT_TIMEOUT_MS))
    }
    scheduler.at(scheduler.nowMs + NEIGHBOUR_CHECK_MS, () => this.#keepNeighbours(node, life))
  }

  #neighboursOf(node: SimNode): readonly PeerId[] {
    const random = this.parts.streams.stream(`${node.plan.name} neighbours`)
    const others = this.nodes.filter((other) => other !== node)
    return Array.from({ length: NEIGHBOURS }, () => others[Math.floor(random.fraction() * others.length)]).flatMap(
      (other) => (other === undefined ? [] : [other.plan.peer]),
    )
  }

  #plan(index: number): NodePlan {
    const { streams, secp256k1 } = this.parts
    const random = streams.stream(`plan ${index}`)
    const other = this.#cast.cheatOf(index)
    const care = other === undefined && !this.#isPayer(index) ? this.#careOf(index) : undefined
    const cheat = other ?? care?.cheat
    const isPayer = cheat === undefined ? this.#isPayer(index) : isPayerCheat(cheat) || isStoragePayerCheat(cheat)
    const signer = createSigner(secp256k1, random.bytes(32))
    const role = isPayer ? 'payer' : 'provider'
    const name = `${role} ${index}`
    return {
      name: cheat === undefined ? name : `${cheat} ${name}`,
      role,
      cheat,
      signer,
      peer: peerIdOfPublicKey(signer.publicKey),
      operator: isPayer ? signer.address : operatorOf(index, cheat),
      gang: new Set(),
      place: { xMs: random.fraction() * WORLD_MS, yMs: random.fraction() * WORLD_MS },
      clock: {
        driftPpm: (random.fraction() - 0.5) * 2 * DRIFT_PPM,
        wallOffsetMs: (random.fraction() - 0.5) * 2 * WALL_MS,
      },
      concurrency: 1 + Math.floor(random.fraction() * 4),
      priceMicroUsdPerGigafuel: priceOf(random),
      creditStartMicroUsd: CREDIT_LEAST + BigInt(Math.floor(random.fraction() * CREDIT_MORE)),
      writeOffMaxMicroUsd: this.#longer * (WRITE_OFF_LEAST + BigInt(Math.floor(random.fraction() * WRITE_OFF_MORE))),
      claimMinimumMicroUsd: random.fraction() < PATIENT_SHARE ? PATIENT_MICRO_USD : 1n,
      nativeCoinMicroUsd: random.fraction() < GAS_SHARE ? COIN_MICRO_USD : 0n,
      epochs: isPayer ? undefined : this.#epochsOf(index, cheat),
      storage: this.#storageOf(index),
      care: care?.selling,
    }
  }

  /** The first provider sells care and is honest; some others sell it, and some of these cheat. */
  #careOf(index: number): { readonly selling: CaretakerInput; readonly cheat: CareCheat | undefined } | undefined {
    if (!this.#hasCare) return undefined
    const random = this.parts.streams.stream(`care ${index}`)
    const isFirst = this.#isPayer(index - 1)
    if (random.fraction() >= CARETAKER_SHARE && !isFirst) return undefined
    const selling = caringOptions(random, this.options.faultMinutes)
    const { byzantineShare, cheats } = this.options.faults
    const kinds = cheats === undefined ? CARE_CHEATS : CARE_CHEATS.filter((each) => cheats.includes(each))
    const cheat = random.fraction() < byzantineShare ? kinds[Math.floor(random.fraction() * kinds.length)] : undefined
    return { selling, cheat: isFirst ? undefined : cheat }
  }

  #epochsOf(index: number, cheat: CheatName | undefined): EpochDuties | undefined {
    if (this.options.hasEpochs !== true) return undefined
    return drawEpochDuties(this.parts.streams.stream(`epochs ${index}`), { isFirst: this.#isPayer(index - 1), cheat })
  }

  /** Crashes go on for longer in a long world, and what they leave unpaid adds up. */
  get #longer(): bigint {
    return BigInt(Math.max(1, Math.ceil(this.options.faultMinutes / WRITE_OFF_MINUTES)))
  }

  #storageOf(index: number): StorageDuties | undefined {
    if (this.options.hasStorage !== true) return undefined
    return drawStorageDuties(this.parts.streams.stream(`storage ${index}`), this.options.faultMinutes)
  }

  #storageKit(): StorageKit {
    if (this.#kit === undefined) throw new TypeError('this world has no storage')
    return this.#kit
  }

  #isPayer(index: number): boolean {
    return index < Math.max(1, Math.round(this.options.nodes * PAYER_SHARE))
  }

  #endow(): bigint {
    const { ledger } = this.parts
    const isBuyer = ({ plan }: SimNode): boolean => plan.role === 'payer' || isSelfDealing(plan.cheat)
    for (const node of this.nodes) {
      const dollars = isBuyer(node) ? { dollarMicroUsd: FUNDS } : {}
      ledger.give(accountOf(node.plan), { gasWei: GAS_WEI, ...dollars })
    }
    // With the money of the node itself: what it sells is its operator's.
    for (const { plan } of this.caretakers) ledger.give(plan.signer.address, { gasWei: GAS_WEI, dollarMicroUsd: FUNDS })
    return FUNDS * BigInt(this.nodes.filter(isBuyer).length + this.caretakers.length)
  }
}

function priceOf(random: SeededRandom): number {
  const price = 5 + Math.floor(random.fraction() * 40)
  return random.fraction() < DEAR_SHARE ? price * DEAR_FACTOR : price
}

function operatorOf(index: number, cheat: CheatName | undefined): Address {
  if (cheat === 'sybil-deals') return SYBIL
  return cheat === 'sybil' ? SYBIL_OPERATOR : address(`0x${(index + 1).toString(16).padStart(40, '0')}`)
}

/** Lets cheats of one kind know each other. */
function withGangs(plans: readonly NodePlan[]): readonly NodePlan[] {
  const gangs = Map.groupBy(plans, ({ cheat }) => cheat)
  return plans.map((plan) => {
    if (plan.cheat === undefined) return plan
    return { ...plan, gang: new Set(gangs.get(plan.cheat)?.map(({ peer }) => peer)) }
  })
}
