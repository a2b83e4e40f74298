import { setTimeout as sleepFor } from 'node:timers/promises'
import type { Address, EpochTerms, FinalRoot, RootEvent, RootProposal, Signer } from '@stead/core'
import { hasCode, microUsd } from '@stead/core'
import { loadOrCreateKey, systemRandom } from '@stead/node/identity'
import { createSigner } from '@stead/protocol'
import type { DaemonClient } from '@stead/sdk'
import { type OpenEconomy, withEconomy } from '../chain/with-economy.ts'
import { daemonClient } from '../daemon-access.ts'
import { type DevMember, type DevNetwork, operatorKeyPath } from '../dev/dev-network.ts'
import { CliError } from '../errors.ts'
import type { LoadedPackage } from '../job/load-package.ts'
import { patiently } from '../patiently.ts'
import { providerOf } from './cast.ts'
import { SELF_PAID_MICRO_USD } from './epoch-terms.ts'
import { type BoughtLot, buyWhenFair } from './lot-buyer.ts'
import type { Cue } from './run-role.ts'
import { selfDeal } from './self-deal.ts'
import { claimEverything, payEverybody, type SmallJob, smallJob, wakeEverybody } from './traffic.ts'

/** What a play stands on. */
export interface PlayComponents {
  readonly network: DevNetwork
  /** Acts with the account that has the tokens of the genesis. */
  readonly open: OpenEconomy
  readonly loaded: LoadedPackage
  readonly onProgress: (line: string) => void
  readonly signal: AbortSignal
}

/** What happened, as far as the play saw it; everything else is on the chain. */
export interface PlayRecord {
  readonly firstEpoch: number
  /** Epochs with traffic; one more ends the play, in which the last fees are sold. */
  readonly epochs: number
  readonly lots: readonly BoughtLot[]
  /** The false root with what became of it. */
  readonly lie: RootEvent
  readonly roots: readonly FinalRoot[]
  /** Dollars of the self-dealing operator before it began. */
  readonly selfDealerStartMicroUsd: bigint
}

const LOOK_MS = 200
/** Into an epoch, in parts of it: when the often-offline node is switched off, and on again. */
const OFF_AT = 0.5
const ON_AT = 0.7
/** A root that is not final by then will not be. */
const FINAL_WITHIN_EPOCHS = 5

/** Plays some epochs with all operators of the cast. Paid work, claims, sales and roots are real; so are the faults. */
export class EpochPlay {
  readonly #components: PlayComponents
  readonly #job: Promise<SmallJob>
  readonly #lots: BoughtLot[] = []
  readonly #roots: FinalRoot[] = []
  #hasLied = false
  #hasChallenged = false
  #terms: EpochTerms | undefined

  constructor(components: PlayComponents) {
    this.#components = components
    this.#job = smallJob(components.loaded)
  }

