const GROUPS = 8

/** The /24 of an IPv4 address or the /64 of an IPv6 one, as text; undefined for an address by name. */
export function subnetOf(multiaddr: string): string | undefined {
  const [, family, host = ''] = multiaddr.split('/')
  if (family === 'ip4') return host.split('.').slice(0, 3).join('.')
  if (family !== 'ip6') return undefined
  const [head = '', tail] = host.split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = Array.from({ length: Math.max(0, GROUPS - left.length - right.length) }, () => '0')
  const groups = tail === undefined ? left : [...left, ...zeros, ...right]
  return groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')
}
