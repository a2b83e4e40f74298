import { join } from 'node:path'
import { SdkError } from '@stead/sdk/job'
import { cachedBuild } from './cached-build.ts'
import { engineFolder } from './engine-folder.ts'
import { type Bundle, bundleTask } from './javascript/bundle-task.ts'
import { EngineInstance, TopLevelError } from './javascript/engine-instance.ts'
import { engineParts, linkEngine } from './javascript/link-engine.ts'
import { snapshotModule } from './javascript/snapshot.ts'
import { BUNDLE_NAME, keepSourceMap, mapStack } from './source-stack.ts'

/** How {@link buildTypeScript} builds. */
export interface TypeScriptBuildOptions {
  /** The file with the handler, relative to the package's folder. @default 'task.ts' */
  readonly entry?: string
  /** Gets what the task's top level prints, which runs during the build. @default written to standard error */
  readonly onLog?: (text: string) => void
}

const KEPT_EXPORTS: ReadonlySet<string> = new Set(['memory', '_start'])

/**
 * The command module of a task in TypeScript or JavaScript (see {@link TaskHandler}): the QuickJS engine with the bundled
 * task in it. The task's top level has already run, without clock and chance, so that a call costs only the handler. The
 * same sources always give the same bytes. Types are not checked; that is the editor's work.
 * @throws SdkError JOB_BUILD_FAILED with file, line and column
 */
export async function buildTypeScript(
  directory: string,
  name: string,
  options: TypeScriptBuildOptions = {},
): Promise<Uint8Array> {
  const bundle = await bundleTask(directory, options.entry ?? 'task.ts')
  const parts = await engineParts()
  const compile = async (): Promise<Uint8Array> => {
    const linked = await cachedBuild({
      folder: engineFolder(directory),
      name: 'javascript-engine',
      parts,
      compile: linkEngine,
    })
    return prepare(directory, { bundle, linked, onLog: options.onLog ?? toStandardError })
  }
  const module = await cachedBuild({ folder: join(directory, 'build'), name, parts: [bundle.code, ...parts], compile })
  await keepSourceMap(directory, module, bundle.map)
  return module
}

interface Preparation {
  readonly bundle: Bundle
  readonly linked: Uint8Array
  readonly onLog: (text: string) => void
}

function prepare(directory: string, { bundle, linked, onLog }: Preparation): Uint8Array {
  const engine = new EngineInstance(new Uint8Array(linked), onLog)
  try {
    engine.evaluate(bundle.code, BUNDLE_NAME)
  } catch (cause) {
    if (!(cause instanceof TopLevelError)) throw cause
    const frames = mapStack(directory, bundle.map, cause.frames)
    const message = `the top level of the task failed: ${cause.message}${frames === '' ? '' : `\n${frames}`}`
    throw new SdkError('JOB_BUILD_FAILED', `${directory}: ${message}`, {
      cause,
      next: 'Mend the task: its top level runs once, during the build, and its default export at each call',
    })
  }
  return snapshotModule(linked, engine.state(), KEPT_EXPORTS)
}

function toStandardError(text: string): void {
  process.stderr.write(text)
}
