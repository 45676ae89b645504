/** What a table says about a name that comes from outside: never what its prototype has, such as `constructor`. */
export const own = <A>(table: { readonly [name: string]: A }, name: string): A | undefined =>
  Object.hasOwn(table, name) ? table[name] : undefined
