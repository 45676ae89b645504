/**
 * Where the user's source called a combinator, as file:line:column of the code that runs.
 * The compiler maps it back to the source; without V8's stack interface there is no place, and nothing else changes.
 */
const own = import.meta.url.slice(0, import.meta.url.lastIndexOf("/") + 1)
const ownPath = own.replace(/^file:\/\//, "")

interface Stack {
  stackTraceLimit: number
  prepareStackTrace?: unknown
  captureStackTrace?: (target: object, above: unknown) => void
}

const isOurs = (file: string) => file.startsWith(own) || file.startsWith(ownPath) || file.includes("/node_modules/")

const outermost = (_: Error, frames: readonly NodeJS.CallSite[]): string | undefined => {
  for (const frame of frames) {
    const file = frame.getScriptNameOrSourceURL() || frame.getFileName()
    if (file && !file.startsWith("node:") && !isOurs(file))
      return `${file}:${frame.getLineNumber()}:${frame.getColumnNumber()}`
  }
  return undefined
}

declare namespace NodeJS {
  interface CallSite {
    getScriptNameOrSourceURL(): string | undefined
    getFileName(): string | null | undefined
    getLineNumber(): number | null
    getColumnNumber(): number | null
  }
}

/** Did this folder's own code throw it, or what it calls, and not the spec's? */
export const thrownWithin = ({ stack = "" }: Error): boolean => {
  const frames = stack.split("\n").filter((line) => /^\s*at /.test(line) && !/<anonymous>|\(native|node:/.test(line))
  const [, file] = /([^\s(]*):\d+:\d+\)?$/.exec(frames[0] ?? "") ?? []
  return file !== undefined && isOurs(file)
}

let quiet = 0
/** Layers that a library builds for the user have no place of their own. */
export const withoutPlaces = <A>(build: () => A): A => {
  quiet += 1
  try {
    return build()
  } finally {
    quiet -= 1
  }
}

/** The nearest frame outside this folder and outside libraries. */
export const callSite = (): string | undefined => {
  const stack = Error as unknown as Stack
  if (quiet > 0 || stack.captureStackTrace === undefined) return undefined
  const { stackTraceLimit, prepareStackTrace } = stack
  stack.stackTraceLimit = 24
  stack.prepareStackTrace = outermost
  const holder: { stack?: string } = {}
  stack.captureStackTrace(holder, callSite)
  const place = holder.stack
  stack.stackTraceLimit = stackTraceLimit
  stack.prepareStackTrace = prepareStackTrace
  return place
}
