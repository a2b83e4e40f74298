import type { RandomStreams } from '../engine/random-streams.ts'
import { type CheatName, GANG_CHEATS, PAYER_CHEATS, PROVIDER_CHEATS } from './cheats.ts'
import { EPOCH_CHEATS, epochCheatOf } from './epoch-cheats.ts'
import { STORAGE_PAYER_CHEATS, STORAGE_PROVIDER_CHEATS, storageCheatOf } from './storage-cheats.ts'

/** Worlds in which most cheating providers are in it together. */
const GANG_WORLD_SHARE = 0.25
const GANG_MEMBER_SHARE = 0.7
/** Cheating providers that cheat in epochs, where there are any. */
const EPOCH_CHEAT_SHARE = 0.6
/** Cheats that cheat in storage, where there is any. */
const STORAGE_CHEAT_SHARE = 0.6
const ALL_CHEATS: readonly CheatName[] = [...PROVIDER_CHEATS, ...PAYER_CHEATS]

/** What the cast is drawn from. */
export interface CastOptions {
  readonly byzantineShare: number
  /** The ways to cheat that occur. @default all */
  readonly cheats: readonly CheatName[] | undefined
  /** Providers may cheat in epochs as well. */
  readonly hasEpochs: boolean
  /** Nodes may cheat in storage as well. */
  readonly hasStorage: boolean
  /** Whether a node of this number would pay, if it were honest. */
  readonly isPayer: (index: number) => boolean
}

/** Says which node of a world cheats, and how. */
export class Cast {
  readonly #streams: RandomStreams
  readonly #options: CastOptions
  readonly #gangCheat: CheatName | undefined

  constructor(streams: RandomStreams, options: CastOptions) {
    this.#streams = streams
    this.#options = options
    const random = streams.stream('gang')
    const isGangWorld = options.cheats === undefined && random.fraction() < GANG_WORLD_SHARE
    this.#gangCheat = isGangWorld ? GANG_CHEATS[Math.floor(random.fraction() * GANG_CHEATS.length)] : undefined
  }

  /** Undefined for an honest node. The first payer and the first provider never cheat. */
  cheatOf(index: number): CheatName | undefined {
    const { byzantineShare, cheats = ALL_CHEATS, isPayer } = this.#options
    const random = this.#streams.stream(`cheat ${index}`)
    const isSpared = index === 0 || !isPayer(index - 1) !== !isPayer(index)
    if (random.fraction() >= byzantineShare || isSpared) return undefined
    const epochCheats =
      this.#options.cheats === undefined ? EPOCH_CHEATS : cheats.flatMap((each) => epochCheatOf(each) ?? [])
    const cheatsInEpochs = this.#options.hasEpochs && !isPayer(index) && epochCheats.length > 0
    if (cheatsInEpochs && random.fraction() < EPOCH_CHEAT_SHARE)
      return epochCheats[Math.floor(random.fraction() * epochCheats.length)]
    if (this.#options.hasStorage && random.fraction() < STORAGE_CHEAT_SHARE) {
      const all: readonly CheatName[] = isPayer(index) ? STORAGE_PAYER_CHEATS : STORAGE_PROVIDER_CHEATS
      const chosen = this.#options.cheats?.filter((each) => storageCheatOf(each) !== undefined)
      const kinds = chosen === undefined ? all : chosen
      if (kinds.length > 0) return kinds[Math.floor(random.fraction() * kinds.length)]
    }
    const own = cheats[Math.floor(random.fraction() * cheats.length)]
    const isMember = this.#gangCheat !== undefined && !isPayer(index) && random.fraction() < GANG_MEMBER_SHARE
    return isMember ? this.#gangCheat : own
  }
}
