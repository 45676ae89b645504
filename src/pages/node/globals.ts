/** What Node gives to all modules. */
export { Buffer } from "buffer"
export const process = {
  pid: 1,
  platform: "browser",
  env: {} as Record<string, string>,
  cwd: () => "/",
  kill: () => true,
}
