/// <reference lib="dom" />
import { spawnSync } from "node:child_process"
import { existsSync, mkdtempSync, readFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { extname, join } from "node:path"
import { chromium } from "playwright-core"
import { expect, test } from "vitest"
import { packageRoot } from "../../src/compiler/frontend/package.ts"
import { violationsOf } from "../axe.ts"
import { executablePath, isHere } from "../chromium.ts"

const node = (...args: readonly string[]) =>
  spawnSync(process.execPath, args, { cwd: packageRoot, encoding: "utf8", timeout: 550_000 })

const out = mkdtempSync(join(tmpdir(), "hasam-site-"))
const types: Readonly<Record<string, string>> = {
  ".css": "text/css",
  ".html": "text/html",
  ".js": "text/javascript",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
}
/** As a server without a program gives it. */
const served = (address: string) => {
  const { pathname } = new URL(address)
  const file = pathname.endsWith("/")
    ? `${pathname}index.html`
    : extname(pathname) === ""
      ? `${pathname}.html`
      : pathname
  const path = join(out, file)
  return existsSync(path)
    ? { body: readFileSync(path), contentType: types[extname(path)] ?? "application/octet-stream" }
    : { status: 404, body: "" }
}

test("the site builds, with every page and the API reference; no comment links to what is not there", {
  timeout: 600_000,
}, () => {
  const api = node("scripts/api.js")
  expect(api.status, api.stderr).toBe(0)
  expect(api.stderr).toBe("")
  const { status, stderr } = node("node_modules/vitepress/bin/vitepress.js", "build", "docs", "--outDir", out)
  expect(status, stderr).toBe(0)
  for (const page of ["index", "install", "gallery", "language", "errors/HS1003", "systems/README", "api/runtime"])
    expect(existsSync(join(out, `${page}.html`)), page).toBe(true)
  const runtime = readFileSync(join(out, "api/runtime.html"), "utf8")
  for (const name of ["load", "train", "evaluate", "attempt"]) expect(runtime).toContain(`id="${name}"`)
})

test.skipIf(!isHere("axe on the site"))(
  "axe finds nothing in the site, light and dark",
  { timeout: 300_000 },
  async () => {
    const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] })
    const found: string[] = []
    for (const path of ["", "gallery", "commands", "errors/HS1003", "api/runtime"]) {
      const page = await browser.newPage()
      await page.route("**/*", (route) => route.fulfill(served(route.request().url())))
      await page.goto(`http://site.invalid/${path}`)
      await page.waitForFunction(() => "__vue_app__" in document.querySelector("#app")!)
      // A colour on its way to another is neither theme's.
      await page.addStyleTag({ content: "* { transition: none !important }" })
      for (const colorScheme of ["light", "dark"] as const) {
        await page.setViewportSize({ width: colorScheme === "dark" ? 390 : 1280, height: 900 })
        await page.emulateMedia({ colorScheme })
        await page.waitForFunction(
          (dark) => document.documentElement.classList.contains("dark") === dark,
          colorScheme === "dark",
        )
        found.push(...(await violationsOf(page)).map((one) => `${path}, ${colorScheme}: ${one}`))
        if (await page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth))
          found.push(`${path}: wide`)
      }
      await page.close()
    }
    await browser.close()
    expect(found).toEqual([])
  },
)
