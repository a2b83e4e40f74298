/**
 * The instruction set that guests may use, as flat tables. An operation number is the opcode itself for one-byte
 * opcodes, 0x100 + sub-opcode after the prefix 0xfc, and 0x200 + sub-opcode after 0xfd.
 * Source: WebAssembly core specification 2.0, section 5.4.
 */
export const OPERATION_COUNT = 0x300

/** How an operation's immediates are encoded. A const object instead of an enum: types are stripped, not compiled. */
export const Immediate = {
  refused: 0,
  none: 1,
  block: 2,
  index: 3,
  labelTable: 4,
  callIndirect: 5,
  valueTypes: 6,
  memoryArgument: 7,
  memoryIndex: 8,
  i32: 9,
  i64: 10,
  bytes4: 11,
  bytes8: 12,
  bytes16: 13,
  referenceType: 14,
  indexMemory: 15,
  memoryMemory: 16,
  indexPair: 17,
  lane: 18,
  memoryArgumentLane: 19,
} as const

/** What an operation is charged as; cost-table.ts gives each class its price. */
export const CostClass = {
  structure: 0,
  simple: 1,
  load: 2,
  store: 3,
  multiply: 4,
  divide: 5,
  float: 6,
  floatDivide: 7,
  vector: 8,
  vectorMemory: 9,
  slowVector: 10,
  branch: 11,
  branchTable: 12,
  call: 13,
  callIndirect: 14,
  table: 15,
  bulk: 16,
  grow: 17,
  convert: 18,
} as const

/** Operations that the transformer treats one by one. */
export const Op = {
  unreachable: 0x00,
  block: 0x02,
  loop: 0x03,
  if: 0x04,
  else: 0x05,
  end: 0x0b,
  br: 0x0c,
  brIf: 0x0d,
  brTable: 0x0e,
  return: 0x0f,
  call: 0x10,
  callIndirect: 0x11,
  localGet: 0x20,
  localSet: 0x21,
  localTee: 0x22,
  globalGet: 0x23,
  globalSet: 0x24,
  memorySize: 0x3f,
  memoryGrow: 0x40,
  i32Const: 0x41,
  i64Const: 0x42,
  refFunc: 0xd2,
  memoryInit: 0x108,
  dataDrop: 0x109,
  memoryCopy: 0x10a,
  memoryFill: 0x10b,
  tableInit: 0x10c,
  elementDrop: 0x10d,
  tableCopy: 0x10e,
  tableGrow: 0x10f,
  tableSize: 0x110,
  tableFill: 0x111,
} as const

/** By operation number: one of {@link Immediate}. */
export const immediateOf: Uint8Array = new Uint8Array(OPERATION_COUNT)
/** By operation number: one of {@link CostClass}. */
export const costClassOf: Uint8Array = new Uint8Array(OPERATION_COUNT)
/** By operation number: values pushed minus values popped; calls and blocks add what their types say. */
export const stackDeltaOf: Int8Array = new Int8Array(OPERATION_COUNT)

type Row = readonly [
  from: number,
  to: number,
  delta: number,
  immediate?: keyof typeof Immediate,
  cost?: keyof typeof CostClass,
]

function fill(base: number, rows: readonly Row[], usual: keyof typeof CostClass = 'simple'): void {
  for (const [from, to, delta, immediate = 'none', cost = usual] of rows) {
    for (let operation = base + from; operation <= base + to; operation++) {
      immediateOf[operation] = Immediate[immediate]
      costClassOf[operation] = CostClass[cost]
      stackDeltaOf[operation] = delta
    }
  }
}

fill(0, [
  [0x00, 0x01, 0, 'none', 'structure'],
  [0x02, 0x02, 0, 'block', 'structure'],
  [0x03, 0x03, 0, 'block'],
  [0x04, 0x04, -1, 'block', 'branch'],
  [0x05, 0x05, 0, 'none', 'structure'],
  [0x0b, 0x0b, 0, 'none', 'structure'],
  [0x0c, 0x0c, 0, 'index'],
  [0x0d, 0x0d, -1, 'index', 'branch'],
  [0x0e, 0x0e, -1, 'labelTable', 'branchTable'],
  [0x0f, 0x0f, 0],
  [0x10, 0x10, 0, 'index', 'call'],
  [0x11, 0x11, -1, 'callIndirect', 'callIndirect'],
  [0x1a, 0x1a, -1, 'none', 'structure'],
  [0x1b, 0x1b, -2],
  [0x1c, 0x1c, -2, 'valueTypes'],
  [0x20, 0x20, 1, 'index'],
  [0x21, 0x21, -1, 'index'],
  [0x22, 0x22, 0, 'index'],
  [0x23, 0x23, 1, 'index'],
  [0x24, 0x24, -1, 'index'],
  [0x25, 0x25, 0, 'index', 'table'],
  [0x26, 0x26, -2, 'index', 'table'],
  [0x28, 0x35, 0, 'memoryArgument', 'load'],
  [0x36, 0x3e, -2, 'memoryArgument', 'store'],
  [0x3f, 0x3f, 1, 'memoryIndex'],
  [0x40, 0x40, 0, 'memoryIndex', 'grow'],
  [0x41, 0x41, 1, 'i32'],
  [0x42, 0x42, 1, 'i64'],
  [0x43, 0x43, 1, 'bytes4'],
  [0x44, 0x44, 1, 'bytes8'],
  // i32, i64, f32, f64: tests and comparisons
  [0x45, 0x45, 0],
  [0x46, 0x4f, -1],
  [0x50, 0x50, 0],
  [0x51, 0x5a, -1],
  [0x5b, 0x66, -1, 'none', 'float'],
  // i32 and i64 arithmetic
  [0x67, 0x69, 0],
  [0x6a, 0x6b, -1],
  [0x6c, 0x6c, -1, 'none', 'multiply'],
  [0x6d, 0x70, -1, 'none', 'divide'],
  [0x71, 0x78, -1],
  [0x79, 0x7b, 0],
  [0x7c, 0x7d, -1],
  [0x7e, 0x7e, -1, 'none', 'multiply'],
  [0x7f, 0x82, -1, 'none', 'divide'],
  [0x83, 0x8a, -1],
  // f32 and f64 arithmetic
  [0x8b, 0x90, 0, 'none', 'float'],
  [0x91, 0x91, 0, 'none', 'floatDivide'],
  [0x92, 0x94, -1, 'none', 'float'],
  [0x95, 0x95, -1, 'none', 'floatDivide'],
  [0x96, 0x98, -1, 'none', 'float'],
  [0x99, 0x9e, 0, 'none', 'float'],
  [0x9f, 0x9f, 0, 'none', 'floatDivide'],
  [0xa0, 0xa2, -1, 'none', 'float'],
  [0xa3, 0xa3, -1, 'none', 'floatDivide'],
  [0xa4, 0xa6, -1, 'none', 'float'],
  // conversions and sign extension
  [0xa7, 0xa7, 0],
  [0xa8, 0xab, 0, 'none', 'convert'],
  [0xac, 0xad, 0],
  [0xae, 0xb1, 0, 'none', 'convert'],
  [0xb2, 0xbb, 0, 'none', 'float'],
  [0xbc, 0xc4, 0],
  [0xd0, 0xd0, 1, 'referenceType'],
  [0xd1, 0xd1, 0],
  [0xd2, 0xd2, 1, 'index'],
])

