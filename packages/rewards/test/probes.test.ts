import { isEquivocation } from '@stead/protocol'
import {
  type AnswerContext,
  answerProbe,
  defaultQualityParameters,
  epochAt,
  epochNumber,
  epochSpan,
  type ProbeAnswer,
  type ProbePair,
  type ProbeRequest,
  ProbeSession,
  probeAnswerSchema,
  probeRequestSchema,
  probeWindow,
} from '@stead/rewards'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { answerStatement, firstLink, nextLink } from '../src/probes/answer-chain.ts'
import { CHAIN_ID, ESCROW, hashOf, secp256k1, seedOf, signerOf } from './world.ts'

const signer = signerOf('probed node')
const prober = signerOf('prober').address
const pair: ProbePair = {
  chainId: CHAIN_ID,
  escrow: ESCROW,
  epoch: epochNumber(7),
  beacon: hashOf('beacon 7'),
  prober,
  node: signer.address,
}
const limits = { ...defaultQualityParameters, probesPerEpoch: 6 }
const context: AnswerContext = { ...pair, from: prober, isAssigned: () => true, indexesNow: [0, 1, 2, 3, 4, 5] }
const by = { signer, secp256k1 }

function newSession(change: Partial<ProbePair> = {}): ProbeSession {
  return new ProbeSession(secp256k1, { pair: { ...pair, ...change }, seed: seedOf(prober), limits })
}

/** Over the wire and back, as peers would see them. */
function ask(session: ProbeSession, index: number): ProbeRequest {
  return probeRequestSchema.decodeMessage(probeRequestSchema.encodeMessage(session.ask(index)))
}

function answer(request: ProbeRequest, change: Partial<AnswerContext> = {}): ProbeAnswer {
  const given = answerProbe(by, { ...context, ...change }, request)
  return probeAnswerSchema.decodeMessage(probeAnswerSchema.encodeMessage(given))
}

function probe(session: ProbeSession, index: number, latencyMs = 20): void {
  expect(session.receive(answer(ask(session, index)), latencyMs)).toEqual({ kind: 'counted' })
}

