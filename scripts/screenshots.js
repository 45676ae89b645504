// The pictures of docs/pages.md, made by a browser from pages that are served: node scripts/screenshots.js ADDRESS DATA OUT, with the folder of a data set for
// the training. Both pages, wide and on a phone. CHROMIUM names the browser.
import { mkdirSync } from "node:fs"
import { join } from "node:path"
import { chromium } from "playwright-core"

const [address, data, out] = process.argv.slice(2)
if (out === undefined) {
  console.error("node scripts/screenshots.js ADDRESS DATA OUT")
  process.exit(2)
}
mkdirSync(out, { recursive: true })
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--headless", "--no-sandbox", "--disable-background-networking", "--disable-sync"],
})
const sizes = { wide: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } }
const says = (page, wanted) =>
  page.waitForFunction((text) => document.querySelector("#status")?.textContent?.includes(text), wanted, {
    timeout: 600_000,
  })
for (const [name, viewport] of Object.entries(sizes)) {
  const page = await browser.newPage({ viewport, deviceScaleFactor: name === "phone" ? 2 : 1 })
  await page.goto(new URL("index.html", address).href)
  await says(page, "Choose an image")
  await page.click("#example")
  await page.waitForFunction(() => /Ready|Segmented/.test(document.querySelector("#status").textContent), undefined, {
    timeout: 600_000,
  })
  if (await page.isVisible("#sides")) {
    // The phantom's nerve.
    const { x, y, width, height } = await page.locator("#canvas").boundingBox()
    await page.mouse.click(x + 0.52 * width, y + 0.73 * height)
    await says(page, "Segmented")
  }
  await page.screenshot({ path: join(out, `segment-${name}.png`) })
  await page.goto(new URL("train.html", address).href)
  await says(page, "Choose a folder")
  await page.setInputFiles("#folder", data)
  await says(page, "can be learned from")
  await page.fill("#epochs", name === "phone" ? "1" : "3")
  await page.click("#start")
  await says(page, "Done")
  await page.screenshot({ path: join(out, `train-${name}.png`) })
  await page.close()
}
await browser.close()
