/** The entry of a list for a stage. Throws where a configuration lists too few. */
export const nth = <A>(list: readonly A[], i: number): A => {
  const found = list[i]
  if (found === undefined) throw new Error(`a configuration lists ${list.length} values, but there are more stages`)
  return found
}
/** 0 … n − 1 */
export const upTo = (n: number): readonly number[] => Array.from({ length: n }, (_, i) => i)
