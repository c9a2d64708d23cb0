/**
 * Configurations in which the engine learns that it was cut, and finds out why: a message that is alone on the wire each time is parked,
 * and given up where the server closes at it. Messages on one topic show which order is kept meanwhile.
 */
import { type Configuration, configuration } from './configuration.js'

const careful = { cutsAre: 'cut' } as const

/** The first message and the second one have one topic. Both topics are parked after eight closings, and then the server refuses all. */
const twoTopics = { ...careful, outgoing: [1, 1, 1], sameTopic: [0, 1] } as const

/** Part of the tests. */
export const smallSuspected: readonly Configuration[] = [
  configuration('two of three on one topic: the server closes until all are parked', {
    ...twoTopics,
    mishaps: { closings: 8 },
  }),
]

export const suspected: readonly Configuration[] = [
  configuration('QoS 2 and 1 out, SUBSCRIBE: four cuts that the engine sees', {
    ...careful,
    outgoing: [2, 1],
    subscribes: true,
    abandonAfter: 2,
    mishaps: { cuts: 4 },
  }),
  configuration('the server closes at a message at QoS 2: cut, crash', {
    ...careful,
    outgoing: [2, 1],
    poison: 0,
    abandonAfter: 2,
    mishaps: { cuts: 1, crashes: 1 },
  }),
  configuration('the server closes at a message, Clean Session', {
    ...careful,
    outgoing: [1, 2],
    poison: 0,
    abandonAfter: 4,
    cleanSession: true,
    journal: 'none',
    mishaps: { cuts: 1 },
  }),
  configuration('the server closes at a message, a cut strikes another: crash', {
    ...careful,
    outgoing: [2, 1, 2],
    poison: 0,
    abandonAfter: 5,
    mishaps: { cuts: 1, crashes: 1 },
  }),
  configuration('three at QoS 1 out: so many cuts that one is parked', {
    ...careful,
    outgoing: [1, 1, 1],
    mishaps: { cuts: 6 },
  }),
  configuration('QoS 2 and 1 out, window of 1: the same, lost session', {
    ...careful,
    outgoing: [2, 1],
    maxInFlight: 1,
    mishaps: { cuts: 6, losses: 1 },
  }),
  configuration('two of three on one topic: the server closes until all are parked, and a cut, lost session', {
    ...twoTopics,
    outgoing: [2, 1, 2],
    mishaps: { closings: 8, cuts: 1, losses: 1 },
  }),
  configuration('the same without the loss, in a clean session', {
    ...twoTopics,
    outgoing: [1, 2, 1],
    cleanSession: true,
    journal: 'none',
    mishaps: { closings: 8, cuts: 1 },
  }),
  configuration('two of four on one topic: the server closes until the first is parked, and a cut', {
    ...careful,
    outgoing: [2, 1, 2, 1],
    sameTopic: [0, 2],
    mishaps: { closings: 5, cuts: 1 },
  }),
]
