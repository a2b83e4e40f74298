// Plays simulated worlds over sources with one fault in them. A thread for each mutant, because a module that is loaded
// stays; sources on disk are never touched.
import { registerHooks } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
// By its file: the public entry would load what the mutant changes.
import { answerOnThread, threadData } from '../../packages/simulation/src/node/answer-on-thread.ts'
import { root } from '../run-step.ts'
import { mutated, sourceOf } from './mutant.ts'
import { mutantNamed } from './mutants.ts'

const mutant = mutantNamed(String(threadData()))
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

const { playMutant } = await import('./play-mutant.ts')
answerOnThread(async (seed: number, onStep) => {
  const { violations, story } = await playMutant(mutant, { seed, onStep })
  if (!wasLoaded) throw new Error(`${mutant.name}: no world loads ${mutant.file}`)
  return { violations, story }
})
