import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { contractsDirectory } from './forge.ts'

/** Gas of each measured transaction by its name, as committed. */
type GasFigures = Record<string, number>

const committedFile = join(contractsDirectory, 'gas-snapshot.json')

/** Written by `vm.snapshotGasLastCall("gas", …)` below the `snapshots` folder of foundry.toml. */
const measuredFile = join(contractsDirectory, 'cache', 'gas', 'gas.json')

/** A signature's or an address's zero bytes make calldata cheaper by a few gas; a real change is larger than this. */
const toleranceRatio = 0.01

async function readFigures(path: string): Promise<GasFigures> {
  const raw = JSON.parse(await readFile(path, 'utf8')) as Record<string, string | number>
  return Object.fromEntries(Object.entries(raw).map(([name, gas]) => [name, Number(gas)]))
}

/** One line per figure that is missing, unknown, or further than the tolerance from the committed one. */
function differences(committed: GasFigures, measured: GasFigures): string[] {
  const lines: string[] = []
  for (const name of new Set([...Object.keys(committed), ...Object.keys(measured)])) {
    const [before, now] = [committed[name], measured[name]]
    if (before === undefined) lines.push(`${name}: ${now} gas, not in the snapshot`)
    else if (now === undefined) lines.push(`${name}: not measured any more (was ${before})`)
    else if (Math.abs(now - before) > before * toleranceRatio) {
      lines.push(`${name}: ${before} → ${now} gas (${(((now - before) / before) * 100).toFixed(1)} %)`)
    }
  }
  return lines
}

/**
 * Compares the gas that forge has just measured with the committed snapshot, both ways: a saving must be committed as
 * well, or the next loss would hide behind it.
 * @returns what differs by more than 1 %, one line each; empty when all is well.
 */
export async function compareGas(): Promise<string[]> {
  return differences(await readFigures(committedFile), await readFigures(measuredFile))
}

/** Makes what forge has just measured the committed snapshot. */
export async function commitGas(): Promise<void> {
  await writeFile(committedFile, `${JSON.stringify(await readFigures(measuredFile), null, 2)}\n`)
}
