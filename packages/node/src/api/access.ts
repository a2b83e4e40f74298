import { createHash, timingSafeEqual } from 'node:crypto'
import { SdkError } from '@stead/sdk'
import { LINK_HEADER, OBJECT_HEADER } from '@stead/sdk/api'
import { NodeError } from '../errors.ts'

/** The headers that decide whether a request may pass. */
export interface AccessHeaders {
  readonly host?: string | undefined
  readonly origin?: string | undefined
  readonly authorization?: string | undefined
}

/** Who may enter. */
export interface AccessRules {
  readonly token: string
  readonly port: number
  /** Origins of web pages, such as `http://127.0.0.1:8080`, which may ask when they know the token. */
  readonly origins: readonly string[]
}

/**
 * Lets a request pass that knows the token and came under this machine's own name. The name is checked because a web
 * page can make a browser send requests to 127.0.0.1 under a foreign name (DNS rebinding); a page of another origin may
 * ask when its origin was named.
 * @throws NodeError NODE_API_ORIGIN, SdkError API_UNAUTHORIZED
 */
export function checkAccess(headers: AccessHeaders, rules: AccessRules): void {
  checkOrigin(headers, rules)
  const [scheme = '', token = ''] = (headers.authorization ?? '').split(' ')
  if (scheme.toLowerCase() !== 'bearer' || !isSameText(token, rules.token)) {
    throw new SdkError(
      'API_UNAUTHORIZED',
      token === '' ? 'the request has no token' : 'the token is not the one of this node',
    )
  }
}

/** What does not hang on the token: browsers ask without it whether a page may ask. @throws NodeError NODE_API_ORIGIN */
export function checkOrigin(headers: Pick<AccessHeaders, 'host' | 'origin'>, { port, origins }: AccessRules): void {
  const names = [`127.0.0.1:${port}`, `localhost:${port}`]
  if (headers.host === undefined || !names.includes(headers.host.toLowerCase())) {
    throw new NodeError('NODE_API_ORIGIN', 'the request names another host', {
      details: { have: (headers.host ?? 'no host').slice(0, 200), need: names[0] },
    })
  }
  const { origin } = headers
  if (origin !== undefined && !origins.includes(origin) && !names.some((name) => origin === `http://${name}`)) {
    throw new NodeError('NODE_API_ORIGIN', 'the request comes from a web page of another origin', {
      details: { have: origin.slice(0, 200) },
      next: 'To let pages of this origin in, with the token: stead up --api-origins <origin>',
    })
  }
}

/** Headers by which a browser lets a page of another origin read an answer; none where no such page asks. */
export function pageHeaders(origin: string | undefined, { origins }: AccessRules): Readonly<Record<string, string>> {
  if (origin === undefined || !origins.includes(origin)) return {}
  return {
    'access-control-allow-origin': origin,
    'access-control-allow-methods': 'GET, POST',
    'access-control-allow-headers': `authorization, content-type, last-event-id, ${LINK_HEADER}`,
    'access-control-expose-headers': OBJECT_HEADER,
    'access-control-allow-private-network': 'true',
    'access-control-max-age': '600',
    vary: 'Origin',
  }
}

/** Compares hashes, so that neither content nor length is told by the time it takes. */
function isSameText(left: string, right: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(left), digest(right))
}
