import { afterAll, beforeAll, describe } from 'vitest'
import { EconomyBench, type EconomyFixture } from './economy-compliance/bench.ts'
import { recordTests } from './economy-compliance/record-tests.ts'
import { rewardTests } from './economy-compliance/reward-tests.ts'
import { rootTests } from './economy-compliance/root-tests.ts'
import { saleTests } from './economy-compliance/sale-tests.ts'
import { stakeTests } from './economy-compliance/stake-tests.ts'

const SUBJECTS = {
  stake: stakeTests,
  'fees and their sale': saleTests,
  roots: rootTests,
  rewards: rewardTests,
  records: recordTests,
}

/**
 * What every Economy, EconomyHistory and EconomyLedger must do, refusals included; run on the simulated contracts and on
 * the real ones over a real chain. Each subject has a chain of its own: what one leaves behind is no other's business.
 */
export function economyCompliance(name: string, makeFixture: () => Promise<EconomyFixture>): void {
  describe.each(Object.entries(SUBJECTS))(`Economy: ${name}: %s`, (_subject, tests) => {
    let bench: EconomyBench | undefined
    beforeAll(async () => {
      bench = new EconomyBench(await makeFixture())
    })
    afterAll(() => bench?.fixture.stop())
    tests(() => {
      if (bench === undefined) throw new TypeError('the fixture is not there yet')
      return bench
    })
  })
}
