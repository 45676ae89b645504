/** What is refused of files is told by the built command as by the modules: also by those modules that have taken in libraries. */
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { expect, test } from "vitest"
import { ran } from "../cli/session.ts"

const fixture = (name: string) => fileURLToPath(new URL(`files/${name}`, import.meta.url))
const folder = mkdtempSync(join(tmpdir(), "hasam-command-"))
const check = (data: string) => {
  const { status, out, talk } = ran({ args: ["data", "check", data], cwd: folder, env: process.env })
  return { status, text: out + talk }
}
const table = (name: string, text: string | Buffer) => {
  mkdirSync(join(folder, name), { recursive: true })
  writeFileSync(join(folder, name, "data.csv"), text)
  return name
}

test.each([
  [
    "a table separated by semicolons",
    table("semicolons", "image;mask\na.png;b.png\n"),
    "HS4105: the table is separated by semicolons",
  ],
  ["a table of UTF-16", table("wide", Buffer.from("\ufeffimage,mask\n", "utf16le")), "HS4105: the table is UTF-16"],
  ["a row that is too long", table("long", "image,mask\na,b,c,d\n"), "HS4105: the table cannot be read"],
  [
    "a DICOM of several frames",
    table("dicom", `image,mask\n${fixture("frames.dcm")},${fixture("mask.png")}\n`),
    "HS4210: the DICOM holds",
  ],
  [
    "a DICOM compressed otherwise",
    table("jpegls", `image,mask\n${fixture("jpegls.dcm")},${fixture("mask.png")}\n`),
    "HS4208",
  ],
  [
    "a NIfTI volume",
    table("volume", `image,mask\n${fixture("volume.nii.gz")},${fixture("mask.png")}\n`),
    "HS4210: the NIfTI holds",
  ],
])("%s", (_, data, message) => {
  const { status, text } = check(data)
  expect(text).toContain(message)
  expect(text).not.toContain("internal")
  expect(status).toBe(1)
})
