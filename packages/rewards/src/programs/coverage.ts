import { type Address, type MicroUsd, microUsd } from '@stead/core'
import { defineSchema, listField, microUsdField, RESOURCES, type Schema, textField, uintField } from '@stead/protocol'
import { checkAscending, malformed } from '../errors.ts'
import type { NodeQuality } from '../quality/node-quality.ts'
import { PPM, type Ppm, ppmField, rewardUnits } from '../units.ts'
import { capPayments, type Payment, type PaymentCap } from './cap-payments.ts'
import type { Program, ProgramInput, Share } from './program.ts'
import type { ShareReason } from './reasons.ts'

/** Parameters of a coverage program; its sponsor chooses them. */
export interface CoverageParameters {
  /** What one network earns in one epoch for one resource in an empty place at q = 1. */
  readonly rateMicroUsd: MicroUsd
  /** A place with this many networks for a resource is covered and earns nothing more, 1 .. 65,536. */
  readonly networksEnough: number
  /** Nodes below this q do not count. */
  readonly qualityFloorPpm: Ppm
  /** Most for one /24 or /64 in one epoch, over all places and resources. */
  readonly networkMaxMicroUsd: MicroUsd
  /** Most for one operator in one epoch. */
  readonly operatorMaxMicroUsd: MicroUsd
  /** Most for all in one epoch. */
  readonly epochMaxMicroUsd: MicroUsd
  /**
   * What is paid for: each a resource and a place, `compute eu-west`, ascending, 1 .. 256. A node's place is its own word,
   * so that without a list whoever invents a place would be the only one there.
   */
  readonly cells: readonly string[]
}

/** Most cells of one program. */
const CELLS_MAX = 256
const CELL_BYTES_MAX = 64

const parametersSchema: Schema<CoverageParameters> = defineSchema<CoverageParameters>('CoverageParameters', 20_480, {
  rateMicroUsd: [1, microUsdField],
  networksEnough: [2, uintField(65_536)],
  qualityFloorPpm: [3, ppmField],
  networkMaxMicroUsd: [4, microUsdField],
  operatorMaxMicroUsd: [5, microUsdField],
  epochMaxMicroUsd: [6, microUsdField],
  cells: [7, listField(textField(CELL_BYTES_MAX), CELLS_MAX)],
})

/**
 * Pays nodes that answer well in places where few do. A cell is a resource in a place. Each network (/24 or /64) in a
 * cell earns rate × scarcity × the best q of its nodes there, which share it by their q: more nodes in one network earn
 * nothing more. Then the caps per network, per operator, and of epoch and deposit.
 */
export const coverageProgram: Program<CoverageParameters> = {
  name: 'coverage',
  codeVersion: 2,
  funding: 'deposit',
  parametersSchema,
  checkParameters: ({ networksEnough, cells }) => {
    if (networksEnough < 1) malformed('networksEnough', 'at least 1', networksEnough)
    if (cells.length === 0) malformed('cells', 'at least 1', 0)
    checkAscending('cells', cells)
    for (const cell of cells) {
      const resource = RESOURCES.find((each) => cell.startsWith(`${each} `) && cell.length > each.length + 1)
      if (resource === undefined) malformed('cell', `a resource (${RESOURCES.join(', ')}) and a place`, cell)
    }
  },
  shares(input, parameters) {
    const reasons = new Map<Address, ShareReason[]>(input.operators.map((operator) => [operator, []]))
    const eligible = input.quality.nodes.filter((quality) => isEligible(quality, parameters, reasons))
    const wanted = new Set(parameters.cells)
    const payments = [...cellsOf(eligible)].flatMap(([cell, networks]) => {
      if (wanted.has(cell)) return cellPayments({ cell, networks }, parameters, reasons)
      noteUnpaid({ cell, networks }, reasons)
      return []
    })
    const limits: readonly PaymentCap[] = [
      { code: 'capped', keyOf: ({ network }) => network, maxMicroUsd: parameters.networkMaxMicroUsd },
      { code: 'capped', keyOf: ({ operator }) => operator, maxMicroUsd: parameters.operatorMaxMicroUsd },
      {
        code: 'deposit-limit',
        keyOf: () => 'epoch',
        maxMicroUsd: lesser(parameters.epochMaxMicroUsd, input.budgetMicroUsd),
      },
    ]
    const paid = limits.reduce<readonly Payment[]>((rest, limit) => capPayments(rest, limit, reasons), payments)
    return sharesOf(input, paid, reasons)
  },
}

