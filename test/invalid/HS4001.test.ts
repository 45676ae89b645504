import { mkdtemp, mkdir, open, readFile, readdir, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, expect, test, vi } from "vitest"
import { Failed } from "../../src/compiler/diagnostic.ts"
import { packageRoot } from "../../src/compiler/frontend/package.ts"
import { makeFolder, writeAtomically, writeFolderAtomically } from "../../src/runtime/files.ts"
import { ran } from "../cli/session.ts"
import { rectangle, writeGrey } from "../data/helpers.ts"
import { tinyOptions } from "../tinySam.ts"

const folder = () => mkdtemp(join(tmpdir(), "hasam-"))
afterEach(() => vi.restoreAllMocks())

/** Fails as a full disk does: a part of the data is written, then the system refuses. */
const fillDisk = async (dir: string) => {
  const probe = await open(join(dir, "probe"), "w")
  const prototype = Object.getPrototypeOf(probe) as { writeFile(data: unknown): Promise<void> }
  await probe.close()
  const write = prototype.writeFile
  vi.spyOn(prototype, "writeFile").mockImplementation(async function (this: unknown) {
    await write.call(this, "half")
    throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" })
  })
}

test("a full disk leaves the old file and nothing half-written", async () => {
  const dir = await folder()
  const path = join(dir, "last.safetensors")
  await writeFile(path, "old")
  await fillDisk(dir)
  const error = await writeAtomically(path, "new and long").catch((e: unknown) => e)
  expect(error).toBeInstanceOf(Failed)
  expect((error as Failed).diagnostics).toMatchObject([
    { file: path, code: "HS4001", message: "the file cannot be written: the disk is full" },
  ])
  expect(await readFile(path, "utf8")).toBe("old")
  expect((await readdir(dir)).sort()).toEqual(["last.safetensors", "probe"])
})

test("a folder in the file's place", async () => {
  const dir = await folder()
  await mkdir(join(dir, "taken"))
  await expect(writeAtomically(join(dir, "taken"), "x")).rejects.toThrow(/HS4001.*folder/)
  expect(await readdir(dir)).toEqual(["taken"])
})

test("in the good case all kinds of data are written, and missing folders made", async () => {
  const dir = await folder()
  const path = join(dir, "a", "b", "c.bin")
  await writeAtomically(path, [new Uint8Array([1, 2]), new Uint8Array([3])])
  expect([...(await readFile(path))]).toEqual([1, 2, 3])
  await writeAtomically(path, "text")
  expect(await readFile(path, "utf8")).toBe("text")
  expect(await readdir(join(dir, "a", "b"))).toEqual(["c.bin"])
})

test("names beside a file fit where its own name does, and what a kill left of such a file is removed", async () => {
  const dir = await folder()
  const name = `${"ü".repeat(125)}.csv`
  await writeFile(join(dir, `${"ü".repeat(100)}.999999999.0.part`), "half")
  await writeAtomically(join(dir, name), "text")
  expect(await readdir(dir)).toEqual([name])
})

/** Where nothing can be made. */
const places = async (): Promise<readonly (readonly [place: string, why: string])[]> => {
  const dir = await folder()
  await writeFile(join(dir, "file"), "")
  await symlink(join(dir, "loop"), join(dir, "loop"))
  await symlink(join(dir, "nowhere"), join(dir, "dangling"))
  return [
    [join(dir, "file", "x"), "a part of the path is a file, not a folder"],
    [join(dir, "ü".repeat(150)), "the name is too long"],
    [join(dir, "loop", "x"), "there is something else of that name"],
    [join(dir, "dangling", "x"), "there is something else of that name"],
    // Node's own way of making folders would not come back from here.
    ...(process.platform === "linux"
      ? ([
          ["/proc/x", "the system lets nothing be made in that folder"],
          ["/proc/x/y", "the system lets nothing be made in that folder"],
        ] as const)
      : []),
  ]
}
test("folders and files where nothing can be made", async () => {
  for (const [place, why] of await places()) {
    await expect(makeFolder(place), place).rejects.toThrow(`HS4001: the folder cannot be made: ${why}`)
    const written = writeAtomically(join(place, "x.csv"), "x")
    await expect(written, place).rejects.toThrow(`HS4001: the file cannot be written: ${why}`)
    const filled = writeFolderAtomically(join(place, "x"), async () => undefined)
    await expect(filled, place).rejects.toThrow(`HS4001: the file cannot be written: ${why}`)
  }
})
test("whichever command is to write there", async () => {
  const dir = await folder()
  const [spec, image] = [join(dir, "tiny.ts"), join(dir, "image.png")]
  await writeGrey(image, 8, 8, rectangle(8, 8))
  await writeFile(spec, `import { sam } from "hasam"\nexport const tiny = sam(${JSON.stringify(tinyOptions)})\n`)
  await mkdir(join(dir, "node_modules"))
  await symlink(packageRoot, join(dir, "node_modules", "hasam"))
  const commands = (out: string): readonly (readonly string[])[] => [
    ["data", "phantoms", out, "--count", "2", "--size", "32"],
    ["weights", "init", `${spec}#tiny`, join(out, "w.safetensors")],
    ["compile", spec, "--report", "html", "--out", out],
    ["compile", spec, "--target", "onnx", "--out", out],
    ["compile", spec, "--target", "pytorch", "--out", out],
    // Of an image, as a phantom is drawn for a second or two.
    ["compile", spec, "--target", "webgpu", "--example", image, "--out", out],
    ["init", join(out, "x")],
  ]
  for (const [place, why] of await places())
    for (const args of commands(place)) {
      const { status, talk } = ran({ args, cwd: dir, env: process.env })
      expect([status, talk], args.join(" ")).toEqual([1, expect.stringMatching(`HS4001: the (file|folder) cannot be .*: ${why}`)])
      expect(talk).not.toContain("internal")
    }
  // What they only remember, they do without.
  for (const [place] of await places()) {
    const { status } = ran({ args: ["compile", spec], cwd: dir, env: { ...process.env, HASAM_CACHE: place } })
    expect(status, place).toBe(0)
  }
})
