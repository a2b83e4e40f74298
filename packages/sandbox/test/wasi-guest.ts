import { FuelGauge } from '../src/fuel-gauge.ts'
import { GuestMemory } from '../src/wasi/guest-memory.ts'
import { type WasiCall, WasiHost } from '../src/wasi/host.ts'
import { wasiImports } from '../src/wasi/imports.ts'
import { wasiSignatures } from '../src/wasi/signatures.ts'
import { commandCall } from './calls.ts'

type Call = (...parameters: (number | bigint)[]) => number

const PATH_AT = 1024
const PATH2_AT = 8192
const DATA_AT = 16_384
const SLICE_AT = 512
const RESULT_AT = 256
const ALL = 0x3fff_ffffn
const DIRECTORY_FLAG = 2
/** The right to write, which cannot be had for a directory. */
const WRITE_RIGHT = 0x40n

/** Plays a guest: calls the WASI functions as compiled code would, over a memory of one page. */
export class WasiGuest {
  readonly memory: ArrayBuffer = new ArrayBuffer(65_536)
  readonly counter: { value: bigint | number } = { value: 0n }
  readonly host: WasiHost
  readonly #imports: Record<string, Call>

  constructor(call: Partial<WasiCall> = {}, options: { readonly outputBytes?: number; readonly fuel?: bigint } = {}) {
    const gauge = new FuelGauge(this.counter, options.fuel ?? 10n ** 12n)
    const memory = new GuestMemory({ buffer: this.memory })
    this.host = new WasiHost({ memory, gauge }, { ...commandCall(), ...call }, options.outputBytes ?? 1_000_000)
    this.#imports = wasiImports(Object.keys(wasiSignatures), () => this.host) as Record<string, Call>
  }

  /** Calls a function as the guest does; the error number. */
  call(name: string, ...parameters: (number | bigint)[]): number {
    const call = this.#imports[name]
    if (call === undefined) throw new Error(`no function ${name}`)
    return call(...parameters)
  }

  view(): DataView {
    return new DataView(this.memory)
  }

  /** The u32 that the last call wrote as its result. */
  result(): number {
    return this.view().getUint32(RESULT_AT, true)
  }

  result64(): bigint {
    return this.view().getBigUint64(RESULT_AT, true)
  }

  text(at: number, length: number): string {
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(new Uint8Array(this.memory, at, length))
  }

  /** Parameters that name a path. */
  path(text: string, at: number = PATH_AT): [number, number] {
    const bytes = new TextEncoder().encode(text)
    new Uint8Array(this.memory).set(bytes, at)
    return [at, bytes.length]
  }

  open(
    path: string,
    options: { flags?: number; rights?: bigint; descriptorFlags?: number; fd?: number; follow?: boolean } = {},
  ): number {
    const { flags = 0, descriptorFlags = 0, fd = 3, follow = true } = options
    const { rights = (flags & DIRECTORY_FLAG) === 0 ? ALL : ALL & ~WRITE_RIGHT } = options
    return this.call(
      'path_open',
      fd,
      follow ? 1 : 0,
      ...this.path(path),
      flags,
      rights,
      ALL,
      descriptorFlags,
      RESULT_AT,
    )
  }

  /** Opens and expects success; the descriptor. */
  opened(path: string, options: Parameters<WasiGuest['open']>[1] = {}): number {
    const errno = this.open(path, options)
    if (errno !== 0) throw new Error(`open ${path}: ${errno}`)
    return this.result()
  }

  write(fd: number, text: string): number {
    const bytes = new TextEncoder().encode(text)
    new Uint8Array(this.memory).set(bytes, DATA_AT)
    return this.call('fd_write', fd, this.slice(DATA_AT, bytes.length), 1, RESULT_AT)
  }

  /** Reads up to `length` bytes as text; throws on an error number. */
  read(fd: number, length: number): string {
    const errno = this.call('fd_read', fd, this.slice(DATA_AT, length), 1, RESULT_AT)
    if (errno !== 0) throw new Error(`read: ${errno}`)
    return this.text(DATA_AT, this.result())
  }

  /** A list of one slice. */
  slice(pointer: number, length: number): number {
    this.view().setUint32(SLICE_AT, pointer, true)
    this.view().setUint32(SLICE_AT + 4, length, true)
    return SLICE_AT
  }

  /** Two-path calls. */
  two(name: 'path_rename' | 'path_link', from: string, to: string): number {
    const first = this.path(from)
    const second = this.path(to, PATH2_AT)
    return name === 'path_rename'
      ? this.call(name, 3, ...first, 3, ...second)
      : this.call(name, 3, 0, ...first, 3, ...second)
  }

  symlink(target: string, at: string): number {
    return this.call('path_symlink', ...this.path(target), 3, ...this.path(at, PATH2_AT))
  }

  /** All entries of a directory, read in pieces of `chunkBytes`. */
  list(fd: number, chunkBytes = 100): string[] {
    const names: string[] = []
    let cookie = 0n
    for (;;) {
      const errno = this.call('fd_readdir', fd, DATA_AT, chunkBytes, cookie, RESULT_AT)
      if (errno !== 0) throw new Error(`readdir: ${errno}`)
      const used = this.result()
      let at = 0
      while (used - at >= 24) {
        const length = this.view().getUint32(DATA_AT + at + 16, true)
        if (used - at - 24 < length) break
        cookie = this.view().getBigUint64(DATA_AT + at, true)
        names.push(this.text(DATA_AT + at + 24, length))
        at += 24 + length
      }
      if (used < chunkBytes) return names
    }
  }

  /** Size, type and link count of a path. */
  stat(path: string, follow = true): { errno: number; type: number; size: number; links: number } {
    const errno = this.call('path_filestat_get', 3, follow ? 1 : 0, ...this.path(path), RESULT_AT)
    const view = this.view()
    return {
      errno,
      type: view.getUint8(RESULT_AT + 16),
      links: Number(view.getBigUint64(RESULT_AT + 24, true)),
      size: Number(view.getBigUint64(RESULT_AT + 32, true)),
    }
  }
}

/** Where results go. */
export const RESULT: number = RESULT_AT
/** Where data goes. */
export const DATA: number = DATA_AT
