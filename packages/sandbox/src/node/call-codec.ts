import type { Fuel } from '@stead/core'
import type { CallInput, GuestLimit, Limits, NodeFaultCode, Outcome, TrapReason } from '../call.ts'
import type { FloatMode } from '../strict/float-mode.ts'
import type { WireReader, WireWriter } from './wire-buffer.ts'

const statuses = ['ok', 'trap', 'out-of-fuel', 'limit', 'timed-out', 'node-fault'] as const
const NO_BYTES = new Uint8Array(0)

/** A module to load as it crosses the process boundary. */
export interface WireLoad {
  readonly floats: FloatMode
  readonly bytes: Uint8Array
}

/** Writes a module to load, to the end of its frame: `u8 is-strict, bytes module`. */
export function writeLoad(out: WireWriter, { floats, bytes }: WireLoad): void {
  out.u8(floats === 'strict' ? 1 : 0)
  out.raw(bytes)
}

/** Reads what {@link writeLoad} wrote; the bytes are a view of the message. */
export function readLoad(reader: WireReader): WireLoad {
  const floats = reader.u8() === 1 ? 'strict' : 'raw'
  return { floats, bytes: reader.raw(reader.remaining) }
}

/** A call and its limits as they cross the process boundary. */
export interface WireCall {
  readonly call: CallInput
  readonly limits: Limits
}

/** Writes a call that has been checked. */
export function writeCall(out: WireWriter, { call, limits }: WireCall): void {
  out.u8(call.kind === 'command' ? 1 : 0)
  out.u64(limits.fuel)
  out.u32(limits.memoryPages)
  out.u32(limits.outputBytes)
  out.u32(limits.timeMs)
  out.f64(call.declaredTimeMs)
  out.raw(call.seed)
  if (call.kind === 'function') {
    out.bytes(call.input)
    return
  }
  out.bytes(call.stdin)
  out.u32(call.args.length)
  for (const text of call.args) out.text(text)
  writeFiles(out, call.files)
}

/** Reads what {@link writeCall} wrote; contents are views of the message. */
export function readCall(reader: WireReader): WireCall {
  const kind = reader.u8() === 1 ? 'command' : 'function'
  const limits: Limits = {
    fuel: reader.u64() as Fuel,
    memoryPages: reader.u32(),
    outputBytes: reader.u32(),
    timeMs: reader.u32(),
  }
  const declaredTimeMs = reader.f64()
  const seed = reader.raw(32)
  const common = { kind, seed, declaredTimeMs } as const
  if (kind === 'function') {
    return { limits, call: { ...common, input: reader.bytes(), stdin: NO_BYTES, args: [], files: new Map() } }
  }
  const stdin = reader.bytes()
  const args: string[] = []
  for (let left = reader.u32(); left > 0; left--) args.push(reader.text())
  return { limits, call: { ...common, input: NO_BYTES, stdin, args, files: readFiles(reader) } }
}

/** Writes how a call ended. */
export function writeOutcome(out: WireWriter, outcome: Outcome): void {
  out.u8(statuses.indexOf(outcome.status))
  switch (outcome.status) {
    case 'ok':
      out.u64(outcome.fuel)
      out.u32(outcome.exitCode)
      out.bytes(outcome.output)
      out.bytes(outcome.stderr)
      writeFiles(out, outcome.files)
      return
    case 'trap':
      out.u64(outcome.fuel)
      out.text(outcome.reason)
      out.text(outcome.detail)
      return
    case 'out-of-fuel':
      out.u64(outcome.fuel)
      return
    case 'limit':
      out.u64(outcome.fuel)
      out.text(outcome.limit)
      out.f64(outcome.allowed)
      out.f64(outcome.wanted)
      return
    case 'timed-out':
      out.u32(outcome.allowedMs)
      return
    case 'node-fault':
      out.text(outcome.code)
      out.text(outcome.message)
  }
}

/** Reads what {@link writeOutcome} wrote; contents are copies. @throws RangeError when the bytes are no outcome */
export function readOutcome(reader: WireReader): Outcome {
  const status = statuses[reader.u8()]
  switch (status) {
    case 'ok': {
      const fuel = reader.u64() as Fuel
      const exitCode = reader.u32()
      const output = reader.bytes().slice()
      const stderr = reader.bytes().slice()
      return { status, fuel, exitCode, output, stderr, files: readFiles(reader) }
    }
    case 'trap':
      return { status, fuel: reader.u64() as Fuel, reason: reader.text() as TrapReason, detail: reader.text() }
    case 'out-of-fuel':
      return { status, fuel: reader.u64() as Fuel }
    case 'limit': {
      const fuel = reader.u64() as Fuel
      return { status, fuel, limit: reader.text() as GuestLimit, allowed: reader.f64(), wanted: reader.f64() }
    }
    case 'timed-out':
      return { status, allowedMs: reader.u32() }
    case 'node-fault':
      return { status, code: reader.text() as NodeFaultCode, message: reader.text() }
    default:
      throw new RangeError('unknown outcome')
  }
}

function writeFiles(out: WireWriter, files: ReadonlyMap<string, Uint8Array>): void {
  out.u32(files.size)
  for (const [path, content] of files) {
    out.text(path)
    out.bytes(content)
  }
}

function readFiles(reader: WireReader): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>()
  for (let left = reader.u32(); left > 0; left--) {
    const path = reader.text()
    files.set(path, reader.bytes().slice())
  }
  return files
}
