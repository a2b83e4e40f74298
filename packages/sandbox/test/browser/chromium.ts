import { existsSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { type Browser, chromium, type Page } from 'playwright-core'
import { rolldown } from 'rolldown'
import type { PageTests } from './page/main.ts'

/** Debian's Chromium, or the one that STEAD_TEST_CHROMIUM names; undefined when it is not there. */
export const chromiumPath: string | undefined = [process.env.STEAD_TEST_CHROMIUM, '/usr/bin/chromium'].find(
  (path) => path !== undefined && existsSync(path),
)

const FLAGS = [
  ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'],
  ...['--disable-component-update', '--disable-sync'],
]

/** Bundles a TypeScript entry of this folder for browsers, as a page's author would. */
async function bundleForBrowser(entry: URL): Promise<string> {
  const bundle = await rolldown({
    input: fileURLToPath(entry),
    platform: 'browser',
    // Optional accelerators of signatures: one wants Node.js, the other imports a .wasm file as a module.
    external: ['tiny-secp256k1', 'secp256k1/bindings.js'],
    resolve: { conditionNames: ['@stead/source', 'browser', 'import', 'default'] },
    onLog: (_level, log) => {
      throw new Error(`bundling ${entry.pathname}: ${log.message}`)
    },
  })
  const { output } = await bundle.generate({ format: 'esm', minify: true, codeSplitting: false })
  await bundle.close()
  return output[0].code
}

/** A page in Chromium, and the server on loopback that it came from. */
export class ChromiumPage {
  readonly page: Page
  /** Bytes of the minified bundles, by path. */
  readonly bundleBytes: ReadonlyMap<string, number>
  readonly #browser: Browser
  readonly #server: Server

  private constructor(
    parts: { readonly browser: Browser; readonly page: Page; readonly server: Server },
    bundleBytes: ReadonlyMap<string, number>,
  ) {
    this.page = parts.page
    this.bundleBytes = bundleBytes
    this.#browser = parts.browser
    this.#server = parts.server
  }

  /** Opens the test page. @param files what the server has besides page and worker, by path */
  static async open(executablePath: string, files: ReadonlyMap<string, Uint8Array>): Promise<ChromiumPage> {
    const bundles = new Map([
      ['/main.js', await bundleForBrowser(new URL('./page/main.ts', import.meta.url))],
      ['/worker.js', await bundleForBrowser(new URL('./page/worker.ts', import.meta.url))],
      ['/mortal-worker.js', await bundleForBrowser(new URL('./page/mortal-worker.ts', import.meta.url))],
    ])
    const server = createServer((request, response) => {
      const path = request.url ?? ''
      const body =
        path === '/'
          ? '<!doctype html><script type=module src=/main.js></script>'
          : (bundles.get(path) ?? files.get(path))
      const type = path === '/' ? 'text/html' : path.endsWith('.js') ? 'text/javascript' : 'application/wasm'
      response.writeHead(body === undefined ? 404 : 200, { 'content-type': type })
      response.end(body)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const browser = await chromium.launch({ executablePath, args: FLAGS })
    const parts = { browser, page: await browser.newPage(), server }
    const opened = new ChromiumPage(parts, new Map([...bundles].map(([path, code]) => [path, Buffer.byteLength(code)])))
    try {
      await opened.#show(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
    } catch (error) {
      await opened.close()
      throw error
    }
    return opened
  }

  async #show(address: string): Promise<void> {
    const { page } = this
    const failed = new Promise<never>((_resolve, reject) => {
      page.once('pageerror', reject)
    })
    await page.goto(address)
    await Promise.race([failed, page.waitForFunction('globalThis.tests !== undefined')])
    page.on('pageerror', (error) => process.stderr.write(`page: ${error.stack}\n`))
  }

  /** Calls a function of the page's `tests`. */
  async run<Name extends keyof PageTests>(
    name: Name,
    ...[argument]: Parameters<PageTests[Name]>
  ): Promise<Awaited<ReturnType<PageTests[Name]>>> {
    // Runs in the page, so it can name nothing of this file.
    const call = ([name, argument]: readonly unknown[]): unknown =>
      (globalThis as unknown as { tests: Record<string, (argument: unknown) => unknown> }).tests[name as string]?.(
        argument,
      )
    return (await this.page.evaluate(call, [name, argument] as const)) as Awaited<ReturnType<PageTests[Name]>>
  }

  async close(): Promise<void> {
    await this.#browser.close()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}
