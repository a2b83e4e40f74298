import { type Network, type PeerId, silentLogger, type UnixMs } from '@stead/core'
import { nobleSecp256k1, peerIdOfPublicKey } from '@stead/protocol'
import {
  formatWriteLink,
  type GivenDescription,
  type GivenResult,
  GRANTS_LIMITS,
  GRANTS_PROTOCOL,
  GrantDesk,
  type GrantTerms,
  GrantWriter,
  type ObjectStoreInput,
  type OpenedGrant,
  parseWriteLink,
  type TreeObjectStore,
  type WriteLink,
} from '@stead/storage'
import { MemoryHub } from '@stead/testkit'
import { bytesFrom, bytesOf } from '../objects/workplace.ts'
import { digestOf, SharePlace } from '../shares/share-place.ts'

function peerOf(number: number): PeerId {
  return peerIdOfPublicKey(nobleSecp256k1.publicKey(new Uint8Array(32).fill(number)))
}

/** Bytes of a part in these tests. */
export const PART_BYTES: number = 4 * 65_520

export const INLINE: Uint8Array = bytesOf(100, 1)
export const PACKED: Uint8Array = bytesOf(150_000, 2)
/** Five parts. */
export const LARGE: Uint8Array = bytesOf(1_300_000, 3)

/** A bucket on the machine of its owner, and somebody elsewhere who was given a link. */
export class GrantPlace extends SharePlace {
  readonly hub: MemoryHub
  readonly owner: PeerId = peerOf(9)
  readonly giver: Network
  readonly store: TreeObjectStore
  readonly writer: GrantWriter
  ownerNode: Network
  #uploads = 0

  private constructor(decorate: (network: Network) => Network, options: ObjectStoreInput) {
    super()
    this.hub = new MemoryHub({ clock: this.clock, random: this.random.fork() })
    this.hub.setDefaultLink({ latencyMs: 5 })
    this.ownerNode = this.hub.createNode(this.owner)
    this.giver = decorate(this.hub.createNode(peerOf(10)))
    this.store = this.openStore({ segmentBytes: PART_BYTES, ...options })
    this.serve(this.store)
    this.writer = this.writerOn(this.giver)
  }

  /** @param decorate what comes between the giver and the network */
  static async of(
    decorate: (network: Network) => Network = (network) => network,
    options: ObjectStoreInput = {},
  ): Promise<GrantPlace> {
    const place = new GrantPlace(decorate, options)
    await place.ownerNode.start()
    await place.giver.start()
    await place.within(place.giver.connect(place.owner, 1000))
    await place.store.createBucket('bucket')
    return place
  }

  writerOn(network: Network): GrantWriter {
    const own = async (): Promise<never> => {
      throw new TypeError('the giver is nobody’s owner')
    }
    return new GrantWriter({ network, clock: this.clock, random: this.random.fork(), logger: silentLogger, own })
  }

  /** Has the owner's node answer from a store. */
  serve(store: TreeObjectStore): void {
    const desk = new GrantDesk({ intake: store.grants.intake, clock: this.clock, logger: silentLogger }, PART_BYTES)
    this.ownerNode.handle(GRANTS_PROTOCOL, GRANTS_LIMITS, (request) => desk.answer(request))
  }

  /** The owner's process ends, and another one begins on what there is. */
  async restartOwner(store: TreeObjectStore = this.openStore({ segmentBytes: PART_BYTES })): Promise<TreeObjectStore> {
    this.hub.kill(this.owner)
    await this.clock.advance(100)
    this.ownerNode = this.hub.createNode(this.owner)
    this.serve(store)
    await this.ownerNode.start()
    await this.within(this.giver.connect(this.owner, 1000))
    return store
  }

  /** Grants writing, and gives the link as its holder has it. */
  async grant(prefix: string, terms: Partial<GrantTerms> & { readonly forMs?: number } = {}): Promise<WriteLink> {
    const { forMs, ...rest } = terms
    const expiresAt = forMs === undefined ? {} : { expiresAt: (this.clock.now() + forMs) as UnixMs }
    return this.asHeld(await this.store.grants.grant('bucket', prefix, { limitBytes: 2 ** 30, ...rest, ...expiresAt }))
  }

  asHeld({ link }: OpenedGrant): WriteLink {
    return parseWriteLink(formatWriteLink({ ...link, owner: this.owner }))
  }

  /** An upload that no other has. */
  upload(): Uint8Array {
    return new Uint8Array(16).fill(++this.#uploads)
  }

  async give(
    link: WriteLink,
    path: string,
    bytes: Uint8Array,
    more: Partial<GivenDescription> & { readonly writer?: GrantWriter } = {},
  ): Promise<GivenResult> {
    const { writer = this.writer, ...rest } = more
    return await this.within(writer.give(link, { path, upload: this.upload(), ...rest }, [bytes]))
  }

  /** Lets time pass until something has ended. */
  async within<Result>(work: Promise<Result>): Promise<Result> {
    let isOver = false
    const done = work.finally(() => {
      isOver = true
    })
    done.catch(() => undefined)
    for (let turn = 0; !isOver && turn < 100_000; turn++) {
      await this.tick()
      if (!isOver) await this.clock.advance(5)
    }
    return await done
  }

  /** All objects of the bucket, by key. */
  async has(store: TreeObjectStore = this.store): Promise<Record<string, string>> {
    const found: Record<string, string> = {}
    for (const { key } of (await store.list('bucket', { limit: 1000 })).objects)
      found[key] = digestOf(await bytesFrom((await store.get('bucket', key)).body))
    return found
  }

  /** What has been written with the only grant. */
  async used(store: TreeObjectStore = this.store): Promise<{ readonly usedBytes: number; readonly objects: number }> {
    const [grant] = await store.grants.list('bucket')
    if (grant === undefined) throw new TypeError('there is no grant')
    return { usedBytes: grant.usedBytes, objects: grant.objects }
  }
}
