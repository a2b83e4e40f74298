import type { Hash, Network } from '@stead/core'
import { equalBytes } from '@stead/protocol'
import { StorageError } from '../errors.ts'
import type { PointerValue, RootPointer } from '../objects/root-pointer.ts'
import { type AskComponents, askKeepers, type KeeperAnswer } from './ask-keepers.ts'
import { findKeepers } from './find-keepers.ts'
import { newestDecided } from './judge-answers.ts'
import { faultsOf, quorumOf } from './quorum.ts'
import { compareBallots, keepersOf, type OpenedRecord, registerIdOf } from './register-record.ts'

/** What a {@link RegisterReader} asks with. */
export interface RegisterReaderComponents extends AskComponents {
  readonly network: Network
}

/** Keepers that named others, one after another. */
const MOVES_MAX = 16

/**
 * Reads a register by its public key. Whoever has no more cannot settle what is half done: of that it takes what may have
 * been decided, which its writer signed, so that nothing is missed that a writer was told to be done.
 */
export class RegisterReader implements Pick<RootPointer, 'read'> {
  readonly #components: RegisterReaderComponents
  readonly #key: Uint8Array
  readonly #id: Hash
  readonly #hint: Uint8Array
  #known: OpenedRecord | undefined

  /** @param hint some of the keepers, 33 bytes each */
  constructor(components: RegisterReaderComponents, key: Uint8Array, hint: Uint8Array) {
    this.#components = components
    this.#key = key
    this.#id = registerIdOf(key)
    this.#hint = hint
  }

  /** @throws StorageError STORAGE_SHARE_AWAY when too few keepers answer to say which value is the newest */
  async read(): Promise<PointerValue | undefined> {
    if (this.#known === undefined) await this.#find()
    for (let moves = 0; moves < MOVES_MAX; moves++) {
      const before = this.#known
      if (before === undefined) break
      const keepers = keepersOf(before.record.keepers)
      const need = quorumOf(keepers.length)
      const answers = await this.#ask(keepers, (some, waiting) => waiting === 0 || this.#isClear(some, need))
      this.#adopt(newestDecided(answers))
      if (!equalBytes(this.#known?.record.keepers ?? before.record.keepers, before.record.keepers)) continue
      if (answers.length < need) {
        if (this.#adopt(await this.#search())) continue
        break
      }
      const { record, taken, agreed } = this.#lastProposed(answers)
      // Those who did not answer may have taken it as well, and those who lie may have been counted when it was decided.
      const mayHaveTaken = taken + (keepers.length - answers.length) + faultsOf(keepers.length)
      if (record === undefined || mayHaveTaken < need) return pointerValueOf(this.#known)
      const value = pointerValueOf(record)
      return value === undefined || agreed >= need ? value : { ...value, isUnsettled: true }
    }
    throw new StorageError('STORAGE_SHARE_AWAY', 'too few of those who keep the root of this share answer')
  }

  /** Any keeper knows all of them. */
  async #find(): Promise<void> {
    const answers = await this.#ask(
      keepersOf(this.#hint),
      (some, waiting) => waiting === 0 || newestOf(some) !== undefined,
    )
    this.#adopt(newestOf(answers) ?? (await this.#search()))
  }

  async #search(): Promise<OpenedRecord | undefined> {
    const keepers = await findKeepers(this.#components.network, this.#id)
    return newestOf(await this.#ask(keepers, (_, waiting) => waiting === 0))
  }

  async #ask(
    keepers: readonly Uint8Array[],
    isEnough: (answers: readonly KeeperAnswer[], waiting: number) => boolean,
  ): Promise<readonly KeeperAnswer[]> {
    if (keepers.length === 0) return []
    const known = this.#known === undefined ? {} : { known: this.#known.word.record }
    return await askKeepers(this.#components, keepers, { key: this.#key, ...known }, ({ answers, waiting }) =>
      isEnough(answers, waiting) ? [...answers] : undefined,
    )
  }

  /** @returns whether it was newer */
  #adopt(record: OpenedRecord | undefined): boolean {
    if (record === undefined || record.record.step <= (this.#known?.record.step ?? 0)) return false
    this.#known = record
    return true
  }

  /** Whether those who have not answered cannot change what is the newest. */
  #isClear(answers: readonly KeeperAnswer[], need: number): boolean {
    if (answers.length < need) return false
    this.#adopt(newestDecided(answers))
    const { record, agreed } = this.#lastProposed(answers)
    return record === undefined || agreed >= need
  }

  /** What was proposed last after the newest step that is known, how many took it, and how many in its last turn. */
  #lastProposed(answers: readonly KeeperAnswer[]): {
    readonly record: OpenedRecord | undefined
    readonly taken: number
    readonly agreed: number
  } {
    const step = (this.#known?.record.step ?? 0) + 1
    const accepted = answers
      .flatMap((answer) => (answer.accepted?.record.step === step ? [answer.accepted] : []))
      .sort((left, right) => compareBallots(right.word, left.word))
    const [record] = accepted
    const same = accepted.filter(({ word }) => word.record === record?.word.record)
    const agreed = same.filter(({ word }) => record !== undefined && compareBallots(word, record.word) === 0)
    return { record, taken: same.length, agreed: agreed.length }
  }
}

/** The newest that was decided; before anybody was told of the first, what was proposed for it. */
function newestOf(answers: readonly KeeperAnswer[]): OpenedRecord | undefined {
  return newestDecided(answers) ?? answers.find(({ accepted }) => accepted?.record.step === 1)?.accepted
}

function pointerValueOf(known: OpenedRecord | undefined): PointerValue | undefined {
  if (known === undefined || known.record.sequence === 0) return undefined
  const { sequence, value } = known.record
  return { sequence, value: Uint8Array.from(value) }
}
