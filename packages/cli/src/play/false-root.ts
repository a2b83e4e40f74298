import type { Address, Economy } from '@stead/core'
import type { EpochService } from '@stead/epochs'
import type { SteadNode } from '@stead/node/daemon'
import { encodeResult, epochNumber, openResult, type ResultLine, rewardUnits, treeOfResult } from '@stead/rewards'
import { LIE_TOKEN_UNITS } from './cast.ts'

/** Who lies, and with whose deposit. */
export interface Liar {
  readonly node: SteadNode
  readonly operator: Address
  /** Sends with the operator's account. */
  readonly economy: Economy
}

/**
 * Proposes a root that differs from the true one in a single line, and publishes the result that it belongs to: as good
 * a lie as there can be. @throws as computing an epoch does while it is too early; ChainError
 */
export async function proposeFalseRoot({ node, operator, economy }: Liar, number: number): Promise<void> {
  const { epochs } = node
  if (epochs === undefined) throw new TypeError('the node takes no part in epochs')
  const epoch = epochNumber(number)
  const { result: id, evidence, digest } = await epochs.computer.own(epoch)
  const bytes = await epochs.shelf.get(id)
  if (bytes === undefined) throw new TypeError('the result of this node is not on its shelf')
  const truth = openResult(bytes)
  const lines = truth.lines.map((line) => (line.operator === operator ? raised(line) : line))
  const { root } = treeOfResult({ lines })
  const document = await epochs.shelf.put(encodeResult({ ...truth, evidence, lines, root }), epoch)
  await publish(epochs, { epoch, node: node.foundation.signer.address, document, evidence: digest, root })
  await economy.propose(epoch, { root, evidence: digest }, node.foundation.signer.address)
}

function raised(line: ResultLine): ResultLine {
  const more = (units: bigint) => rewardUnits(units + LIE_TOKEN_UNITS)
  return { ...line, shareUnits: more(line.shareUnits), cumulativeUnits: more(line.cumulativeUnits), reasons: [] }
}

type ResultNotice = Omit<Parameters<EpochService['board']['publish']>[0], 'version' | 'kind'>

async function publish({ board }: EpochService, notice: ResultNotice): Promise<void> {
  await board.publish({ version: 1, kind: 'result', ...notice })
}
