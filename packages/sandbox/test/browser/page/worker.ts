/** What a page's bundler makes a worker of; the lock opens when the worker's thread is gone, which tests await. */
import '@stead/sandbox/browser/worker'
import { holdLockForever } from './lock.ts'

holdLockForever()
