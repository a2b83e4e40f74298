import {
  type Address,
  type Hash,
  hash,
  microUsd,
  type Network,
  type Signer,
  silentLogger,
  silentMetrics,
  type UnixMs,
} from '@stead/core'
import { createSigner, keccakText, loadSecp256k1, peerIdOfPublicKey, signNodeConsent } from '@stead/protocol'
import {
  defaultAuditParameters,
  defaultQualityParameters,
  type EpochNumber,
  encodePolicy,
  epochNumber,
  type Program,
  ProgramRegistry,
  policyId,
  type QualityParameters,
  utilityProgram,
} from '@stead/rewards'
import {
  buildTestPurse,
  type CrashKind,
  ManualClock,
  MemoryChain,
  type MemoryEconomy,
  MemoryHub,
  MemoryLedger,
  type MemoryNetwork,
  MemoryStore,
  SeededRandom,
} from '@stead/testkit'
import { ChainTime } from '../src/chain-time.ts'
import { EpochService, type EpochServiceOptions } from '../src/epoch-service.ts'
import { PolicyBook } from '../src/policy-book.ts'
import { scheduleOf } from '../src/schedule.ts'

const secp256k1 = await loadSecp256k1()
export const TOKEN: bigint = 10n ** 18n
export const EPOCH_SECONDS = 120
export const CHALLENGE_SECONDS = 60
export const DECISION_SECONDS = 60
const BLOCK_MS = 2000
const STEP_MS = 1000
const CONNECT_MS = 10_000
const START_AT = 1_800_000_000_000 as UnixMs

/** Few probes, so that an epoch of minutes holds them. */
const QUALITY: QualityParameters = {
  ...defaultQualityParameters,
  probersPerNode: 3,
  probersMin: 2,
  probesPerEpoch: 4,
  audits: { ...defaultAuditParameters, auditorsPerNode: 3, auditorsMin: 2 },
}
const UTILITY_POLICY: Uint8Array = encodePolicy(utilityProgram, { quality: QUALITY })
export const UTILITY: Hash = policyId(UTILITY_POLICY)

/** How a member takes part. */
export interface JoinOptions {
  readonly watch?: boolean
  readonly propose?: boolean
  /** Claims for its operator, from so many micro-dollars on. */
  readonly claimFromMicroUsd?: bigint
  readonly stakeTokens?: number
  /** @default 30 */
  readonly keepEpochs?: number
  /** What its process runs in place of the programs of the world, under their names: a liar's own. */
  readonly programs?: readonly Program<object>[]
  /** What its process speaks through in place of the network: a liar's own. */
  readonly bend?: (network: Network) => Network
}

/** One operator with one bonded node, and what its process stands on. */
export interface MemoryMember {
  readonly name: string
  readonly nodeKey: Signer
  readonly operator: Address
  /** Through which the node sees the chain, and the operator. */
  readonly chain: MemoryChain
  readonly account: MemoryChain
  readonly economy: MemoryEconomy
  readonly store: MemoryStore
  readonly network: MemoryNetwork
  readonly service: EpochService
  readonly options: EpochServiceOptions
  readonly programs: readonly Program<object>[]
  readonly bend: (network: Network) => Network
}

/** What a world is made of beside its defaults. */
export interface MemoryWorldOptions {
  /** Programs of sponsors, with their policies. */
  readonly sponsored?: readonly { readonly program: Program<object>; readonly policy: Uint8Array }[]
}

/** A simulated chain and network, and nodes that take part in epochs: no process, no socket, no second that passes. */
export class MemoryWorld {
  readonly clock: ManualClock = new ManualClock({ startAt: START_AT, turnsPerStep: 400 })
  readonly hub: MemoryHub = new MemoryHub({ clock: this.clock, random: new SeededRandom(11) })
  readonly ledger: MemoryLedger
  readonly members: MemoryMember[] = []
  readonly #options: MemoryWorldOptions
  #salts = 0

