/** The page: two views, of which the address keeps what they show, so that a link leads to the same bytes or the same step. */
import { BytesView } from './bytes-view.js'
import { byId } from './elements.js'
import { ExchangeView } from './exchange-view.js'
import { isMove } from './move.js'

const views = ['bytes', 'exchange'] as const
type View = (typeof views)[number]

const bytes = new BytesView((text) => remember('bytes', text))
const exchange = new ExchangeView((moves) => remember('exchange', moves.join(',')))
/** What the page itself has written into the address. */
let written: string | undefined

function remember(view: View, text: string): void {
  written = `#${view}=${encodeURIComponent(text)}`
  history.replaceState(undefined, '', written)
}

function open(view: View): void {
  for (const each of views) {
    byId(each, HTMLElement).hidden = each !== view
    const tab = byId(`${each}-tab`, HTMLElement)
    tab.setAttribute('aria-selected', String(each === view))
    tab.tabIndex = each === view ? 0 : -1
  }
}

function readAddress(): void {
  if (location.hash === written) return
  const [, view = 'exchange', text = ''] = /^#(bytes|exchange)(?:=(.*))?$/s.exec(location.hash) ?? []
  if (view === 'bytes') {
    open('bytes')
    bytes.show(decoded(text))
  } else {
    open('exchange')
    exchange.goTo(decoded(text).split(',').filter(isMove))
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return ''
  }
}

for (const view of views) {
  const tab = byId(`${view}-tab`, HTMLElement)
  tab.addEventListener('click', () => open(view))
  tab.addEventListener('keydown', ({ key }) => {
    if (key !== 'ArrowLeft' && key !== 'ArrowRight') return
    const other = view === 'bytes' ? 'exchange' : 'bytes'
    open(other)
    byId(`${other}-tab`, HTMLElement).focus()
  })
}
addEventListener('hashchange', readAddress)
readAddress()
