import { microUsd } from '@stead/core'
import type { CaretakerView } from '@stead/sdk/api'
import type { AppointedCaretaker, StorageConsumer } from '@stead/storage'
import type { BuyingStorage } from '../daemon/buying-storage.ts'
import { costPerDay } from '../daemon/storage-funds.ts'
import type { Handlers } from './handlers.ts'

type CareRoutes = 'listCareOffers' | 'appointCaretaker' | 'dismissCaretaker'

/** A day may cost twice what storing costs now: repairs keep pieces twice for a while. */
const TIMES_PER_DAY = 2n
/** At least a tenth of a cent. */
const PER_DAY_MIN = 1000n
/** At the present cost about three months. */
const BUDGET_DAYS = 45n

/** Who looks after what this payer keeps. */
export function careHandlers(open: () => Promise<BuyingStorage>): Pick<Handlers, CareRoutes> {
  return {
    listCareOffers: async () => {
      const { consumer } = await open()
      return { offers: await consumer.care.offers() }
    },
    appointCaretaker: async ({ body: { node, budgetMicroUsd, perDayMicroUsd } }) => {
      const { consumer } = await open()
      const perDay = perDayMicroUsd ?? usualPerDay(consumer)
      const budget = budgetMicroUsd ?? microUsd(perDay * BUDGET_DAYS)
      const wish = { budgetMicroUsd: budget, perDayMicroUsd: perDay }
      return caretakerView(await consumer.care.appoint(node === undefined ? wish : { ...wish, node }))
    },
    dismissCaretaker: async () => {
      const { consumer } = await open()
      await consumer.care.dismiss()
      return undefined
    },
  }
}

function usualPerDay(consumer: StorageConsumer): ReturnType<typeof microUsd> {
  const perDay = TIMES_PER_DAY * costPerDay(consumer)
  return microUsd(perDay < PER_DAY_MIN ? PER_DAY_MIN : perDay)
}

/** A caretaker for whoever asks the API. */
export function caretakerView({ refusal, standing, ...appointed }: AppointedCaretaker): CaretakerView {
  const { node, sharePpm, budgetMicroUsd, perDayMicroUsd, appointedAt, heardAt } = appointed
  const { acceptedMicroUsd, refusedMicroUsd } = appointed
  return {
    node,
    sharePpm,
    budgetMicroUsd,
    perDayMicroUsd,
    appointedAt,
    heardAt,
    acceptedMicroUsd,
    refusedMicroUsd,
    ...(refusal === undefined ? {} : { refusal }),
    ...(standing === undefined ? {} : { said: saidOf(standing) }),
  }
}

function saidOf(standing: NonNullable<AppointedCaretaker['standing']>): NonNullable<CaretakerView['said']> {
  const { segments, pieces, bytes, madePieces, unrepairedSegments, spentMicroUsd } = standing
  return { segments, pieces, bytes, madePieces, unrepairedSegments, spentMicroUsd }
}
