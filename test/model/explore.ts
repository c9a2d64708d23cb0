import { small } from './configurations.js'
import { explore } from './explorer.js'
import { printedTrace } from './trace.js'

for (const c of small) {
  const e = explore(c, 2_000_000)
  console.log(
    c.name,
    e.states,
    e.transitions,
    e.depth,
    e.restingStates,
    e.seconds.toFixed(1),
    Math.round(e.transitions / e.seconds),
    e.complete,
  )
  if (e.broken) console.log(printedTrace(e))
}
