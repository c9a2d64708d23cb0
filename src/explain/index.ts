/**
 * Every byte of MQTT 3.1.1 Control Packets, named for people.
 *
 * @module mqtt311/explain
 */

export type { Annotation, AnnotationPart } from './annotation.js'
export { explain } from './explain.js'
export { type RenderOptions, render } from './listing/render.js'
export { summarize } from './summary.js'
