import { expect, it } from 'vitest'
import { nameDistance } from '../src/index.ts'

it.each([
  ['', '', 0],
  ['photos', 'photos', 0],
  ['fotos', 'photos', 2],
  ['photo', 'photos', 1],
  ['', 'abc', 3],
  ['abc', 'xyz', 3],
])('from %s to %s it is %i', (left, right, distance) => {
  expect(nameDistance(left, right)).toBe(distance)
  expect(nameDistance(right, left)).toBe(distance)
})
