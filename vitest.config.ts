import type { ViteUserConfig } from 'vitest/config'

const config: ViteUserConfig = {
  resolve: { conditions: ['@stead/source'] },
  ssr: { resolve: { conditions: ['@stead/source'], externalConditions: ['@stead/source'] } },
  test: {
    include: ['packages/*/test/**/*.test.ts', 'examples/*/test/**/*.test.ts', 'scripts/test/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Real processes on a shared machine: a test that fails once there and then passes is reported as retried, not lost.
    retry: process.env.CI === undefined ? 0 : 1,
    pool: 'forks',
    execArgv: ['--conditions=@stead/source'],
  },
}

export default config
