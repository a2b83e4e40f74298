import type { EpochTerms, UnixMs } from '@stead/core'

/** How a simulated chain's time is cut into epochs. */
export class EpochClock {
  readonly genesisSeconds: number
  readonly epochSeconds: number

  constructor(genesisSeconds: number, epochSeconds: number) {
    this.genesisSeconds = genesisSeconds
    this.epochSeconds = epochSeconds
  }

  get terms(): EpochTerms {
    return { genesisAt: (this.genesisSeconds * 1000) as UnixMs, epochSeconds: this.epochSeconds }
  }

  epochAt(seconds: number): number {
    return Math.floor((seconds - this.genesisSeconds) / this.epochSeconds)
  }

  /** First second of an epoch, which is the end of the one before. */
  beginsAtSeconds(epoch: number): number {
    return this.genesisSeconds + epoch * this.epochSeconds
  }
}
