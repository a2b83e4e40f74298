import { hasCode } from '@stead/core'
import type { ObjectInfo, ObjectStore, TreeObjectStore } from '@stead/storage'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bytesFrom, bytesOf, Workplace } from './workplace.ts'

interface ModelVersion {
  readonly version: string
  readonly isDeleted: boolean
  readonly body: Uint8Array
}

/** What a bucket should hold: versions of each key, the newest first. */
class ModelBucket {
  versioning: 'off' | 'on' | 'suspended' = 'off'
  readonly objects = new Map<string, ModelVersion[]>()

  latest(key: string): ModelVersion | undefined {
    const [latest] = this.objects.get(key) ?? []
    return latest?.isDeleted === true ? undefined : latest
  }

  add(key: string, added: ModelVersion): void {
    const kept = (this.objects.get(key) ?? []).filter(({ version }) => added.version !== 'null' || version !== 'null')
    this.objects.set(key, [added, ...kept])
  }

  remove(key: string, version: string): void {
    this.objects.set(
      key,
      (this.objects.get(key) ?? []).filter((kept) => kept.version !== version),
    )
  }

  /** Key, version, whether it is the latest, whether it is deleted, length. */
  listed(): readonly (readonly [string, string, boolean, boolean, number])[] {
    return [...this.objects]
      .toSorted(([left], [right]) => Buffer.compare(Buffer.from(left), Buffer.from(right)))
      .flatMap(([key, versions]) =>
        versions.map(
          ({ version, isDeleted, body }, index) => [key, version, index === 0, isDeleted, body.length] as const,
        ),
      )
  }
}

interface Place {
  readonly workplace: Workplace
  readonly model: ModelBucket
  store: TreeObjectStore
}

/** A small object, one that shares a segment, and one of many segments. */
const SIZES = [0, 50, 4097, 60_000, 1_100_000]
const OPTIONS = { graceMs: 1000, keepUnfinishedMs: 50_000, segmentBytes: 65_520 }
const key = fc.constantFrom('a', 'a/b', 'a/b/c', 'b', 'ü/ö', '\u0000')

type Action = (place: Place) => Promise<void>

const write = (model: ModelBucket, info: ObjectInfo, body: Uint8Array): void => {
  expect(info.version === 'null').toBe(model.versioning !== 'on')
  model.add(info.key, { version: info.version, isDeleted: info.isDeleted, body })
}

const put = fc.record({ key, size: fc.constantFrom(...SIZES), seed: fc.nat(9), isNew: fc.boolean() }).map(
  ({ key: name, size, seed, isNew }): Action =>
    async ({ store, model }) => {
      const body = bytesOf(size, seed)
      const condition = isNew ? ({ condition: { is: 'absent' } } as const) : {}
      try {
        write(model, await store.put('bucket', name, [body], condition), body)
        expect(isNew && model.objects.get(name)?.[1]?.isDeleted === false && model.versioning === 'on').toBe(false)
      } catch (error) {
        if (!hasCode(error, 'STORAGE_CONDITION')) throw error
        expect(isNew && model.latest(name) !== undefined).toBe(true)
      }
    },
)

const upload = fc.record({ key, sizes: fc.array(fc.constantFrom(...SIZES), { minLength: 1, maxLength: 3 }) }).map(
  ({ key: name, sizes }): Action =>
    async ({ store, model }) => {
      const { id } = await store.beginUpload('bucket', name)
      const bodies = sizes.map((size, index) => bytesOf(size, index))
      const parts = []
      for (const [index, body] of bodies.entries()) parts.push(await store.putPart('bucket', id, index + 1, [body]))
      // One that is replaced, and one that is left out.
      parts[0] = await store.putPart('bucket', id, 1, [bodies[0] ?? new Uint8Array(0)])
      await store.putPart('bucket', id, 100, [bytesOf(60_000)])
      const info = await store.completeUpload('bucket', id, parts, { etag: 'whole' })
      write(model, info, new Uint8Array(Buffer.concat(bodies)))
    },
)

