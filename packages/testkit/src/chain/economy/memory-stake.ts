import type { Address, BondState, ChainIdentity, Hash, SignedPayload, UnixMs } from '@stead/core'
import { nodeConsentSigner, type Secp256k1, statementSigner } from '@stead/protocol'
import { revert } from '../revert.ts'
import { Checkpoints } from './checkpoints.ts'
import type { MemoryBalances } from './memory-balances.ts'

const UNBOND_SECONDS = 14 * 86_400
const UNBONDINGS_MAX = 16
/** The reporter's part of what a punished node loses, in ten-thousandths. */
const REPORTER_BPS = 1000n
const NOBODY = `0x${'0'.repeat(40)}` as Address

interface Unbonding {
  readonly tokenUnits: bigint
  readonly endsAtSeconds: number
}

interface Bond {
  operator: Address
  isExpelled: boolean
  readonly bonded: Checkpoints
  unbondings: Unbonding[]
}

/** What the simulated Stake stands on. */
export interface StakeComponents {
  readonly identity: Pick<ChainIdentity, 'chainId' | 'stake'>
  readonly tokens: MemoryBalances
  readonly secp256k1: Secp256k1
}

/** A request to bond. */
export interface BondRequest {
  readonly node: Address
  readonly tokenUnits: bigint
  readonly consent: Uint8Array
}

/** The rules of Stake.sol and Equivocation.sol. Its tokens lie in the account of the Stake contract. */
export class MemoryStake {
  readonly #components: StakeComponents
  readonly #bonds: Map<Address, Bond> = new Map()
  readonly #total: Checkpoints = new Checkpoints()
  readonly #punished: Set<string> = new Set()

  constructor(components: StakeComponents) {
    this.#components = components
  }

  operatorOf(node: Address): Address | undefined {
    return this.#bonds.get(node)?.operator
  }

  isExpelled(node: Address): boolean {
    return this.#bonds.get(node)?.isExpelled ?? false
  }

  bonded(node: Address): bigint {
    return this.#bonds.get(node)?.bonded.latest ?? 0n
  }

  stateOf(node: Address): BondState {
    const bond = this.#bonds.get(node)
    return {
      operator: bond?.operator,
      bondedTokenUnits: bond?.bonded.latest ?? 0n,
      unbondings: (bond?.unbondings ?? []).map(({ tokenUnits, endsAtSeconds }) => ({
        tokenUnits,
        endsAt: (endsAtSeconds * 1000) as UnixMs,
      })),
      expelled: bond?.isExpelled ?? false,
    }
  }

  bondedAt(node: Address, seconds: number, nowSeconds: number): bigint {
    requirePast(seconds, nowSeconds)
    return this.#bonds.get(node)?.bonded.at(seconds) ?? 0n
  }

  totalAt(seconds: number, nowSeconds: number): bigint {
    requirePast(seconds, nowSeconds)
    return this.#total.at(seconds)
  }

  bond(caller: Address, { node, tokenUnits, consent }: BondRequest, nowSeconds: number): void {
    if (tokenUnits === 0n) revert('AmountZero')
    const bond = this.#bonds.get(node)
    if (bond?.isExpelled) revert('NodeExpelled', { node })
    if (bond === undefined) this.#requireConsent(caller, node, consent)
    else if (bond.operator !== caller) revert('NotTheOperator', { caller, operator: bond.operator })
    const { identity, tokens } = this.#components
    tokens.move(caller, identity.stake, tokenUnits)
    const own = bond ?? { operator: caller, isExpelled: false, bonded: new Checkpoints(), unbondings: [] }
    this.#bonds.set(node, own)
    this.#set(own, own.bonded.latest + tokenUnits, nowSeconds)
  }

  unbond(caller: Address, { node, tokenUnits }: Omit<BondRequest, 'consent'>, nowSeconds: number): void {
    if (tokenUnits === 0n) revert('AmountZero')
    const bond = this.#bonds.get(node)
    if (bond?.operator !== caller) revert('NotTheOperator', { caller, operator: bond?.operator ?? NOBODY })
    const bonded = bond.bonded.latest
    if (bonded < tokenUnits) revert('BondTooSmall', { bonded, requested: tokenUnits })
    const [oldest] = bond.unbondings
    if (oldest !== undefined && bond.unbondings.length === UNBONDINGS_MAX) {
      const maximum = BigInt(UNBONDINGS_MAX)
      revert('TooManyUnbondings', { waiting: maximum, maximum, oldestEndsAt: BigInt(oldest.endsAtSeconds) })
    }
    bond.unbondings.push({ tokenUnits, endsAtSeconds: nowSeconds + UNBOND_SECONDS })
    this.#set(bond, bonded - tokenUnits, nowSeconds)
  }

