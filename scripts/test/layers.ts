/** Which workspace packages each may import; ARCHITECTURE.md draws the same picture. */
export const LAYERS: Readonly<Record<string, readonly string[]>> = {
  core: [],
  protocol: ['core'],
  sandbox: ['core'],
  market: ['core', 'protocol'],
  compute: ['core', 'protocol', 'market', 'sandbox'],
  storage: ['core', 'protocol', 'market', 'sandbox'],
  rewards: ['core', 'protocol', 'storage'],
  epochs: ['core', 'protocol', 'market', 'storage', 'rewards'],
  libp2p: ['core', 'protocol'],
  evm: ['core', 'protocol'],
  sqlite: ['core'],
  sdk: ['core', 'protocol', 'market', 'compute', 'sandbox'],
  toolchain: ['core', 'sandbox', 'sdk'],
  gateway: ['core', 'storage'],
  node: [
    'core',
    'protocol',
    'sandbox',
    'market',
    'compute',
    'storage',
    'gateway',
    'rewards',
    'epochs',
    'libp2p',
    'evm',
    'sqlite',
    'sdk',
  ],
  cli: [
    'core',
    'protocol',
    'sandbox',
    'market',
    'compute',
    'storage',
    'rewards',
    'epochs',
    'sdk',
    'node',
    'evm',
    'sqlite',
    'toolchain',
  ],
  testkit: ['core', 'protocol'],
  // libp2p for its figures alone: the model of discovery counts with what is configured, not with copies of it.
  simulation: ['core', 'protocol', 'sandbox', 'market', 'compute', 'storage', 'rewards', 'epochs', 'testkit', 'libp2p'],
}

/** Packages whose sources must run under the simulator: no operating system, no clock, no timers, no chance. */
export const SIMULATED: readonly string[] = ['core', 'market', 'compute', 'rewards', 'epochs', 'sdk', 'testkit']

/** Folders inside other packages for which the same holds; everything else of the sandbox may use Node.js. */
export const SIMULATED_EXCEPT: Readonly<Record<string, readonly string[]>> = {
  sandbox: ['packages/sandbox/src/node/', 'packages/sandbox/src/browser/page-clock.ts'],
  protocol: ['packages/protocol/src/node/'],
  storage: ['packages/storage/src/node/'],
  simulation: ['packages/simulation/src/node/'],
}

/** What simulated sources must not mention, with what to use in its place. */
export const BANNED: readonly { readonly pattern: RegExp; readonly instead: string }[] = [
  { pattern: /\bDate\.now\b|\bnew Date\(\s*\)/, instead: 'Clock.now()' },
  { pattern: /\bperformance\.now\b/, instead: 'Clock.monotonicMs()' },
  { pattern: /\bMath\.random\b|\bcrypto\.(getRandomValues|randomUUID)\b/, instead: 'Random' },
  { pattern: /\b(setTimeout|setInterval|setImmediate)\s*\(/, instead: 'Clock.setTimer or Clock.sleep' },
  { pattern: /\bAbortSignal\.timeout\b/, instead: 'Clock.setTimer' },
  { pattern: /from 'node:|import\('node:/, instead: 'a port of @stead/core' },
  { pattern: /\bBuffer\.|\bprocess\./, instead: 'Uint8Array; a port of @stead/core' },
]
