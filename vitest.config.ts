import type { ViteUserConfig } from 'vitest/config'

/** What runs on simulated time, in one process: two at once. */
const together = ['core', 'compute', 'market', 'protocol', 'rewards', 'sdk', 'simulation', 'storage', 'testkit'].map(
  (name) => `packages/${name}/test/**/*.test.ts`,
)

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
        test: { name: 'simulated', include: together, maxWorkers: 2, sequence: { groupOrder: 0 } },
      },
      {
        extends: true,
        test: {
          name: 'real',
          include: ['packages/*/test/**/*.test.ts', 'examples/*/test/**/*.test.ts', 'scripts/test/**/*.test.ts'],
          exclude: together,
          // Processes, blocks, hostile code whose time and memory are counted: nothing may run beside them.
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
}

export default config
