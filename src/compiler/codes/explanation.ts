/** What `hasam explain` says first; docs/errors/CODE.md says it at length, with an example. */
export interface Explanation {
  readonly title: string
  readonly cause: string
  readonly cure: string
}
