import { address } from '@stead/core'
import { epochNumber } from '@stead/rewards'
import { afterEach, describe, expect, it } from 'vitest'
import { EPOCH_SECONDS, MemoryWorld } from './memory-world.ts'

const NOBODY = address(`0x${'ab'.repeat(20)}`)

describe('what peers pass on of others', () => {
  let world = new MemoryWorld()
  afterEach(() => world.stop())

  it('cannot keep back a log by naming it as somebody else’s, ahead of the notice that is right', async () => {
    world = new MemoryWorld()
    const away = await world.join('away')
    const prober = await world.join('prober')
    await world.join('third')
    const epoch = epochNumber(1)
    await world.passTo(1)
    await world.passSeconds(EPOCH_SECONDS - 10)
    world.hub.partition([away.network.self], [prober.network.self])
    await world.passGathering(epoch)
    const notice = (await prober.service.logs.notices(epoch)).find(({ node }) => node === prober.nodeKey.address)
    if (notice?.document === undefined) throw new TypeError('the prober has no log')
    expect(await away.service.logs.all(epoch)).not.toContain(notice.document)
    // It asks nobody by itself any more: what it takes in is what it is told here.
    await world.during(away.service.stop())
    world.hub.heal()
    await world.passSeconds(15)
    const told = [{ ...notice, node: NOBODY }, notice].map((each) =>
      away.service.logs.hear(each, prober.network.self, true),
    )
    await world.during(Promise.all(told))
    expect(await away.service.logs.all(epoch)).toContain(notice.document)
  })
})
