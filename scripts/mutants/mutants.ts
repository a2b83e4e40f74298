import { auditMutants } from './audit-mutants.ts'
import { careMutants } from './care-mutants.ts'
import { computeMutants } from './compute-mutants.ts'
import { epochMutants } from './epoch-mutants.ts'
import { liarMutants } from './liar-mutants.ts'
import { marketMutants } from './market-mutants.ts'
import { moneyMutants } from './money-mutants.ts'
import { moreComputeMutants } from './more-compute-mutants.ts'
import { moreEpochMutants } from './more-epoch-mutants.ts'
import { moreMarketMutants } from './more-market-mutants.ts'
import type { Mutant } from './mutant.ts'
import { netMutants } from './net-mutants.ts'
import { storageMutants } from './storage-mutants.ts'

/** All mutants, in the order in which they are tried. */
export const mutants: readonly Mutant[] = [
  ...marketMutants,
  ...computeMutants,
  ...moreMarketMutants,
  ...moreComputeMutants,
  ...liarMutants,
  ...moneyMutants,
  ...epochMutants,
  ...moreEpochMutants,
  ...storageMutants,
  ...careMutants,
  ...auditMutants,
  ...netMutants,
]

/** @throws RangeError when there is none of this name */
export function mutantNamed(name: string): Mutant {
  const mutant = mutants.find((each) => each.name === name)
  if (name === '') throw new RangeError(`an empty name names no mutant; --list names all ${mutants.length}`)
  if (mutant === undefined) throw new RangeError(`no mutant named ${name}; --list names all ${mutants.length}`)
  return mutant
}
