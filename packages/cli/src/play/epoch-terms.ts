import { defaultQualityParameters } from '@stead/rewards'
import type { LocalEpochs } from '../dev/local-economy.ts'

/** Epochs that somebody can watch: everything that takes a day elsewhere takes seconds. The rules are the same. */
export const PLAY_EPOCHS: LocalEpochs = {
  epochSeconds: 24,
  challengeSeconds: 6,
  // Watchers recompute, vote and collect votes in it.
  decisionSeconds: 30,
  blockSeconds: 1,
  // So that a buyer can wait for a fair price: with a second, the price halves from one block to the next.
  halvingSeconds: 6,
  // Everybody probes everybody: of so few operators, two colluding ones and an absent one would be half of five probers.
  quality: { ...defaultQualityParameters, probersPerNode: 7, probersMin: 3, probesPerEpoch: 8 },
}

/** What one task costs, and what everybody is paid in each epoch: the same, so that only their quality differs. */
export const TASK_PRICE_MICRO_USD = 10_000n
/** Tasks for each operator in each epoch. */
export const TASKS_PER_OPERATOR = 10
/** What the self-dealer pays itself in each epoch. */
export const SELF_PAID_MICRO_USD = 5_000_000n
