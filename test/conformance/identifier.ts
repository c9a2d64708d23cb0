/** How the code and the tests name a rule of the standard: `[MQTT-4.3.3-2]`, or `[3.2.2.1 reserved flags]` for one without a number. */
const citation = /\[(MQTT-[^\]\s]*|\d(?:\.\d+)+ [A-Za-z][^\]]*)\]/g

/** The identifiers in a text, in their order. */
export function identifiersIn(text: string): string[] {
  return [...text.matchAll(citation)].map(([, id = '']) => id)
}

export function withoutIdentifiers(text: string): string {
  return text.replaceAll(citation, '').replace(/\s+/g, ' ').trim()
}
