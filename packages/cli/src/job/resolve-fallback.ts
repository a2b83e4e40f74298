import { registerHooks } from 'node:module'

let isRegistered = false

/**
 * Lets job packages import Stead's own packages wherever they lie: what is not installed beside them is taken from this
 * installation, so that a fresh folder runs without `npm install`.
 */
export function offerOwnPackages(): void {
  if (isRegistered) return
  isRegistered = true
  registerHooks({
    resolve(specifier, context, next) {
      if (!specifier.startsWith('@stead/')) return next(specifier, context)
      try {
        return next(specifier, context)
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND')) throw error
        return next(specifier, { ...context, parentURL: import.meta.url })
      }
    },
  })
}
