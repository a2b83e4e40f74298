import { inverse, product } from './galois.ts'

/** Elements of GF(256), row by row. */
export interface Matrix {
  readonly rows: number
  readonly columns: number
  readonly elements: Uint8Array
}

/** A matrix of zeros. */
function zeros(rows: number, columns: number): Matrix {
  return { rows, columns, elements: new Uint8Array(rows * columns) }
}

/** One element. */
export function elementAt({ columns, elements }: Matrix, row: number, column: number): number {
  return elements[row * columns + column] ?? 0
}

/**
 * What pieces are of a segment: the first rows are the identity, so that the first pieces are the data itself; below is
 * a Cauchy matrix, of which every square part can be inverted, so that any `dataPieces` rows are enough.
 * @param pieces up to 256: the elements of the field are the names of rows and columns
 */
export function generator(dataPieces: number, pieces: number): Matrix {
  const matrix = zeros(pieces, dataPieces)
  for (let row = 0; row < pieces; row++) {
    for (let column = 0; column < dataPieces; column++) {
      const identity = row === column ? 1 : 0
      matrix.elements[row * dataPieces + column] = row < dataPieces ? identity : inverse(row ^ column)
    }
  }
  return matrix
}

/** Some rows of a matrix, in the order given. */
export function rowsOf(matrix: Matrix, rows: readonly number[]): Matrix {
  const { columns, elements } = matrix
  const chosen = zeros(rows.length, columns)
  for (const [to, from] of rows.entries())
    chosen.elements.set(elements.subarray(from * columns, (from + 1) * columns), to * columns)
  return chosen
}

/** The matrix product. */
export function times(left: Matrix, right: Matrix): Matrix {
  const result = zeros(left.rows, right.columns)
  for (let row = 0; row < left.rows; row++) {
    for (let column = 0; column < right.columns; column++) {
      let sum = 0
      for (let index = 0; index < left.columns; index++)
        sum ^= product(elementAt(left, row, index), elementAt(right, index, column))
      result.elements[row * right.columns + column] = sum
    }
  }
  return result
}

/** The inverse of a square matrix, by Gauss and Jordan. @throws RangeError when there is none */
export function inverted(matrix: Matrix): Matrix {
  const size = matrix.rows
  const left = Uint8Array.from(matrix.elements)
  const right = new Uint8Array(size * size)
  for (let row = 0; row < size; row++) right[row * size + row] = 1
  for (let column = 0; column < size; column++) {
    const pivot = pivotOf(left, size, column)
    swapRows(left, size, pivot, column)
    swapRows(right, size, pivot, column)
    const factor = inverse(left[column * size + column] ?? 0)
    scaleRow(left, size, column, factor)
    scaleRow(right, size, column, factor)
    for (let row = 0; row < size; row++) {
      const times = left[row * size + column] ?? 0
      if (row === column || times === 0) continue
      addRow(left, size, { from: column, to: row, times })
      addRow(right, size, { from: column, to: row, times })
    }
  }
  return { rows: size, columns: size, elements: right }
}

function pivotOf(elements: Uint8Array, size: number, column: number): number {
  for (let row = column; row < size; row++) if (elements[row * size + column] !== 0) return row
  throw new RangeError('the matrix has no inverse')
}

function swapRows(elements: Uint8Array, size: number, left: number, right: number): void {
  if (left === right) return
  const row = elements.slice(left * size, (left + 1) * size)
  elements.copyWithin(left * size, right * size, (right + 1) * size)
  elements.set(row, right * size)
}

function scaleRow(elements: Uint8Array, size: number, row: number, factor: number): void {
  for (let at = row * size; at < (row + 1) * size; at++) elements[at] = product(elements[at] ?? 0, factor)
}

function addRow(
  elements: Uint8Array,
  size: number,
  { from, to, times }: { readonly from: number; readonly to: number; readonly times: number },
): void {
  for (let column = 0; column < size; column++) {
    const at = to * size + column
    elements[at] = (elements[at] ?? 0) ^ product(elements[from * size + column] ?? 0, times)
  }
}
