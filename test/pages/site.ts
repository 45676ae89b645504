/** Pages as users meet them: folders that the command wrote, served by `hasam serve`, in headless Chromium. One browser an engine. */
import { type ChildProcess, spawn } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type BrowserContext, chromium, type Page } from "playwright-core"
import { packageRoot } from "../../src/compiler/frontend/package.ts"
import type { TrainingOptions } from "../../src/dsl/training.ts"
import { modelWeights } from "../../src/runtime/base.ts"
import { emitForBrowser, type PageOptions } from "../../src/runtime/browser/emit.ts"
import { save } from "../../src/runtime/weights/save.ts"
import { type Engine, executablePath, flags, isHere } from "../chromium.ts"
import { ran } from "../cli/session.ts"

export const here = isHere("the pages' tests")
export type { Engine } from "../chromium.ts"

/** Specs are evaluated by the build, as the commands do. */
export const { selectModel }: typeof import("../../src/runtime/select.ts") = await import(
  /* @vite-ignore */ join(packageRoot, "dist/runtime/select.js")
)

export class Site {
  readonly folder = mkdtempSync(join(tmpdir(), "hasam-page-"))
  /** What should not happen: requests that leave the origin, violations of the policy, exceptions. */
  readonly trouble: string[] = []
  origin = ""
  private server: ChildProcess | undefined
  private readonly contexts = new Map<Engine, Promise<BrowserContext>>()

  at(name: string): string {
    return join(this.folder, name)
  }
  hasam(...args: readonly string[]): string {
    const { status: code, out, talk } = ran({ args, cwd: this.folder, env: process.env })
    if (code !== 0) throw new Error(`hasam ${args.join(" ")}: ${talk}`)
    return out
  }
  /** A spec's model with drawn weights, changed where asked, and its pages. */
  async write(
    spec: string,
    text: string,
    name: string,
    change: (tensor: string, data: Float32Array) => Float32Array = (_, data) => data,
    options: Partial<PageOptions> = {},
  ): Promise<TrainingOptions> {
    writeFileSync(this.at(spec), text)
    const { model, options: training } = await selectModel(`${this.at(spec)}#${name}`)
    const { tensors } = await modelWeights(model.data, undefined, 1)
    const weights = this.at(`${name}.safetensors`)
    await save(
      weights,
      Object.fromEntries(
        Object.entries(tensors).map(([n, t]) => [n, { ...t, data: change(n, t.data as Float32Array) }]),
      ),
    )
    await emitForBrowser(model.data, {
      folder: this.at(`pages/${name}`),
      pages: join(packageRoot, "dist/pages"),
      version: "0.0.0-test",
      training,
      weights,
      ...options,
    })
    return training
  }
  /** One server for all pages, as a static server would have it: each folder by itself is what 'hasam serve' is given. */
  async serve(port = 0): Promise<void> {
    mkdirSync(this.at("pages"), { recursive: true })
    writeFileSync(this.at("pages/index.html"), "<!doctype html><title>pages</title>")
    const server = spawn(
      process.execPath,
      [join(packageRoot, "bin/hasam.js"), "serve", "pages", "--port", String(port)],
      {
        cwd: this.folder,
      },
    )
    this.server = server
    this.origin = await new Promise<string>((resolve) =>
      server.stdout.once("data", (line: Buffer) => resolve(String(line).trim())),
    )
  }
  stopServing(): void {
    this.server?.kill("SIGKILL")
  }
  private context(engine: Engine): Promise<BrowserContext> {
    const known = this.contexts.get(engine)
    if (known !== undefined) return known
    const made = chromium
      .launchPersistentContext(this.at(`profile-${engine}`), {
        executablePath,
        headless: true,
        args: [...flags[engine]],
        viewport: { width: 1280, height: 800 },
        acceptDownloads: true,
      })
      .then((context) => {
        context.setDefaultTimeout(180_000)
        // Of the whole browser: pages, workers and what they load.
        context.on("request", (request) => {
          if (!request.url().startsWith(this.origin) && !/^(blob|data):/.test(request.url()))
            this.trouble.push(`left: ${request.url()}`)
        })
        return context
      })
    this.contexts.set(engine, made)
    return made
  }
  /** A page that is ready: its status matches. */
  async visit(path: string, engine: Engine, ready: RegExp): Promise<Page> {
    const page = await (await this.context(engine)).newPage()
    page.on("pageerror", (error) => this.trouble.push(error.message))
    page.on("console", (message) => {
      if (/Content Security Policy|violates/i.test(message.text())) this.trouble.push(message.text())
    })
    await page.addInitScript(() => {
      const told: unknown[] = []
      const steps: number[] = []
      Object.assign(globalThis, { told, steps })
      document.addEventListener("securitypolicyviolation", (event) => console.log(`violates ${event.blockedURI}`))
      document.addEventListener("hasam:answer", (event) => {
        const { answers, runs } = (event as CustomEvent).detail
        told.push({ values: [...answers[0].values], runs })
      })
      document.addEventListener("hasam:step", (event) => steps.push((event as CustomEvent).detail.loss))
    })
    await page.goto(`${this.origin}${path}`)
    await status(page, ready)
    return page
  }
  async end(): Promise<void> {
    for (const context of this.contexts.values()) await (await context).close()
    this.server?.kill()
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** Waits until the page says it. */
export const status = async (page: Page, wanted: RegExp): Promise<string> => {
  await page.waitForFunction(
    (source) => new RegExp(source).test(document.querySelector("#status")?.textContent ?? ""),
    wanted.source,
  )
  return (await page.textContent("#status")) ?? ""
}
/** A place of the image that is shown whole, in its pixels, on the screen. */
export const spot = async (page: Page, x: number, y: number, width: number, height: number) => {
  const area = (await page.locator("#canvas").boundingBox())!
  return { x: area.x + ((x + 0.5) * area.width) / width, y: area.y + ((y + 0.5) * area.height) / height }
}
/** What the page tells scripts of an answer. */
export interface Told {
  readonly values: readonly number[]
  readonly runs: { readonly image: number; readonly questions: number }
}
/** The n-th answer of a page, from 1 on. */
export const answered = async (page: Page, n: number): Promise<Told> => {
  await page.waitForFunction((count) => (globalThis as unknown as { told: unknown[] }).told.length >= count, n)
  return page.evaluate((i) => (globalThis as unknown as { told: Told[] }).told[i]!, n - 1)
}
/** The largest difference. */
export const worst = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  a.length === b.length
    ? Array.from(a).reduce((most, x, i) => Math.max(most, Math.abs(x - b[i]!)), 0)
    : Number.POSITIVE_INFINITY
/** Losses that a page has told so far; at least n. */
export const losses = async (page: Page, n: number): Promise<readonly number[]> => {
  await page.waitForFunction((count) => (globalThis as unknown as { steps: number[] }).steps.length >= count, n)
  return page.evaluate(() => (globalThis as unknown as { steps: number[] }).steps)
}
/** Screenshots for people to look at, where SCREENSHOTS names a folder. */
export const picture = async (page: Page, name: string, fullPage = false): Promise<void> => {
  if (process.env.SCREENSHOTS) await page.screenshot({ path: join(process.env.SCREENSHOTS, `${name}.png`), fullPage })
}
