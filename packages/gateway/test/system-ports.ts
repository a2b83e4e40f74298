import { randomBytes } from 'node:crypto'
import { setTimeout as sleepFor } from 'node:timers/promises'
import { type Clock, type Random, silentLogger, type UnixMs } from '@stead/core'
import type { ObjectStore } from '@stead/storage'
import { createS3Credentials, S3Gateway, type S3GatewayInput } from '../src/index.ts'
import { MemoryObjectStore } from './memory-object-store.ts'

/** The operating system's time, which a test can put forward. */
export class ShiftedClock implements Clock {
  /** Added to the wall clock. */
  aheadMs = 0

  now(): UnixMs {
    return (Date.now() + this.aheadMs) as UnixMs
  }

  monotonicMs(): number {
    return performance.now()
  }

  setTimer(delayMs: number, callback: () => void): { clear(): void } {
    const timer = setTimeout(callback, delayMs)
    return { clear: () => clearTimeout(timer) }
  }

  async sleep(delayMs: number): Promise<void> {
    await sleepFor(delayMs)
  }
}

const random: Random = {
  bytes: (length) => Uint8Array.from(randomBytes(length)),
  fraction: () => randomBytes(4).readUInt32LE() / 2 ** 32,
}

/** A gateway that listens, with its store and what a client needs to use it. */
export interface RunningGateway {
  readonly gateway: S3Gateway
  readonly clock: ShiftedClock
  readonly store: ObjectStore
  /** `http://127.0.0.1:port` */
  readonly endpoint: string
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string }
}

/** Starts a gateway on a free port of loopback. */
export async function startGateway(
  options: Omit<S3GatewayInput, 'credentials'> = {},
  wrap: (store: ObjectStore) => ObjectStore = (store) => store,
): Promise<RunningGateway> {
  const clock = new ShiftedClock()
  const store = wrap(new MemoryObjectStore(clock))
  const credentials = createS3Credentials(random)
  const gateway = new S3Gateway(
    { store, clock, random, logger: silentLogger },
    { credentials: [credentials], stopGraceMs: 200, ...options },
  )
  return { gateway, clock, store, endpoint: await gateway.start(), credentials }
}
