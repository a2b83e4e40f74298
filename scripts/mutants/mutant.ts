import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { FaultProfile, ProfileName, RuleName } from '@stead/simulation'
import { root } from '../run-step.ts'

/** A fault that somebody could make in our own code. */
export interface Mutant {
  readonly name: string
  /** What it lets happen. */
  readonly what: string
  /** Source, from the checkout's root. */
  readonly file: string
  /** Text that is there exactly once, and what the fault makes of it. */
  readonly from: string
  readonly to: string
  /** The faults of the world under which it does harm. */
  readonly profile: ProfileName
  /** What there is more of than in that profile, so that few worlds have to be played. */
  readonly more?: Partial<FaultProfile>
  /** Nodes of the world. @default 12 */
  readonly nodes?: number
  /** How long faults go on. @default 1 */
  readonly faultMinutes?: number
  /** The world has epochs. @default false */
  readonly hasEpochs?: boolean
  /** The rule that must notice. */
  readonly rule: RuleName
}

/** The source with the fault in it. @throws Error when the text to change is not there exactly once */
export function mutated(source: string, { name, file, from, to }: Mutant): string {
  const parts = source.split(from)
  if (parts.length !== 2) throw new Error(`${name}: the text to change is ${parts.length - 1} times in ${file}`)
  return parts.join(to)
}

/** A mutant's source as it is on disk. */
export function sourceOf({ file }: Mutant): string {
  return readFileSync(join(root, file), 'utf8')
}
