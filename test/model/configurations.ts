/** The configurations that `npm run explore` goes through. */
import { type Configuration, configuration } from './configuration.js'

export const small: readonly Configuration[] = [
  configuration('QoS 1 both ways', { outgoing: [1], incoming: [1], mishaps: { cuts: 1, crashes: 1, losses: 1 } }),
  configuration('QoS 2 out', { outgoing: [2], mishaps: { cuts: 2, crashes: 1, losses: 1 } }),
  configuration('QoS 2 in', { incoming: [2, 2], mishaps: { cuts: 1, crashes: 1, losses: 1 } }),
]
