// Plays simulated worlds over sources with one fault in them, until a rule notices it. Run by `npm run sim:mutants`, one
// process for each mutant, because a module that is loaded stays; sources on disk are never touched. Prints one line of
// JSON: the seed and the rule, or how many worlds noticed nothing.
import { registerHooks } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { root } from '../run-step.ts'
import { mutated, sourceOf } from './mutant.ts'
import { mutantNamed } from './mutants.ts'

const [name = '', seedsMax = '1'] = process.argv.slice(2)
const mutant = mutantNamed(name)
const source = mutated(sourceOf(mutant), mutant)
const target = pathToFileURL(join(root, mutant.file)).href
let wasLoaded = false

registerHooks({
  load(url, context, nextLoad) {
    if (url !== target) return nextLoad(url, context)
    wasLoaded = true
    // Node.js strips the types, as it does for every other source.
    return { format: 'module-typescript', source, shortCircuit: true }
  },
})

const { sweep } = await import('./sweep.ts')
const outcome = await sweep(mutant, Number(seedsMax))
if (!wasLoaded) throw new Error(`${name}: no world loads ${mutant.file}`)
process.stdout.write(`${JSON.stringify(outcome)}\n`)
