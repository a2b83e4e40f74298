import { equalBytes } from '@stead/protocol'
import type { Answers, KeeperAnswer } from './ask-keepers.ts'
import { faultsOf, quorumOf } from './quorum.ts'
import { compareBallots, keepersOf, type OpenedRecord, type RegisterWord } from './register-record.ts'

/** Who must agree on a step. */
export interface Electorate {
  readonly keepers: readonly Uint8Array[]
  readonly need: number
}

/** A step that is to be decided. */
export interface Step extends Electorate {
  readonly before: OpenedRecord | undefined
  readonly number: number
}

/** What was found when a turn was asked for. */
export type Prepared =
  | { readonly kind: 'ready'; readonly found: OpenedRecord | undefined }
  | { readonly kind: 'newer'; readonly record: OpenedRecord }
  | { readonly kind: 'contended'; readonly round: number }
  | { readonly kind: 'away'; readonly have: number }

/** Those who decide the step after a record that names them. */
export function electorateOf(keepers: Uint8Array): Electorate {
  const each = keepersOf(keepers)
  return { keepers: each, need: quorumOf(each.length) }
}

/** What the answers say when they do not agree, or cannot any more; undefined while they may. */
export function refusalOf(
  { answers, waiting }: Answers,
  { number, need, keepers }: Step,
  word: RegisterWord,
): Exclude<Prepared, { kind: 'ready' }> | undefined {
  const newest = newestDecided(answers, number - 1)
  if (newest !== undefined) return { kind: 'newer', record: newest }
  const taken = answers.filter(({ isTaken }) => isTaken).length
  if (taken + waiting >= need) return undefined
  if (answers.length + waiting < need) return { kind: 'away', have: answers.length + waiting }
  const rounds = answers.map(({ promised }) => promised?.round ?? 0).sort((left, right) => right - left)
  // So many may make up a round that nobody could follow.
  const round = rounds[faultsOf(keepers.length)]
  return round === undefined ? undefined : { kind: 'contended', round: Math.max(word.round, round) }
}

/** The newest record that is told to be decided, after a step. */
export function newestDecided(answers: readonly KeeperAnswer[], after = 0): OpenedRecord | undefined {
  let newest: OpenedRecord | undefined
  for (const { decided } of answers)
    if (decided !== undefined && 'record' in decided && decided.record.step > (newest?.record.step ?? after))
      newest = decided
  return newest
}

/** What was proposed last for a step. */
export function highestOf(answers: readonly KeeperAnswer[], step: number): OpenedRecord | undefined {
  let highest: OpenedRecord | undefined
  for (const { accepted } of answers)
    if (accepted?.record.step === step && (highest === undefined || compareBallots(accepted.word, highest.word) > 0))
      highest = accepted
  return highest
}

/** What came of asking. */
export type Looked = { readonly newest?: OpenedRecord | undefined } & (
  | { readonly kind: 'moved' | 'unsettled' }
  /** Blank: as many as must agree have nothing at all, not even what a quorum of them had decided. */
  | { readonly kind: 'sure'; readonly isBlank: boolean }
  | { readonly kind: 'decided'; readonly accepted: OpenedRecord }
  | { readonly kind: 'away'; readonly have: number }
)

/** What is the newest by what the keepers of a step say: enough of them would know of what was agreed after it. */
export function lookAt(
  answers: readonly KeeperAnswer[],
  {
    known,
    keepers,
    need,
  }: { readonly known: OpenedRecord | undefined; readonly keepers: Uint8Array; readonly need: number },
): Looked {
  const newest = newestDecided(answers, known?.record.step ?? 0)
  if (newest !== undefined && !equalBytes(newest.record.keepers, keepers)) return { kind: 'moved', newest }
  if (answers.length < need) return { kind: 'away', have: answers.length, newest }
  const step = ((newest ?? known)?.record.step ?? 0) + 1
  const accepted = answers.flatMap((answer) => (answer.accepted?.record.step === step ? [answer.accepted] : []))
  if (accepted.length === 0) {
    const blank = answers.filter((answer) => answer.decided === undefined && answer.accepted === undefined)
    return { kind: 'sure', isBlank: blank.length >= need, newest }
  }
  const isAgreed = (each: OpenedRecord): boolean =>
    accepted.filter(({ word }) => word.record === each.word.record && compareBallots(word, each.word) === 0).length >=
    need
  const agreed = accepted.find(isAgreed)
  return agreed === undefined ? { kind: 'unsettled', newest } : { kind: 'decided', accepted: agreed, newest }
}
