export const availableParallelism = (): number => navigator.hardwareConcurrency ?? 1
export const hostname = (): string => "browser"
export const tmpdir = (): string => "/tmp"
export default { availableParallelism, hostname, tmpdir }
