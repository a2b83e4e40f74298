import type { Address, RootProposal, RootResult } from '@stead/core'
import { type Statement, signStatement, statementSigner } from '@stead/protocol'
import { decisionPayload, epochNumber } from '@stead/rewards'
import { type EpochNotice, noticeSchema } from './epoch-messages.ts'
import { EPOCH_TABLES, put } from './epoch-tables.ts'
import type { NoticeBoard } from './notice-board.ts'
import type { EpochPorts } from './ports.ts'

/** A node's word for a result. */
export interface CountedVote {
  readonly node: Address
  readonly signature: Uint8Array
}

/** Two votes of one node on one proposal. */
export interface VoteLie {
  readonly node: Address
  readonly first: Statement
  readonly second: Statement
}

/** Own votes, each journaled before it is said, and those of others. */
export class VoteBook {
  readonly #ports: EpochPorts
  readonly #board: NoticeBoard

  constructor(ports: EpochPorts, board: NoticeBoard) {
    this.#ports = ports
    this.#board = board
  }

  /** Votes on a challenged proposal, once: a second time the first vote is said again, whatever is asked for. @throws CoreError of the store */
  async vote(open: RootProposal, result: RootResult): Promise<EpochNotice> {
    const { store, signer } = this.#ports
    const key = open.decisionSlot.slice(2)
    const before = await store.get(EPOCH_TABLES.votes, key)
    if (before !== undefined) {
      const said = noticeSchema.decodeMessage(before)
      await this.#board.publish(said)
      return said
    }
    const { signature } = signStatement(signer, open.decisionSlot, decisionPayload(result))
    const notice: EpochNotice = {
      version: 1,
      kind: 'vote',
      epoch: epochNumber(open.epoch),
      node: signer.address,
      root: result.root,
      evidence: result.evidence,
      attempt: open.attempt,
      signature,
    }
    await store.write([put(EPOCH_TABLES.votes, key, noticeSchema.encodeMessage(notice))], 'power')
    await this.#board.publish(notice)
    return notice
  }

  /** The valid votes on a proposal for a result. */
  votesFor(open: RootProposal, result: RootResult): readonly CountedVote[] {
    const votes = new Map<Address, Uint8Array>()
    for (const { node, statement } of this.#statements(open)) {
      if (statement.payload === decisionPayload(result)) votes.set(node, statement.signature)
    }
    return Array.from(votes, ([node, signature]) => ({ node, signature }))
  }

  /** Nodes that voted for two results of one proposal. */
  lies(open: RootProposal): readonly VoteLie[] {
    const first = new Map<Address, Statement>()
    const lies: VoteLie[] = []
    for (const { node, statement } of this.#statements(open)) {
      const before = first.get(node)
      if (before === undefined) first.set(node, statement)
      else if (before.payload !== statement.payload) lies.push({ node, first: before, second: statement })
    }
    return lies
  }

  #statements(open: RootProposal): readonly { readonly node: Address; readonly statement: Statement }[] {
    const notices = this.#board.of(epochNumber(open.epoch), 'vote')
    return notices.flatMap(({ node, root, evidence, attempt, signature }) => {
      if (attempt !== open.attempt || root === undefined || evidence === undefined || signature === undefined) return []
      const statement = { slot: open.decisionSlot, payload: decisionPayload({ root, evidence }), signature }
      return statementSigner(this.#ports.secp256k1, statement) === node ? [{ node, statement }] : []
    })
  }
}
