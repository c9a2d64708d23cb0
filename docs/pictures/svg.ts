/** What all pictures have in common: a page that is light or dark as its reader likes it, and words that fit. */

export interface Picture {
  readonly title: string
  /** The text from which it was drawn, for those who cannot see it. */
  readonly source: string
  readonly height: number
  readonly parts: readonly string[]
}

export const width = 760
export const lineHeight = 17

const style = `
  .page { fill: #ffffff }
  text { font: 13px system-ui, sans-serif; fill: #24292f }
  .title { font-size: 15px; font-weight: 600 }
  .name { font-weight: 600 }
  .quiet { fill: #57606a }
  .line { stroke: #57606a; fill: none }
  .life { stroke: #8c959f; stroke-dasharray: 2 4 }
  .arrow { stroke: #0969da; stroke-width: 1.6; fill: none }
  .head { fill: #0969da }
  .lost { stroke: #cf222e; stroke-width: 1.6; fill: none }
  .box { fill: #f6f8fa; stroke: #8c959f }
  .box1 { fill: #ffffff }
  @media (prefers-color-scheme: dark) {
    .page { fill: #0d1117 }
    text { fill: #d1d7e0 }
    .quiet { fill: #9198a1 }
    .line { stroke: #9198a1 }
    .life { stroke: #656c76 }
    .arrow { stroke: #58a6ff }
    .head { fill: #58a6ff }
    .lost { stroke: #ff7b72 }
    .box { fill: #151b23; stroke: #656c76 }
    .box1 { fill: #0d1117 }
  }
`

export function svg({ title, source, height, parts }: Picture): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="title source">
<title id="title">${escaped(title)}</title>
<desc id="source">${escaped(source)}</desc>
<style>${style}</style>
<rect class="page" width="${width}" height="${height}" rx="6"/>
${label(20, 30, title, 'title')}
${parts.join('\n')}
</svg>
`
}

export function label(x: number, y: number, words: string, classes = '', anchor = 'start'): string {
  const names = classes === '' ? '' : ` class="${classes}"`
  const place = anchor === 'start' ? '' : ` text-anchor="${anchor}"`
  return `<text x="${rounded(x)}" y="${rounded(y)}"${names}${place}>${escaped(words)}</text>`
}

export const rounded = (value: number): string => value.toFixed(1).replace(/\.0$/, '')

/** How wide words are at most. The font is the reader's, so this is a guess with some room. */
export const widthOf = (words: string): number => words.length * 7.1

/** The words in as few lines as fit the room. A word that is longer has a line of its own. */
export function wrapped(words: string, room: number): string[] {
  const lines: string[] = []
  for (const word of words.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && widthOf(`${last} ${word}`) <= room) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}

function escaped(words: string): string {
  return words.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
