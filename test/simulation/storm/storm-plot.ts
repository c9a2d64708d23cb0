/** Attempts a second over time as SVG, for light pages and dark ones. */
import type { Storm } from './reconnect-storm.js'

const width = 760
const height = 400
const frame = { left: 78, right: width - 20, top: 84, bottom: height - 52 }
/** The plot ends so long after the connections were lost. */
const seconds = 130
/** Powers of ten at the ends of the vertical axis; what is less lies on it. */
const powers = { lowest: 0, highest: 6 }
const classes = ['ours', 'doubling', 'fixed']

const style = `
  text { font: 13px system-ui, sans-serif; fill: #24292f }
  .title { font-size: 15px; font-weight: 600 }
  .axis { stroke: #57606a; fill: none }
  .grid { stroke: #8c959f; stroke-opacity: 0.3 }
  .outage { fill: #8c959f; fill-opacity: 0.16 }
  .line { fill: none; stroke-width: 1.6; stroke-linejoin: round }
  .ours { stroke: #0969da; stroke-width: 2.6 }
  .doubling { stroke: #bc4c00; stroke-dasharray: 6 3 }
  .fixed { stroke: #8250df; stroke-dasharray: 2 3 }
  @media (prefers-color-scheme: dark) {
    text { fill: #d1d7e0 }
    .axis { stroke: #9198a1 }
    .ours { stroke: #58a6ff }
    .doubling { stroke: #f0883e }
    .fixed { stroke: #bc8cff }
  }
`

const x = (second: number): number => frame.left + ((frame.right - frame.left) * second) / seconds
const y = (power: number): number =>
  frame.bottom - ((frame.bottom - frame.top) * (power - powers.lowest)) / (powers.highest - powers.lowest)
const at = (value: number): string => value.toFixed(1).replace(/\.0$/, '')

/** A step for each second. */
function path({ attempts }: Storm): string {
  const steps = Array.from({ length: seconds }, (_, second) => {
    const power = Math.log10(Math.max(10 ** powers.lowest, attempts[second] ?? 0))
    return `V${at(y(power))}H${at(x(second + 1))}`
  })
  return `M${at(x(0))} ${at(frame.bottom)}${steps.join('')}`
}

function horizontalAxis(): string[] {
  const ticks = Array.from({ length: seconds / 10 + 1 }, (_, index) => 10 * index)
  return [
    ...ticks.map((second) => `<path class="axis" d="M${at(x(second))} ${frame.bottom}v5"/>`),
    ...ticks.map(
      (second) => `<text x="${at(x(second))}" y="${frame.bottom + 20}" text-anchor="middle">${second}</text>`,
    ),
    `<text x="${at((frame.left + frame.right) / 2)}" y="${height - 10}" text-anchor="middle">seconds since the connections were lost</text>`,
  ]
}

function verticalAxis(): string[] {
  const ticks = Array.from({ length: powers.highest - powers.lowest + 1 }, (_, index) => powers.lowest + index)
  const middle = (frame.top + frame.bottom) / 2
  return [
    ...ticks.map((power) => `<path class="grid" d="M${frame.left} ${at(y(power))}H${frame.right}"/>`),
    ...ticks.map(
      (power) =>
        `<text x="${frame.left - 8}" y="${at(y(power) + 4)}" text-anchor="end">${(10 ** power).toLocaleString('en')}</text>`,
    ),
    `<text transform="translate(14 ${at(middle)}) rotate(-90)" text-anchor="middle">attempts a second</text>`,
  ]
}

export function stormPlot(title: string, outageSeconds: number, storms: readonly Storm[]): string {
  const legend = storms.flatMap(({ strategy }, index) => {
    const left = frame.left + 236 * index
    return [
      `<path class="line ${classes[index]}" d="M${left} 50h28"/>`,
      `<text x="${left + 34}" y="54">${strategy.name}</text>`,
    ]
  })
  const outageWidth = at(x(outageSeconds) - x(0))
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${title}">`,
    `<title>${title}</title>`,
    `<style>${style}</style>`,
    `<text class="title" x="${frame.left}" y="26">${title}</text>`,
    ...legend,
    `<rect class="outage" x="${frame.left}" y="${frame.top}" width="${outageWidth}" height="${frame.bottom - frame.top}"/>`,
    `<text x="${at(x(outageSeconds / 2))}" y="${frame.top - 6}" text-anchor="middle">the server is down</text>`,
    ...verticalAxis(),
    ...horizontalAxis(),
    // Ours comes last, so that it lies above the others.
    ...storms.map((storm, index) => `<path class="line ${classes[index]}" d="${path(storm)}"/>`).reverse(),
    `<path class="axis" d="M${frame.left} ${frame.top}V${frame.bottom}H${frame.right}"/>`,
    '</svg>',
    '',
  ].join('\n')
}
