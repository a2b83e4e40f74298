import type { BillEntry } from '@stead/protocol'
import type { Journal } from '../journal/journal.ts'
import { entryRowSchema } from '../journal/rows.ts'
import { deliveryRowKey, PROVIDER_TABLES, put } from '../journal/tables.ts'
import type { Admission } from './admission.ts'
import type { ProviderChannel } from './provider-channel.ts'

/** What an admission tells when it ends. */
export interface AdmissionEnd {
  readonly journal: Journal
  readonly onEnd: (delivered: boolean) => void
}

/** An admission on a channel's books. */
export class OpenAdmission implements Admission {
  readonly #channel: ProviderChannel
  readonly #key: string
  readonly #end: AdmissionEnd
  #isOpen = true

  constructor(channel: ProviderChannel, key: string, end: AdmissionEnd) {
    this.#channel = channel
    this.#key = key
    this.#end = end
  }

  async deliver(entry: BillEntry): Promise<void> {
    if (!this.#isOpen) return
    this.#isOpen = false
    let isDelivered = false
    try {
      this.#channel.ledger.deliver(this.#key, entry)
      const key = deliveryRowKey(this.#channel.id, this.#key)
      await this.#end.journal.append(put(PROVIDER_TABLES.delivered, key, entryRowSchema.encodeMessage(entry)))
      isDelivered = true
    } finally {
      // Without its row the delivery would be forgotten in a crash, so without it the result does not leave.
      if (!isDelivered) this.#channel.ledger.undeliver(this.#key)
      this.#end.onEnd(isDelivered)
    }
  }

  release(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#channel.ledger.release(this.#key)
    this.#end.onEnd(false)
  }
}
