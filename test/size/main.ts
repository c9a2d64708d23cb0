/** Prints what each entry point costs a bundled program, and its budget. */
import { entrySizes } from './entry-sizes.js'

const number = new Intl.NumberFormat('en')
const rows = (await entrySizes()).map(({ entry, minifiedBytes, gzippedBytes, budgetBytes }) =>
  [entry.padEnd(24), minifiedBytes, gzippedBytes, budgetBytes ?? 0]
    .map((cell) => (typeof cell === 'number' ? number.format(cell).padStart(12) : cell))
    .join(''),
)
const head = ['entry'.padEnd(24), ...['minified', 'gzipped', 'budget'].map((title) => title.padStart(12))].join('')
console.log([head, ...rows].join('\n'))
