import { pieceNameOf } from '@stead/storage'
import type { CaredPayer } from '../world/care-season.ts'
import type { SimNode } from '../world/sim-node.ts'
import type { World } from '../world/world.ts'
import { isKept } from './kept-pieces.ts'
import { allDone } from './storage-checks.ts'
import type { Violations } from './violations.ts'

const MINUTE_MS = 60_000
const APPOINTED_MINUTES_MAX = 3
/** A payer that is back makes again what its nodes gave up, then takes the bills and says that this was all. */
const BACK_MINUTES_MAX = 8
const LOOK_MINUTES_MAX = 2
/** A payer that comes back dies again so soon, and stays away for so long. */
const HALFWAY_AWAY_MINUTES = 0.5
/** Less than an answer takes. */
const BETWEEN_MESSAGES_MS = 10
/** Periods of one agreement that may wait for a payer that takes bills each round: what is paid within it, in parts. */
const WAITING_PERIODS_MAX = 24
/** Of a caretaker: what it paid and did not bill yet. */
const WAITING_TABLE = 'care-storage-paid'
const CHECK_MINUTES_MAX = 2

/** After all faults payers go away, each for its time, and come back. */
export async function checkCare(world: World, violations: Violations, look: () => void): Promise<void> {
  const { care } = world
  if (care === undefined) return
  await isTold(world, care.all, { minutesMax: APPOINTED_MINUTES_MAX, violations, look })
  const cared = care.appointed.toSorted((left, right) => left.plan.awayMs - right.plan.awayMs)
  const fromMs = world.parts.scheduler.nowMs
  // A caretaker cannot read what the payer keeps on that very node.
  const readable = new Map<CaredPayer, ReadonlySet<string>>()
  const noted = cared.map(async (each) => {
    readable.set(each, await readableSegments(world, each, each.caretaker))
  })
  await allDone(world, noted, { minutesMax: CHECK_MINUTES_MAX, look })
  for (const each of cared) care.leave(each)
  for (const each of cared) {
    const leftMs = fromMs + each.plan.awayMs - world.parts.scheduler.nowMs
    if (leftMs > 0) await world.healPhase(async () => false, leftMs / MINUTE_MS, look)
    await allDone(world, [checkAway(world, each, { before: readable.get(each), violations })], {
      minutesMax: CHECK_MINUTES_MAX,
      look,
    })
    care.comeBack(each)
    if (each.plan.diesHalfway) await dieHalfway(world, each, look)
  }
  if (cared.length === 0) return
  await isTold(world, cared, { minutesMax: BACK_MINUTES_MAX, violations, look })
  // Some rounds in which bills are taken and copies given up.
  await world.healPhase(async () => false, LOOK_MINUTES_MAX, look)
  violations.checkNone('care-fair', world.parts.careWitness.wronglyRefused, ({ what, payer, node }) => ({
    what,
    who: world.nodes.filter(({ plan }) => [payer, node].includes(plan.signer.address)).map(({ plan }) => plan.name),
  }))
  for (const each of cared) await allDone(world, [checkRows(each, violations)], { minutesMax: CHECK_MINUTES_MAX, look })
}

/** Payers that are there say to their caretakers that they have told all. */
async function isTold(
  world: World,
  cared: readonly CaredPayer[],
  {
    minutesMax,
    violations,
    look,
  }: { readonly minutesMax: number; readonly violations: Violations; readonly look: () => void },
): Promise<void> {
  const silent = (): readonly CaredPayer[] =>
    cared.filter(({ node, caretaker }) => {
      const ward = world.parts.careWitness.wardOf(node.plan.signer.address)
      const absences = world.care?.absencesOf(node) ?? 0
      // A caretaker that cheats may say what it likes, and a payer leaves it at that.
      return caretaker.isHonest && (ward === undefined || !ward.isTold || ward.silences < absences)
    })
  await world.healPhase(async () => silent().length === 0, minutesMax, look)
  violations.checkNone('care-told', silent(), ({ node, caretaker }) => ({
    what: `${node.plan.name} has not told all to ${caretaker.plan.name} in ${minutesMax} minutes`,
    who: [node.plan.name, caretaker.plan.name],
  }))
}