  withdraw(node: Address, nowSeconds: number): void {
    const bond = this.#bonds.get(node)
    const unbondings = bond?.unbondings ?? []
    const still = unbondings.findIndex(({ endsAtSeconds }) => nowSeconds < endsAtSeconds)
    const ended = still < 0 ? unbondings : unbondings.slice(0, still)
    const tokenUnits = ended.reduce((sum, unbonding) => sum + unbonding.tokenUnits, 0n)
    if (bond === undefined || tokenUnits === 0n) {
      const looked = unbondings.at(still < 0 ? -1 : still)
      revert('NothingToWithdraw', { node, nextEndsAt: BigInt(looked?.endsAtSeconds ?? 0) })
    }
    const { identity, tokens } = this.#components
    bond.unbondings = unbondings.slice(ended.length)
    tokens.move(identity.stake, bond.operator, tokenUnits)
  }

  /** Takes everything from a node that signed two payloads for one slot. */
  report(reporter: Address, slot: Hash, said: readonly [SignedPayload, SignedPayload], nowSeconds: number): void {
    const [first, second] = said
    if (first.payload === second.payload) revert('SamePayload', { payload: first.payload })
    const node = this.#signerOf(slot, first)
    const other = this.#signerOf(slot, second)
    if (node !== other) revert('DifferentSigners', { first: node, second: other })
    const key = `${node} ${slot}`
    if (this.#punished.has(key)) revert('AlreadyPunished', { node, slot })
    const bond = this.#bonds.get(node)
    const taken = bond === undefined ? 0n : stakeOf(bond)
    if (bond === undefined || taken === 0n) revert('NothingToSlash', { node })
    this.#punished.add(key)
    bond.isExpelled = true
    bond.unbondings = bond.unbondings.map(({ endsAtSeconds }) => ({ tokenUnits: 0n, endsAtSeconds }))
    this.#set(bond, 0n, nowSeconds)
    const { identity, tokens } = this.#components
    const reward = (taken * REPORTER_BPS) / 10_000n
    tokens.burn(identity.stake, taken - reward)
    tokens.move(identity.stake, reporter, reward)
  }

  /** @throws TypeError when the contract does not hold what nodes have staked */
  check(): void {
    const { identity, tokens } = this.#components
    let [bonded, staked] = [0n, 0n]
    for (const bond of this.#bonds.values()) {
      bonded += bond.bonded.latest
      staked += stakeOf(bond)
    }
    const held = tokens.of(identity.stake)
    if (staked !== held) throw new TypeError(`the Stake holds ${held} token units, nodes have ${staked}`)
    if (bonded !== this.#total.latest) throw new TypeError(`nodes have ${bonded} bonded, the total is another`)
  }

  #set(bond: Bond, tokenUnits: bigint, nowSeconds: number): void {
    const change = tokenUnits - bond.bonded.latest
    bond.bonded.push(nowSeconds, tokenUnits)
    this.#total.push(nowSeconds, this.#total.latest + change)
  }

  #requireConsent(operator: Address, node: Address, signature: Uint8Array): void {
    const { identity, secp256k1 } = this.#components
    const signer = nodeConsentSigner(secp256k1, { node, operator, signature }, identity)
    if (signer !== node) revert('ConsentInvalid', { node, signer: signer ?? NOBODY })
  }

  #signerOf(slot: Hash, { payload, signature }: SignedPayload): Address {
    const signer = statementSigner(this.#components.secp256k1, { slot, payload, signature })
    return signer ?? revert('StatementSignatureInvalid')
  }
}

function stakeOf(bond: Bond): bigint {
  return bond.unbondings.reduce((sum, { tokenUnits }) => sum + tokenUnits, bond.bonded.latest)
}

/** What is bonded in the current second may still change. */
function requirePast(seconds: number, nowSeconds: number): void {
  if (seconds < nowSeconds) return
  revert('NotYetPast', { timestamp: BigInt(seconds), nowSeconds: BigInt(nowSeconds) })
}
