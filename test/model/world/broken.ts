/** A rule of the protocol, or a promise of the engine, that did not hold in a state. */
export class Broken extends Error {
  override readonly name = 'Broken'
}
