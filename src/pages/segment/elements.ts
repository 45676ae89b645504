/** The page's elements by id. */
const by = <E extends HTMLElement>(id: string, kind: new () => E): E => {
  const found = document.getElementById(id)
  if (!(found instanceof kind)) throw new Error(`internal: no #${id}`)
  return found
}

export const page = {
  name: by("name", HTMLElement),
  untrained: by("untrained", HTMLElement),
  stage: by("stage", HTMLElement),
  drop: by("drop", HTMLElement),
  canvas: by("canvas", HTMLCanvasElement),
  image: by("image", HTMLInputElement),
  weights: by("weights", HTMLInputElement),
  status: by("status", HTMLElement),
  progress: by("progress", HTMLProgressElement),
  retry: by("retry", HTMLButtonElement),
  how: by("how", HTMLElement),
  sides: by("sides", HTMLElement),
  edits: by("edits", HTMLElement),
  undo: by("undo", HTMLButtonElement),
  redo: by("redo", HTMLButtonElement),
  add: by("add", HTMLButtonElement),
  clear: by("clear", HTMLButtonElement),
  objects: by("objects", HTMLElement),
  saves: by("saves", HTMLElement),
  masks: by("masks", HTMLButtonElement),
  table: by("table", HTMLButtonElement),
  engine: by("engine", HTMLElement),
} as const