  /** @throws CliError CLI_JOB_FAILED, CLI_DEV_FAILED, CLI_INTERRUPTED; SdkError; ChainError */
  async run(epochs: number): Promise<PlayRecord> {
    const { open } = this.#components
    this.#terms = await open.economy.epochTerms()
    const selfDealerStartMicroUsd = await this.#fundSelfDealer()
    await wakeEverybody(this.#payer(), this.#operators(), await this.#job)
    const firstEpoch = this.#epochAt(await open.chain.blockTime()) + 1
    for (let index = 0; index < epochs; index++) await this.#epoch(firstEpoch + index, index, epochs)
    await this.#reach(this.#beginOf(firstEpoch + epochs))
    this.#say(firstEpoch + epochs, 'no more traffic; the last fees are sold')
    await this.#conclude(firstEpoch + epochs - 1, epochs - 1 === lieIndex(epochs))
    await this.#reach(this.#beginOf(firstEpoch + epochs + 1))
    await this.#root(firstEpoch + epochs, false)
    await this.#claimRewards()
    const { lots, roots } = { lots: this.#lots, roots: this.#roots }
    const lie = await this.#lieOf(firstEpoch + lieIndex(epochs))
    return { firstEpoch, epochs, lots, roots, lie, selfDealerStartMicroUsd }
  }

  /** The first root that was proposed for an epoch, from the chain's own events. */
  async #lieOf(epoch: number): Promise<RootEvent> {
    const { history, ledger } = this.#components.open
    const span = { fromBlock: history.firstBlock, toBlock: (await history.head()).number }
    const [first] = await ledger.rootsProposed(span, epoch)
    if (first === undefined) throw new CliError('CLI_DEV_FAILED', `no root of epoch ${epoch} was proposed`)
    return first
  }

  async #epoch(epoch: number, index: number, epochs: number): Promise<void> {
    await this.#reach(this.#beginOf(epoch))
    this.#say(epoch, 'everybody is paid the same for the same work; the self-dealer pays itself besides')
    if (index === 0) this.#cue('equivocating', epoch)
    if (index === lieIndex(epochs)) this.#cue('proposer-of-a-lie', epoch)
    await Promise.all([
      this.#traffic(epoch),
      ...(index === 0 ? [] : [this.#conclude(epoch - 1, index - 1 === lieIndex(epochs))]),
    ])
  }

  /** The often-offline node is paid first: later it is away. */
  async #traffic(epoch: number): Promise<void> {
    const away = this.#providers()[providerOf('often-offline') - 1]
    const operators = this.#operators()
    const offline = async (): Promise<void> => {
      await this.#pay(operators.filter((operator) => operator === away?.operator))
      await this.#offline(epoch)
    }
    const others = operators.filter((operator) => operator !== away?.operator)
    await Promise.all([offline(), this.#pay(others), this.#selfDeal()])
    await claimEverything(this.#providers())
  }

  async #pay(operators: readonly Address[]): Promise<void> {
    await payEverybody(this.#payer(), operators, await this.#job)
  }

  #payer(): DaemonClient {
    return daemonClient(this.#components.network.layout.payerDir)
  }

  #operators(): readonly Address[] {
    return this.#providers().flatMap(({ operator }) => operator ?? [])
  }

  /** Fees of an epoch are sold, and its root is proposed, while the next one runs. */
  async #conclude(epoch: number, isLie: boolean): Promise<void> {
    const { open } = this.#components
    const sell = async () => {
      const lot = await buyWhenFair(open, { until: this.#beginOf(epoch + 2), sleep: (delayMs) => this.#sleep(delayMs) })
      if (lot !== undefined) this.#lots.push(lot)
    }
    await Promise.all([sell(), this.#root(epoch, isLie)])
  }

  /** Waits until the root of an epoch is final. The honest proposer proposes it, unless somebody else is to be first. */
  async #root(epoch: number, isLie: boolean): Promise<void> {
    const { open, network } = this.#components
    const { economy } = open
    const honest = daemonClient(network.layout.providerDir(providerOf('honest')))
    const endsAt = this.#beginOf(epoch + 1 + FINAL_WITHIN_EPOCHS)
    for (; (await open.chain.blockTime()) < endsAt; await this.#sleep(LOOK_MS)) {
      const final = await economy.finalRoot()
      if (final !== undefined && final.epoch >= epoch) {
        this.#roots.push(final)
        return this.#say(epoch, `root ${final.root.slice(0, 10)}… is final`)
      }
      const proposal = await economy.proposal()
      if (proposal?.epoch === epoch && isLie) this.#watchLie(proposal)
      // A proposal that nobody decided on was dropped: then anybody may propose again.
      const isFree = proposal === undefined && (!isLie || this.#hasLied || (await this.#isLate(epoch)))
      if (isFree) await this.#propose(honest, epoch)
    }
    throw new CliError('CLI_DEV_FAILED', `the root of epoch ${epoch} did not become final in time`)
  }

  async #propose(honest: DaemonClient, epoch: number): Promise<void> {
    try {
      await honest.runEpoch(epoch)
    } catch (error) {
      if (!isTooEarly(error)) throw error
    }
  }

  #watchLie({ epoch, challenge }: RootProposal): void {
    if (!this.#hasLied) this.#say(epoch, 'a false root was proposed')
    this.#hasLied = true
    if (challenge === undefined || this.#hasChallenged) return
    this.#hasChallenged = true
    this.#say(epoch, `it was challenged by ${challenge.challenger}; the nodes vote`)
  }

  /** The liar may have come and gone between two looks; or its machine is too busy to lie. */
  async #isLate(epoch: number): Promise<boolean> {
    return (await this.#components.open.chain.blockTime()) > this.#beginOf(epoch + 2)
  }

  async #offline(epoch: number): Promise<void> {
    const { network } = this.#components
    const name = `provider-${providerOf('often-offline')}`
    const begin = this.#beginOf(epoch)
    const length = this.#beginOf(epoch + 1) - begin
    await this.#reach(begin + OFF_AT * length)
    await network.stopMember(name)
    await this.#reach(begin + ON_AT * length)
    await network.startMember(name)
  }

  #cue(role: 'equivocating' | 'proposer-of-a-lie', epoch: number): void {
    const cue: Cue = { type: 'lie', epoch }
    this.#components.network.processOf(`provider-${providerOf(role)}`)?.tell(cue)
  }

  async #fundSelfDealer(): Promise<bigint> {
    const { network, open } = this.#components
    const { operator } = this.#selfDealer()
    await network.giveDollars(operator.address, microUsd(2n * SELF_PAID_MICRO_USD))
    return (await open.chain.balances(operator.address)).dollarMicroUsd
  }

  async #selfDeal(): Promise<void> {
    const { network } = this.#components
    const { operator, member } = this.#selfDealer()
    const place = { rpcUrl: network.rpcUrl, addressBook: network.layout.addressBook }
    const deal = { operator, node: member.node, amountMicroUsd: SELF_PAID_MICRO_USD }
    await withEconomy(
      place,
      async (open) => {
        await selfDeal(open, deal)
        // What it paid itself comes back, less the fee, and is paid again in the next epoch.
        await open.chain.payout(operator.address)
      },
      operator,
    )
  }

  #selfDealer(): { readonly operator: Signer; readonly member: DevMember } {
    const { secp256k1 } = this.#components.open
    const member = this.#providers()[providerOf('self-dealing') - 1]
    if (member === undefined) throw new TypeError('the network has no self-dealing provider')
    const key = loadOrCreateKey(operatorKeyPath(member.dataDir), { secp256k1, random: systemRandom })
    return { operator: createSigner(secp256k1, key), member }
  }

  async #claimRewards(): Promise<void> {
    for (const { dataDir } of this.#providers()) await patiently(() => daemonClient(dataDir).claimRewards())
  }

  #providers(): readonly DevMember[] {
    return this.#components.network.members.filter(({ operator }) => operator !== undefined)
  }

