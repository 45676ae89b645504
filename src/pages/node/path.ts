/** Paths as the page's store has them: POSIX, and all from the root. */
const parts = (path: string): readonly string[] =>
  path.split("/").reduce<readonly string[]>((out, part) => {
    if (part === "" || part === ".") return out
    return part === ".." ? out.slice(0, -1) : [...out, part]
  }, [])

export const sep = "/"
export const normalize = (path: string): string => `${path.startsWith("/") ? "/" : ""}${parts(path).join("/")}`
export const join = (...names: readonly string[]): string => normalize(names.filter((name) => name !== "").join("/"))
export const resolve = (...names: readonly string[]): string => {
  const last = names.findLastIndex((name) => name.startsWith("/"))
  return normalize(`/${names.slice(Math.max(0, last)).join("/")}`)
}
export const isAbsolute = (path: string): boolean => path.startsWith("/")
export const basename = (path: string): string => parts(path).at(-1) ?? ""
export const dirname = (path: string): string => {
  const up = parts(path).slice(0, -1).join("/")
  return path.startsWith("/") ? `/${up}` : up === "" ? "." : up
}
export const extname = (path: string): string => {
  const name = basename(path)
  const at = name.lastIndexOf(".")
  return at <= 0 ? "" : name.slice(at)
}
export const relative = (from: string, to: string): string => {
  const [a, b] = [parts(resolve(from)), parts(resolve(to))]
  const same = a.findIndex((part, i) => part !== b[i])
  const shared = same < 0 ? a.length : same
  return [...a.slice(shared).map(() => ".."), ...b.slice(shared)].join("/")
}
export default { sep, normalize, join, resolve, isAbsolute, basename, dirname, extname, relative }
