import { randomBytes } from 'node:crypto'
import { setTimeout as sleepFor } from 'node:timers/promises'
import { type Clock, type Random, silentLogger, type UnixMs } from '@stead/core'
import {
  createFrameCipher,
  MemoryRootPointers,
  MemorySegmentStore,
  type ObjectStore,
  PathSecret,
  TreeObjectStore,
} from '@stead/storage'
import { createS3Credentials, S3Gateway, type S3GatewayInput } from '../src/index.ts'

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

  async sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    await sleepFor(delayMs, undefined, signal === undefined ? {} : { signal })
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

/** The store of a node, but for the network: its segments and pointers are in memory. */
function memoryStore(clock: Clock): ObjectStore {
  return new TreeObjectStore({
    segments: new MemorySegmentStore({ cipher: createFrameCipher(), random, clock }),
    pointers: new MemoryRootPointers().open,
    secret: new PathSecret(random.bytes(32)),
    random,
    clock,
    logger: silentLogger,
  })
}

/** Starts a gateway on a free port of loopback. */
export async function startGateway(
  options: Omit<S3GatewayInput, 'credentials'> = {},
  wrap: (store: ObjectStore) => ObjectStore = (store) => store,
): Promise<RunningGateway> {
  const clock = new ShiftedClock()
  const store = wrap(memoryStore(clock))
  const credentials = createS3Credentials(random)
  const gateway = new S3Gateway(
    { store, clock, random, logger: silentLogger },
    { credentials: [credentials], stopGraceMs: 200, ...options },
  )
  return { gateway, clock, store, endpoint: await gateway.start(), credentials }
}