/** It has said a part of what it has to say, and its process ends. */
async function dieHalfway(world: World, cared: CaredPayer, look: () => void): Promise<void> {
  const { scheduler, careWitness } = world.parts
  const ward = careWitness.wardOf(cared.node.plan.signer.address)
  const before = ward?.silences ?? 0
  let isOver = ward === undefined
  let isDead = false
  const watch = (): void => {
    isDead = ward?.isTold === false && ward.silences > before && cared.node.isAlive
    if (isDead) world.care?.die(cared)
    isOver ||= isDead || (ward?.silences ?? 0) > before
    if (!isOver) scheduler.at(scheduler.nowMs + BETWEEN_MESSAGES_MS, watch)
  }
  watch()
  await world.healPhase(async () => isOver, BACK_MINUTES_MAX, look)
  isOver = true
  if (!isDead) return
  await world.healPhase(async () => false, HALFWAY_AWAY_MINUTES, look)
  world.care?.comeBack(cared)
}

/** What an absent payer keeps can be read, by what is on the disks of honest nodes, as it could when it left. */
async function checkAway(
  world: World,
  cared: CaredPayer,
  { before, violations }: { readonly before: ReadonlySet<string> | undefined; readonly violations: Violations },
): Promise<void> {
  const { node, caretaker, plan } = cared
  const maySpend = plan.perDayMicroUsd === plan.budgetMicroUsd
  if (before === undefined || !caretaker.isHonest || !maySpend || mayLose(world)) return
  const now = await readableSegments(world, cared, undefined)
  const lost = [...before].filter((segment) => !now.has(segment)).length
  const { name } = node.plan
  const other = caretaker.plan.name
  violations.check(
    lost === 0,
    'objects-readable',
    () =>
      `${lost} of ${before.size} segments of ${name}, which is away, have too few pieces: ${other} looks after them`,
    [name, other],
  )
}

/** Segments that a payer handed over of which enough pieces are on honest nodes. @param but a node that does not count */
async function readableSegments(
  world: World,
  { node, caretaker }: CaredPayer,
  but: SimNode | undefined,
): Promise<ReadonlySet<string>> {
  const { careWitness, storageWitness } = world.parts
  const { address } = node.plan.signer
  const buyers = new Set([address, caretaker.plan.signer.address])
  const there = new Set<string>()
  for (const agreement of storageWitness.agreements) {
    const keeper = world.providers.find(({ plan }) => plan.signer.address === agreement.node)
    if (keeper === undefined || keeper === but || !buyers.has(agreement.payer)) continue
    for (const piece of agreement.pieces.values()) if (await isKept(keeper, piece)) there.add(piece.piece)
  }
  const segments = [...(careWitness.wardOf(address)?.segments ?? [])]
  const found = segments.filter(([, { segment, pieces, dataPieces }]) => {
    const numbers = Array.from({ length: pieces }, (_, number) => number)
    return numbers.filter((number) => there.has(pieceNameOf(segment, number))).length >= dataPieces
  })
  return new Set(found.map(([name]) => name))
}

/** Cheats and rot may have taken more pieces than the code can do without. */
function mayLose({ nodes }: World): boolean {
  return nodes.some(({ isHonest, rottenPieces }) => !isHonest || rottenPieces > 0)
}

/**
 * What is billed and accepted is not kept: neither periods nor bills pile up at a caretaker. A payer that took back the purse
 * of its caretaker takes no bills any more: what piles up then is bounded by the budget, which was paid ahead.
 */
async function checkRows({ node, caretaker }: CaredPayer, violations: Violations): Promise<void> {
  if (!caretaker.isHonest || !caretaker.isAlive) return
  if (node.payer?.market.channels().some(({ quote }) => quote.resource === 'care') !== true) return
  const rows = await caretaker.store.scan(WAITING_TABLE, { prefix: `${node.plan.signer.address}/` })
  const byAgreement = Map.groupBy(rows, ({ key }) => key.slice(0, key.lastIndexOf('/')))
  violations.checkNone(
    'care-rows-bounded',
    [...byAgreement.values()].filter((periods) => periods.length > WAITING_PERIODS_MAX),
    ([row, ...others]) => ({
      what: `${caretaker.plan.name} keeps ${1 + others.length} periods of ${row?.key}, at most ${WAITING_PERIODS_MAX} may wait for their payer`,
      who: [caretaker.plan.name, node.plan.name],
    }),
  )
}
