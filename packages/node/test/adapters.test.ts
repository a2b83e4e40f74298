import { CoreError } from '@stead/core'
import { describe, expect, it } from 'vitest'
import { createLogger } from '../src/adapters/log-writer.ts'
import { PrometheusMetrics } from '../src/adapters/prometheus-metrics.ts'
import { systemClock, systemRandom } from '../src/identity/index.ts'

describe('log lines', () => {
  const lines: string[] = []
  const logger = (format: 'json' | 'text', level: 'debug' | 'info' | 'warn' = 'debug') =>
    createLogger({ level, format, write: (line) => lines.push(line), now: () => Date.UTC(2026, 0, 2, 3, 4, 5, 6) })

  it('are one JSON object each, whatever the fields hold', () => {
    lines.length = 0
    const error = new CoreError('STORE_FULL', 'no room', { details: { needBytes: 5n } })
    logger('json')
      .child({ part: 'store' })
      .error('write\nrefused', {
        error,
        amount: 12345678901234567890n,
        bytes: new Uint8Array(7),
        text: 'two\nlines',
        time: 'mine',
      })
    expect(lines).toHaveLength(1)
    expect(lines[0]?.trimEnd()).not.toContain('\n')
    expect(JSON.parse(lines[0] ?? '')).toEqual({
      time: '2026-01-02T03:04:05.006Z',
      level: 'error',
      message: 'write\nrefused',
      part: 'store',
      error: { code: 'STORE_FULL', message: 'no room', details: { needBytes: '5' } },
      amount: '12345678901234567890',
      bytes: '7 bytes',
      text: 'two\nlines',
      field_time: 'mine',
    })
  })

  it('cannot be forged by a peer that sends line ends', () => {
    lines.length = 0
    logger('text').info('peer said', { text: 'x\n03:04:05.006 ERROR stolen' })
    expect(lines.join('').trimEnd().split('\n')).toHaveLength(1)
  })

  it('below the level are not written', () => {
    lines.length = 0
    logger('text', 'warn').info('quiet')
    logger('text', 'warn').warn('loud', { count: 2 })
    expect(lines).toEqual(['03:04:05.006 WARN  loud count=2\n'])
  })
})

describe('metrics', () => {
  it('are printed in the Prometheus text format', () => {
    const metrics = new PrometheusMetrics()
    metrics.counter('stead_tasks_total', 'Tasks', ['outcome']).add(2, { outcome: 'o"k\n' })
    metrics.counter('stead_tasks_total', 'Tasks', ['outcome']).add(1, { outcome: 'o"k\n' })
    metrics.gauge('stead_peers', 'Peers\nnow').set(4)
    const seconds = metrics.histogram('stead_run_seconds', 'Runs', [1, 0.1])
    for (const value of [0.05, 0.5, 5]) seconds.observe(value)
    expect(metrics.render().split('\n')).toEqual([
      '# HELP stead_tasks_total Tasks',
      '# TYPE stead_tasks_total counter',
      'stead_tasks_total{outcome="o\\"k\\n"} 3',
      '# HELP stead_peers Peers\\nnow',
      '# TYPE stead_peers gauge',
      'stead_peers 4',
      '# HELP stead_run_seconds Runs',
      '# TYPE stead_run_seconds histogram',
      'stead_run_seconds_bucket{le="0.1"} 1',
      'stead_run_seconds_bucket{le="1"} 2',
      'stead_run_seconds_bucket{le="+Inf"} 3',
      'stead_run_seconds_sum 5.55',
      'stead_run_seconds_count 3',
      '',
    ])
  })

  it('keep a bounded number of series, however many label values come', () => {
    const metrics = new PrometheusMetrics()
    const counter = metrics.counter('stead_flood_total', 'Flood', ['peer'])
    for (let i = 0; i < 5000; i++) counter.add(1, { peer: String(i) })
    expect(metrics.render().split('\n').length).toBeLessThan(1100)
  })
})

describe('the system clock', () => {
  it('ends a cancelled wait with a typed error', async () => {
    const stop = new AbortController()
    const wait = systemClock.sleep(60_000, stop.signal)
    stop.abort()
    await expect(wait).rejects.toMatchObject({ code: 'CORE_ABORTED' })
  })
})

describe('the system randomness', () => {
  it('gives arrays of their own', () => {
    const bytes = systemRandom.bytes(16)
    expect(bytes.buffer.byteLength).toBe(16)
    expect(systemRandom.fraction()).toBeGreaterThanOrEqual(0)
    expect(systemRandom.fraction()).toBeLessThan(1)
  })
})
