import { OPERATION_COUNT, stackDeltaOf } from '../binary/opcodes.ts'

/** Interpretations of a value's bits, as flags: a vector can have been both. */
export const Lane = { f32: 1, f64: 2 } as const

/** What a canonicalisation has to look at: scalars and vectors of either lane type. */
export const Shape = { none: 0, f32: 1, f64: 2, f32x4: 3, f64x2: 4 } as const

/**
 * What an operation does with the bits of its float operands. `observe`: shows them to the program. `compute`: does not
 * look at a NaN's bits, and its result is one whose NaN bits are open. `read`: does not look at them, and its result is
 * no float. `carry`: hands them on, at most with another sign. `copySign`: hands on one operand's and shows the other's sign. `tame`: shows
 * them, and its result is never NaN.
 * Source: WebAssembly core specification 2.0, sections 4.3.3 and 4.3.4.
 */
export const Effect = { observe: 0, compute: 1, read: 2, carry: 3, copySign: 4, tame: 5 } as const

/** By operation number: one of {@link Effect}. */
export const effectOf: Uint8Array = new Uint8Array(OPERATION_COUNT)
/** By operation number: the {@link Lane} that its float operands are taken for. */
export const takenAsOf: Uint8Array = new Uint8Array(OPERATION_COUNT)
/** By operation number: the {@link Shape} of a float result. */
export const shapeOf: Uint8Array = new Uint8Array(OPERATION_COUNT)
/** By operation number: 1 when a carried NaN gets a sign other than the operand's. */
export const changesSign: Uint8Array = new Uint8Array(OPERATION_COUNT)
/** By operation number: values pushed, for operations without a type of their own. */
export const pushesOf: Uint8Array = new Uint8Array(OPERATION_COUNT).fill(1)

/** The lane type of a shape. */
export function laneOf(shape: number): number {
  if (shape === Shape.none) return 0
  return shape === Shape.f32 || shape === Shape.f32x4 ? Lane.f32 : Lane.f64
}

/** Values popped by an operation without a type of its own. */
export function popsOf(operation: number): number {
  return (pushesOf[operation] as number) - (stackDeltaOf[operation] as number)
}

type Row = readonly [
  from: number,
  to: number,
  effect: keyof typeof Effect,
  takenAs: keyof typeof Lane | undefined,
  shape: keyof typeof Shape,
]

function fill(rows: readonly Row[]): void {
  for (const [from, to, effect, takenAs, shape] of rows) {
    for (let operation = from; operation <= to; operation++) {
      effectOf[operation] = Effect[effect]
      takenAsOf[operation] = takenAs === undefined ? 0 : Lane[takenAs]
      shapeOf[operation] = Shape[shape]
    }
  }
}

fill([
  [0x5b, 0x60, 'read', 'f32', 'none'],
  [0x61, 0x66, 'read', 'f64', 'none'],
  // abs, neg
  [0x8b, 0x8c, 'carry', 'f32', 'f32'],
  [0x8d, 0x97, 'compute', 'f32', 'f32'],
  // copysign
  [0x98, 0x98, 'copySign', 'f32', 'f32'],
  [0x99, 0x9a, 'carry', 'f64', 'f64'],
  [0x9b, 0xa5, 'compute', 'f64', 'f64'],
  [0xa6, 0xa6, 'copySign', 'f64', 'f64'],
  // truncation to integers
  [0xa8, 0xa9, 'read', 'f32', 'none'],
  [0xaa, 0xab, 'read', 'f64', 'none'],
  [0xae, 0xaf, 'read', 'f32', 'none'],
  [0xb0, 0xb1, 'read', 'f64', 'none'],
  // conversion from integers, demotion and promotion
  [0xb2, 0xb5, 'tame', undefined, 'f32'],
  [0xb6, 0xb6, 'compute', 'f64', 'f32'],
  [0xb7, 0xba, 'tame', undefined, 'f64'],
  [0xbb, 0xbb, 'compute', 'f32', 'f64'],
  // saturating truncation
  [0x100, 0x101, 'read', 'f32', 'none'],
  [0x102, 0x103, 'read', 'f64', 'none'],
  [0x104, 0x105, 'read', 'f32', 'none'],
  [0x106, 0x107, 'read', 'f64', 'none'],
  // splat, extract_lane, replace_lane
  [0x200 + 19, 0x200 + 19, 'carry', 'f32', 'f32x4'],
  [0x200 + 20, 0x200 + 20, 'carry', 'f64', 'f64x2'],
  [0x200 + 31, 0x200 + 31, 'carry', 'f32', 'f32'],
  [0x200 + 32, 0x200 + 32, 'carry', 'f32', 'f32x4'],
  [0x200 + 33, 0x200 + 33, 'carry', 'f64', 'f64'],
  [0x200 + 34, 0x200 + 34, 'carry', 'f64', 'f64x2'],
  [0x200 + 65, 0x200 + 70, 'read', 'f32', 'none'],
  [0x200 + 71, 0x200 + 76, 'read', 'f64', 'none'],
  // demote_f64x2_zero, promote_low_f32x4
  [0x200 + 94, 0x200 + 94, 'compute', 'f64', 'f32x4'],
  [0x200 + 95, 0x200 + 95, 'compute', 'f32', 'f64x2'],
  // ceil, floor, trunc, nearest
  [0x200 + 103, 0x200 + 106, 'compute', 'f32', 'f32x4'],
  [0x200 + 116, 0x200 + 117, 'compute', 'f64', 'f64x2'],
  [0x200 + 122, 0x200 + 122, 'compute', 'f64', 'f64x2'],
  [0x200 + 148, 0x200 + 148, 'compute', 'f64', 'f64x2'],
  // abs, neg; sqrt, add, sub, mul, div, min, max; pmin, pmax
  [0x200 + 224, 0x200 + 225, 'carry', 'f32', 'f32x4'],
  [0x200 + 227, 0x200 + 233, 'compute', 'f32', 'f32x4'],
  [0x200 + 234, 0x200 + 235, 'carry', 'f32', 'f32x4'],
  [0x200 + 236, 0x200 + 237, 'carry', 'f64', 'f64x2'],
  [0x200 + 239, 0x200 + 245, 'compute', 'f64', 'f64x2'],
  [0x200 + 246, 0x200 + 247, 'carry', 'f64', 'f64x2'],
  // saturating truncation, conversion
  [0x200 + 248, 0x200 + 249, 'read', 'f32', 'none'],
  [0x200 + 250, 0x200 + 251, 'tame', undefined, 'f32x4'],
  [0x200 + 252, 0x200 + 253, 'read', 'f64', 'none'],
  [0x200 + 254, 0x200 + 255, 'tame', undefined, 'f64x2'],
])

for (const operation of [0x8c, 0x9a, 0x200 + 225, 0x200 + 237]) changesSign[operation] = 1

/** Operations that push nothing; blocks, branches, calls and locals are followed one by one. */
const silent: readonly (readonly [from: number, to: number])[] = [
  [0x00, 0x01],
  [0x1a, 0x1a],
  [0x24, 0x24],
  [0x26, 0x26],
  [0x36, 0x3e],
  [0x108, 0x10e],
  [0x111, 0x111],
  [0x200 + 11, 0x200 + 11],
  [0x200 + 88, 0x200 + 91],
]
for (const [from, to] of silent) pushesOf.fill(0, from, to + 1)
