import { BLOB_BYTES_MAX } from '../api/route.ts'
import type { InputRange, JobInput, JobPlan, PlannedBytes } from './job-package.ts'

/** Largest part of a task. */
export const INPUT_RANGE_BYTES_MAX: number = BLOB_BYTES_MAX

/** An input whose bytes are in memory, for tests and for inputs that a package brings itself. */
export function inputOf(name: string, bytes: Uint8Array): JobInput {
  return {
    name,
    lengthBytes: bytes.length,
    read: async (fromByte = 0, toByte = bytes.length) => bytes.subarray(fromByte, toByte),
  }
}

/** The bytes of a task's part, wherever they are. @throws TypeError for a blob that the plan does not have; as {@link JobInput.read} */
export async function bytesOfPart(plan: Pick<JobPlan, 'blobs'>, part: PlannedBytes): Promise<Uint8Array> {
  if (part instanceof Uint8Array) return part
  if (isInputRange(part)) return await part.input.read(part.fromByte, part.toByte)
  const shared = plan.blobs?.get(part.blob)
  if (shared === undefined) throw new TypeError(`the plan has no blob ${JSON.stringify(part.blob)}`)
  return shared
}

/** Whether a part stays in its input. */
export function isInputRange(part: PlannedBytes): part is InputRange {
  return 'input' in part
}

/** What is wrong with a range; undefined when nothing is. */
export function rangeFault({ input, fromByte, toByte }: InputRange): string | undefined {
  const isRange = Number.isInteger(fromByte) && Number.isInteger(toByte) && fromByte >= 0 && fromByte <= toByte
  if (!isRange || toByte > input.lengthBytes)
    return `names bytes ${fromByte} to ${toByte} of ${input.name}, which has ${input.lengthBytes}`
  if (toByte - fromByte <= INPUT_RANGE_BYTES_MAX) return undefined
  return `takes ${toByte - fromByte} bytes of ${input.name} at once; at most ${INPUT_RANGE_BYTES_MAX} are allowed`
}
