import type { CallInput } from '../call.ts'

/** Room beside a call's input: head, paths, arguments. */
const CALL_HEAD_BYTES = 1024

/** Bytes that a call holds while it is in flight, about. */
export function sizeOfCall(call: CallInput): number {
  let size = CALL_HEAD_BYTES + call.input.length + call.stdin.length
  for (const text of call.args) size += text.length
  for (const [path, content] of call.files) size += path.length + content.length
  return size
}

/**
 * The call with bytes of its own, each in a buffer of just its size: posting a view would copy all of the buffer behind
 * it, and handing the buffer over would take it from the caller.
 */
export function copyOfCall(call: CallInput): CallInput {
  const { kind, args, declaredTimeMs } = call
  const files = new Map<string, Uint8Array>()
  for (const [path, content] of call.files) files.set(path, new Uint8Array(content))
  return {
    kind,
    args,
    stdin: new Uint8Array(call.stdin),
    files,
    input: new Uint8Array(call.input),
    seed: new Uint8Array(call.seed),
    declaredTimeMs,
  }
}
