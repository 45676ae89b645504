/** Zip archives and PyTorch pickles, honest or not, built byte by byte. */
export interface Entry {
  readonly name: string
  readonly data: Uint8Array
  readonly method?: number
  readonly flags?: number
  /** What lies in the file, if not the data. */
  readonly stored?: Uint8Array
  /** The length that is claimed, if not the data's. */
  readonly claims?: number
  /** Where the directory says that the member begins, if not where it does. */
  readonly at?: number
}

const little = (...fields: readonly (readonly [number, number])[]): Buffer =>
  Buffer.concat(
    fields.map(([size, value]) => {
      const out = Buffer.alloc(size)
      if (size === 8) out.writeBigUInt64LE(BigInt(value))
      else out.writeUIntLE(value, 0, size)
      return out
    }),
  )

export const archive = (
  entries: readonly Entry[],
  { zip64 }: { zip64?: { count?: number; directory?: number } } = {},
): Uint8Array => {
  const parts: Buffer[] = []
  const directory: Buffer[] = []
  let at = 0
  for (const { name, data, method = 0, flags = 0, stored = data, claims = data.length, at: claimed } of entries) {
    const title = Buffer.from(name)
    const packed = method === 0 && claims !== data.length ? claims : stored.length
    const common = [
      [2, 20],
      [2, flags],
      [2, method],
      [2, 0],
      [2, 33],
      [4, 0],
      [4, packed],
      [4, claims],
      [2, title.length],
      [2, 0],
    ] as const
    const local = Buffer.concat([little([4, 0x04034b50], ...common), title, stored])
    directory.push(
      little([4, 0x02014b50], [2, 20], ...common, [2, 0], [2, 0], [2, 0], [4, 0], [4, claimed ?? at]),
      title,
    )
    parts.push(local)
    at += local.length
  }
  const table = Buffer.concat(directory)
  const end64 =
    zip64 === undefined
      ? []
      : [
          little(
            [4, 0x06064b50],
            [8, 44],
            [2, 45],
            [2, 45],
            [4, 0],
            [4, 0],
            [8, zip64.count ?? entries.length],
            [8, zip64.count ?? entries.length],
            [8, table.length],
            [8, zip64.directory ?? at],
          ),
          little([4, 0x07064b50], [4, 0], [8, at + table.length], [4, 1]),
        ]
  const end = little(
    [4, 0x06054b50],
    [2, 0],
    [2, 0],
    // More than a 16-bit field holds stand in the zip64 record alone.
    [2, Math.min(entries.length, 0xffff)],
    [2, Math.min(entries.length, 0xffff)],
    [4, table.length],
    [4, at],
    [2, 0],
  )
  return Buffer.concat([...parts, table, ...end64, end])
}

const whole = (n: number): string => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64LE(BigInt(n))
  return `\x8a\x08${bytes.toString("latin1")}`
}
const text = (value: string): string => `X${String.fromCharCode(value.length, 0, 0, 0)}${value}`
const tuple = (numbers: readonly number[]): string => `(${numbers.map(whole).join("")}t`

/** A pickle with one tensor of one storage; in a state dict where it has a name. */
export const torchPickle = ({
  shape,
  strides,
  offset = 0,
  count = 1,
  storage = "FloatStorage",
  name,
}: {
  readonly shape: readonly number[]
  readonly strides: readonly number[]
  readonly offset?: number
  readonly count?: number
  readonly storage?: string
  readonly name?: string
}): string => {
  const stored = `(${text("storage")}ctorch\n${storage}\n${text("0")}${text("cpu")}${whole(count)}tQ`
  const tensor = `ctorch._utils\n_rebuild_tensor_v2\n(${stored}${whole(offset)}${tuple(shape)}${tuple(strides)}\x89}tR`
  return name === undefined ? `\x80\x02${tensor}.` : `\x80\x02}(${text(name)}${tensor}u.`
}
