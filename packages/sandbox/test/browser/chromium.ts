import { existsSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { type Browser, chromium, type Page } from 'playwright-core'
import { rolldown } from 'rolldown'

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

/** Functions of a page that a test can call with one value each. */
type PageFunctions = Readonly<Record<string, (argument: never) => unknown>>

/** What a page and the server that it comes from are made of, by path. */
interface PageParts {
  /** TypeScript entries; `/main.js` sets `globalThis.tests`. */
  readonly bundles: ReadonlyMap<string, URL>
  readonly files: ReadonlyMap<string, Uint8Array>
}

/** A page in Chromium, and the server on loopback that it came from. */
export class ChromiumPage<Tests extends PageFunctions> {
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

  /** Opens a page. */
  static async open<Tests extends PageFunctions>(
    executablePath: string,
    { bundles: entries, files }: PageParts,
  ): Promise<ChromiumPage<Tests>> {
    const bundles = new Map<string, string>()
    for (const [path, entry] of entries) bundles.set(path, await bundleForBrowser(entry))
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
    const opened = new ChromiumPage<Tests>(
      parts,
      new Map([...bundles].map(([path, code]) => [path, Buffer.byteLength(code)])),
    )
    try {
      await opened.#show(`${opened.origin}/`)
    } catch (error) {
      await opened.close()
      throw error
    }
    return opened
  }

  /** Where the page came from: `http://127.0.0.1:<port>`. */
  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
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
  async run<Name extends keyof Tests & string>(
    name: Name,
    ...[argument]: Parameters<Tests[Name]>
  ): Promise<Awaited<ReturnType<Tests[Name]>>> {
    // Runs in the page, so it can name nothing of this file.
    const call = ([name, argument]: readonly unknown[]): unknown =>
      (globalThis as unknown as { tests: Record<string, (argument: unknown) => unknown> }).tests[name as string]?.(
        argument,
      )
    return (await this.page.evaluate(call, [name, argument] as const)) as Awaited<ReturnType<Tests[Name]>>
  }

  async close(): Promise<void> {
    await this.#browser.close()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}