describe('probing', () => {
  test('counts answers with their times, and goes on after gaps', () => {
    const session = newSession()
    probe(session, 0, 0.2)
    session.ask(1)
    probe(session, 2, 41.5)
    probe(session, 5, 300)
    const { latencies, signature } = session.record()
    expect([...latencies]).toEqual([0, 1, 0, 0, 0, 42, 0, 0, 0, 0, 1, 44])
    expect(signature).toHaveLength(65)
    expect(session.refusals.size).toBe(0)
  })

  test('goes on after the prober was restarted, with the same answers', () => {
    const before = newSession()
    probe(before, 1)
    const record = before.record()
    const after = new ProbeSession(secp256k1, { pair, seed: seedOf(prober), limits }, record)
    probe(before, 3)
    probe(after, 3)
    expect(after.record()).toEqual(before.record())
    expect(() => after.ask(3)).toThrow(RangeError)
  })

  test.each([
    [
      'replayed',
      (session: ProbeSession) => {
        const first = answer(ask(session, 0))
        session.receive(first, 1)
        session.ask(1)
        return [first, 1] as const
      },
    ],
    [
      'replayed',
      (session: ProbeSession) => {
        const first = answer(ask(session, 0))
        session.receive(first, 1)
        return [first, 1] as const
      },
    ],
    [
      'unknown-nonce',
      (session: ProbeSession) => [{ ...answer(ask(session, 0)), nonce: new Uint8Array(32) }, 1] as const,
    ],
    [
      'unknown-nonce',
      (session: ProbeSession) => {
        const late = answer(ask(session, 0))
        session.ask(1)
        return [late, 1] as const
      },
    ],
    ['wrong-epoch', (session: ProbeSession) => [{ ...answer(ask(session, 0)), epoch: epochNumber(6) }, 1] as const],
    ['wrong-prober', (session: ProbeSession) => [{ ...answer(ask(session, 0)), prober: signer.address }, 1] as const],
    ['wrong-node', (session: ProbeSession) => [{ ...answer(ask(session, 0)), node: prober }, 1] as const],
    ['late', (session: ProbeSession) => [answer(ask(session, 0)), limits.answerMaxMs + 1] as const],
    [
      'bad-signature',
      (session: ProbeSession) => {
        const other = signerOf('another node')
        const request = { ...ask(session, 0), node: other.address }
        const forged = answerProbe({ signer: other, secp256k1 }, context, request)
        return [{ ...forged, node: signer.address }, 1] as const
      },
    ],
    [
      'bad-signature',
      (session: ProbeSession) => {
        // The node's true answer to the same nonce of another epoch.
        const asked = ask(session, 0)
        const epoch = epochNumber(6)
        const old = answerProbe(by, { ...context, epoch }, { ...asked, epoch })
        return [{ ...old, epoch: pair.epoch }, 1] as const
      },
    ],
    [
      'bad-signature',
      (session: ProbeSession) => {
        // And to another prober.
        const other = signerOf('other prober').address
        const theirs = answerProbe(by, { ...context, from: other }, { ...ask(session, 0), prober: other })
        return [{ ...theirs, prober }, 1] as const
      },
    ],
  ])('refuses an answer that is %s, counts the refusal, and still takes the right one', (reason, attack) => {
    const session = newSession()
    const [given, latencyMs] = attack(session)
    expect(session.receive(given, latencyMs)).toEqual({ kind: 'refused', reason })
    expect(session.refusals.get(reason as never)).toBe(1)
    probe(session, 4)
  })

  test('a node answers only its assigned prober, in this epoch, now, and on its own earlier word', () => {
    const session = newSession()
    probe(session, 0)
    const request = ask(session, 1)
    const strange = signerOf('stranger').address
    const attempts: readonly (readonly [string, Partial<AnswerContext>, Partial<ProbeRequest>])[] = [
      ['wrong-node', {}, { node: prober }],
      ['wrong-epoch', {}, { epoch: epochNumber(8) }],
      ['wrong-beacon', {}, { beacon: hashOf('other chain') }],
      ['wrong-prober', { from: strange }, {}],
      ['not-assigned', { isAssigned: () => false }, {}],
      ['wrong-window', { indexesNow: [4, 5] }, {}],
      ['forged-previous', {}, { previousLink: new Uint8Array(32) }],
      ['forged-previous', {}, { previousSignature: new Uint8Array(65) }],
    ]
    for (const [reason, change, asked] of attempts) {
      expect(() => answerProbe(by, { ...context, ...change }, { ...request, ...asked })).toThrow(
        expect.objectContaining({ code: 'REWARDS_PROBE_REFUSED', details: expect.objectContaining({ reason }) }),
      )
    }
  })

  test('no prober can make a node say two things in one slot, whatever it asks', () => {
    const anyNonce = fc.uint8Array({ minLength: 32, maxLength: 32 })
    fc.assert(
      fc.property(anyNonce, anyNonce, fc.nat({ max: 255 }), fc.nat({ max: 255 }), (left, right, i, j) => {
        const links = [nextLink(firstLink(pair), i, left), nextLink(firstLink(pair), j, right)]
        const [first, second] = links.map((link) => ({ ...answerStatement(link), signature: new Uint8Array(65) }))
        if (first === undefined || second === undefined) throw new Error('no statements')
        expect(isEquivocation(first, second)).toBe(false)
      }),
    )
  })

  test('hostile messages are refused by a typed error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        for (const schema of [probeRequestSchema, probeAnswerSchema]) {
          try {
            schema.decodeMessage(bytes)
          } catch (error) {
            expect(error).toMatchObject({ isSteadError: true })
          }
        }
      }),
    )
  })
})

test('epochs and the windows of probes cover chain time without gap', () => {
  const calendar = { genesisSeconds: 1000, epochSeconds: 97 }
  for (const time of [1000, 1096, 1097, 5000]) {
    const span = epochSpan(calendar, epochAt(calendar, time))
    expect(span.beginsAtSeconds).toBeLessThanOrEqual(time)
    expect(span.endsAtSeconds).toBeGreaterThan(time)
  }
  expect(() => epochAt(calendar, 999)).toThrow(RangeError)
  const span = epochSpan(calendar, epochNumber(3))
  for (let index = 0; index < 9; index++) {
    expect(probeWindow(span, index, 10).until).toBe(probeWindow(span, index + 1, 10).from)
  }
  expect([probeWindow(span, 0, 10).from, probeWindow(span, 9, 10).until]).toEqual([1_291_000, 1_388_000])
})
