/** Writes protocol buffers: the wire format's four forms, and nothing else (protobuf.dev/programming-guides/encoding). */
const text = new TextEncoder()
/** From this size bytes are referred to, not copied: weights are written from where they are. */
const large = 1 << 12

export class ProtobufWriter {
  readonly #chunks: Uint8Array[] = []
  #size = 0
  #tail: number[] = []

  #flush(): void {
    if (this.#tail.length === 0) return
    this.#chunks.push(Uint8Array.from(this.#tail))
    this.#tail = []
  }
  #append(bytes: Uint8Array): void {
    this.#size += bytes.length
    if (bytes.length < large) {
      for (const byte of bytes) this.#tail.push(byte)
      return
    }
    this.#flush()
    this.#chunks.push(bytes)
  }
  #varint(value: number | bigint): void {
    let rest = BigInt.asUintN(64, BigInt(value))
    const bytes: number[] = []
    while (rest > 127n) {
      bytes.push(Number(rest & 127n) | 128)
      rest >>= 7n
    }
    this.#append(Uint8Array.from([...bytes, Number(rest)]))
  }
  int(field: number, value: number | bigint): this {
    this.#varint(field << 3)
    this.#varint(value)
    return this
  }
  float(field: number, value: number): this {
    this.#varint((field << 3) | 5)
    const four = new DataView(new ArrayBuffer(4))
    four.setFloat32(0, value, true)
    this.#append(new Uint8Array(four.buffer))
    return this
  }
  bytes(field: number, value: Uint8Array): this {
    this.#varint((field << 3) | 2)
    this.#varint(value.length)
    this.#append(value)
    return this
  }
  string(field: number, value: string): this {
    return this.bytes(field, text.encode(value))
  }
  message(field: number, write: (inner: ProtobufWriter) => void): this {
    const inner = new ProtobufWriter()
    write(inner)
    this.#varint((field << 3) | 2)
    this.#varint(inner.#size)
    for (const chunk of inner.chunks()) this.#append(chunk)
    return this
  }
  /** All that was written, in pieces. */
  chunks(): readonly Uint8Array[] {
    this.#flush()
    return this.#chunks
  }
}