const copy = fc.record({ from: key, to: key }).map(
  ({ from, to }): Action =>
    async ({ store, model }) => {
      const source = model.latest(from)
      try {
        write(
          model,
          await store.copy({ bucket: 'bucket', key: from }, { bucket: 'bucket', key: to }),
          source?.body ?? new Uint8Array(0),
        )
        expect(source).toBeDefined()
      } catch (error) {
        if (!hasCode(error, 'STORAGE_OBJECT_UNKNOWN')) throw error
        expect(source).toBeUndefined()
      }
    },
)

const remove = fc.record({ key, place: fc.option(fc.nat(3), { nil: undefined }) }).map(
  ({ key: name, place: index }): Action =>
    async ({ store, model }) => {
      const version = index === undefined ? undefined : (model.objects.get(name)?.[index]?.version ?? 'null')
      const info = await store.delete('bucket', name, version === undefined ? {} : { version })
      if (version !== undefined) model.remove(name, version)
      else if (model.versioning === 'off') model.objects.delete(name)
      else if (info === undefined) throw new Error('no version says that it was deleted')
      else write(model, info, new Uint8Array(0))
    },
)

const setVersioning = fc.constantFrom('on' as const, 'suspended' as const).map(
  (versioning): Action =>
    async ({ store, model }) => {
      await store.setVersioning('bucket', versioning)
      model.versioning = versioning
    },
)

const reopen = fc.constant<Action>(async (place) => {
  place.store = place.workplace.open(OPTIONS)
})

const sweep = fc.constant<Action>(async ({ store, workplace }) => {
  workplace.clock.jumpWall(OPTIONS.keepUnfinishedMs + OPTIONS.graceMs)
  await store.collect()
})

async function check(store: ObjectStore, model: ModelBucket): Promise<void> {
  const { objects } = await store.list('bucket', { limit: 1000, versions: true })
  const listed = objects.map((info) => [info.key, info.version, info.isLatest, info.isDeleted, info.lengthBytes])
  expect(listed).toEqual(model.listed())
  const { objects: latest } = await store.list('bucket', { limit: 1000 })
  const expected = model.listed().filter(([, , isLatest, isDeleted]) => isLatest && !isDeleted)
  expect(latest.map((info) => [info.key, info.version])).toEqual(expected.map(([name, version]) => [name, version]))
  for (const { key: name, version, isDeleted } of objects) {
    if (isDeleted) continue
    const kept = model.objects.get(name)?.find((one) => one.version === version)
    const { body } = await store.get('bucket', name, { version })
    expect(Buffer.compare(await bytesFrom(body), kept?.body ?? new Uint8Array(1))).toBe(0)
  }
}

describe('a bucket', () => {
  it('holds what it should after any life, by two machines and sweeps between, and ends as nothing', async () => {
    const action = fc.oneof(
      { weight: 6, arbitrary: put },
      { weight: 2, arbitrary: upload },
      { weight: 3, arbitrary: copy },
      { weight: 4, arbitrary: remove },
      { weight: 1, arbitrary: setVersioning },
      { weight: 1, arbitrary: reopen },
      { weight: 2, arbitrary: sweep },
    )
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 25 }), async (actions) => {
        const workplace = new Workplace()
        const place: Place = { workplace, model: new ModelBucket(), store: workplace.open(OPTIONS) }
        await place.store.createBucket('bucket')
        const other = workplace.open(OPTIONS)
        for (const [index, act] of actions.entries()) {
          await act(index % 3 === 2 ? { ...place, store: other } : place)
          const { objects } = await place.store.list('bucket', { limit: 1000, versions: true })
          expect(objects.length).toBe(place.model.listed().length)
        }
        await check(place.store, place.model)
        for (const [name, version] of place.model.listed()) await other.delete('bucket', name, { version })
        await place.store.deleteBucket('bucket')
        for (let round = 0; round < 3; round++) {
          workplace.clock.jumpWall(OPTIONS.keepUnfinishedMs + OPTIONS.graceMs)
          await other.collect()
          await other.stop()
          await place.store.stop()
        }
        expect(workplace.segments.sealedBytes).toBeLessThan(3000)
      }),
      { numRuns: 40 },
    )
  }, 120_000)
})
