/**
 * The page without a network: a service worker that keeps what the page fetched from its own folder, and gives it where the network does not. The
 * network comes first, so that a page that was written anew is never an old one. It sees no image: those are not fetched.
 */
const worker = globalThis as unknown as {
  addEventListener(kind: string, hear: (event: never) => void): void
  skipWaiting(): Promise<void>
  readonly clients: { claim(): Promise<void> }
  readonly registration: { readonly scope: string }
}
interface Lasting {
  waitUntil(work: Promise<unknown>): void
}
interface Fetching extends Lasting {
  readonly request: Request
  respondWith(answer: Promise<Response>): void
}

/** One for each folder: models of one server are apart. */
const cache = (): Promise<Cache> => caches.open(`hasam ${worker.registration.scope}`)
const files: readonly string[] = JSON.parse("__FILES__") as readonly string[]

worker.addEventListener("install", (event: Lasting) =>
  event.waitUntil(
    (async () => {
      await (await cache()).addAll(files.map((file) => new URL(file, worker.registration.scope).href))
      await worker.skipWaiting()
    })(),
  ),
)
worker.addEventListener("activate", (event: Lasting) => event.waitUntil(worker.clients.claim()))

const answer = async (request: Request): Promise<Response> => {
  const kept = await cache()
  try {
    const response = await fetch(request)
    if (response.ok) await kept.put(request, response.clone())
    return response
  } catch (problem) {
    const before = await kept.match(request, { ignoreSearch: true })
    if (before === undefined) throw problem
    return before
  }
}
worker.addEventListener("fetch", (event: Fetching) => {
  if (event.request.method === "GET" && event.request.url.startsWith(worker.registration.scope))
    event.respondWith(answer(event.request))
})
