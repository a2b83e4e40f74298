import {
  type Address,
  type Chain,
  type Economy,
  type EconomyHistory,
  type EconomyLedger,
  type ErrorDetails,
  type Hash,
  hasCode,
  hash,
  type MicroUsd,
  microUsd,
  type RootProposal,
  type RootResult,
  type Signer,
  type SteadError,
} from '@stead/core'
import { signNodeConsent, signStatement } from '@stead/protocol'
import { decisionPayloadOf, rootOfClaim } from '../economy/reward-hashes.ts'
import { buildTestPurse } from '../test-purse.ts'

export const TOKEN: bigint = 10n ** 18n
/** The program that mints, in the fixture from the beginning. */
export const UTILITY: Hash = hash(`0x${'a1'.repeat(32)}`)
/** The program that sponsors pay, in the fixture from the beginning. */
export const COVERAGE: Hash = hash(`0x${'c0'.repeat(32)}`)

/** What a fixture's contracts are deployed with. */
export interface ComplianceTerms {
  readonly epochSeconds: number
  readonly challengeSeconds: number
  readonly decisionSeconds: number
  readonly kappaBps: number
  readonly programs: { readonly id: Hash; readonly source: 'minted' | 'sponsored' }[]
}

/** The constants that a fixture's contracts have; all others are defaults. */
export const COMPLIANCE_TERMS: ComplianceTerms = {
  epochSeconds: 1000,
  challengeSeconds: 100,
  decisionSeconds: 100,
  kappaBps: 8000,
  programs: [
    { id: UTILITY, source: 'minted' },
    { id: COVERAGE, source: 'sponsored' },
  ],
}

/** One account's view of a chain: started adapters of all ports. */
export interface EconomyAccount {
  readonly chain: Chain
  readonly economy: Economy
  readonly history: EconomyHistory
  readonly ledger: EconomyLedger
}

/** A chain with the contracts on it, by {@link COMPLIANCE_TERMS}. */
export interface EconomyFixture {
  /** A new account with gas, 1000 dollars and a million tokens. */
  connect(): Promise<EconomyAccount>
  /** A key that nobody else uses. */
  newSigner(): Signer
  newSalt(): Hash
  passSeconds(seconds: number): Promise<void>
  /** What governance can do. */
  setKappaBps(kappaBps: number): Promise<void>
  setProgram(program: Hash, source: 'minted' | 'sponsored', isEnabled: boolean): Promise<void>
  stop(): Promise<void>
}

export const dollars = (amount: number): MicroUsd => microUsd(BigInt(Math.round(amount * 1_000_000)))

/** The details of a refusal with a code; whatever else comes is thrown. */
export async function refusal(promise: Promise<unknown>, code = 'CHAIN_REVERTED'): Promise<ErrorDetails> {
  const error: unknown = await promise.then(
    () => new Error(`it was not refused with ${code}`),
    (thrown: unknown) => thrown,
  )
  if (!hasCode(error, code)) throw error
  return (error as SteadError).details
}

/** What a payer paid an operator, and the epoch whose lot has its fee. */
export interface PaidWork {
  readonly operator: Address
  readonly node: Address
  readonly voucherSigner: Address
  readonly channel: Hash
  readonly epoch: number
}

/** What the cases of the suite do again and again. */
export class EconomyBench {
  readonly fixture: EconomyFixture

  constructor(fixture: EconomyFixture) {
    this.fixture = fixture
  }

  async epochNow({ chain, economy }: EconomyAccount): Promise<number> {
    const { genesisAt, epochSeconds } = await economy.epochTerms()
    return Math.floor(((await chain.blockTime()) - genesisAt) / 1000 / epochSeconds)
  }

  /** Moves into the next epoch. */
  async passEpoch(): Promise<void> {
    await this.fixture.passSeconds(COMPLIANCE_TERMS.epochSeconds)
  }

  consentOf(node: Signer, { chain }: EconomyAccount): Uint8Array {
    return signNodeConsent(node, chain.account, chain.identity)
  }

  /** A new node of an account's with so many whole tokens bonded. */
  async bonded(account: EconomyAccount, tokens = 2000): Promise<Signer> {
    const node = this.fixture.newSigner()
    await account.economy.bond(node.address, BigInt(tokens) * TOKEN, this.consentOf(node, account))
    return node
  }

  /** Vouchers of so much, claimed for an operator. */
  async pay(payer: EconomyAccount, amountMicroUsd: MicroUsd, to?: PaidWork): Promise<PaidWork> {
    const { fixture } = this
    const leaf = {
      node: to?.node ?? fixture.newSigner().address,
      operator: to?.operator ?? fixture.newSigner().address,
      allocationMicroUsd: amountMicroUsd,
    }
    const { chain } = payer
    const voucherKey = fixture.newSigner()
    const parties = { payer: chain.account, voucherKey, salt: fixture.newSalt() }
    const purse = buildTestPurse(chain.identity, parties, [leaf])
    await chain.fund(purse)
    await chain.claim([purse.claimOf(0, amountMicroUsd)])
    const { node, operator } = leaf
    return {
      operator,
      node,
      voucherSigner: voucherKey.address,
      channel: purse.channelOf(0),
      epoch: await this.epochNow(payer),
    }
  }

  /** Buys what is for sale, whatever it costs. */
  async buy({ economy }: EconomyAccount): Promise<void> {
    const { lot, costTokenUnits } = await economy.lotForSale()
    // An epoch may end meanwhile, and the price begin again.
    await economy.buyLot(lot, 4n * costTokenUnits)
  }

  /** The result whose root has one line only. */
  resultOf(program: Hash, operator: Address, cumulative: bigint): RootResult {
    return { root: rootOfClaim({ program, operator, cumulative, proof: [] }), evidence: this.fixture.newSalt() }
  }

  /** Makes a result final for the newest epoch that is over; nobody challenges it. */
  async makeFinal(account: EconomyAccount, node: Address, result: RootResult): Promise<void> {
    const { economy } = account
    await economy.propose((await this.epochNow(account)) - 1, result, node)
    const { attempt } = await this.open(account)
    await this.fixture.passSeconds(COMPLIANCE_TERMS.challengeSeconds + 1)
    await economy.finalize(attempt)
  }

  /** The open proposal. @throws TypeError when there is none */
  async open({ economy }: EconomyAccount): Promise<RootProposal> {
    const open = await economy.proposal()
    if (open === undefined) throw new TypeError('no proposal is open')
    return open
  }

  /** A node's signature for a result of the open proposal. */
  vote(node: Signer, slot: Hash, result: RootResult): { readonly node: Address; readonly signature: Uint8Array } {
    return { node: node.address, signature: signStatement(node, slot, decisionPayloadOf(result)).signature }
  }
}
