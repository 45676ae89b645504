/** What fits which memory, in numbers, and what would make it fit. */
import type { Fit, Memory } from "./report.ts"
import { counted } from "./units.ts"

const gib = 2 ** 30

/** Bytes in the unit of what they are held against: GB, as memory is sold, or MiB of a buffer. Less than a tenth of a GB is said in MiB. */
export const within = (bytes: number, limit: number): string =>
  limit < gib
    ? `${Math.ceil(bytes / 2 ** 20)}`
    : bytes < gib / 10
      ? `${Math.ceil(bytes / 2 ** 20)} MiB`
      : (bytes / gib).toFixed(1).replace(/\.0$/, bytes === limit ? "" : ".0")

/** What is held against a device's memory: all there is, or the largest buffer, where a report does not say. */
export const needsOf = ({ needs, bytes }: Fit, memory: Memory): NonNullable<Fit["needs"]> =>
  needs ??
  (bytes < gib
    ? { inference: memory.largest.bytes, training: memory.largest.bytes }
    : { inference: memory.inference, training: memory.training })

/** An amount as --memory takes it: 5.4GB, 812MB. */
export const asTyped = (bytes: number): string =>
  [1, 2]
    .map((digits) => (bytes / gib).toFixed(digits))
    .filter((text) => Math.floor(Number(text) * gib) === bytes)
    .map((text) => `${text.replace(/\.0$/, "")}GB`)[0] ?? (bytes % 2 ** 20 === 0 ? `${bytes / 2 ** 20}MB` : `${bytes}B`)

/** A sentence for each device that does not hold a training step. */
export const reliefs = (memory: Memory, module: "block" | "module"): readonly string[] => {
  const tight = memory.fits.filter(({ training, bytes }) => !training && bytes >= gib)
  if (tight.length > 0 && tight.every(({ relief }) => relief === undefined))
    return [
      `${memory.compiledFor === undefined ? "" : `--memory computes ${module}s twice; `}a smaller --input-size or --batch needs less`,
    ]
  const least = tight.flatMap(({ relief, bytes }) =>
    relief !== undefined && relief.training > bytes ? [relief] : [],
  )[0]
  return [
    ...tight.flatMap(({ device, bytes, relief }) =>
      relief === undefined || relief.training > bytes
        ? []
        : [
            `to train in ${device}: --memory ${asTyped(relief.memory)} computes ${relief.recomputed} of ${counted(relief.of, module)} twice, and takes ${within(relief.training, bytes)} of ${within(bytes, bytes)} GB`,
          ],
    ),
    ...(least === undefined
      ? []
      : [
          `the least is --memory ${asTyped(least.memory)}, with ${least.recomputed} of ${counted(least.of, module)} computed twice: ${within(least.training, gib)} GB; a smaller --input-size or --batch needs less`,
        ]),
  ]
}
