/** hasam doctor: what is here, and the line that brings what is not. */
import { createRequire } from "node:module"
import { join } from "node:path"
import { version } from "../../compiler/compile.ts"
import { Failed } from "../../compiler/diagnostic.ts"
import { Builder } from "../../compiler/ir/builder.ts"
import { bringing, explainMissing } from "../../compiler/packages.ts"
import { aligned } from "../../compiler/report/text.ts"
import { colors, exit, say } from "../output.ts"
import { targets } from "../targets/index.ts"
import type { Target } from "../targets/target.ts"

interface Finding {
  readonly name: string
  readonly here: boolean
  /** What was found, or what is wrong. */
  readonly detail: string
  /** The line that brings what is missing. */
  readonly cure?: string
}

const require = createRequire(import.meta.url)

/** Where a package is; some do not export their package.json, and then their main file tells. */
const folderOf = (name: string): string | undefined => {
  try {
    const main = require.resolve(name)
    const end = main.lastIndexOf(join("node_modules", name))
    return end < 0 ? undefined : main.slice(0, end + join("node_modules", name).length)
  } catch {
    return undefined
  }
}
const versionOf = (name: string): string | undefined => {
  const folder = folderOf(name)
  return folder === undefined ? undefined : require(join(folder, "package.json")).version
}

const packaged = (name: string, packages: readonly string[]): Finding => {
  const missing = packages.filter((one) => versionOf(one) === undefined)
  return missing.length === 0
    ? { name, here: true, detail: packages.map((one) => `${one} ${versionOf(one)}`).join(", ") }
    : { name, here: false, detail: `${missing.join(", ")} not installed`, cure: bringing(missing) }
}

/** Does the engine do a sum? Throws what it says where it cannot. */
const sum = async (open: NonNullable<Target["engine"]>): Promise<void> => {
  const b = new Builder()
  const x = b.input("x", [2])
  const executable = await (await open({})).compile({ graph: b.build({ y: b.add(x, x) }), state: {} })
  try {
    const { y } = await executable.run({ x: { shape: [2], data: Float32Array.of(1, 2) } })
    if (y?.data[0] !== 2 || y.data[1] !== 4) throw new Error("the engine gives wrong numbers")
  } finally {
    await executable.dispose()
  }
}

const targetFinding = async ({ name, about, engine }: Target): Promise<Finding> => {
  if (engine === undefined) return { name, here: true, detail: about }
  try {
    await sum(engine)
    return { name, here: true, detail: about }
  } catch (thrown) {
    const problem = explainMissing(thrown)
    const { message, help } =
      problem instanceof Failed ? problem.diagnostics[0] : { message: (problem as Error).message, help: undefined }
    return { name, here: false, detail: message, ...(help === undefined ? {} : { cure: help }) }
  }
}

const oldestNode = [20, 19] as const
const nodeFinding = (): Finding => {
  const [major, minor] = process.versions.node.split(".").map(Number) as [number, number]
  const here = major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1])
  return {
    name: "Node",
    here,
    detail: `${process.versions.node}, ${process.platform} on ${process.arch}`,
    ...(here ? {} : { cure: `hasam needs Node ${oldestNode.join(".")} or newer` }),
  }
}

/** Everything that hasam can use, in the order in which a user meets it. */
const findings = async (): Promise<readonly Finding[]> => {
  const found = [nodeFinding(), packaged("type checker", ["typescript"]), packaged("images", ["sharp"])]
  // One after another: devices are shared.
  for (const target of targets) found.push(await targetFinding(target))
  return found
}

/** hasam doctor. What is optional and missing is no fault: the exit code is 0 while models can be compiled. */
export const doctor = async ({ json }: { readonly json?: boolean }): Promise<void> => {
  const found = await findings()
  if (json) {
    say(JSON.stringify({ hasam: version, found }, null, 2))
    return
  }
  const lines = aligned(
    found.map(({ name, here, detail }) => [here ? "✓" : "–", name, detail]),
    [0, 1, 2],
  )
  say(colors.bold(`hasam ${version}`))
  found.forEach(({ here, cure }, i) => {
    say(here ? `${colors.green("✓")}${lines[i]!.slice(1)}` : lines[i]!)
    if (cure !== undefined) say(colors.dim(`  ${" ".repeat(lines[0]!.indexOf(found[0]!.detail) - 2)}${cure}`))
  })
  if (found.slice(0, 1).some(({ here }) => !here)) process.exitCode = exit.wrong
}
