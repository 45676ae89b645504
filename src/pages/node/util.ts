type Told = (problem: unknown, value?: unknown) => void
/** node:util's, for functions that call back. */
export const promisify =
  (call: (...args: readonly never[]) => void) =>
  (...args: readonly unknown[]): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const told: Told = (problem, value) => (problem == null ? resolve(value) : reject(problem as Error))
      ;(call as unknown as (...args: readonly unknown[]) => void)(...args, told)
    })
export default { promisify }
