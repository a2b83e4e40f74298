import { economyCompliance } from '@stead/testkit/compliance'
import { anvilFixture } from './differential/anvil-fixture.ts'

economyCompliance('EvmEconomy over anvil', () => anvilFixture())
