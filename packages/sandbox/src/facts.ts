// What others must know of modules and of the meter, without the code that meters and runs: a node that only places
// tasks, or waits for them, does not load that.
export { METER_VERSION } from './cost-table.ts'
export { STRICT_FUEL_FACTOR } from './strict/float-mode.ts'
export { usesFloats } from './strict/uses-floats.ts'
