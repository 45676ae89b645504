/** Software Vulkan drivers that the WebGPU tests may run on, and whether one is here. */
import { existsSync, mkdirSync } from "node:fs"
import { fileURLToPath } from "node:url"

const drivers = {
  lavapipe: "/usr/share/vulkan/icd.d/lvp_icd.json",
  SwiftShader: "/usr/lib/chromium/vk_swiftshader_icd.json",
}

/** Must run before Dawn is loaded: Vulkan reads the environment once. A set VK_ICD_FILENAMES wins. */
export const chooseDriver = (): string | undefined => {
  // Compiling shaders is nine tenths of a cold run; Mesa keeps them here.
  const cache = fileURLToPath(new URL("../../../node_modules/.cache/mesa", import.meta.url))
  mkdirSync(cache, { recursive: true })
  process.env.MESA_SHADER_CACHE_DIR ??= cache
  if (process.env.VK_ICD_FILENAMES) return process.env.VK_ICD_FILENAMES
  const found = Object.entries(drivers).find(([, file]) => existsSync(file))
  if (!found) return undefined
  process.env.VK_ICD_FILENAMES = found[1]
  return found[0]
}
