import type { Network } from '@stead/core'
import { afterEach, beforeEach, describe, expect } from 'vitest'
import { addressOf, type Bench, type NetworkFixture, PATIENT, WAIT_MS_MAX } from './bench.ts'
import { endTests, failureTests } from './ending-tests.ts'
import { connectionTests, gossipTests, providerTests } from './peer-tests.ts'
import { limitTests, requestTests } from './request-tests.ts'

/** What every Network must do; run on each adapter and on the simulated one. */
export function networkCompliance(name: string, makeFixture: () => Promise<NetworkFixture>): void {
  describe(`Network: ${name}`, () => {
    let fixture: NetworkFixture
    let created: Network[] = []
    beforeEach(async () => {
      fixture = await makeFixture()
      created = []
    })
    afterEach(async () => {
      await Promise.all(created.map((network) => network.stop()))
    })

    const bench: Bench = {
      get clock() {
        return fixture.clock
      },
      create() {
        const network = fixture.create()
        created.push(network)
        return network
      },
      async start(prepare) {
        const network = bench.create()
        prepare?.(network)
        await network.start()
        return network
      },
      async startPair(prepareFirst) {
        const first = await bench.start(prepareFirst)
        const second = await bench.start()
        await second.connect(addressOf(first), PATIENT.timeoutMs)
        return [first, second]
      },
      async eventually(what, check) {
        const endMs = fixture.clock.monotonicMs() + WAIT_MS_MAX
        while (!(await check())) {
          if (fixture.clock.monotonicMs() > endMs) expect.fail(`never: ${what}`)
          await fixture.clock.sleep(20)
        }
      },
    }
    describe('requests', () => requestTests(bench))
    describe('limits', () => limitTests(bench))
    describe('failures', () => failureTests(bench))
    describe('ends of a request', () => endTests(bench))
    describe('connections', () => connectionTests(bench))
    describe('gossip', () => gossipTests(bench))
    describe('providers', () => providerTests(bench))
  })
}
