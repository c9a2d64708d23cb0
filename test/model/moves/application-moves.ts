/** What the application may do next, and its handlers. */
import type { Configuration } from '../configuration/configuration.js'
import { cut, handlerEnded, handlerFailed } from '../world/happenings.js'
import { type World, withOutgoing } from '../world/world.js'
import { at, type Move } from './move.js'

export function applicationMoves(world: World, configuration: Configuration): Move[] {
  const { now, published: message } = world
  const list: Move[] = []
  if (message < configuration.outgoing.length) {
    list.push({
      name: `the application publishes out/${message} (QoS ${configuration.outgoing[message]})`,
      act: () => ({
        world: { ...withOutgoing(world, message, { stage: 'accepted', ours: true }), published: message + 1 },
        input: { is: 'publish', message, now },
      }),
    })
  }
  if (world.subscription === 'wanted') {
    list.push({
      name: 'the application subscribes',
      act: () => ({ world: { ...world, subscription: 'asked' }, input: at(world, 'subscribe') }),
    })
  }
  if (world.unsubscription === 'wanted' && world.subscription !== 'wanted') {
    list.push({
      name: 'the application unsubscribes',
      act: () => ({ world: { ...world, unsubscription: 'asked' }, input: at(world, 'unsubscribe') }),
    })
  }
  if (world.ping === 'wanted' && world.link?.client === 'connected') {
    list.push({
      name: 'the application pings',
      act: () => ({ world: { ...world, ping: 'asked' }, input: at(world, 'ping') }),
    })
  }
  world.outgoing.forEach(({ stage, ours, packetId }, index) => {
    if (stage !== 'accepted' || !ours || packetId !== 0) return
    list.push({
      name: `the application withdraws out/${index}`,
      costs: 'withdrawals',
      act: () => ({
        world: withOutgoing(world, index, { stage: 'withdrawn' }),
        input: { is: 'withdraw', message: index, now },
      }),
    })
  })
  return list
}

export function handlerMoves(world: World, configuration: Configuration): Move[] {
  const { now } = world
  const wait = handlersWait(world, configuration)
  const list = world.runs.flatMap((run, index): Move[] => {
    const without = { ...world, runs: world.runs.filter((other) => other !== run) }
    const ends: Move = {
      name: `the handler of in/${run.message} ends`,
      act: () => ({ world: handlerEnded(without, run), input: { is: 'handled', index, now } }),
    }
    const fails: Move = {
      name: `the handler of in/${run.message} fails, and the connection is closed so that the message comes again`,
      costs: 'failures',
      act: () => ({
        world: cut(handlerFailed(without, run), configuration),
        input: { is: 'unhandled', index, now },
      }),
    }
    return wait ? [fails] : [ends, fails]
  })
  if (world.handlers === 'busy') {
    list.push({
      name: 'the handlers have room again',
      act: () => ({ world: { ...world, handlers: 'free' }, input: at(world, 'room') }),
    })
  } else {
    list.push({
      name: 'the handlers put messages off',
      costs: 'delays',
      act: () => ({ world: { ...world, handlers: 'busy' }, input: at(world, 'busy') }),
    })
  }
  return list
}

function handlersWait({ outgoing, subscription, ping }: World, { handlersAwait }: Configuration): boolean {
  switch (handlersAwait) {
    case 'nothing':
      return false
    case 'own messages':
      return outgoing.some(({ stage }) => stage === 'accepted')
    case 'subscription':
      return subscription === 'asked'
    case 'ping':
      return ping === 'asked'
  }
}
