import type { ComputeConsumer, JobHandle } from '@stead/compute'
import { type Hash, isSteadError } from '@stead/core'
import { decorated } from '@stead/testkit'
import { JobConduct } from '../checks/job-conduct.ts'
import { JobAccount } from './job-account.ts'
import { LiarBook } from './liar-book.ts'

/** A job that is followed, with its payer. */
export interface WitnessedJob {
  readonly payer: string
  readonly handle: JobHandle
  readonly account: JobAccount
  readonly conduct: JobConduct
}

/**
 * Reads along in the journals of jobs as whoever submitted them may, and adds up by itself what they tell. It survives
 * the crashes of those whom it watches.
 */
export class JobWitness {
  readonly #ids: Map<string, Hash[]> = new Map()
  readonly #liars: Map<string, LiarBook> = new Map()
  readonly #jobs: Map<Hash, WitnessedJob> = new Map()

  /** Jobs of payers, as their latest life has them. */
  get jobs(): Iterable<WitnessedJob> {
    return this.#jobs.values()
  }

  /** Follows a job no more. */
  leave({ handle }: WitnessedJob): void {
    this.#jobs.delete(handle.id)
  }

  /** What the journals of a payer tell of liars. */
  liarsOf(payer: string): LiarBook {
    const known = this.#liars.get(payer) ?? new LiarBook()
    this.#liars.set(payer, known)
    return known
  }

  /** The buying side of one life of a payer, watched. */
  watch(payer: string, compute: ComputeConsumer): ComputeConsumer {
    return decorated(compute, {
      start: async () => {
        await compute.start()
        for (const id of this.#ids.get(payer) ?? []) void this.#resume(payer, compute, id)
      },
      submit: async (request) => {
        const handle = await compute.submit(request)
        this.#ids.set(payer, [...(this.#ids.get(payer) ?? []), handle.id])
        void this.#follow(payer, handle)
        return handle
      },
    })
  }

  /** A job that a disk forgot, or cannot read, tells nothing. */
  async #resume(payer: string, compute: ComputeConsumer, id: Hash): Promise<void> {
    this.#jobs.delete(id)
    try {
      await this.#follow(payer, await compute.job(id))
    } catch (error) {
      if (!isSteadError(error)) throw error
    }
  }

  async #follow(payer: string, handle: JobHandle): Promise<void> {
    const job = { payer, handle, account: new JobAccount(), conduct: new JobConduct() }
    this.#jobs.set(handle.id, job)
    const liars = this.liarsOf(payer)
    for await (const event of handle.events(1)) {
      job.account.take(event)
      job.conduct.take(event)
      liars.take(handle.id, event)
    }
  }
}
