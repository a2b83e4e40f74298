import { hash, type Network, type PeerId, silentLogger, silentMetrics, type UnixMs } from '@stead/core'
import { contentIdOf, createSigner, keccakText, loadSecp256k1, peerIdOfPublicKey } from '@stead/protocol'
import { epochNumber } from '@stead/rewards'
import { ManualClock, MemoryHub, type MemoryNetwork, MemoryStore, SeededRandom } from '@stead/testkit'
import { beforeEach, describe, expect, it } from 'vitest'
import { ChainTime } from '../src/chain-time.ts'
import { DocumentExchange } from '../src/document-exchange.ts'
import { DocumentShelf } from '../src/document-shelf.ts'
import {
  DOCUMENTS_PROTOCOL,
  documentLimits,
  documentReplySchema,
  EPOCHS_TOPIC,
  type EpochNotice,
  NOTICES_PROTOCOL,
  noticeLimits,
  noticeSchema,
  noticesReplySchema,
} from '../src/epoch-messages.ts'
import { NoticeBoard } from '../src/notice-board.ts'
import { VoteBook } from '../src/vote-book.ts'

const secp256k1 = await loadSecp256k1()
const keyOf = (name: string) => {
  const signer = createSigner(secp256k1, keccakText(`exchange ${name}`))
  return { signer, peer: peerIdOfPublicKey(signer.publicKey) }
}
const EPOCH = epochNumber(5)
const BIG = new Uint8Array(1_300_000).fill(7)
const BIG_ID = contentIdOf('dag-cbor', BIG)

