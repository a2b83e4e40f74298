/** For each node a bounded list of others, in one array: four bytes an entry, whether it is used or not. */
export class NeighbourLists {
  readonly nodes: number
  /** Most neighbours of one node. */
  readonly width: number
  readonly #entries: Int32Array
  readonly #counts: Uint16Array

  constructor(nodes: number, width: number) {
    this.nodes = nodes
    this.width = width
    this.#entries = new Int32Array(nodes * width)
    this.#counts = new Uint16Array(nodes)
  }

  count(node: number): number {
    return this.#counts[node] ?? 0
  }

  isFull(node: number): boolean {
    return this.count(node) >= this.width
  }

  /** The neighbour at a place of the list, 0 .. count - 1. */
  at(node: number, place: number): number {
    return this.#entries[node * this.width + place] ?? -1
  }

  /** Its neighbours, as a view into the array: valid until the list changes. */
  of(node: number): Int32Array {
    const begin = node * this.width
    return this.#entries.subarray(begin, begin + this.count(node))
  }

  has(node: number, other: number): boolean {
    const begin = node * this.width
    const end = begin + this.count(node)
    for (let place = begin; place < end; place++) if (this.#entries[place] === other) return true
    return false
  }

  /** Neighbours of a node on average. */
  mean(): number {
    return this.#counts.reduce((sum, count) => sum + count, 0) / this.nodes
  }

  /** Makes two nodes neighbours of each other. False when they are, are the same, or either list is full. */
  join(left: number, right: number): boolean {
    if (left === right || this.isFull(left) || this.isFull(right) || this.has(left, right)) return false
    this.#add(left, right)
    this.#add(right, left)
    return true
  }

  /** Ends that they are neighbours. */
  part(left: number, right: number): void {
    this.#remove(left, right)
    this.#remove(right, left)
  }

  #add(node: number, other: number): void {
    const count = this.count(node)
    this.#entries[node * this.width + count] = other
    this.#counts[node] = count + 1
  }

  #remove(node: number, other: number): void {
    const begin = node * this.width
    const last = begin + this.count(node) - 1
    for (let place = begin; place <= last; place++) {
      if (this.#entries[place] !== other) continue
      this.#entries[place] = this.#entries[last] ?? -1
      this.#counts[node] = last - begin
      return
    }
  }
}
