/**
 * What the editor says and what the compiler says, once: each sentence is a type and a function of one name.
 * Tests assert both.
 */
import type { Show } from "./width.ts"

export type DoesNotFollow<Takes, Before> =
  `this layer takes ${Show<Takes>} features, but the layer before it gives ${Show<Before>}`
export const doesNotFollow = (takes: number | string, before: number | string): string =>
  `this layer takes ${takes} features, but the layer before it gives ${before}`

export type TakesOther<Takes, Gets> = `this layer takes ${Show<Takes>} features, but gets ${Show<Gets>}`
export const takesOther = (takes: number | string, gets: number | string): string =>
  `this layer takes ${takes} features, but gets ${gets}`

export type OtherWidth<A, B> = `widths must agree here, but they are ${Show<A>} and ${Show<B>}`
export const otherWidth = (a: number | string, b: number | string): string =>
  `widths must agree here, but they are ${a} and ${b}`

export type NoPlace<Place extends string> = `the blocks of this model have no '${Place}'`
export const noPlace = (place: string): string => `the blocks of this model have no '${place}'`

export type NoBlocks = "this model has no blocks to adapt"
export const noBlocks: NoBlocks = "this model has no blocks to adapt"

export type NoInput<Name extends string> = `the network has no input '${Name}'`
export const noInput = (name: string): string => `the network has no input '${name}'`

export type NotFed<Name extends string> = `the network's input '${Name}' is not fed: say in takes what it is`
export const notFed = (name: string): string => `the network's input '${name}' is not fed: say in takes what it is`

export type OneInput = "the network has one input, so takes names one"
export const oneInput: OneInput = "the network has one input, so takes names one"

export type NoOutput<Name extends string> = `the network has no output '${Name}'`
export const noOutput = (name: string): string => `the network has no output '${name}'`

export type NotResidual<In, Out> = `x + f(x) needs f to give back the ${Show<In>} features it takes, not ${Show<Out>}`
export const notResidual = (takes: number | string, gives: number | string): string =>
  `x + f(x) needs f to give back the ${takes} features it takes, not ${gives}`

export type NotAnAdapter<In, Out> = `an adapter gives back the ${Show<In>} features it takes, not ${Show<Out>}`
export const notAnAdapter = (takes: number | string, gives: number | string): string =>
  `an adapter gives back the ${takes} features it takes, not ${gives}`

export type NoSuchBlock<I extends number, Depth extends number> = `there is no block ${I} in ${Depth}`
export const noSuchBlock = (i: number, depth: number): string => `there is no block ${i} in ${depth}`

export type WrongDepth<
  Schedule extends number,
  Backbone extends number,
> = `this schedule is for ${Schedule} blocks, but the backbone has ${Backbone}`
export const wrongDepth = (schedule: number, backbone: number): string =>
  `this schedule is for ${schedule} blocks, but the backbone has ${backbone}`

export type WrongWidth<Adapter, Backbone> =
  `these adapters are for ${Show<Adapter>} features, but the backbone's blocks have ${Show<Backbone>}`
export const wrongWidth = (adapter: number, backbone: number): string =>
  `these adapters are for ${adapter} features, but the backbone's blocks have ${backbone}`

export type NoPart<Verb extends string, Part extends string> = `${Verb}: there is no part '${Part}'`
export const noPart = (verb: string, part: string): string => `${verb}: there is no part '${part}'`

export type NotLearning<Part extends string> = `freeze: nothing learns in '${Part}'`
export const notLearning = (part: string): string => `freeze: nothing learns in '${part}'`

export type NothingLearns = "every part is frozen: nothing would learn"
export const nothingLearns: NothingLearns = "every part is frozen: nothing would learn"

export type NotWhole<N extends number> = `a width is a whole number, not ${N}`
export const notWhole = (n: number): string => `a width is a whole number, not ${n}`

export type RatioIsNoWidth = "a ratio is not a number of features: multiply it by a width in a schedule"
