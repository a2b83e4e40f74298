import { setTimeout as sleepFor } from 'node:timers/promises'
import { silentLogger, type UnixMs } from '@stead/core'
import { bytesToHex, nobleSecp256k1, peerIdOfPublicKey, sha256 } from '@stead/protocol'
import { DaemonClient, SdkError } from '@stead/sdk'
import {
  createFrameCipher,
  GrantDesk,
  MemoryRootPointers,
  MemorySegmentStore,
  openSharedTree,
  PathSecret,
  parseShareLink,
  type RootPointer,
  type SegmentStore,
  SharedFolder,
  TreeObjectStore,
} from '@stead/storage'
import { SeededRandom } from '@stead/testkit'
import { systemClock } from '../../src/adapters/system-clock.ts'
import { systemRandom } from '../../src/adapters/system-random.ts'
import { ApiServer } from '../../src/api/api-server.ts'
import { createRoutes } from '../../src/api/create-routes.ts'
import { grantHandlers } from '../../src/api/grant-handlers.ts'
import type { Handlers } from '../../src/api/handlers.ts'
import { objectHandlers } from '../../src/api/object-handlers.ts'
import { shareHandlers } from '../../src/api/share-handlers.ts'
import type { SteadNode } from '../../src/daemon/stead-node.ts'

/** Longer than unfinished writes are kept. */
const SWEEP_AHEAD_MS = 8 * 86_400_000

const OWNER = peerIdOfPublicKey(nobleSecp256k1.publicKey(new Uint8Array(32).fill(9)))
/** Of what is written with a link. */
const PART_BYTES = 524_160

/** The API of a node over objects whose segments are in memory; the rest of the node is not there. */
export class ObjectWorld {
  readonly segments: MemorySegmentStore
  readonly objects: TreeObjectStore
  readonly grants: GrantDesk
  readonly #blobs = new Map<string, Uint8Array>()
  /** By their names, as those who have a link find them. */
  readonly #pointers = new Map<string, RootPointer>()
  #aheadMs = 0
  #server: ApiServer | undefined
  #access: { readonly url: string; readonly token: string } | undefined

  constructor(segments: (own: SegmentStore) => SegmentStore = (own) => own) {
    const random = new SeededRandom(3)
    const clock = { ...systemClock, now: () => (systemClock.now() + this.#aheadMs) as UnixMs }
    const { open } = new MemoryRootPointers()
    const pointers = (seed: Uint8Array): RootPointer => {
      const pointer = open(seed)
      this.#pointers.set(bytesToHex(sha256(seed)), pointer)
      return pointer
    }
    this.segments = new MemorySegmentStore({ cipher: createFrameCipher(), random, clock })
    this.objects = new TreeObjectStore(
      {
        segments: segments(this.segments),
        pointers,
        secret: new PathSecret(new Uint8Array(32).fill(1)),
        random,
        clock,
        logger: silentLogger,
      },
      { gatherMs: 0 },
    )
    this.grants = new GrantDesk(
      { intake: this.objects.grants.intake, clock: systemClock, logger: silentLogger },
      PART_BYTES,
    )
  }

  /** Begins to listen, on another port with another token each time. */
  async start(): Promise<void> {
    const { objects, grants } = this
    const node = {
      trade: {
        payer: { storage: { open: async () => ({ objects, grants }) } },
        blobs: { cache: { put: async (bytes: Uint8Array) => this.#keep(bytes) } },
      },
      foundation: { network: { self: OWNER }, clock: systemClock, random: systemRandom, logger: silentLogger },
    } as unknown as SteadNode
    const handlers = {
      ...objectHandlers(node),
      ...shareHandlers(node, async () => ({ in: (link, work) => work(this.#folderOf(link)) })),
      ...grantHandlers(node),
    } as Handlers
    this.#server = new ApiServer(
      {
        logger: silentLogger,
        loadRoutes: () =>
          createRoutes({
            logger: silentLogger,
            handlers,
            renderMetrics: () => '',
            stopping: new AbortController().signal,
          }),
      },
      { port: 0 },
    )
    this.#access = await this.#server.start()
  }

  async stop(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    this.#access = undefined
    await server?.stop()
  }

  /** What the daily sweep does, when nobody reads any more what was deleted until now. */
  async sweep(): Promise<void> {
    this.#aheadMs += SWEEP_AHEAD_MS
    await this.objects.collect()
    this.#aheadMs += SWEEP_AHEAD_MS
    await this.objects.collect()
  }

  /** Where it listens. @throws SdkError API_NO_DAEMON */
  get access(): { readonly url: string; readonly token: string } {
    if (this.#access !== undefined) return this.#access
    throw new SdkError('API_NO_DAEMON', 'it is stopped')
  }

  client(fetch: typeof globalThis.fetch = globalThis.fetch): DaemonClient {
    return new DaemonClient(
      {
        connection: async () => this.access,
        fetch,
        clock: { sleep: async (delayMs, signal) => void (await sleepFor(delayMs, undefined, signal && { signal })) },
      },
      { reconnectDelayMs: 20, reconnectAttemptsMax: 5 },
    )
  }

  /** What a link shows. */
  #folderOf(text: string): SharedFolder {
    const link = parseShareLink(text)
    const pointer = this.#pointers.get(bytesToHex(link.pointer)) ?? { read: async () => undefined }
    const { segments } = this
    const tree = openSharedTree({ segments, pointer }, link.pages, link.sequence)
    return new SharedFolder({ tree, segments, cipher: createFrameCipher(), clock: systemClock }, link)
  }

  #keep(bytes: Uint8Array): string {
    const id = `blob-${this.#blobs.size}`
    this.#blobs.set(id, bytes)
    return id
  }
}

/** All bytes of a stream. */
export async function bytesOf(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  return new Uint8Array(await new Response(stream).arrayBuffer())
}
