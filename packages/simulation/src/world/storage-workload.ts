import { hasCode, isSteadError } from '@stead/core'
import { concatBytes } from '@stead/protocol'
import type { SeededRandom } from '@stead/testkit'
import type { Scheduler } from '../engine/scheduler.ts'
import type { Trace } from '../engine/trace.ts'
import { KeptObjects } from './kept-objects.ts'
import type { LiveStorageBuyer } from './node-storage.ts'
import type { SimNode } from './sim-node.ts'

/** What a workload stands on. */
export interface StorageWorkloadComponents {
  readonly scheduler: Scheduler
  readonly trace: Trace
  readonly random: SeededRandom
  /** Told of what a payer read that nobody wrote. */
  readonly onBug: (what: string) => void
}

/** Operations on objects that were acknowledged, those that ended in a refusal, and periods that payers signed for. */
export interface StorageCounts {
  readonly done: number
  readonly failed: number
  readonly paidPeriods: number
}

/** The one bucket of each payer. */
const BUCKET = 'things'
const BETWEEN_MS = 6000
/** Few, so that objects are written over and deleted while they are read. */
const KEYS = 8
/** The rest reads, half of it a range. */
const [PUT_SHARE, DELETE_SHARE] = [0.5, 0.15]
/** Objects that fit into the tree, into a pack of small ones, and those that have segments of their own. */
const SIZES = [
  { share: 0.5, bytesMax: 4000 },
  { share: 0.45, bytesMax: 120_000 },
  { share: 0.05, bytesMax: 2_000_000 },
] as const

/** Payers that put, read, range and delete objects, at moments and of sizes that the seed decides. */
export class StorageWorkload {
  readonly #components: StorageWorkloadComponents
  readonly #kept: Map<SimNode, KeptObjects> = new Map()
  /** Work on a key of a payer goes on, in this life of it. */
  readonly #busy: Set<string> = new Set()
  #isOn = false
  #done = 0
  #failed = 0

  constructor(components: StorageWorkloadComponents) {
    this.#components = components
  }

  get counts(): Omit<StorageCounts, 'paidPeriods'> {
    return { done: this.#done, failed: this.#failed }
  }

  start(payers: readonly SimNode[]): void {
    this.#isOn = true
    for (const payer of payers) this.#next(payer)
  }

  stop(): void {
    this.#isOn = false
  }

  /** What a payer may expect to read. */
  keptOf(node: SimNode): KeptObjects {
    const kept = this.#kept.get(node) ?? new KeptObjects()
    this.#kept.set(node, kept)
    return kept
  }

  #next(node: SimNode): void {
    const { scheduler, random } = this.#components
    const waitMs = -Math.log(1 - random.fraction()) * BETWEEN_MS
    scheduler.at(scheduler.nowMs + waitMs, () => {
      if (!this.#isOn) return
      const { payer, lives } = node
      if (payer?.storage !== undefined) void this.#act(node, payer.storage, lives)
      this.#next(node)
    })
  }

  async #act(node: SimNode, storage: LiveStorageBuyer, life: number): Promise<void> {
    const { random, scheduler, trace, onBug } = this.#components
    const key = `object ${Math.floor(random.fraction() * KEYS)}`
    const choice = random.fraction()
    const own = random.fork()
    const turn = `${node.plan.name} ${life} ${key}`
    if (this.#busy.has(turn)) return
    this.#busy.add(turn)
    try {
      const what = await this.#operate({ node, storage, key, random: own }, choice)
      this.#done++
      trace.tell(scheduler.nowMs, node.plan.name, what)
    } catch (error) {
      if (isSteadError(error)) trace.tell(scheduler.nowMs, node.plan.name, `could not work on ${key}: ${error.code}`)
      else if (node.isHonest) onBug(`${node.plan.name}: storage failed by its own fault: ${String(error)}`)
      this.#failed++
    } finally {
      this.#busy.delete(turn)
    }
  }
  async #operate(on: Operation, choice: number): Promise<string> {
    const isFirst = this.keptOf(on.node).keys.length === 0
    if (isFirst) await makeBucket(on.storage)
    if (choice < PUT_SHARE || isFirst) return await this.#put(on)
    if (choice < PUT_SHARE + DELETE_SHARE) return await this.#delete(on)
    return await this.#get(on, choice < (1 + PUT_SHARE + DELETE_SHARE) / 2)
  }

  async #put({ node, storage, key, random }: Operation): Promise<string> {
    const kept = this.keptOf(node)
    const bytes = random.bytes(sizeOf(random))
    kept.begin(key, bytes)
    await storage.objects.put(BUCKET, key, [bytes])
    kept.done(key, bytes)
    return `put ${key}, ${bytes.length} bytes`
  }

  async #delete({ node, storage, key }: Operation): Promise<string> {
    const kept = this.keptOf(node)
    kept.begin(key, undefined)
    await storage.objects.delete(BUCKET, key)
    kept.done(key, undefined)
    return `deleted ${key}`
  }

  async #get({ node, storage, key, random }: Operation, isWhole: boolean): Promise<string> {
    const kept = this.keptOf(node)
    const length = kept.lengthOf(key)
    const fromByte = Math.floor(random.fraction() * length)
    const toByte = fromByte + Math.floor(random.fraction() * (length - fromByte))
    const fault = await readFault(kept, storage, isWhole ? { key } : { key, range: { fromByte, toByte } })
    if (fault !== undefined && node.isHonest) this.#components.onBug(`${node.plan.name}: ${fault}`)
    return `got ${key}${isWhole ? '' : ` from ${fromByte} to ${toByte}`}`
  }
}

interface Operation {
  readonly node: SimNode
  readonly storage: LiveStorageBuyer
  readonly key: string
  readonly random: SeededRandom
}

/** Reads an object, whole or a part of it; what is wrong with it, or undefined. @throws typed errors where it cannot be read */
export async function readFault(
  kept: KeptObjects,
  { objects }: LiveStorageBuyer,
  { key, range }: { readonly key: string; readonly range?: { readonly fromByte: number; readonly toByte: number } },
): Promise<string | undefined> {
  const found = await objects.head(BUCKET, key)
  if (found === undefined) return kept.allows(key, undefined) ? undefined : `${key} is not there and was kept`
  if (range !== undefined && range.fromByte >= found.lengthBytes) {
    const isRight = kept.allows(key, new Uint8Array(0), range)
    return isRight ? undefined : `${key} ends after ${found.lengthBytes} bytes and was longer`
  }
  const { body } = await objects.get(BUCKET, key, range === undefined ? {} : { range })
  const chunks: Uint8Array[] = []
  for await (const chunk of body) chunks.push(Uint8Array.from(chunk))
  const read = concatBytes(...chunks)
  return kept.allows(key, read, range) ? undefined : `${key} is read as ${read.length} bytes that nobody put there`
}

async function makeBucket({ objects }: LiveStorageBuyer): Promise<void> {
  try {
    await objects.createBucket(BUCKET)
  } catch (error) {
    if (!hasCode(error, 'STORAGE_BUCKET_EXISTS')) throw error
  }
}

function sizeOf(random: SeededRandom): number {
  let left = random.fraction()
  for (const { share, bytesMax } of SIZES) {
    if (left < share) return 1 + Math.floor(random.fraction() * bytesMax)
    left -= share
  }
  return 0
}
