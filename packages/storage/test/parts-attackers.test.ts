import { type Hash, hasCode, type Network } from '@stead/core'
import { concatBytes } from '@stead/protocol'
import { BLOCK_BYTES, StorageError } from '@stead/storage'
import { describe, expect, it } from 'vitest'
import type { AgreementDriver } from '../src/consumer/agreement-driver.ts'
import { readBlocks } from '../src/consumer/read-blocks.ts'
import { PIECES_PROTOCOL, type PieceRequest, type PutPiece, pieceRequestSchema, putMessage } from '../src/messages.ts'
import { logNameOf } from '../src/provider/log-name.ts'
import { serving } from './support/serving.ts'
import { hasher, pieceOf, TradeWorld, type TradeWorldOptions } from './support/trade-world.ts'

const TEN_MINUTES_MS = 600_000
const LARGE = 5 * BLOCK_BYTES + 300
const MIB = 1024 * 1024
const TAKEN = 'taken'

/** A payer that sends parts of pieces as it likes, and its node. */
class OwnSender {
  readonly world: TradeWorld
  readonly agreement: Hash
  readonly driver: AgreementDriver

  private constructor(world: TradeWorld, driver: AgreementDriver) {
    this.world = world
    this.driver = driver
    this.agreement = driver.id
  }

  static async started(options: TradeWorldOptions = {}): Promise<OwnSender> {
    const world = await TradeWorld.started(options)
    return new OwnSender(world, await world.agreement(await world.channel()))
  }

  /** What becomes of a request: `taken`, or the code that the node refuses it with. */
  async send(request: PieceRequest, network: Network = this.world.payerNetwork): Promise<unknown> {
    const payload = pieceRequestSchema.encodeMessage(request)
    const { peer } = this.world.nodeKey
    try {
      await this.world.within(network.request(peer, PIECES_PROTOCOL, payload, { timeoutMs: 30_000 }))
      return TAKEN
    } catch (error) {
      return hasCode(error, 'NETWORK_REMOTE') ? error.details.remoteCode : error
    }
  }

  /** One part of a piece, with whatever is wrong with it. */
  async part(
    piece: ReturnType<typeof pieceOf>,
    block: number,
    wrong: Partial<PutPiece> & { readonly bytes?: Uint8Array } = {},
  ): Promise<unknown> {
    const { bytes: all, ...whole } = piece
    const fromByte = block * BLOCK_BYTES
    const { bytes = all.subarray(fromByte, fromByte + BLOCK_BYTES), ...other } = wrong
    return await this.send({ put: { agreement: this.agreement, ...whole, fromByte, ...other }, bytes })
  }

  async allOf(piece: ReturnType<typeof pieceOf>): Promise<unknown> {
    const outcomes: unknown[] = []
    for (let block = 0; block * BLOCK_BYTES < piece.lengthBytes; block++) outcomes.push(await this.part(piece, block))
    return outcomes.find((outcome) => outcome !== TAKEN) ?? TAKEN
  }

  /** Pieces that come in parts, and bytes that wait to be agreed. */
  inWork(): readonly (number | undefined)[] {
    const sizes = this.world.node.storage.sizes()
    return ['pieces that come in parts', 'bytes of pieces that are not agreed'].map(
      (wanted) => sizes.find(({ what }) => what === wanted)?.have,
    )
  }

  async notes(): Promise<number> {
    return (await this.world.nodeStore.scan('storage-pending')).length
  }

  async has(piece: Hash): Promise<boolean> {
    return (await this.world.node.pieces.find(logNameOf(this.agreement, piece))) !== undefined
  }
}

