import { hasCode } from '@stead/core'
import type { ObjectStore, TreeObjectStore } from '@stead/storage'
import { describe, expect, it } from 'vitest'
import { type FaultKind, FaultyPorts } from './faulty-ports.ts'
import { bytesFrom, bytesOf, Workplace } from './workplace.ts'

type Model = ReadonlyMap<string, Uint8Array>

/** One step of a life, and what it comes to. */
interface Step {
  readonly name: string
  readonly run: (store: ObjectStore) => Promise<unknown>
  readonly after: (model: Model) => Model
}

const INLINE = bytesOf(100, 1)
const PACKED = bytesOf(50_000, 2)
const LARGE = bytesOf(1_200_000, 3)
/** So many segments that they are not held in memory. */
const LONG = bytesOf(2_200_000, 4)

function putStep(key: string, bytes: Uint8Array): Step {
  return {
    name: `put ${key}`,
    run: (store) => store.put('bucket', key, [bytes]),
    after: (model) => new Map([...model, [key, bytes]]),
  }
}

function deleteStep(key: string): Step {
  return {
    name: `delete ${key}`,
    run: (store) => store.delete('bucket', key),
    after: (model) => new Map([...model].filter(([name]) => name !== key)),
  }
}

function copyStep(from: string, to: string): Step {
  return {
    name: `copy ${from} to ${to}`,
    run: async (store) => {
      try {
        await store.copy({ bucket: 'bucket', key: from }, { bucket: 'bucket', key: to })
      } catch (error) {
        // What was to be copied may not have come to be.
        if (!hasCode(error, 'STORAGE_OBJECT_UNKNOWN')) throw error
      }
    },
    after: (model) => {
      const bytes = model.get(from)
      return bytes === undefined ? model : new Map([...model, [to, bytes]])
    },
  }
}

/** A copy to another bucket, and a copy of that one back. */
function roundTripStep(from: string, to: string): Step {
  const { after } = copyStep(from, to)
  return {
    name: `copy ${from} there and back to ${to}`,
    run: async (store) => {
      try {
        await store.copy({ bucket: 'bucket', key: from }, { bucket: 'other', key: from })
        await store.copy({ bucket: 'other', key: from }, { bucket: 'bucket', key: to })
      } catch (error) {
        if (!hasCode(error, 'STORAGE_OBJECT_UNKNOWN')) throw error
      }
    },
    after,
  }
}

const uploadStep: Step = {
  name: 'upload in parts',
  run: async (store) => {
    const { id } = await store.beginUpload('bucket', 'parts')
    const parts = []
    for (const [index, body] of [LARGE, PACKED, INLINE].entries())
      parts.push(await store.putPart('bucket', id, index + 1, [body]))
    await store.completeUpload('bucket', id, parts, { etag: 'whole' })
  },
  after: (model) => new Map([...model, ['parts', new Uint8Array(Buffer.concat([LARGE, PACKED, INLINE]))]]),
}

const LIFE: readonly Step[] = [
  putStep('inline', INLINE),
  putStep('packed', PACKED),
  putStep('large', LONG),
  copyStep('large', 'copy'),
  putStep('large', PACKED),
  deleteStep('packed'),
  uploadStep,
  putStep('inline', LARGE),
  deleteStep('copy'),
  copyStep('parts', 'again'),
  roundTripStep('again', 'back'),
  deleteStep('again'),
  deleteStep('parts'),
  deleteStep('large'),
]

const OPTIONS = { graceMs: 1000, keepUnfinishedMs: 100_000, segmentBytes: 65_520 }

/** What there is, every byte of it read. */
async function stateOf(store: ObjectStore): Promise<Model> {
  const { objects } = await store.list('bucket', { limit: 1000 })
  const state = new Map<string, Uint8Array>()
  for (const { key } of objects) state.set(key, await bytesFrom((await store.get('bucket', key)).body))
  return state
}

function isSame(left: Model, right: Model): boolean {
  if (left.size !== right.size) return false
  return [...left].every(([key, bytes]) => Buffer.compare(bytes, right.get(key) ?? new Uint8Array(0)) === 0)
}

