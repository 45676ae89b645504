/** Software Vulkan drivers that the WebGPU tests may run on, and whether one is here. */
import { existsSync } from "node:fs"

const drivers = {
  lavapipe: "/usr/share/vulkan/icd.d/lvp_icd.json",
  SwiftShader: "/usr/lib/chromium/vk_swiftshader_icd.json",
}

/**
 * Must run before Dawn is loaded: drivers read the environment once. A set VK_ICD_FILENAMES wins. Compiling shaders is most of a first run, and
 * LLVM takes twice as long over lavapipe's for vectors as wide as a server's, which these sizes do not fill; Mesa keeps them in the user's cache folder.
 */
export const chooseDriver = (): string | undefined => {
  if (process.env.VK_ICD_FILENAMES) return process.env.VK_ICD_FILENAMES
  const found = Object.entries(drivers).find(([, file]) => existsSync(file))
  if (!found) return undefined
  process.env.VK_ICD_FILENAMES = found[1]
  process.env.LP_NATIVE_VECTOR_WIDTH ??= "128"
  return found[0]
}

/** How often Dawn asks at once whether work is done: some tenths of a millisecond. */
const atOnce = 30
/**
 * Dawn asks whether work is done by `setImmediate`, again and again: a core that does nothing else, and that a software driver needs. Whoever asks
 * so in a chain waits a millisecond after the first times.
 */
export const askPatiently = (): void => {
  const { setImmediate: now } = globalThis
  // Once in a process, which files share.
  if (now.name === "patiently") return
  let [asking, asked] = [false, 0]
  const patiently = (ask: (...of: unknown[]) => void, ...of: unknown[]) => {
    asked = asking ? asked + 1 : 0
    const run = () => {
      asking = true
      try {
        ask(...of)
      } finally {
        asking = false
      }
    }
    return asked < atOnce ? now(run) : setTimeout(run, 1)
  }
  globalThis.setImmediate = Object.assign(patiently, now) as unknown as typeof setImmediate
}
