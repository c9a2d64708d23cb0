/** What a piece of a listing is, and how it is coloured. Without colour, nothing is lost: marks and words say the same. */
type Style = 'frame' | 'title' | 'offset' | 'hex' | 'field' | 'value' | 'meaning' | 'section' | 'fault' | 'sound'

/** The parameters of Select Graphic Rendition, from the eight basic colours: they follow the theme of the terminal. */
const renditions: Readonly<Record<Style, string>> = {
  frame: '2',
  title: '1',
  offset: '2',
  hex: '33',
  field: '1',
  value: '36',
  meaning: '',
  section: '2',
  fault: '1;31',
  sound: '32',
}

export type Paint = (style: Style, text: string) => string

export function paintWith(color: boolean): Paint {
  if (!color) return (_, text) => text
  return (style, text) => {
    const rendition = renditions[style]
    const inked = text.trimEnd()
    if (rendition === '' || inked === '') return text
    // The spaces behind stay outside, so that the end of a line can be trimmed.
    return `\u001b[${rendition}m${inked}\u001b[0m${text.slice(inked.length)}`
  }
}
