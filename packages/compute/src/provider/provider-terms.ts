import type { Fuel, MicroUsd } from '@stead/core'
import type { ComputeProviderOptions } from '../options.ts'
import type { ComputeTerms } from '../terms.ts'

/** The terms that a provider with these options offers. */
export function termsOf(options: ComputeProviderOptions, meterVersion: number): ComputeTerms {
  return {
    version: 1,
    priceMicroUsdPerGigafuel: BigInt(options.priceMicroUsdPerGigafuel) as MicroUsd,
    minimumMicroUsdPerTask: BigInt(options.minimumMicroUsdPerTask) as MicroUsd,
    fuelMax: BigInt(options.fuelMax) as Fuel,
    memoryPagesMax: options.memoryPagesMax,
    outputBytesMax: options.outputBytesMax,
    timeMsMax: options.timeMsMax,
    moduleBytesMax: options.moduleBytesMax,
    inputBytesMax: options.inputBytesMax,
    concurrency: options.concurrency,
    meterVersion,
  }
}