/** Lets time pass until a promise settles or the process is dead. */
async function outcomeOf(place: Workplace, promise: Promise<unknown>, isDead: () => boolean): Promise<string> {
  let outcome: string | undefined
  promise.then(
    () => {
      outcome = 'done'
    },
    (error: unknown) => {
      outcome = hasCode(error, 'NETWORK_TIMEOUT') ? 'refused' : `failed: ${String(error)}`
    },
  )
  let deadTurns = 0
  for (let turn = 0; outcome === undefined && turn < 1000; turn++) {
    await place.clock.advance(20)
    if (isDead() && ++deadTurns > 5) return 'dead'
  }
  return outcome ?? 'stuck'
}

/** Lives a life in which one call goes wrong. @returns the calls that were made */
async function live(kind: FaultKind, atCall: number): Promise<readonly string[]> {
  const place = new Workplace()
  for (const bucket of ['bucket', 'other']) await place.open(OPTIONS).createBucket(bucket)
  const ports = new FaultyPorts()
  ports.plan(atCall, kind)
  const faulty = { segments: ports.segments(place.segments), pointers: ports.pointers(place.pointers.open) }
  let store: TreeObjectStore = place.open(OPTIONS, faulty)
  let isDead = (): boolean => ports.isDead
  let models: readonly Model[] = [new Map()]
  for (const step of LIFE) {
    const outcome = await outcomeOf(place, step.run(store), isDead)
    expect(outcome, `${step.name}, ${kind} at call ${atCall} ${ports.calls[atCall]}`).toMatch(/^(done|refused|dead)$/)
    const done = models.map((model) => step.after(model))
    models = outcome === 'done' ? done : [...models, ...done]
    if (outcome === 'dead') {
      store = place.open(OPTIONS)
      isDead = () => false
    }
    if (outcome === 'done') continue
    // Whoever looks now sees one of both, and it stays so.
    const state = await stateOf(place.open(OPTIONS))
    models = models.filter((model) => isSame(model, state))
    expect(models.length, `after ${step.name}, ${kind} at call ${atCall} ${ports.calls[atCall]}`).toBeGreaterThan(0)
  }
  await checkEnd(place, models)
  return ports.calls
}

/** Nothing is missing, also after sweeps; and nothing is left once all is deleted. */
async function checkEnd(place: Workplace, models: readonly Model[]): Promise<void> {
  const store = place.open(OPTIONS)
  for (let round = 0; round < 2; round++) {
    const state = await stateOf(store)
    expect(models.some((model) => isSame(model, state))).toBe(true)
    place.clock.jumpWall(OPTIONS.keepUnfinishedMs + OPTIONS.graceMs)
    await store.collect()
  }
  for (const bucket of ['bucket', 'other'])
    for (const { key } of (await store.list(bucket, { limit: 1000 })).objects) await store.delete(bucket, key)
  for (const { id } of await store.uploads('bucket', { limit: 100 })) await store.abortUpload('bucket', id)
  for (let round = 0; round < 5; round++) {
    place.clock.jumpWall(OPTIONS.keepUnfinishedMs + OPTIONS.graceMs)
    await store.collect()
    await store.stop()
  }
  // What is left are the pages of three small trees.
  expect(place.segments.sealedBytes).toBeLessThan(20_000)
}

describe.each(['die-before', 'die-after', 'refuse-before', 'refuse-after'] as const)(
  'when a call to the network goes wrong (%s)',
  (kind) => {
    it('objects are there as a whole or not at all, nothing is ever missing, and nothing is left for good', async () => {
      const calls = await live(kind, Number.POSITIVE_INFINITY)
      // Of segments that come one after another, some.
      const chosen = calls.flatMap((name, call) =>
        name === 'put' && calls[call - 1] === 'put' && call % 9 !== 0 ? [] : [call],
      )
      for (const call of chosen) await live(kind, call)
      expect(new Set(chosen.map((call) => calls[call]))).toEqual(
        new Set(['put', 'read', 'release', 'pointer read', 'swap']),
      )
      expect(chosen.length).toBeGreaterThan(60)
    }, 120_000)
  },
)
