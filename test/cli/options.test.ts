/** Made from the table of ranges: every option of every command refuses what its kind must refuse, before the command does anything. */
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import type { Command, Option } from "commander"
import { describe, expect, test } from "vitest"
import { excludes, kindOf, kinds, needs, readOptions } from "../../src/cli/options.ts"
import { program } from "../../src/cli/program.ts"
import { Failed } from "../../src/compiler/diagnostic.ts"
import { packageRoot } from "../../src/compiler/frontend/package.ts"
import { isWithin, rangeText, whole } from "../../src/dsl/ranges.ts"

interface Leaf {
  readonly path: readonly string[]
  readonly command: Command
}
const leaves = (command: Command, path: readonly string[] = []): readonly Leaf[] =>
  command.commands.length === 0
    ? [{ path, command }]
    : command.commands.flatMap((inner) => leaves(inner, [...path, inner.name()]))
const valued = (option: Option): boolean => option.required || option.optional

/** What a command would be called with, or what its options are told. */
const called = async (path: readonly string[], ...args: readonly string[]): Promise<unknown> => {
  const root = program()
  const command = path.reduce((at, name) => at.commands.find((inner) => inner.name() === name)!, root)
  let options: unknown
  command.action(() => {
    options = command.opts()
  })
  const missing = command.options
    .filter((option) => option.mandatory && !args.some((arg) => arg.startsWith(`${option.long}=`)))
    .map((option) => `${option.long}=somewhere`)
  const positional = command.registeredArguments.map(() => "somewhere")
  try {
    await root.parseAsync(["node", "hasam", ...path, ...positional, ...missing, ...args])
    return options
  } catch (problem) {
    if (problem instanceof Failed) return problem.diagnostics.map(({ file, code }) => `${file} ${code}`).join()
    throw problem
  }
}

const all = leaves(program()).flatMap(({ path, command }) =>
  command.options.filter(valued).map((option) => ({ path, option, name: `${path.join(" ")} ${option.long}` })),
)

describe("every option with a value", () => {
  test("is there: the commands have many", () => expect(all.length).toBeGreaterThan(60))
  test.each(all)("$name refuses what it must, and takes what is right", async ({ path, option }) => {
    const kind = await kindOf(path.at(-1)!, option.long!)
    expect(kind, "an entry in the table").toBeDefined()
    expect(kind!.wrong.length).toBeGreaterThan(1)
    for (const text of kind!.wrong)
      expect(await called(path, `${option.long}=${text}`), `'${text}'`).toMatch(
        new RegExp(`^${option.long} (HS5002|HS2503)(,|$)`),
      )
    const taken = await called(path, `${option.long}=${kind!.right}`)
    const waits = needs.some(
      ([command, long, satisfied]) => command === path.at(-1) && long === option.long && !satisfied({}),
    )
    if (waits) expect(taken).toBe(`${option.long} HS5002`)
    else expect(taken).toMatchObject({ [option.attributeName()]: kind!.read(option.long!, kind!.right) })
  })
  test("no entry is about an option that no command has", () => {
    const known = new Set(all.flatMap(({ path, option }) => [option.long, `${path.at(-1)} ${option.long}`]))
    expect(Object.keys(kinds).filter((name) => !known.has(name))).toEqual([])
  })
})

describe("options that depend on one another", () => {
  const named = new Map(leaves(program()).map(({ path, command }) => [path.at(-1)!, command]))
  // Two commands may have one name, as init and weights init.
  test.each(needs.map(([command, option]) => [command, option]))("%s %s is an option", (name, option) => {
    const commands = leaves(program()).flatMap(({ path, command }) => (path.at(-1) === name ? [command] : []))
    expect(commands.some(({ options }) => options.some(({ long }) => long === option))).toBe(true)
  })
  test.each(excludes.map(([command, option, other]) => [command, option, other]))("%s %s without %s", async (...of) => {
    const [command, option, other] = of as [string, string, string]
    const given = async (long: string) => {
      const found = named.get(command)!.options.find((one) => one.long === long)!
      return valued(found) ? `${long}=${(await kindOf(command, long))!.right}` : long
    }
    expect(await called([command], await given(option), await given(other))).toContain(`${option} HS5002`)
  })
})

/** Sources that act on options: what a command reads there has an effect or is refused; what nothing reads could have none. */
const acting = ["src/cli", "src/runtime", "src/compiler"].flatMap((folder) =>
  readdirSync(join(packageRoot, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") && !/^(program|setup|options|values)\.ts$/.test(name))
    .map((name) => readFileSync(join(packageRoot, folder, name), "utf8")),
)
/** Read by main from the command line itself; what editors say and nothing else could be meant by. */
const elsewhere = ["verbose", "stdio", "version"]
const flagsOf = leaves(program()).flatMap(({ path, command }) =>
  command.options.map((option) => [path.join(" "), option.attributeName()] as const),
)
test.each(flagsOf.filter(([, name]) => !elsewhere.includes(name)))(
  "%s: %s is read by what the command does",
  (_, name) => {
    const read = new RegExp(`\\.${name}\\b|[{,]\\s*${name}\\s*(?:=[^=>]|[,}])|\\["${name}"\\]`)
    expect(acting.some((text) => read.test(text))).toBe(true)
  },
)

test("all that is wrong is said at once", async () => {
  expect(await called(["train"], "--rate=-1", "--epochs=1.5", "--target=constructor", "--memory=1B")).toBe(
    "--target HS2503,--epochs HS5002,--rate HS5002,--memory HS5002",
  )
})
test("a command without a table's entry is a fault of our own", async () => {
  const command = program().commands[0]!
  command.option("--unheard <n>").setOptionValueWithSource("unheard", "1", "cli")
  await expect(readOptions(command)).rejects.toThrow("internal: no range for compile --unheard")
})

describe("ranges", () => {
  test("in words", () => {
    expect(rangeText(whole(1, 65_536))).toBe("a whole number from 1 to 65,536")
    expect(rangeText({ above: 0, most: 1 })).toBe("a number above 0, at most 1")
    expect(rangeText({ least: 0, below: 1 })).toBe("a number from 0, below 1")
    expect(rangeText({ above: 0 })).toBe("a number above 0")
    expect(rangeText({ least: -1, most: 1 })).toBe("a number from -1 to 1")
    expect(rangeText({})).toBe("a number")
  })
  test("nothing else than a finite number is within", () => {
    for (const x of [Number.NaN, Number.POSITIVE_INFINITY, "1", null, undefined, 1n, [1], true])
      expect(isWithin({}, x)).toBe(false)
    expect(isWithin(whole(0, 2 ** 60), 2 ** 53)).toBe(false)
  })
})
