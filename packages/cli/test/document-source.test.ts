import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ContentId, CoreError } from '@stead/core'
import { contentIdOf } from '@stead/protocol'
import { RESULT_BYTES_MAX } from '@stead/rewards'
import type { DaemonClient } from '@stead/sdk'
import { afterAll, describe, expect, it } from 'vitest'
import { documentSource, nodeDocuments } from '../src/epoch/document-source.ts'

const folder = mkdtempSync(join(tmpdir(), 'stead-documents-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const bytes = Uint8Array.of(0x83, 1, 2, 3)
const idOf = (last: number): ContentId => contentIdOf('dag-cbor', Uint8Array.of(0x81, last))
const source = (evidence: string) => documentSource({ evidence }, {} as never)

describe('a folder of documents', () => {
  const id = contentIdOf('dag-cbor', bytes)
  writeFileSync(join(folder, id), bytes)

  it('gives what a file of that name holds, also by a link', async () => {
    const linked = mkdtempSync(join(tmpdir(), 'stead-linked-'))
    symlinkSync(join(folder, id), join(linked, id))
    expect(await source(folder).load(id)).toEqual(bytes)
    expect(await source(linked).load(id)).toEqual(bytes)
    rmSync(linked, { recursive: true })
  })

  it.each([
    ['a pipe that nobody writes to', 'is no file', (path: string) => void execFileSync('mkfifo', [path])],
    ['a folder', 'is no file', (path: string) => void mkdirSync(path)],
    ['a device', 'is no file', (path: string) => symlinkSync('/dev/zero', path)],
    [
      'a file larger than any document',
      `has ${RESULT_BYTES_MAX + 1} bytes`,
      (path: string) => {
        writeFileSync(path, '')
        truncateSync(path, RESULT_BYTES_MAX + 1)
      },
    ],
    ['a link to itself', 'cannot be opened', (path: string) => symlinkSync(path, path)],
    ['a damaged file', 'has other bytes', (path: string) => writeFileSync(path, bytes)],
  ])('neither waits for %s nor reads it, and names it', async (_, why, make) => {
    const wanted = idOf(1)
    const path = join(folder, wanted)
    make(path)
    const { load, faultOf, publishedResult } = source(folder)
    expect(await load(wanted)).toBeUndefined()
    expect(faultOf?.(wanted)).toMatchObject({ code: 'CLI_EVIDENCE_MISSING', message: expect.stringContaining(why) })
    expect(faultOf?.(wanted)?.message).toContain(path)
    expect(await publishedResult({ evidence: wanted, root: '0x1' })).toBeUndefined()
    rmSync(path, { recursive: true })
    expect(await load(wanted)).toBeUndefined()
    expect(faultOf?.(wanted)).toBeUndefined()
  })

  it('has nothing where a link leads nowhere', async () => {
    const wanted = idOf(2)
    symlinkSync(join(folder, 'nowhere'), join(folder, wanted))
    const { load, faultOf } = source(folder)
    expect([await load(wanted), faultOf?.(wanted)]).toEqual([undefined, undefined])
  })

  it('is a folder', () => {
    expect(() => source('/etc/hostname')).toThrow('--evidence names a folder, and /etc/hostname is none')
    expect(() => source(join(folder, 'nowhere'))).toThrow('there is no folder')
  })
})

describe('documents of a node', () => {
  const clientOf = (parts: Partial<DaemonClient>): DaemonClient => parts as DaemonClient

  it('are no fault of the root where the connection fails: the audit fails as the connection did', async () => {
    const broken = new CoreError('NETWORK_TIMEOUT', 'no answer')
    const { load, faultOf } = nodeDocuments(clientOf({ getDocument: () => Promise.reject(broken) }))
    expect([await load(idOf(1)), faultOf?.(idOf(1))]).toEqual([undefined, broken])
  })

  it('are asked for once', async () => {
    let asked = 0
    const getDocument = async () => {
      asked += 1
      return bytes
    }
    const { load } = nodeDocuments(clientOf({ getDocument }))
    await load(contentIdOf('dag-cbor', bytes))
    await load(contentIdOf('dag-cbor', bytes))
    expect(asked).toBe(1)
  })
})
