import { type Address, address, type ChainIdentity } from '@stead/core'
import { z } from 'zod'

/** An address in any letter case, given back in lower case. */
export const addressSchema: z.ZodType<Address, string> = z
  .string()
  .regex(/^0x[0-9a-fA-F]{40}$/, 'an EVM address is 0x and 40 hexadecimal digits')
  .transform((text) => address(text))

/** An HTTP endpoint of a chain. */
export const rpcUrlSchema: z.ZodType<string, string> = z.url({
  protocol: /^https?$/,
  error: 'an http:// or https:// URL',
})

/** Which contracts on which chain. */
export const chainIdentitySchema: z.ZodType<
  ChainIdentity,
  { chainId: number; escrow: string; stake: string; dollar: string }
> = z.strictObject({
  chainId: z.int().min(1),
  escrow: addressSchema,
  stake: addressSchema,
  dollar: addressSchema,
})
