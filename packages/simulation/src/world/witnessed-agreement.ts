import type { Address, Hash } from '@stead/core'
import { concatBytes, hashFromBytes, hexToBytes, sha256 } from '@stead/protocol'
import type { Agreement, StorageRequest } from '@stead/storage'

/** A piece as a revision names it. */
export interface WitnessedPiece {
  readonly piece: Hash
  readonly lengthBytes: number
  /** What the node calls it on its disk. */
  readonly logName: Hash
}

/** A revision that a node signed. */
export interface WitnessedRevision {
  readonly agreement: Agreement
  /** Of its document. */
  readonly item: string
}

type Changes = NonNullable<StorageRequest['revise']>['changes']

/** What was seen of one agreement on the wire, whatever the books of either side say. */
export class WitnessedAgreement {
  readonly id: Hash
  readonly payer: Address
  readonly node: Address
  readonly revisions: Map<number, WitnessedRevision> = new Map()
  /** What its node has on disk by the last revision. */
  readonly pieces: Map<number, WitnessedPiece> = new Map()
  /** Names on disk of all pieces that were ever sent for it. */
  readonly sent: Set<Hash> = new Set()
  /** Pieces of which its node said that it has lost them. */
  readonly saidLost: Set<Hash> = new Set()
  /** Two documents of one number that the node signed; undefined while there are none. */
  equivocation: number | undefined
  last: WitnessedRevision | undefined
  /** When the last revision was signed that left nothing due, in simulated time. */
  paidUpMs: number

  constructor(id: Hash, { payer, node }: Agreement, nowMs: number) {
    this.id = id
    this.payer = payer
    this.node = node
    this.paidUpMs = nowMs
  }

  /** Notes what the node signed. @param changes of a revision that is no settlement */
  sign(
    agreement: Agreement,
    item: string,
    { changes, nowMs }: { readonly changes: Changes; readonly nowMs: number },
  ): void {
    const known = this.revisions.get(agreement.revision)
    if (known !== undefined) {
      if (known.item !== item) this.equivocation ??= agreement.revision
      return
    }
    const signed = { agreement, item }
    this.revisions.set(agreement.revision, signed)
    if (agreement.revision < (this.last?.agreement.revision ?? 0)) return
    this.last = signed
    if (agreement.dueByteSeconds === 0n) this.paidUpMs = nowMs
    for (const { slot, piece, lengthBytes = 0 } of changes)
      if (piece === undefined) this.pieces.delete(slot)
      else this.pieces.set(slot, { piece, lengthBytes, logName: this.logNameOf(piece) })
  }

  /** Notes that a piece was sent to the node. */
  send(piece: Hash): void {
    this.sent.add(this.logNameOf(piece))
  }

  logNameOf(piece: Hash): Hash {
    return hashFromBytes(sha256(concatBytes(hexToBytes(this.id), hexToBytes(piece))))
  }

  /** Byte-seconds that a revision bills by the documents alone; undefined where the one before was not seen. */
  billedBy({ revision, atSecond, dueByteSeconds }: Agreement): bigint | undefined {
    const before = this.revisions.get(revision - 1)?.agreement
    if (before === undefined) return undefined
    return before.dueByteSeconds + BigInt(before.bytes) * BigInt(atSecond - before.atSecond) - dueByteSeconds
  }

  /** The most bytes that it was about in the last `seconds` before its last revision: what was given up then may be due yet. */
  bytesSince(seconds: number): number {
    const fromSecond = (this.last?.agreement.atSecond ?? 0) - seconds
    let most = 0
    for (const { agreement } of this.revisions.values())
      if (agreement.atSecond >= fromSecond) most = Math.max(most, agreement.bytes)
    return most
  }

  /** The most that one revision bills, in byte-seconds. */
  largestBill(): bigint {
    let largest = 0n
    for (const { agreement } of this.revisions.values()) {
      const billed = this.billedBy(agreement) ?? 0n
      if (billed > largest) largest = billed
    }
    return largest
  }

  /** Byte-seconds that were on bills until the last revision: kept, and not due any more; undefined where a revision was not seen. */
  billed(): bigint | undefined {
    let sum = 0n
    for (let revision = 1; revision <= (this.last?.agreement.revision ?? 0); revision++) {
      const signed = this.revisions.get(revision)
      const billed = signed === undefined ? undefined : this.billedBy(signed.agreement)
      if (billed === undefined) return undefined
      sum += billed
    }
    return sum
  }
}
