import type { FileSystemNode } from '../nodes.ts'
import { Right } from '../rights.ts'
import type { WasiCalls } from './wasi-calls.ts'

const ENTRY_HEADER_BYTES = 24

/** What each call costs besides its entries, in steps: the last entry is often cut, which takes longer than a whole one. */
const CALL_STEPS = 10

const encoder = new TextEncoder()

/** Reading directories. */
export const directoryCalls: WasiCalls = {
  fd_readdir: (host, fd: number, pointer: number, length: number, cookie: bigint, resultPointer: number) => {
    const { node } = host.descriptors.directory(fd, Right.fdReaddir)
    host.memory.range(resultPointer, 4)
    const writer = new DirectoryWriter(host.memory.range(pointer, length))
    host.chargeSteps(CALL_STEPS)
    const after = Number(BigInt.asUintN(64, cookie))
    if (after < 1) writer.add('.', node, 1)
    if (after < 2 && !writer.isFull) writer.add('..', node.parent ?? node, 2)
    // Serials rise in a map's order. Those that were read before are passed over, as cheap as moving their header.
    let passed = 0
    for (const [name, entry] of node.entries) {
      if (writer.isFull) break
      if (entry.serial <= after) {
        passed++
        continue
      }
      host.chargeSteps(1)
      writer.add(name, entry.node, entry.serial)
    }
    host.chargeBytes(writer.length + passed * ENTRY_HEADER_BYTES)
    host.memory.setU32(resultPointer, writer.length)
  },
}

/** Writes directory entries until the buffer is full; the last one may be cut, which tells the guest to come again. */
class DirectoryWriter {
  readonly #target: Uint8Array
  readonly #view: DataView
  length = 0

  constructor(target: Uint8Array) {
    this.#target = target
    this.#view = new DataView(target.buffer, target.byteOffset, target.length)
  }

  get isFull(): boolean {
    return this.length === this.#target.length
  }

  add(name: string, node: FileSystemNode, serial: number): void {
    // A UTF-16 unit is at most three bytes.
    if (this.#target.length - this.length >= ENTRY_HEADER_BYTES + name.length * 3) {
      const rest = this.#target.subarray(this.length + ENTRY_HEADER_BYTES)
      const nameBytes = encoder.encodeInto(name, rest).written
      writeHeader(this.#view, this.length, { node, serial, nameBytes })
      this.length += ENTRY_HEADER_BYTES + nameBytes
      return
    }
    const nameBytes = encoder.encode(name)
    const entry = new Uint8Array(ENTRY_HEADER_BYTES + nameBytes.length)
    writeHeader(new DataView(entry.buffer), 0, { node, serial, nameBytes: nameBytes.length })
    entry.set(nameBytes, ENTRY_HEADER_BYTES)
    const count = Math.min(entry.length, this.#target.length - this.length)
    this.#target.set(entry.subarray(0, count), this.length)
    this.length += count
  }
}

function writeHeader(
  view: DataView,
  at: number,
  { node, serial, nameBytes }: { readonly node: FileSystemNode; readonly serial: number; readonly nameBytes: number },
): void {
  view.setBigUint64(at, BigInt(serial), true)
  view.setBigUint64(at + 8, BigInt(node.inode), true)
  view.setUint32(at + 16, nameBytes, true)
  view.setUint32(at + 20, node.type, true)
}
