// Pictures of pages to look at: node scripts/look.js OUT PAGE…, with files or addresses; wide, on a phone, dark, and as they print.
// --open unfolds what is folded. CHROMIUM names the browser.
import { existsSync, mkdirSync } from "node:fs"
import { basename, join, resolve } from "node:path"
import { pathToFileURL } from "node:url"
import { chromium } from "playwright-core"

const open = process.argv.includes("--open")
const [out, ...pages] = process.argv.slice(2).filter((one) => one !== "--open")
if (pages.length === 0) {
  console.error("node scripts/look.js OUT PAGE… [--open]")
  process.exit(2)
}
mkdirSync(out, { recursive: true })
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--headless", "--no-sandbox", "--disable-background-networking", "--disable-sync"],
})
const looks = {
  wide: { width: 1280 },
  phone: { width: 390 },
  dark: { width: 1280, colorScheme: "dark" },
  print: { width: 794, media: "print" },
}
for (const given of pages)
  for (const [look, { width, colorScheme = "light", media = "screen" }] of Object.entries(looks)) {
    const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme })
    await page.emulateMedia({ media, colorScheme })
    await page.goto(existsSync(given) ? pathToFileURL(resolve(given)).href : given)
    if (open)
      await page.evaluate(() => document.querySelectorAll("details").forEach((one) => one.setAttribute("open", "")))
    const name = basename(new URL(page.url()).pathname).replace(/\.html$/, "") || "index"
    await page.screenshot({ path: join(out, `${name}-${look}.png`), fullPage: true })
    await page.close()
  }
await browser.close()
