// Compiles every public package to dist/ in the order of its dependencies: what would be published.
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { root, runStep } from './run-step.ts'

interface Manifest {
  readonly name: string
  readonly private?: boolean
  readonly dependencies?: Readonly<Record<string, string>>
}

/** Folders of the public packages, each after the packages that it depends on. */
export function publicPackages(): readonly string[] {
  const manifests = new Map<string, Manifest>()
  for (const folder of readdirSync(join(root, 'packages'))) {
    const file = join(root, 'packages', folder, 'package.json')
    if (!existsSync(file)) continue
    const manifest = JSON.parse(readFileSync(file, 'utf8')) as Manifest
    if (manifest.private !== true) manifests.set(manifest.name, manifest)
  }
  const ordered: string[] = []
  const visit = (name: string, path: readonly string[]): void => {
    if (path.includes(name))
      throw new Error(`packages depend on each other in a circle: ${[...path, name].join(' -> ')}`)
    const manifest = manifests.get(name)
    if (manifest === undefined || ordered.includes(name)) return
    for (const dependency of Object.keys(manifest.dependencies ?? {})) visit(dependency, [...path, name])
    ordered.push(name)
  }
  for (const name of manifests.keys()) visit(name, [])
  return ordered.map((name) => join('packages', name.slice('@stead/'.length)))
}

/** Builds all public packages; true when all compiled. */
export async function buildPackages(): Promise<boolean> {
  for (const folder of publicPackages()) {
    rmSync(join(root, folder, 'dist'), { recursive: true, force: true })
    const result = await runStep(folder, 'tsc', ['-p', folder])
    if (result.exitCode === 0) continue
    process.stdout.write(`${folder} does not compile:\n${result.output}\n`)
    return false
  }
  return true
}

if (import.meta.main) process.exitCode = (await buildPackages()) ? 0 : 1
