import { type Ballot, compareBallots, type OpenedRecord, type OpenedWord, sameWriter } from './register-record.ts'

/** What a keeper knows of a register. */
export interface KeeperState {
  /** The newest step that was decided. */
  readonly decided?: OpenedRecord
  /** What was taken for the step after that one. */
  readonly accepted?: OpenedRecord
  /** The highest turn of that step. */
  readonly promised?: Ballot
}

/** What a keeper makes of a word. */
export interface KeeperVerdict {
  readonly state: KeeperState
  readonly isTaken: boolean
  readonly needsBase: boolean
}

/** A word with what proves that the step before is decided. */
export interface KeeperAsk {
  readonly said: OpenedWord | OpenedRecord
  readonly base?: OpenedWord | OpenedRecord | undefined
}

/** The step that a keeper takes proposals for. */
function openStepOf({ decided }: KeeperState): number {
  return (decided?.record.step ?? 0) + 1
}

/** Follows the rules of a keeper (ADR 15). The new state must be on disk before anybody is answered. */
export function hear(before: KeeperState, { said, base }: KeeperAsk): KeeperVerdict {
  const { word } = said
  if (word.kind === 'decide') {
    const state = learn(before, said)
    return { state: state ?? before, isTaken: state !== undefined, needsBase: state === undefined }
  }
  const state = base === undefined || base.word.kind !== 'decide' ? before : (learn(before, base) ?? before)
  const openStep = openStepOf(state)
  if (word.step !== openStep) return { state, isTaken: false, needsBase: word.step > openStep }
  const isTaken = word.kind === 'prepare' ? mayPromise(state, word) : mayAccept(state, said)
  if (!isTaken) return { state, isTaken, needsBase: false }
  const { round, writer } = word
  const accepted = word.kind === 'propose' && 'record' in said ? said : state.accepted
  return {
    state: { ...state, promised: { round, writer }, ...(accepted === undefined ? {} : { accepted }) },
    isTaken,
    needsBase: false,
  }
}

/** @returns undefined when the record that was decided is not known here */
function learn(state: KeeperState, said: OpenedWord | OpenedRecord): KeeperState | undefined {
  if (said.word.step < openStepOf(state)) return state
  const { accepted } = state
  if ('record' in said) return { decided: said }
  if (accepted === undefined || accepted.word.step !== said.word.step || accepted.word.record !== said.word.record)
    return undefined
  const { bytes, record } = accepted
  return { decided: { signed: { ...said.signed, record: bytes }, word: said.word, bytes, record } }
}

function mayPromise({ promised }: KeeperState, ballot: Ballot): boolean {
  return ballot.round > 0 && (promised === undefined || compareBallots(ballot, promised) >= 0)
}

function mayAccept({ decided, accepted, promised }: KeeperState, said: OpenedWord | OpenedRecord): boolean {
  const { word } = said
  if (!('record' in said)) return false
  if (promised !== undefined && compareBallots(word, promised) < 0) return false
  // Without asking first only who made the record before: nobody else can use that turn, and it says one thing in it.
  if (word.round === 0 && (decided === undefined || !sameWriter(decided.record, word))) return false
  const isSameTurn = accepted !== undefined && compareBallots(accepted.word, word) === 0
  return !isSameTurn || accepted.word.record === word.record
}
