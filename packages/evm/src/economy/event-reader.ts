import type { Address, BlockSpan } from '@stead/core'
import type { Hex } from '../answer.ts'
import type { ChainLog, LogFilter } from '../chain-rpc.ts'
import type { EconomyEvent } from './economy-events.ts'

/** Where the contracts are whose events are read. */
export type EventPlaces = Readonly<Record<EconomyEvent<unknown>['of'], Address>>

/** Finds and decodes events of the economy's contracts. */
export class EventReader {
  readonly #search: (filter: LogFilter) => Promise<readonly ChainLog[]>
  readonly #places: EventPlaces

  /** @param search Finds events page by page. */
  constructor(search: (filter: LogFilter) => Promise<readonly ChainLog[]>, places: EventPlaces) {
    this.#search = search
    this.#places = places
  }

  /**
   * Oldest first, whatever order the endpoint has.
   * @param rest The event's indexed values in their order; null stands for any
   * @throws ChainError CHAIN_BAD_ANSWER for an endpoint that makes logs up, and those of every request
   */
  async read<Value>(
    event: EconomyEvent<Value>,
    span: BlockSpan,
    rest: readonly (Hex | null)[] = [],
  ): Promise<readonly Value[]> {
    if (span.toBlock < span.fromBlock) return []
    const logs = await this.#search({ contract: this.#places[event.of], topics: [event.topic, ...rest], ...span })
    return logs
      .toSorted((left, right) => left.blockNumber - right.blockNumber || left.logIndex - right.logIndex)
      .map(event.read)
  }
}
