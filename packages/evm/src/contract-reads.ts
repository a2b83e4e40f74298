import { type Address, type Hash, hash, type MicroUsd, microUsd, type PurseState } from '@stead/core'
import * as AbiFunction from 'ox/AbiFunction'
import { addressAnswer, type Hex, unixMs } from './answer.ts'
import { ChainError } from './errors.ts'
import { escrowAbi } from './generated/escrow.ts'
import { stakeAbi } from './generated/stake.ts'
import { testDollarAbi } from './generated/test-dollar.ts'
import { NOBODY } from './nobody.ts'

const escrow = {
  purse: AbiFunction.fromAbi(escrowAbi, 'purse'),
  channel: AbiFunction.fromAbi(escrowAbi, 'channel'),
  owed: AbiFunction.fromAbi(escrowAbi, 'owed'),
  feeBps: AbiFunction.fromAbi(escrowAbi, 'feeBps'),
  thawSeconds: AbiFunction.fromAbi(escrowAbi, 'thawSeconds'),
  token: AbiFunction.fromAbi(escrowAbi, 'token'),
}
/** What an Escrow answers that was deployed before it told signers; a later one says this and more. */
const CHANNEL_BEFORE = 'function channel(bytes32 id) view returns (uint128 claimed, bool opened)'
const channelBefore = AbiFunction.from(CHANNEL_BEFORE)
const WORDS_WITH_SIGNER = 3
const operatorOf = AbiFunction.fromAbi(stakeAbi, 'operatorOf')
const balanceOf = AbiFunction.fromAbi(testDollarAbi, 'balanceOf')
const allowance = AbiFunction.fromAbi(testDollarAbi, 'allowance')

/** A question to a contract: what to send, and how to read what comes back. */
export interface ContractRead<Value> {
  readonly data: Hex
  readonly read: (answer: Hex) => Value
}

/** An answer that is too short or of another shape means another contract at that address. */
export function question<Value>(what: string, data: Hex, decode: (answer: Hex) => Value): ContractRead<Value> {
  const read = (answer: Hex): Value => {
    try {
      return decode(answer)
    } catch (cause) {
      throw new ChainError('CHAIN_WRONG_CONTRACT', `the contract did not answer ${what} as ours does`, {
        details: { read: what },
        cause,
      })
    }
  }
  return { data, read }
}

/** A purse as the Escrow has it; undefined when nobody funded it. */
export function purseRead(id: Hash): ContractRead<PurseState | undefined> {
  return question('purse', AbiFunction.encodeData(escrow.purse, [id]), (answer) => {
    const state = AbiFunction.decodeResult(escrow.purse, answer)
    if (state.total === 0n) return undefined
    return {
      purse: id,
      payer: addressAnswer(state.payer, 'purse.payer'),
      voucherSigner: addressAnswer(state.voucherSigner, 'purse.voucherSigner'),
      root: hash(state.root),
      totalMicroUsd: microUsd(state.total),
      claimedMicroUsd: microUsd(state.claimed),
      feeBps: state.feeBps,
      thawEndsAt: state.thawEndsAt === 0n ? undefined : unixMs(state.thawEndsAt),
      closed: state.closed,
    }
  })
}

/** Claimed so far on a channel. */
export function claimedRead(channel: Hash): ContractRead<MicroUsd> {
  return question('channel', AbiFunction.encodeData(escrow.channel, [channel]), (answer) =>
    microUsd(AbiFunction.decodeResult(channelBefore, answer)[0]),
  )
}

/** Who signs the vouchers of a channel; undefined before its first claim, nobody where the Escrow does not tell. */
export function voucherSignerRead(channel: Hash): ContractRead<Address | undefined> {
  return question('channel', AbiFunction.encodeData(escrow.channel, [channel]), (answer) => {
    const [, isOpened] = AbiFunction.decodeResult(channelBefore, answer)
    if (!isOpened) return undefined
    if (answer.length < 2 + 64 * WORDS_WITH_SIGNER) return NOBODY
    const [, , voucherSigner] = AbiFunction.decodeResult(escrow.channel, answer)
    return addressAnswer(voucherSigner, 'channel.voucherSigner')
  })
}

/** Credited to an operator and not paid out. */
export function owedRead(operator: Address): ContractRead<MicroUsd> {
  return question('owed', AbiFunction.encodeData(escrow.owed, [operator]), (answer) =>
    microUsd(AbiFunction.decodeResult(escrow.owed, answer)),
  )
}

/** The protocol fee in ten-thousandths. */
export function feeBpsRead(): ContractRead<number> {
  return question('feeBps', AbiFunction.encodeData(escrow.feeBps), (answer) =>
    AbiFunction.decodeResult(escrow.feeBps, answer),
  )
}

/** The thaw period. */
export function thawSecondsRead(): ContractRead<number> {
  return question('thawSeconds', AbiFunction.encodeData(escrow.thawSeconds), (answer) =>
    AbiFunction.decodeResult(escrow.thawSeconds, answer),
  )
}

/** The dollar that the Escrow settles in. */
export function tokenRead(): ContractRead<Address> {
  return question('token', AbiFunction.encodeData(escrow.token), (answer) =>
    addressAnswer(AbiFunction.decodeResult(escrow.token, answer), 'token'),
  )
}

/** The operator that bonded a node; undefined when nobody has. */
export function operatorOfRead(node: Address): ContractRead<Address | undefined> {
  return question('operatorOf', AbiFunction.encodeData(operatorOf, [node]), (answer) => {
    const operator = addressAnswer(AbiFunction.decodeResult(operatorOf, answer), 'operatorOf')
    return /^0x0+$/.test(operator) ? undefined : operator
  })
}

/** What an account holds of the dollar. */
export function balanceRead(account: Address): ContractRead<MicroUsd> {
  return question('balanceOf', AbiFunction.encodeData(balanceOf, [account]), (answer) =>
    microUsd(AbiFunction.decodeResult(balanceOf, answer)),
  )
}

/** What a contract may still draw of an account's dollars, up to 2^256-1. */
export function allowanceRead(owner: Address, spender: Address): ContractRead<bigint> {
  return question('allowance', AbiFunction.encodeData(allowance, [owner, spender]), (answer) =>
    AbiFunction.decodeResult(allowance, answer),
  )
}
