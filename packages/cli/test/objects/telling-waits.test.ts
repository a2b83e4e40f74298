import { describe, expect, it } from 'vitest'
import { tellingWaits } from '../../src/objects/telling-waits.ts'

const wait = { needPieces: 4, havePieces: 2, nodes: 12, awayNodes: 10, waitedMs: 3000 }

describe('a command that reads objects', () => {
  it('says for which nodes is waited, once for each change', async () => {
    const messages: string[] = []
    const answers = [[], [wait], [wait], [{ ...wait, awayNodes: 9, havePieces: 3 }], []]
    const over = Promise.withResolvers<string>()
    const client = {
      listStorageWaits: async () => {
        const waits = answers.shift()
        if (waits === undefined) over.resolve('read')
        return { waits: waits ?? [] }
      },
    }
    const terminal = { message: (text: string) => void messages.push(text), isInteractive: false }
    expect(await tellingWaits({ client, terminal, lookMs: 1 }, () => over.promise)).toBe('read')
    expect(messages).toEqual([
      'waiting for 10 of 12 nodes to answer; 2 of 4 pieces are here …',
      'waiting for 9 of 12 nodes to answer; 3 of 4 pieces are here …',
    ])
  })

  it('says nothing, and ends as its work does, where the daemon is away', async () => {
    const terminal = { message: () => expect.unreachable('a message'), isInteractive: false }
    const client = { listStorageWaits: () => Promise.reject(new DOMException('aborted', 'AbortError')) }
    const work = async (): Promise<never> => {
      throw new RangeError('no such object')
    }
    await expect(tellingWaits({ client, terminal }, work)).rejects.toThrow('no such object')
  })
})
