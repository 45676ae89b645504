/** Work that runs ahead of its consumer, a bounded number of steps, and gives its results in order. */
export async function* prefetch<A, B>(
  items: Iterable<A>,
  work: (item: A) => Promise<B>,
  ahead: number,
): AsyncGenerator<B, void, undefined> {
  const started: Promise<B>[] = []
  const start = (item: A) => {
    const promise = work(item)
    promise.catch(() => undefined) // reported when its turn comes, not as an unhandled rejection before
    started.push(promise)
  }
  for (const item of items) {
    start(item)
    if (started.length > ahead) yield await started.shift()!
  }
  while (started.length > 0) yield await started.shift()!
}
