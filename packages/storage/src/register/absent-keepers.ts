import { type AskComponents, askKeepers } from './ask-keepers.ts'

/**
 * Which keepers of a register do not answer now.
 * @param register its public key
 * @param keepers their public keys, 33 bytes each
 */
export async function absentKeepers(
  components: AskComponents,
  register: Uint8Array,
  keepers: readonly Uint8Array[],
): Promise<readonly Uint8Array[]> {
  const answered = await Promise.all(
    keepers.map((keeper) =>
      askKeepers(components, [keeper], { key: register }, ({ answers, waiting }) =>
        waiting === 0 ? answers.length > 0 : undefined,
      ),
    ),
  )
  return keepers.filter((_, place) => answered[place] !== true)
}