  constructor(options: MemoryWorldOptions = {}) {
    this.#options = options
    const sponsored = (options.sponsored ?? []).map(({ policy }) => ({
      id: policyId(policy),
      source: 'sponsored' as const,
    }))
    this.ledger = new MemoryLedger(
      { clock: this.clock, secp256k1 },
      {
        economy: {
          epochSeconds: EPOCH_SECONDS,
          challengeSeconds: CHALLENGE_SECONDS,
          decisionSeconds: DECISION_SECONDS,
          programs: [{ id: UTILITY, source: 'minted' }, ...sponsored],
        },
      },
    )
    this.#mine()
    this.#discover()
  }

  get calendar(): { readonly genesisSeconds: number; readonly epochSeconds: number } {
    const { genesisSeconds, epochSeconds } = this.ledger.contracts.epochs
    return { genesisSeconds, epochSeconds }
  }

  get epoch(): EpochNumber {
    return epochNumber(this.ledger.contracts.epochs.epochAt(this.ledger.nowSeconds()))
  }

  signerOf(name: string): Signer {
    return createSigner(secp256k1, keccakText(`memory world ${name}`))
  }

  /** An account with dollars, gas and tokens that takes no part itself. */
  async account(name: string): Promise<MemoryChain> {
    const { address } = this.signerOf(name)
    this.ledger.give(address, { dollarMicroUsd: 10n ** 10n, gasWei: 10n ** 20n, tokenUnits: 1_000_000n * TOKEN })
    const chain = new MemoryChain(this.ledger, address)
    await chain.start()
    return chain
  }

