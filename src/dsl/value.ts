declare const width: unique symbol

/**
 * A tensor that a forward will have, `W` features wide: the last extent of tokens [batch, …, features], the channels of images
 * [batch, channels, height, width]. A width known only as `number` goes with any; two literal ones must be equal.
 */
export interface Value<W extends number = number> {
  readonly value: string
  // A method is compared both ways, so that `number` fits 768 and 768 fits `number`, and 64 does not fit 32.
  [width](features: W): void
}
/** A [height, width] that is known when a program is compiled, such as the size of the masks that are wanted. */
export interface Extent {
  readonly extent: string
}
/** An input that is there or not, and no tensor. */
export interface Flag {
  readonly flag: string
}

/** What a module takes: one tensor, or several things by name. */
export type Inputs = Value<any> | Readonly<Record<string, Value<any> | Extent | Flag | undefined>>
/** What its forward gives. */
export type Outputs = Value<any> | Readonly<Record<string, Value<any> | undefined>>
