import type { ViteUserConfig } from 'vitest/config'

/** What counts the time, the memory or the processes of hostile code: nothing may run beside it. */
const alone = ['sandbox', 'libp2p', 'toolchain'].map((name) => `packages/${name}/test/**/*.test.ts`)

const config: ViteUserConfig = {
  resolve: { conditions: ['@stead/source'] },
  ssr: { resolve: { conditions: ['@stead/source'], externalConditions: ['@stead/source'] } },
  test: {
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Real processes on a shared machine: a test that fails once there and then passes is reported as retried, not lost.
    retry: process.env.CI === undefined ? 0 : 1,
    pool: 'forks',
    execArgv: ['--conditions=@stead/source'],
    projects: [
      {
        extends: true,
        test: {
          name: 'together',
          include: ['packages/*/test/**/*.test.ts', 'examples/*/test/**/*.test.ts', 'scripts/test/**/*.test.ts'],
          exclude: alone,
          // Much of these tests is waiting for processes and blocks.
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      { extends: true, test: { name: 'alone', include: alone, maxWorkers: 1, sequence: { groupOrder: 1 } } },
    ],
  },
}

export default config