fill(0x100, [
  [0, 7, 0, 'none', 'convert'],
  [8, 8, -3, 'indexMemory', 'bulk'],
  [9, 9, 0, 'index', 'bulk'],
  [10, 10, -3, 'memoryMemory', 'bulk'],
  [11, 11, -3, 'memoryIndex', 'bulk'],
  [12, 12, -3, 'indexPair', 'bulk'],
  [13, 13, 0, 'index', 'bulk'],
  [14, 14, -3, 'indexPair', 'bulk'],
  [15, 15, -1, 'index', 'bulk'],
  [16, 16, 1, 'index'],
  [17, 17, -3, 'index', 'bulk'],
])

fill(
  0x200,
  [
    [0, 10, 0, 'memoryArgument', 'vectorMemory'],
    [11, 11, -2, 'memoryArgument', 'vectorMemory'],
    [12, 12, 1, 'bytes16'],
    [13, 13, -1, 'bytes16'],
    [14, 14, -1],
    [15, 20, 0],
    // lane extraction and replacement
    [21, 22, 0, 'lane'],
    [23, 23, -1, 'lane'],
    [24, 25, 0, 'lane'],
    [26, 26, -1, 'lane'],
    [27, 27, 0, 'lane'],
    [28, 28, -1, 'lane'],
    [29, 29, 0, 'lane'],
    [30, 30, -1, 'lane'],
    [31, 31, 0, 'lane'],
    [32, 32, -1, 'lane'],
    [33, 33, 0, 'lane'],
    [34, 34, -1, 'lane'],
    // comparisons and bitwise
    [35, 76, -1],
    [77, 77, 0],
    [78, 81, -1],
    [82, 82, -2],
    [83, 83, 0],
    [84, 87, -1, 'memoryArgumentLane', 'vectorMemory'],
    [88, 91, -2, 'memoryArgumentLane', 'vectorMemory'],
    [92, 93, 0, 'memoryArgument', 'vectorMemory'],
    [94, 95, 0],
    // i8x16, with some of f32x4 and f64x2 in the gaps
    [96, 97, 0],
    [98, 98, 0, 'none', 'slowVector'],
    [99, 100, 0],
    [101, 102, -1],
    [103, 106, 0],
    [107, 109, -1, 'none', 'slowVector'],
    [110, 115, -1],
    [116, 117, 0],
    [118, 121, -1],
    [122, 122, 0],
    [123, 123, -1],
    // i16x8
    [124, 129, 0],
    [130, 130, -1],
    [131, 132, 0],
    [133, 134, -1],
    [135, 138, 0],
    [139, 147, -1],
    [148, 148, 0],
    [149, 153, -1],
    [155, 159, -1],
    // i32x4
    [160, 161, 0],
    [163, 164, 0],
    [167, 170, 0],
    [171, 174, -1],
    [177, 177, -1],
    [181, 186, -1],
    [188, 191, -1],
    // i64x2
    [192, 193, 0],
    [195, 196, 0],
    [199, 202, 0],
    [203, 206, -1],
    [209, 209, -1],
    [213, 213, -1, 'none', 'slowVector'],
    [214, 223, -1],
    // f32x4
    [224, 225, 0],
    [227, 227, 0, 'none', 'floatDivide'],
    [228, 230, -1],
    [231, 231, -1, 'none', 'floatDivide'],
    [232, 233, -1, 'none', 'slowVector'],
    [234, 235, -1],
    // f64x2
    [236, 237, 0],
    [239, 239, 0, 'none', 'floatDivide'],
    [240, 242, -1],
    [243, 243, -1, 'none', 'floatDivide'],
    [244, 245, -1, 'none', 'slowVector'],
    [246, 247, -1],
    // conversions
    [248, 249, 0, 'none', 'convert'],
    [250, 251, 0],
    [252, 253, 0, 'none', 'convert'],
    [254, 255, 0],
  ],
  'vector',
)

/** True for operations that read or write v128 values, whose stack slots are twice as wide. */
export function isVectorOperation(operation: number): boolean {
  return operation >= 0x200
}
