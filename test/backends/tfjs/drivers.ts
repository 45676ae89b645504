/** Software Vulkan drivers that the WebGPU tests may run on, and whether one is here. */
import { existsSync } from "node:fs"

const drivers = {
  lavapipe: "/usr/share/vulkan/icd.d/lvp_icd.json",
  SwiftShader: "/usr/lib/chromium/vk_swiftshader_icd.json",
}

/**
 * Must run before Dawn is loaded: Vulkan reads the environment once. A set VK_ICD_FILENAMES wins. Compiling shaders is most
 * of a first run; Mesa keeps them in the user's cache folder.
 */
export const chooseDriver = (): string | undefined => {
  if (process.env.VK_ICD_FILENAMES) return process.env.VK_ICD_FILENAMES
  const found = Object.entries(drivers).find(([, file]) => existsSync(file))
  if (!found) return undefined
  process.env.VK_ICD_FILENAMES = found[1]
  return found[0]
}