  /** Brings up a node of an operator of its own, bonded, that knows all members. */
  async join(name: string, options: JoinOptions = {}): Promise<MemoryMember> {
    const [nodeKey, chain] = [this.signerOf(`node ${name}`), await this.account(`node ${name}`)]
    const account = await this.account(`operator ${name}`)
    const consent = signNodeConsent(nodeKey, account.account, this.ledger.identity)
    await account.economy().bond(nodeKey.address, BigInt(options.stakeTokens ?? 2000) * TOKEN, consent)
    const store = new MemoryStore()
    const programs = options.programs ?? (this.#options.sponsored ?? []).map(({ program }) => program)
    const operator = account.account
    const bend = options.bend ?? ((network: Network) => network)
    const parts = { name, nodeKey, operator, chain, account, economy: account.economy(), store, programs, bend }
    const { claimFromMicroUsd } = options
    const claims =
      claimFromMicroUsd === undefined
        ? undefined
        : { operator: account.account, minimumMicroUsd: microUsd(claimFromMicroUsd), nativeCoinMicroUsd: microUsd(0n) }
    const member = await this.#up(parts, {
      watch: options.watch ?? true,
      propose: options.propose ?? false,
      keepEpochs: options.keepEpochs ?? 30,
      claims,
    })
    this.members.push(member)
    return member
  }

  /** The process dies, by the store's crash or now, and another begins with what is on its disk. */
  async restart(member: MemoryMember, kind: CrashKind = 'kill'): Promise<MemoryMember> {
    if (!member.store.isCrashed) member.store.crash()
    this.hub.kill(member.network.self)
    const chain = new MemoryChain(this.ledger, member.nodeKey.address)
    await member.chain.stop()
    await chain.start()
    const again = await this.#up({ ...member, chain, store: member.store.reopen(kind) }, member.options)
    this.members.splice(this.members.indexOf(member), 1, again)
    return again
  }

  async #up(
    parts: Omit<MemoryMember, 'network' | 'service' | 'options'>,
    options: EpochServiceOptions,
  ): Promise<MemoryMember> {
    const { nodeKey, chain, store } = parts
    const network = this.hub.createNode(peerIdOfPublicKey(nodeKey.publicKey))
    await network.start()
    const isReplaced = parts.programs.some(({ name }) => name === utilityProgram.name)
    const programs = isReplaced ? new ProgramRegistry() : new ProgramRegistry().add(utilityProgram)
    const sponsored = this.#options.sponsored ?? []
    for (const program of parts.programs) programs.add(program)
    const { clock, calendar } = this
    const ports = {
      clock,
      random: new SeededRandom(this.members.length + 1),
      logger: silentLogger,
      metrics: silentMetrics,
      store,
      network: parts.bend(network),
      secp256k1,
      signer: nodeKey,
      chain,
      economy: chain.economy(),
      history: chain.history(),
      books: chain.ledger(),
      programs,
      calendar,
      time: new ChainTime({ clock, calendar }),
    }
    const policies = new PolicyBook(programs, [UTILITY_POLICY, ...sponsored.map(({ policy }) => policy)])
    const { economy: operator } = parts
    const offers = { list: () => [] }
    const service = new EpochService(ports, { offers, policies, operator, onStopped: async () => undefined }, options)
    service.start()
    await this.during(this.#introduce(network))
    return { ...parts, network, service, options }
  }

  async stop(): Promise<void> {
    for (const { service } of this.members) await this.during(service.stop())
  }

  /** Lets time pass while something is awaited. */
  async during<Value>(work: Promise<Value>): Promise<Value> {
    let isDone = false
    const settled = work.finally(() => {
      isDone = true
    })
    settled.catch(() => undefined)
    for (let count = 0; count < 600 && !isDone; count++) await this.clock.advance(100)
    return settled
  }

  async passSeconds(seconds: number): Promise<void> {
    for (let left = seconds * 1000; left > 0; left -= STEP_MS) await this.clock.advance(Math.min(left, STEP_MS))
  }

  /** The second in which the logs of an epoch are gathered, or later. */
  async passGathering(epoch: EpochNumber): Promise<void> {
    await this.#passUntil(scheduleOf(this.calendar, epoch).logsCloseAt + STEP_MS)
  }

  /** The first second of an epoch, or later. */
  async passTo(epoch: number): Promise<void> {
    await this.#passUntil(scheduleOf(this.calendar, epochNumber(epoch)).beginsAt)
  }

  /** Resolves with the first answer that is not undefined, looking once a second. */
  async until<Value>(what: string, look: () => Promise<Value | undefined>, seconds = 400): Promise<Value> {
    for (let count = 0; count <= seconds; count++) {
      const value = await this.during(look())
      if (value !== undefined) return value
      await this.clock.advance(STEP_MS)
    }
    throw new Error(`not in time: ${what}`)
  }

  /** A payer's voucher of so many dollars, claimed on chain: its fee is in the lot of the epoch that runs. */
  async pay({ nodeKey, operator }: MemoryMember, dollars: number): Promise<void> {
    const payer = await this.account('payer')
    const allocationMicroUsd = microUsd(BigInt(dollars) * 1_000_000n)
    const salt = hash(`0x${(++this.#salts).toString(16).padStart(64, '0')}`)
    const parties = { payer: payer.account, voucherKey: this.signerOf('voucher'), salt }
    const leaf = { node: nodeKey.address, operator, allocationMicroUsd }
    const purse = buildTestPurse(this.ledger.identity, parties, [leaf])
    await payer.fund(purse)
    await payer.claim([purse.claimOf(0, allocationMicroUsd)])
  }

  /** Somebody buys the lot that is for sale. */
  async buyLot(): Promise<void> {
    const economy = (await this.account('buyer')).economy()
    const { lot, costTokenUnits } = await economy.lotForSale()
    await economy.buyLot(lot, costTokenUnits)
  }

  async #passUntil(at: number): Promise<void> {
    while (this.ledger.now() < at) await this.clock.advance(STEP_MS)
  }

  /** Who is out of reach is found again later, as by a daemon's discovery. */
  #discover(): void {
    this.clock.setTimer(CONNECT_MS, () => {
      for (const { network } of this.members) void this.#introduce(network)
      this.#discover()
    })
  }

  async #introduce(network: MemoryNetwork): Promise<void> {
    const others = this.members.map((member) => member.network.self).filter((peer) => peer !== network.self)
    await Promise.all(others.map((peer) => network.connect(peer, 1000).catch(() => undefined)))
  }

  #mine(): void {
    this.clock.setTimer(BLOCK_MS, () => {
      this.ledger.mine()
      this.#mine()
    })
  }
}
