import { contentIdOf, outcomeRecordSchema } from '@stead/protocol'
import type { Outcome } from '@stead/sandbox'
import { describe, expect, it } from 'vitest'
import { evidenceOf } from '../src/evidence.ts'

const task = contentIdOf('dag-cbor', new Uint8Array(1))
const NOTHING = new Uint8Array(0)

function leaving(...paths: readonly string[]): Outcome {
  const files = new Map(paths.map((path) => [path, Uint8Array.of(1)]))
  return { status: 'ok', fuel: 1n as never, exitCode: 0, output: NOTHING, stderr: NOTHING, files }
}

describe('evidence of files', () => {
  const numbered = (count: number): string[] => Array.from({ length: count }, (_, index) => `f${index}`)

  it('names as many files, with paths as long, as a result may', () => {
    const longest = 'ä'.repeat(512)
    for (const outcome of [leaving(...numbered(64)), leaving(longest)]) {
      const evidence = evidenceOf(task, outcome)
      expect(outcomeRecordSchema.decodeDocument(evidence?.bytes ?? NOTHING)).toEqual(evidence?.record)
    }
  })

  it.each([
    ['65 files', leaving(...numbered(65))],
    ['a path of 1,025 bytes', leaving('x'.repeat(1025))],
    ['a path of 1,026 bytes in 513 letters', leaving('ä'.repeat(513))],
    ['paths that make the record too large', leaving(...numbered(64).map((name) => name.padEnd(1024, 'x')))],
  ])('%s are a fault of this node, not a record that its payer would take for a lie', (_, outcome) => {
    expect(() => evidenceOf(task, outcome)).toThrow(expect.objectContaining({ code: 'COMPUTE_NODE_FAULT' }))
  })
})