  #beginOf(epoch: number): number {
    const { genesisAt, epochSeconds } = this.#terms ?? { genesisAt: 0, epochSeconds: 1 }
    return genesisAt + epoch * epochSeconds * 1000
  }

  #epochAt(at: number): number {
    const { genesisAt, epochSeconds } = this.#terms ?? { genesisAt: 0, epochSeconds: 1 }
    return Math.floor((at - genesisAt) / 1000 / epochSeconds)
  }

  /** Waits for a moment of the chain's time. */
  async #reach(at: number): Promise<void> {
    while ((await this.#components.open.chain.blockTime()) < at) await this.#sleep(LOOK_MS)
  }

  async #sleep(delayMs: number): Promise<void> {
    const { signal } = this.#components
    if (signal.aborted) throw new CliError('CLI_INTERRUPTED', 'interrupted')
    await sleepFor(delayMs)
  }

  #say(epoch: number, what: string): void {
    this.#components.onProgress(`epoch ${epoch}: ${what}`)
  }
}

/** The epoch's logs are gathered, or somebody else was faster: the next look will say. */
function isTooEarly(error: unknown): boolean {
  const codes = ['EPOCHS_NOT_OVER', 'REWARDS_NOT_OVER', 'EPOCHS_REFUSED', 'CHAIN_REVERTED']
  return codes.some((code) => hasCode(error, code))
}

/** In which of the epochs the false root is proposed: the second where there is one, so that an honest one was before. */
function lieIndex(epochs: number): number {
  return Math.min(1, epochs - 1)
}
