import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ContentId, Fuel, MicroUsd } from '@stead/core'
import type { JobResultLine } from '@stead/sdk/api'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type OutputPlace, openOutput, writeResult } from '../src/job/job-outputs.ts'

let directory = ''
let place: OutputPlace

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'stead-outputs-'))
  place = await openOutput(join(directory, 'out'), undefined as never)
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

function lineOf(key: string, more: Partial<JobResultLine> = {}): JobResultLine {
  const nothing = { stderr: bytes(''), files: [], nodes: [], exitCode: 0 }
  const facts = { task: 'b' as ContentId, fuel: 1n as Fuel, costMicroUsd: 1n as MicroUsd }
  return { key, status: 'ok', output: bytes(`output of ${key}`), ...nothing, ...facts, ...more }
}

describe('what tasks give', () => {
  it('is written under names of their own, whatever the keys are', async () => {
    const keys = ['a/b', 'a%2Fb', '..', '.', '.stead-part-x', 'A b', 'a*', 'ö', 'x.', '../../x']
    for (const key of keys) await writeResult(place, lineOf(key))
    const names = readdirSync(join(directory, 'out'))
    expect(names).toHaveLength(keys.length)
    expect(readdirSync(directory)).toEqual(['out'])
    const contents = names.map((name) => readFileSync(join(directory, 'out', name, 'output'), 'utf8'))
    expect(contents.sort()).toEqual(keys.map((key) => `output of ${key}`).sort())
  })

  it.each(['../../../evil', '/etc/evil', 'a/../../../../evil', ''])(
    'cannot leave the folder: a guest that wrote %j is refused',
    async (path) => {
      const line = lineOf('task', { files: [{ path, bytes: bytes('evil') }] })
      await expect(writeResult(place, line)).rejects.toMatchObject({ code: 'CLI_UNSAFE_NAME' })
      expect(readdirSync(directory)).toEqual(['out'])
    },
  )

  it('is nothing without an agreed result', async () => {
    await writeResult(place, lineOf('task', { status: 'unfinished' }))
    await writeResult(place, lineOf('said', { stderr: bytes('words'), files: [{ path: 'a/b', bytes: bytes('file') }] }))
    expect(readdirSync(join(directory, 'out'))).toEqual(['said'])
    expect(readFileSync(join(directory, 'out', 'said', 'files', 'a', 'b'), 'utf8')).toBe('file')
    expect(readFileSync(join(directory, 'out', 'said', 'stderr'), 'utf8')).toBe('words')
  })
})