describe('evidence among nodes', () => {
  let clock: ManualClock
  let hub: MemoryHub
  let logs: readonly EpochNotice[] = []
  const unbonded = new Set<string>()
  const boardParts = {
    bonded: { has: (_: number, node: string) => !unbonded.has(node), learn: async () => undefined },
    logsOf: async () => logs,
  }
  beforeEach(() => {
    logs = []
    unbonded.clear()
    clock = new ManualClock()
    hub = new MemoryHub({ clock, random: new SeededRandom(3) })
  })

  async function node(name: string, hasSeenBlocks = true) {
    const { signer, peer } = keyOf(name)
    const network = hub.createNode(peer)
    await network.start()
    const time = new ChainTime({ clock, calendar: { genesisSeconds: 0, epochSeconds: 100 } })
    if (hasSeenBlocks)
      time.observe({ number: 1, hash: hash(`0x${'11'.repeat(32)}`), at: (1000 * 100 * (EPOCH + 1)) as UnixMs })
    const store = new MemoryStore()
    const ports = { network, logger: silentLogger, metrics: silentMetrics, time, signer, store, secp256k1, clock }
    const shelf = new DocumentShelf(ports)
    const exchange = new DocumentExchange(ports, shelf)
    const board = new NoticeBoard(ports, boardParts)
    return { signer, peer, network, shelf, exchange, board, ports, votes: new VoteBook(ports as never, board) }
  }

  /** Lets messages travel while something is awaited. */
  async function travelling<Value>(work: Promise<Value>): Promise<Value> {
    for (let i = 0; i < 50; i++) await clock.advance(10)
    return work
  }

  it('fetches a document in parts and gives it on', async () => {
    const [first, second, third] = [await node('first'), await node('second'), await node('third')]
    for (const { exchange } of [first, second]) exchange.start()
    await first.shelf.put(BIG, EPOCH)
    await travelling(second.network.connect(first.peer, 1000))
    expect(await travelling(second.exchange.load(BIG_ID, { epoch: EPOCH }))).toEqual(BIG)
    await first.network.stop()
    await travelling(third.network.connect(second.peer, 1000))
    expect(await travelling(third.exchange.load(BIG_ID, { epoch: EPOCH }))).toEqual(BIG)
    expect(await third.shelf.get(BIG_ID)).toEqual(BIG)
  })

  it('passes over what is said before its first block is seen, and blames nobody', async () => {
    const [speaker, newcomer] = [await node('speaker'), await node('newcomer', false)]
    const verdicts: string[] = []
    const watched = decorate(newcomer.network, (verdict) => verdicts.push(verdict))
    new NoticeBoard({ ...newcomer.ports, network: watched }, boardParts).start()
    await travelling(newcomer.network.connect(speaker.peer, 1000))
    await travelling(
      speaker.board.publish({ version: 1, kind: 'log', epoch: EPOCH, node: speaker.signer.address, document: BIG_ID }),
    )
    expect(verdicts).toEqual(['ignore'])
  })

  it('keeps nothing that a peer makes up, and lets go of that peer', async () => {
    const [liar, victim] = [await node('liar'), await node('victim')]
    liar.network.handle(DOCUMENTS_PROTOCOL, documentLimits, async () =>
      documentReplySchema.encodeMessage({ totalBytes: 3, part: Uint8Array.of(1, 2, 3) }),
    )
    await travelling(victim.network.connect(liar.peer, 1000))
    expect(await travelling(victim.exchange.load(BIG_ID, { epoch: EPOCH }))).toBeUndefined()
    expect(await victim.shelf.get(BIG_ID)).toBeUndefined()
    expect(victim.network.peers().some(({ connected }) => connected)).toBe(false)
  })

  it.each([
    ['is larger than it may be', { totalBytes: 2_000_000, part: new Uint8Array(8) }],
    ['never grows', { totalBytes: 100, part: new Uint8Array(0) }],
    ['changes its size', { totalBytes: 8, part: new Uint8Array(100) }],
  ])('gives up on a document that %s', async (_, reply) => {
    const [liar, victim] = [await node('liar'), await node('victim')]
    liar.network.handle(DOCUMENTS_PROTOCOL, documentLimits, async () => documentReplySchema.encodeMessage(reply))
    await travelling(victim.network.connect(liar.peer, 1000))
    const hint = { epoch: EPOCH, bytesMax: 1_000_000 }
    expect(await travelling(victim.exchange.load(BIG_ID, hint))).toBeUndefined()
  })

  it('deletes old documents, but not what a later epoch still needs', async () => {
    const { shelf } = await node('keeper')
    const [old, needed] = [Uint8Array.of(1), Uint8Array.of(2)]
    const [oldId, neededId] = [await shelf.put(old, 3), await shelf.put(needed, 3)]
    await shelf.keepFor(neededId, 9)
    await shelf.deleteBefore(5)
    expect([await shelf.get(oldId), await shelf.get(neededId)]).toEqual([undefined, needed])
  })

  const notice = (of: { readonly signer: { readonly address: EpochNotice['node'] } }, number = 0): EpochNotice => ({
    version: 1,
    kind: 'log',
    epoch: EPOCH,
    node: of.signer.address,
    document: contentIdOf('dag-cbor', Uint8Array.of(number)),
  })
  const result = (of: Parameters<typeof notice>[0], number = 0): EpochNotice => ({
    ...notice(of, number),
    kind: 'result',
  })

  it('tells notices by gossip, and to those who ask later', async () => {
    const [first, second, late] = [await node('first'), await node('second'), await node('late')]
    for (const { board } of [first, second, late]) board.start()
    await travelling(second.network.connect(first.peer, 1000))
    await travelling(first.board.publish(result(first)))
    expect(second.board.of(EPOCH, 'result')).toEqual([result(first)])
    await travelling(late.network.connect(second.peer, 1000))
    await travelling(late.board.ask(EPOCH))
    expect(late.board.of(EPOCH, 'result')).toEqual([result(first)])
  })

  it('passes on no log that it does not have, and keeps none that is only passed on', async () => {
    const [first, second, late] = [await node('first'), await node('second'), await node('late')]
    for (const { board } of [first, second, late]) board.start()
    await travelling(second.network.connect(first.peer, 1000))
    await travelling(first.board.publish(notice(first)))
    await travelling(late.network.connect(second.peer, 1000))
    const ask = () => travelling(late.board.ask(EPOCH))
    expect(second.board.of(EPOCH, 'log')).toEqual([notice(first)])
    expect(await ask()).toEqual([{ peer: second.peer, notices: [] }])
    logs = [notice(first)]
    expect(await ask()).toEqual([{ peer: second.peer, notices: [notice(first)] }])
    expect(late.board.of(EPOCH, 'log')).toEqual([])
  })

  it('keeps a few words of nodes that are not bonded, none that others say of them, and all of the bonded', async () => {
    const [many, honest, victim] = [await node('many'), await node('honest'), await node('victim')]
    victim.board.start()
    await travelling(victim.network.connect(many.peer, 1000))
    const strangers = await Promise.all(Array.from({ length: 40 }, (_, number) => node(`stranger ${number}`)))
    for (const stranger of strangers) {
      unbonded.add(stranger.signer.address)
      await stranger.network.connect(victim.peer, 1000)
      for (let number = 0; number < 10; number++) await stranger.board.publish(notice(stranger, number))
    }
    await travelling(Promise.resolve())
    expect(victim.board.of(EPOCH, 'log')).toHaveLength(256)
    await connectAndPublish(honest, victim.peer, victim.network)
    expect(victim.board.of(EPOCH, 'log')).toContainEqual(notice(honest))
    const answer = noticesReplySchema.encodeMessage({ notices: strangers.map((each) => result(each)) })
    many.network.handle(NOTICES_PROTOCOL, noticeLimits, async () => answer)
    await travelling(victim.board.ask(EPOCH))
    expect(victim.board.of(EPOCH, 'result')).toEqual([])
  })

  it('takes nobody’s word in another’s name, nor of epochs that are not there', async () => {
    const [liar, victim] = [await node('liar'), await node('victim')]
    victim.board.start()
    await travelling(liar.network.connect(victim.peer, 1000))
    const say = (of: EpochNotice) => travelling(liar.network.publish(EPOCHS_TOPIC, noticeSchema.encodeMessage(of)))
    await say(notice(victim))
    await say({ ...notice(liar), epoch: epochNumber(EPOCH + 50) })
    await travelling(liar.network.publish(EPOCHS_TOPIC, Uint8Array.of(255, 255)))
    expect(victim.board.of(EPOCH, 'log')).toEqual([])
  })

  it('lets no hearsay crowd out what a node says itself', async () => {
    const [liar, honest, victim] = [await node('liar'), await node('honest'), await node('victim')]
    victim.board.start()
    const made = Array.from({ length: 20 }, (_, number) => result(honest, number + 1))
    const answer = async () => noticesReplySchema.encodeMessage({ notices: made })
    liar.network.handle(NOTICES_PROTOCOL, noticeLimits, answer)
    await travelling(victim.network.connect(liar.peer, 1000))
    await travelling(victim.board.ask(EPOCH))
    expect(victim.board.of(EPOCH, 'result')).toHaveLength(8)
    await connectAndPublish(honest, victim.peer, victim.network)
    expect(victim.board.of(EPOCH, 'log')).toContainEqual(notice(honest))
  })

  async function connectAndPublish(of: Awaited<ReturnType<typeof node>>, peer: PeerId, network: MemoryNetwork) {
    of.board.start()
    await travelling(of.network.connect(peer, 1000))
    expect(network.peers().some((info) => info.peer === of.peer && info.connected)).toBe(true)
    await travelling(of.board.publish(notice(of)))
  }

  it('votes once on a proposal, whatever is asked for later, and sees who votes twice', async () => {
    const voter = await node('voter')
    const word = (digit: string) => hash(`0x${digit.repeat(64)}`)
    const open = { epoch: EPOCH, attempt: 3, decisionSlot: word('5') } as never
    const [truth, lie] = [
      { root: word('1'), evidence: word('2') },
      { root: word('3'), evidence: word('2') },
    ]
    await voter.votes.vote(open, truth)
    await voter.votes.vote(open, lie)
    expect(voter.votes.votesFor(open, truth).map(({ node }) => node)).toEqual([voter.signer.address])
    expect([voter.votes.votesFor(open, lie), voter.votes.lies(open)]).toEqual([[], []])
    // The same key in a second place, without the journal of the first.
    const other = new VoteBook({ ...voter.ports, store: new MemoryStore() } as never, voter.board)
    await other.vote(open, lie)
    const [found] = voter.votes.lies(open)
    expect([found?.node, found?.first.slot, found?.second.slot]).toEqual([voter.signer.address, word('5'), word('5')])
  })
})

/** A network whose gossip handlers are listened to. */
function decorate(network: Network, onVerdict: (verdict: string) => void): Network {
  return new Proxy(network, {
    get(target, key) {
      if (key !== 'subscribe') {
        const value: unknown = Reflect.get(target, key, target)
        return typeof value === 'function' ? value.bind(target) : value
      }
      return (topic: string, handler: Parameters<Network['subscribe']>[1]) =>
        target.subscribe(topic, (payload, from) => {
          const verdict = handler(payload, from)
          onVerdict(String(verdict))
          return verdict
        })
    },
  })
}
