/** The way to a broken rule, for a person: what happened, line by line, and what the engine did about it. */

import type { JournalRecord } from '../../../src/protocol/index.js'
import type { Configuration } from '../configuration/configuration.js'
import type { Move } from '../moves/move.js'
import { moves } from '../moves/moves.js'
import { type Input, type Output, Subject } from '../world/subject.js'
import type { Exploration } from './explorer.js'
import { start, take } from './step.js'

export function printedTrace({ configuration, broken }: Exploration): string {
  if (broken === undefined) return ''
  const lines = [`${configuration.name}: ${broken.rule}`, ...steps(configuration, broken.trace)]
  return lines.join('\n')
}

function steps(configuration: Configuration, trace: readonly string[]): string[] {
  const lines: string[] = []
  let inputs: Input[] = [{ is: 'start', stored: undefined, now: 0 }]
  let world = start(configuration)
  trace.forEach((name, index) => {
    const line = `${String(index + 1).padStart(4)}  ${name}`
    const move = moves(world, configuration).find((candidate) => candidate.name === name)
    if (move === undefined) return
    const replayed = () => Subject.replay(configuration, inputs)
    try {
      const step = take(move, replayed, configuration)
      world = step.world
      if (step.input !== undefined) inputs = step.input.is === 'start' ? [step.input] : [...inputs, step.input]
      lines.push(...withConsequences(line, step.outputs))
    } catch {
      lines.push(...withConsequences(line, outputsOf(move, configuration, inputs)))
    }
  })
  return lines
}

/** What the engine asked for in the step that broke a rule. */
function outputsOf(move: Move, configuration: Configuration, inputs: readonly Input[]): readonly Output[] {
  try {
    const { input } = move.act()
    if (input === undefined || input.is === 'start') return []
    const subject = Subject.replay(configuration, inputs)
    subject.apply(input)
    return subject.take()
  } catch {
    return []
  }
}

function withConsequences(line: string, outputs: readonly Output[]): string[] {
  return [line, ...outputs.map((output) => `        ${consequence(output)}`)]
}

function consequence(output: Output): string {
  switch (output.is) {
    case 'send':
      return `sends ${output.sent.name}`
    case 'record':
      return `notes ${recordName(output.record)}`
    case 'deliver':
      return `starts the handler of in/${output.message}`
    case 'dropped':
      return `does not keep in/${output.message}`
    case 'settled':
      return `settles out/${output.message}`
    case 'abandoned':
      return `gives out/${output.message} up`
    case 'rejected':
      return `rejects out/${output.message}`
    case 'answered':
      return `tells the application that its ${output.request} was ${output.grants === 'all' ? 'answered' : 'refused'}`
    case 'refused':
      return 'tells the application that its subscription is refused'
    case 'unanswered':
      return `gives the ${output.request} up`
    case 'pinged':
      return 'tells the application that its ping was answered'
    case 'connected':
      return 'is connected'
    case 'closing':
      return `closes the connection: ${output.error.message}`
    case 'anomaly':
      return `reports ${output.anomaly} ${output.packetId}`
  }
}

function recordName(record: JournalRecord): string {
  switch (record.kind) {
    case 'forgotten':
      return 'forgotten'
    case 'held':
    case 'released':
    case 'reserved':
      return `${record.kind} (identifier ${record.packetId})`
    case 'bound':
      return `bound (sequence ${record.sequence}, identifier ${record.packetId})`
    default:
      return `${record.kind} (sequence ${record.sequence})`
  }
}
