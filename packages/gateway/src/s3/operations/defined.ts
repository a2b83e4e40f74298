/** An object without the members that are undefined: to leave an option out is not to give it as nothing. */
export function defined<Value extends object>(value: Value): { [Key in keyof Value]?: NonNullable<Value[Key]> } {
  return Object.fromEntries(Object.entries(value).filter(([, inner]) => inner !== undefined)) as {
    [Key in keyof Value]?: NonNullable<Value[Key]>
  }
}
