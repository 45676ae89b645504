import { mkdtemp, mkdir, open, readFile, readdir, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, expect, test, vi } from "vitest"
import { Failed } from "../../src/compiler/diagnostic.ts"
import { writeAtomically } from "../../src/runtime/files.ts"

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
