/** The part of qlobber that a bench uses; the package has no types. */
declare module 'qlobber' {
  class Qlobber {
    constructor(options: { readonly separator: string; readonly wildcard_one: string; readonly wildcard_some: string })
    add(filter: string, handler: unknown): void
    match(topic: string): readonly unknown[]
  }
  const qlobber: { readonly Qlobber: typeof Qlobber }
  export default qlobber
}
