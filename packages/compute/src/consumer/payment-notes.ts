import type { Hash, MicroUsd } from '@stead/core'
import type { JobRunnerComponents } from './job-runner-components.ts'

/** Notes in a job's journal what of it was paid. */
export class PaymentNotes {
  readonly #components: Pick<JobRunnerComponents, 'recorder' | 'market'>
  /** By channel, what is noted. */
  readonly #paid: Map<Hash, bigint> = new Map()

  constructor(components: Pick<JobRunnerComponents, 'recorder' | 'market'>) {
    this.#components = components
  }

  /** Notes what was paid since. Payments of other jobs on the same channel are taken to have come first. */
  note(): void {
    const { recorder, market } = this.#components
    const { ledger } = recorder
    const notedOn = (channel: Hash): bigint => this.#paid.get(channel) ?? 0n
    // Asked at each tick, and most of the time all that was accepted is paid.
    const unpaid = new Set(ledger.channels.filter((channel) => notedOn(channel) < ledger.grossOn(channel)))
    if (unpaid.size === 0) return
    for (const channel of market.channels()) {
      if (!unpaid.has(channel.id)) continue
      const gross = ledger.grossOn(channel.id)
      const { node } = channel.terms
      const { paidMicroUsd: signed, prepaidMicroUsd, unpaidMicroUsd, receiptedMicroUsd } = channel.stats()
      const others = signed - prepaidMicroUsd + unpaidMicroUsd - gross
      const paid = clamp(receiptedMicroUsd - others, gross)
      if (paid <= notedOn(channel.id)) continue
      this.#paid.set(channel.id, paid)
      recorder.note({ type: 'paid', node, channel: channel.id, paidMicroUsd: paid.toString() })
    }
  }
}

function clamp(value: bigint, max: MicroUsd): bigint {
  if (value < 0n) return 0n
  return value > max ? max : value
}
