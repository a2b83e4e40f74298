/**
 * An object with some of its methods replaced; everything else is its own. A proxy and not a subclass, because ports keep
 * private fields, and because what is decorated is the very object that an honest node uses.
 */
export function decorated<Port extends object>(port: Port, methods: Partial<Port>): Port {
  return new Proxy(port, {
    get(target, key) {
      const own: unknown = Reflect.get(methods, key)
      if (own !== undefined) return own
      const value: unknown = Reflect.get(target, key, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
