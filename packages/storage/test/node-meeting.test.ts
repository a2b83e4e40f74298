import { type PeerId, silentLogger } from '@stead/core'
import { ManualClock, MemoryHub, SeededRandom } from '@stead/testkit'
import { describe, expect, it } from 'vitest'
import { NodeMeeting } from '../src/placement/node-meeting.ts'

describe('a payer that has started', () => {
  it('connects to the nodes that it has agreements with, also to those that come up after it', async () => {
    const clock = new ManualClock()
    const hub = new MemoryHub({ clock, random: new SeededRandom(1) })
    const [payer, early, late] = ['payer', 'early', 'late'].map((name) => hub.createNode(name as PeerId))
    if (payer === undefined || early === undefined || late === undefined) throw new TypeError('no nodes')
    await payer.start()
    await early.start()
    const meeting = new NodeMeeting({ network: payer, clock, logger: silentLogger })
    meeting.start([early.self, late.self])
    await clock.advance(100)
    expect(payer.peers().map(({ peer }) => peer)).toEqual([early.self])
    await clock.advance(20_000)
    await late.start()
    await clock.advance(40_000)
    expect(payer.peers().filter(({ connected }) => connected)).toHaveLength(2)
  })

  it('leaves off when it stops', async () => {
    const clock = new ManualClock()
    const hub = new MemoryHub({ clock, random: new SeededRandom(1) })
    const payer = hub.createNode('payer' as PeerId)
    await payer.start()
    const meeting = new NodeMeeting({ network: payer, clock, logger: silentLogger })
    meeting.start(['away' as PeerId])
    await clock.advance(3000)
    await meeting.stop()
  })
})