describe('a piece that comes in parts', () => {
  it('is agreed on, proven and read like those that come whole', async () => {
    const { world, driver } = await OwnSender.started()
    const { bytes, ...piece } = pieceOf(1, LARGE)
    const channel = await world.channel()
    await world.keep(driver, channel, pieceOf(1, LARGE))
    await world.clock.advance(3_600_000)
    expect(await world.within(driver.settle(channel))).toMatchObject({ kind: 'paid' })
    const placed = { ...piece, peer: driver.peer, agreement: driver.id }
    const parts = { ...world.driverParts(), hasher }
    const read = await world.within(readBlocks(parts, placed, { firstBlock: 2, blocks: 4 }))
    expect(Buffer.compare(read, bytes.subarray(2 * BLOCK_BYTES))).toBe(0)
    await world.restartNode()
    expect(await world.within(readBlocks(parts, placed, { firstBlock: 0, blocks: 16 }))).toEqual(bytes)
  })

  it('begins again when the node was restarted, and is sent to the end', async () => {
    let refusals = 0
    const forgetful = (network: Network): Network =>
      serving(network, PIECES_PROTOCOL, (handler) => async (request) => {
        const { put } = pieceRequestSchema.decodeMessage(request.payload)
        if (put?.fromByte === 2 * BLOCK_BYTES && refusals++ < 2)
          throw new StorageError('STORAGE_PIECE_INCOMPLETE', 'the node came back with nothing of it')
        return await handler(request)
      })
    const sender = await OwnSender.started({ decorate: forgetful })
    const { bytes, ...piece } = pieceOf(1, LARGE)
    await sender.world.within(sender.driver.put(piece, bytes, { partBytesMax: BLOCK_BYTES }))
    expect(refusals).toBe(3)
    expect(await sender.has(piece.piece)).toBe(true)
  })

  it('is nothing after a restart in its middle, and can come again', async () => {
    for (const kind of ['kill', 'power'] as const) {
      const sender = await OwnSender.started()
      const piece = pieceOf(1, LARGE)
      for (const block of [0, 1, 2]) expect(await sender.part(piece, block)).toBe(TAKEN)
      await sender.world.restartNode(kind)
      expect(await sender.has(piece.piece)).toBe(false)
      expect(await sender.part(piece, 3)).toBe('STORAGE_PIECE_INCOMPLETE')
      expect(await sender.allOf(piece)).toBe(TAKEN)
      expect(await sender.has(piece.piece)).toBe(true)
    }
  })

  it('takes no work when it is there', async () => {
    const sender = await OwnSender.started()
    const piece = pieceOf(1, LARGE)
    expect(await sender.allOf(piece)).toBe(TAKEN)
    const usage = sender.world.node.pieces.usage()
    expect(await sender.allOf(piece)).toBe(TAKEN)
    expect(await sender.part(piece, 3)).toBe(TAKEN)
    expect(sender.world.node.pieces.usage()).toEqual(usage)
    expect(sender.inWork()).toEqual([0, LARGE])
    const other = { ...pieceOf(2, LARGE), piece: piece.piece }
    expect(await sender.part(other, 0)).toBe('STORAGE_PIECE_DIFFERS')
    expect(await sender.has(piece.piece)).toBe(true)
  })

  it('that is left half takes no room for long, and leaves no note', async () => {
    const sender = await OwnSender.started({ capacityBytes: 1_200_000 })
    const [half, other] = [pieceOf(1, 2 * LARGE), pieceOf(2, 2 * LARGE)]
    for (const block of [0, 1]) expect(await sender.part(half, block)).toBe(TAKEN)
    expect(sender.inWork()).toEqual([1, 2 * LARGE])
    // Room for all of it is taken with the first part.
    expect(await sender.part(other, 0)).toBe('STORAGE_NO_ROOM')
    await sender.world.clock.advance(31_000)
    expect(await sender.allOf(pieceOf(3, BLOCK_BYTES))).toBe(TAKEN)
    expect(sender.inWork()).toEqual([0, BLOCK_BYTES])
    expect(await sender.notes()).toBe(1)
    expect(await sender.part(half, 2)).toBe('STORAGE_PIECE_INCOMPLETE')
    await sender.world.clock.advance(TEN_MINUTES_MS + 61_000)
    expect(await sender.notes()).toBe(0)
  })

  it('is refused where it does not follow, and goes on with the part that does', async () => {
    const sender = await OwnSender.started()
    const piece = pieceOf(1, LARGE)
    const first = piece.bytes.subarray(0, BLOCK_BYTES)
    expect(await sender.part(piece, 1)).toBe('STORAGE_PIECE_INCOMPLETE')
    expect(await sender.part(piece, 0)).toBe(TAKEN)
    for (const block of [2, 3, 5]) expect(await sender.part(piece, block)).toBe('STORAGE_PIECE_INCOMPLETE')
    for (const wrong of [{ root: new Uint8Array(32) }, { lengthBytes: LARGE + 1 }])
      expect(await sender.part(piece, 1, wrong)).toBe('STORAGE_PIECE_INCOMPLETE')
    for (const wrong of [
      { fromByte: 5 },
      { bytes: first.subarray(0, 100) },
      { fromByte: 5 * BLOCK_BYTES, bytes: first },
      { lengthBytes: BLOCK_BYTES },
      { fromByte: 8 * 1024 * 1024 },
    ])
      expect(await sender.part(piece, 1, wrong)).toBe('STORAGE_UNSUPPORTED')
    for (const block of [1, 2]) expect(await sender.part(piece, block)).toBe(TAKEN)
    expect(await sender.part(piece, 2)).toBe('STORAGE_PIECE_INCOMPLETE')
    for (const block of [3, 4, 5]) expect(await sender.part(piece, block)).toBe(TAKEN)
    expect(await sender.has(piece.piece)).toBe(true)
  })

  it('takes no more than it declared, nor more than a piece may have, nor parts of more than a mebibyte', async () => {
    const sender = await OwnSender.started()
    const piece = pieceOf(1, 2 * BLOCK_BYTES)
    for (const block of [0, 1]) expect(await sender.part(piece, block)).toBe(TAKEN)
    const more = pieceOf(1, 3 * BLOCK_BYTES).bytes.subarray(2 * BLOCK_BYTES)
    const { bytes: _bytes, ...whole } = piece
    const put = { ...whole, agreement: sender.agreement, fromByte: 2 * BLOCK_BYTES }
    expect(await sender.send({ put, bytes: more })).toBe('STORAGE_UNSUPPORTED')
    expect(await sender.send({ put })).toBe('STORAGE_UNSUPPORTED')
    const decoded = (lengthBytes: number, bytes: Uint8Array) => () => {
      const { payload, tail } = putMessage({ ...put, lengthBytes }, bytes)
      return pieceRequestSchema.decodeMessage(concatBytes(payload, tail))
    }
    expect(decoded(8 * MIB, new Uint8Array(MIB))().bytes).toHaveLength(MIB)
    expect(decoded(8 * MIB + 1, new Uint8Array(MIB))).toThrow()
    expect(decoded(8 * MIB, new Uint8Array(MIB + 1))).toThrow()
  })

  it('is refused when its parts are not what was said, leaves nothing, and is taken when they are', async () => {
    const sender = await OwnSender.started()
    const piece = pieceOf(1, LARGE)
    for (const block of [0, 1, 2, 3, 4]) {
      const bytes = piece.bytes.slice(block * BLOCK_BYTES, (block + 1) * BLOCK_BYTES)
      if (block === 2) bytes[77] = (bytes[77] ?? 0) ^ 1
      expect(await sender.part(piece, block, { bytes })).toBe(TAKEN)
    }
    expect(await sender.part(piece, 5)).toBe('STORAGE_NOT_AUTHENTIC')
    expect(await sender.has(piece.piece)).toBe(false)
    expect(sender.inWork()).toEqual([0, 0])
    expect(await sender.notes()).toBe(0)
    expect(await sender.allOf(piece)).toBe(TAKEN)
  })

  it('must be whole in time, however slowly it drips', async () => {
    const sender = await OwnSender.started()
    const piece = pieceOf(1, 60 * BLOCK_BYTES)
    const outcomes: unknown[] = []
    for (let block = 0; block < 30; block++) {
      outcomes.push(await sender.part(piece, block))
      await sender.world.clock.advance(25_000)
    }
    expect(outcomes.slice(0, 20)).toEqual(Array.from({ length: 20 }, () => TAKEN))
    expect(outcomes.at(-1)).toBe('STORAGE_PIECE_INCOMPLETE')
    expect(sender.inWork()).toEqual([0, 0])
  })

  it('is one of few: the one that waits longest gives way, and none that comes along does', async () => {
    const sender = await OwnSender.started()
    const pieces = Array.from({ length: 17 }, (_, number) => pieceOf(number, 2 * BLOCK_BYTES))
    const [first, second] = pieces
    const last = pieces.at(-1)
    if (first === undefined || second === undefined || last === undefined) throw new TypeError('there are seventeen')
    for (const piece of pieces.slice(0, 16)) expect(await sender.part(piece, 0)).toBe(TAKEN)
    expect(await sender.part(last, 0)).toBe('STORAGE_BUSY')
    await sender.world.clock.advance(5000)
    expect(await sender.part(last, 0)).toBe(TAKEN)
    expect(sender.inWork()).toEqual([16, 32 * BLOCK_BYTES])
    expect(await sender.part(first, 1)).toBe('STORAGE_PIECE_INCOMPLETE')
    expect(await sender.part(second, 1)).toBe(TAKEN)
    expect(await sender.part(last, 1)).toBe(TAKEN)
  })

  it('takes of its payer no more room than pieces that are not agreed may have', async () => {
    const sender = await OwnSender.started({ provider: { pendingBytesPerPayerMax: 2 * LARGE } })
    for (const number of [1, 2]) expect(await sender.part(pieceOf(number, LARGE), 0)).toBe(TAKEN)
    expect(await sender.part(pieceOf(3, LARGE), 0)).toBe('STORAGE_BUSY')
    expect(sender.inWork()).toEqual([2, 2 * LARGE])
  })

  it('comes from whom the agreement is with', async () => {
    const sender = await OwnSender.started()
    const { bytes: _bytes, ...whole } = pieceOf(1, LARGE)
    const put = { ...whole, agreement: whole.piece, fromByte: 0 }
    expect(await sender.send({ put, bytes: new Uint8Array(BLOCK_BYTES) })).toBe('STORAGE_AGREEMENT_UNKNOWN')
    expect(sender.inWork()).toEqual([0, 0])
  })
})
