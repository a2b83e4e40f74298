import { BlobExchange } from '@stead/compute'
import { type ContentId, type Fuel, type MicroUsd, type PeerId, silentLogger, silentMetrics } from '@stead/core'
import { contentIdOf } from '@stead/protocol'
import type { JobSubmission } from '@stead/sdk/api'
import { ManualClock, MemoryHub, MemoryStore, SeededRandom } from '@stead/testkit'
import { expect, it } from 'vitest'
import { jobRequestOf } from '../src/api/job-request.ts'

const module: ContentId = contentIdOf('raw', Uint8Array.of(1))
const submission: JobSubmission = {
  name: 'floats',
  kind: 'function',
  module,
  limits: { fuel: 1000n as Fuel, memoryPages: 1, outputBytes: 1, timeMs: 1 },
  tasks: [{ key: 'a' }, { key: 'b' }],
  verification: { mode: 'trust' },
  maxCostMicroUsd: 1n as MicroUsd,
}

it('a submission that asks for strict floats makes tasks that say so, and others say nothing', async () => {
  const clock = new ManualClock({ turnsPerStep: 1 })
  const random = new SeededRandom(1)
  const network = new MemoryHub({ clock, random }).createNode('peer' as PeerId)
  const parts = { clock, random, network, store: new MemoryStore(), logger: silentLogger, metrics: silentMetrics }
  const blobs = new BlobExchange(parts)
  const raw = await jobRequestOf(submission, blobs)
  for (const { task } of raw.tasks) expect(task).not.toHaveProperty('floats')
  const strict = await jobRequestOf({ ...submission, floats: 'strict' }, blobs)
  expect(strict.tasks.map(({ task }) => task.floats)).toEqual(['strict', 'strict'])
})
