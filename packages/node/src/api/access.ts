import { createHash, timingSafeEqual } from 'node:crypto'
import { SdkError } from '@stead/sdk'
import { NodeError } from '../errors.ts'

/** The headers that decide whether a request may pass. */
export interface AccessHeaders {
  readonly host?: string | undefined
  readonly origin?: string | undefined
  readonly authorization?: string | undefined
}

/**
 * Lets a request pass that knows the token and came under this machine's own name. The name is checked because a web
 * page can make a browser send requests to 127.0.0.1 under a foreign name (DNS rebinding).
 * @throws NodeError NODE_API_ORIGIN, SdkError API_UNAUTHORIZED
 */
export function checkAccess(headers: AccessHeaders, expected: { readonly token: string; readonly port: number }): void {
  const names = [`127.0.0.1:${expected.port}`, `localhost:${expected.port}`]
  if (headers.host === undefined || !names.includes(headers.host.toLowerCase())) {
    throw new NodeError('NODE_API_ORIGIN', 'the request names another host', {
      details: { have: (headers.host ?? 'no host').slice(0, 200), need: names[0] },
    })
  }
  if (headers.origin !== undefined && !names.some((name) => headers.origin === `http://${name}`)) {
    throw new NodeError('NODE_API_ORIGIN', 'the request comes from a web page of another origin', {
      details: { have: headers.origin.slice(0, 200) },
    })
  }
  const [scheme = '', token = ''] = (headers.authorization ?? '').split(' ')
  if (scheme.toLowerCase() !== 'bearer' || !isSameText(token, expected.token)) {
    throw new SdkError(
      'API_UNAUTHORIZED',
      token === '' ? 'the request has no token' : 'the token is not the one of this node',
    )
  }
}

/** Compares hashes, so that neither content nor length is told by the time it takes. */
function isSameText(left: string, right: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(left), digest(right))
}
