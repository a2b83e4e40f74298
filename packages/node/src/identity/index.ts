export { systemClock } from '../adapters/system-clock.ts'
export { systemRandom } from '../adapters/system-random.ts'
export { loadKey, loadOrCreateKey } from './key-file.ts'
