import { isSteadError, messageOf } from '@stead/core'
import { type Claimant, type EpochBegin, type EpochNumber, epochNumber } from '@stead/rewards'
import { EPOCH_TABLES, forkKey } from './epoch-tables.ts'
import type { LogBook } from './log-book.ts'
import type { NodeDirectory } from './node-directory.ts'
import type { NoticeBoard } from './notice-board.ts'
import type { EpochPorts } from './ports.ts'
import type { ResponderSource } from './probe-responder.ts'
import { ProbeRound, type ProbeRoundOptions } from './probe-round.ts'
import { scheduleOf } from './schedule.ts'

/** What the desk stands on. */
export interface ProbingParts extends ResponderSource {
  /** Who brought nodes their claims before an epoch. */
  readonly claimantsOf: (epoch: EpochNumber) => Promise<readonly Claimant[]>
  readonly logs: LogBook
  readonly board: NoticeBoard
}

/** This node as a prober, from epoch to epoch: probes while one runs, publishes the log when it is over. */
export class ProbingDesk {
  readonly #ports: EpochPorts & { readonly directory: NodeDirectory }
  readonly #parts: ProbingParts
  readonly #rounds: Map<EpochNumber, ProbeRound> = new Map()
  readonly #published: Set<EpochNumber> = new Set()
  #entered: EpochBegin | undefined

  constructor(ports: EpochPorts & { readonly directory: NodeDirectory }, parts: ProbingParts) {
    this.#ports = ports
    this.#parts = parts
  }

  stop(): void {
    for (const round of this.#rounds.values()) round.stop()
    this.#rounds.clear()
  }

  /**
   * Publishes what is due and enters the epoch that runs. Publishing comes first: entering asks the chain, and a log that
   * waits for that may come too late. @throws ChainError, EpochsError, CoreError of the store
   */
  async look(): Promise<void> {
    const epoch = this.#ports.time.epoch()
    if (this.#entered === undefined && epoch > 0) await this.#resume(epochNumber(epoch - 1))
    for (const [each, round] of this.#rounds) await this.#publish(each, round)
    await this.#enter(epoch)
  }

  /** Also again, when another fork of the chain has won: its beacon draws others, and counts no answers of before. */
  async #enter(epoch: EpochNumber): Promise<void> {
    const found = await this.#parts.beginOf(epoch)
    // Its first block is not there yet.
    if (found === undefined) return
    const { beacon, nodes } = found.begin
    if (this.#entered?.epoch === epoch && this.#entered.beacon === beacon) return
    const { signer } = this.#ports
    const isBonded = nodes.some(({ node }) => node === signer.address)
    const hasAudits = isBonded && found.quality.audits !== undefined
    // Before anything is entered: when the chain does not answer, it is asked again.
    const claimants = hasAudits ? await this.#parts.claimantsOf(epoch) : []
    this.#entered = found.begin
    this.#rounds.get(epoch)?.stop()
    this.#rounds.delete(epoch)
    if (!isBonded) return
    void this.#announce()
    await this.#open(epoch, { ...found, claimants })
  }

  /** Not waited for: the table of the network may take longer than the first probes do. */
  async #announce(): Promise<void> {
    const { directory, signer, logger } = this.#ports
    try {
      await directory.announce(signer.address)
    } catch (error) {
      if (!isSteadError(error)) throw error
      logger.debug('the node was not announced', { error: messageOf(error) })
    }
  }

  /** An earlier run of this node began to probe in the epoch that just ended: its log is still owed. */
  async #resume(epoch: EpochNumber): Promise<void> {
    const { store, time, calendar } = this.#ports
    if (this.#rounds.has(epoch) || time.now() >= scheduleOf(calendar, epoch).logsCloseAt) return
    const found = await this.#parts.beginOf(epoch)
    if (found === undefined || (await store.get(EPOCH_TABLES.seeds, forkKey(found.begin))) === undefined) return
    // Nobody is audited any more; what was found is on the disk.
    await this.#open(epoch, { ...found, claimants: [] })
  }

  async #open(epoch: EpochNumber, options: ProbeRoundOptions): Promise<void> {
    const round = new ProbeRound(this.#ports, options)
    await round.start()
    this.#rounds.set(epoch, round)
    this.#ports.logger.info('epoch entered', { epoch, bonded: options.begin.nodes.length, targets: round.targets })
  }

  async #publish(epoch: EpochNumber, round: ProbeRound): Promise<void> {
    const { time, calendar, signer } = this.#ports
    const { endsAt, logsCloseAt } = scheduleOf(calendar, epoch)
    const now = time.now()
    if (now < endsAt) return
    if (now >= logsCloseAt) {
      round.stop()
      this.#rounds.delete(epoch)
      return
    }
    if (this.#published.has(epoch)) return
    const document = await this.#parts.logs.takeOwn(epoch, await round.log())
    await this.#parts.board.publish({ version: 1, kind: 'log', epoch, node: signer.address, document })
    this.#published.add(epoch)
    this.#ports.logger.info('probe log published', { epoch, log: document, reports: round.targets })
  }
}