type Reasons = ReadonlyMap<Address, ShareReason[]>

/** Nodes by network in one place for one resource. */
interface Cell {
  readonly cell: string
  readonly networks: ReadonlyMap<string, readonly NodeQuality[]>
}

function lesser(left: MicroUsd, right: MicroUsd): MicroUsd {
  return left < right ? left : right
}

function isEligible(quality: NodeQuality, { qualityFloorPpm }: CoverageParameters, reasons: Reasons): boolean {
  const { operator, node, qualityPpm, network, region, resources } = quality
  const because = (code: string, need = 1n, have = 0n): boolean => {
    reasons.get(operator)?.push({ code, about: node, need, have })
    return false
  }
  if (qualityPpm === undefined) return because('quality-unknown', BigInt(quality.assigned), BigInt(quality.reports))
  if (qualityPpm < qualityFloorPpm) return because('quality', BigInt(qualityFloorPpm), BigInt(qualityPpm))
  if (network === undefined) return because('network-unknown')
  return region === undefined || resources === 0 ? because('place-unknown') : true
}

/** Cells in the order of their names, so that sums and reasons come out alike everywhere. */
function cellsOf(nodes: readonly NodeQuality[]): ReadonlyMap<string, ReadonlyMap<string, readonly NodeQuality[]>> {
  const cells = new Map<string, Map<string, NodeQuality[]>>()
  for (const quality of nodes) {
    for (const [bit, resource] of RESOURCES.entries()) {
      if ((quality.resources & (1 << bit)) === 0) continue
      const name = `${resource} ${quality.region ?? ''}`
      const networks = cells.get(name) ?? new Map<string, NodeQuality[]>()
      cells.set(name, networks)
      const network = quality.network ?? ''
      const nodesThere = networks.get(network)
      if (nodesThere === undefined) networks.set(network, [quality])
      else nodesThere.push(quality)
    }
  }
  return new Map([...cells].sort(([left], [right]) => (left < right ? -1 : 1)))
}

/** Once for each operator that is there. */
function noteUnpaid({ cell, networks }: Cell, reasons: Reasons): void {
  const operators = new Set([...networks.values()].flatMap((nodes) => nodes.map(({ operator }) => operator)))
  for (const operator of operators) {
    reasons.get(operator)?.push({ code: 'place-not-paid', about: cell, need: 1n, have: 0n })
  }
}

function cellPayments({ cell, networks }: Cell, parameters: CoverageParameters, reasons: Reasons): Payment[] {
  const missing = parameters.networksEnough - networks.size
  const payments: Payment[] = []
  for (const [network, nodes] of networks) {
    if (missing < 0) {
      const [need, have] = [BigInt(parameters.networksEnough), BigInt(networks.size)]
      for (const { operator } of nodes) reasons.get(operator)?.push({ code: 'well-covered', about: cell, need, have })
      continue
    }
    const best = nodes.reduce((most, { qualityPpm }) => Math.max(most, qualityPpm ?? 0), 0)
    // A place with exactly enough networks still pays its last share, so that reaching the aim is no loss.
    const scarcity = BigInt(missing + 1)
    const whole =
      (parameters.rateMicroUsd * scarcity * BigInt(best)) / (BigInt(parameters.networksEnough) * BigInt(PPM))
    const sum = BigInt(nodes.reduce((total, { qualityPpm }) => total + (qualityPpm ?? 0), 0))
    for (const { operator, qualityPpm } of nodes) {
      const amount = sum === 0n ? 0n : (whole * BigInt(qualityPpm ?? 0)) / sum
      payments.push({ operator, network, amountMicroUsd: microUsd(amount) })
    }
  }
  return payments
}

function sharesOf(input: ProgramInput, paid: readonly Payment[], reasons: Reasons): readonly Share[] {
  const amounts = new Map<Address, bigint>()
  for (const { operator, amountMicroUsd } of paid) {
    amounts.set(operator, (amounts.get(operator) ?? 0n) + amountMicroUsd)
  }
  const bonded = new Set(input.quality.nodes.map(({ operator }) => operator))
  return input.operators.map((operator) => {
    const own = reasons.get(operator) ?? []
    const because = bonded.has(operator) ? own : [{ code: 'not-bonded', about: operator, need: 1n, have: 0n }]
    return { operator, amountUnits: rewardUnits(amounts.get(operator) ?? 0n), reasons: because }
  })
}
