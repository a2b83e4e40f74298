import { type ContentId, type FinalRoot, isSteadError, messageOf } from '@stead/core'
import {
  auditEpoch,
  ChainFactsReader,
  type ComputedEpoch,
  type EpochComponents,
  type EpochEvidence,
  type EpochNumber,
  epochNumber,
  evidenceDigest,
  evidenceIdOf,
  openEvidence,
  openResult,
  ProgramRegistry,
  utilityProgram,
} from '@stead/rewards'
import { MemoryChain } from '@stead/testkit'
import type { World } from '../world/world.ts'

/** What a stranger finds out about a final root. */
export interface RootFinding {
  /** Undefined for a root that is what evidence and chain give. */
  readonly fault: string | undefined
  readonly computed: ComputedEpoch | undefined
  readonly evidence: EpochEvidence | undefined
}

/**
 * A stranger: reads the chain by itself and without faults, takes documents from whoever has them, and computes final
 * roots again, each with those that it builds on, as far as documents are kept.
 */
export class EpochAuditor {
  readonly #world: World
  readonly #components: EpochComponents
  #facts: ChainFactsReader | undefined

  constructor(world: World) {
    this.#world = world
    const { secp256k1 } = world.parts
    const programs = new ProgramRegistry().add(utilityProgram)
    this.#components = { secp256k1, programs, load: (id) => this.#load(id) }
  }

  async look(final: FinalRoot): Promise<RootFinding> {
    const { epoch, root } = final
    try {
      const id = evidenceIdOf(final.evidence)
      const bytes = await this.#load(id)
      if (bytes === undefined) return unknown(`nobody has the evidence ${id}`)
      return await this.#audit({ epoch: epochNumber(epoch), root, id, evidence: openEvidence(bytes) })
    } catch (error) {
      if (!isSteadError(error)) throw error
      return unknown(messageOf(error))
    }
  }

  async #audit(of: {
    readonly epoch: EpochNumber
    readonly root: FinalRoot['root']
    readonly id: ContentId
    readonly evidence: EpochEvidence
  }): Promise<RootFinding> {
    const { epoch, root, id, evidence } = of
    const audit = await auditEpoch(this.#components, {
      proposal: { epoch, root, evidence: evidenceDigest(id) },
      facts: await (await this.#reader()).facts(epoch),
      previous: evidence.previous,
    })
    const fault = audit.kind === 'match' ? await this.#faultBefore(evidence) : `epoch ${epoch}: ${audit.message}`
    return { fault, computed: audit.computed, evidence }
  }

  /** What is wrong with the result that evidence builds on; where documents end, nothing can be said. */
  async #faultBefore({ previous, epoch }: EpochEvidence): Promise<string | undefined> {
    const bytes = previous === undefined ? undefined : await this.#load(previous)
    if (bytes === undefined) return undefined
    const result = openResult(bytes)
    const evidence = await this.#load(result.evidence)
    if (evidence === undefined) return undefined
    const before = { epoch: epochNumber(epoch - 1), root: result.root, id: result.evidence }
    const { fault, computed } = await this.#audit({ ...before, evidence: openEvidence(evidence) })
    if (fault !== undefined || computed === undefined) return fault
    return computed.resultDocument.id === previous ? undefined : `epoch ${before.epoch}: another result is built on`
  }

  async #load(id: ContentId): Promise<Uint8Array | undefined> {
    for (const { epochs, isHonest } of this.#world.nodes) {
      const bytes = isHonest ? await epochs?.shelf.get(id) : undefined
      if (bytes !== undefined) return bytes
    }
    return undefined
  }

  async #reader(): Promise<ChainFactsReader> {
    if (this.#facts !== undefined) return this.#facts
    const { ledger, hub } = this.#world.parts
    const chain = new MemoryChain(ledger, ledger.identity.escrow)
    await chain.start()
    const { genesisSeconds, epochSeconds } = ledger.contracts.epochs
    const calendar = { genesisSeconds, epochSeconds }
    const ports = { chain, economy: chain.economy(), history: chain.history(), calendar, clock: hub.clock }
    this.#facts = new ChainFactsReader(ports)
    return this.#facts
  }
}

function unknown(fault: string): RootFinding {
  return { fault, computed: undefined, evidence: undefined }
}
