/** The page to play on, from the disk, in Chromium: used as a reader uses it. */
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { scenarios } from '../../../docs/play/page/scenarios.js'

const address = new URL('../../../docs/play/index.html', import.meta.url)
/** Chromium refuses its sandbox to root. The page is our own file. */
const args = ['--no-sandbox']

let browser: Browser
beforeAll(async () => {
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args })
})
afterAll(() => browser?.close())

/** The page at this address; an error of its script fails the test. */
async function opened(hash = '', width = 1400, colorScheme: 'light' | 'dark' = 'light'): Promise<Page> {
  const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme })
  const errors: string[] = []
  page.on('pageerror', (error) => errors.push(error.message))
  onTestFinished(async () => {
    await page.close()
    expect(errors).toEqual([])
  })
  await page.goto(`${address.href}${hash}`)
  return page
}

const textsOf = (page: Page, selector: string) => page.locator(selector).allInnerTexts()

describe('the exchange', () => {
  test.each(scenarios)('plays the story "$name" to its end, step by step', async ({ name, moves, end }) => {
    const page = await opened()
    await page.selectOption('#story', name)
    for (const _ of moves) await page.click('#next')
    expect(await page.isDisabled('#next')).toBe(true)
    const state = [...(await textsOf(page, '#client-state li')), ...(await textsOf(page, '#server-state li'))]
    for (const [message, times] of Object.entries(end)) {
      expect(state).toContain(`${message}: ${times === 1 ? 'once' : 'twice'}`)
    }
    expect(await textsOf(page, '#network-state li')).toEqual([])
  })

  test('is made by buttons, taken back, and kept in the address', async () => {
    const page = await opened()
    for (const move of ['connect', 'to-server', 'to-client', 'publish-2']) await page.click(`[data-move=${move}]`)
    expect(await textsOf(page, '#network-state li')).toEqual(["PUBLISH 'm1' (QoS 2, identifier 1)"])
    await page.click('#back')
    expect(await textsOf(page, '#network-state li')).toEqual([])
    const copy = await opened(new URL(page.url()).hash)
    expect(await copy.textContent('#steps')).toBe(await page.textContent('#steps'))
  })

  test('can be played with the keyboard alone', async () => {
    const page = await opened()
    await page.focus('#story')
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('Tab')
    for (let step = 0; step < 4; step += 1) await page.keyboard.press('Enter')
    expect(await textsOf(page, '#network-state li')).toEqual(["PUBLISH 'm1' (QoS 0)"])
  })

  test('says of each step by which statement', async () => {
    const page = await opened('#exchange=connect,to-server,to-client,publish-2,to-server,to-client')
    const steps = (await textsOf(page, '#steps li')).join('\n')
    expect(steps).toContain('Only PUBREL is sent from now on, on later connections again. [MQTT-4.3.3-1]')
  })
})

describe('the bytes', () => {
  test('that are pasted are named, one row a field, and their address leads to them again', async () => {
    const page = await opened()
    await page.click('#bytes-tab')
    await page.fill('#bytes-input', '<Buffer 34 0c 00 06 6c 61 6d 70 2f 31 00 07 6f 6e>')
    const shown = await page.textContent('#bytes-output')
    expect(shown).toMatch(/Topic Name"lamp\/1"/)
    expect(shown).toMatch(/Packet Identifier7/)
    const copy = await opened(new URL(page.url()).hash)
    expect(await copy.textContent('#bytes-output')).toBe(shown)
  })

  test('with a fault have it marked, with its statement', async () => {
    const page = await opened('#bytes=36%200a%2000%2004%206c%2061%206d%2070%2000%2007%206f%206e')
    expect(await page.textContent('tr.fault')).toContain('MQTT-3.3.1-4')
  })

  test('are never markup', async () => {
    const hex = Buffer.from('0\x16\x00\x12<b id="hurt"></b>x\x00\x00', 'latin1').toString('hex')
    const page = await opened(`#bytes=${hex}`)
    expect(await page.textContent('#bytes-output')).toContain('hurt')
    expect(await page.locator('#hurt').count()).toBe(0)
  })

  test('that are none are told as what they look like', async () => {
    const page = await opened(`#bytes=${encodeURIComponent('GET / HTTP/1.1')}`)
    expect(await page.textContent('[role=alert]')).toContain('no packets')
  })

  test('of a dropped file are named too', async () => {
    const page = await opened('#bytes')
    const data = await page.evaluateHandle(() => {
      const transfer = new DataTransfer()
      transfer.items.add(new File([new Uint8Array([0xe0, 0x00])], 'packet.bin'))
      return transfer
    })
    await page.dispatchEvent('#bytes', 'drop', { dataTransfer: data })
    await page.waitForSelector('#bytes-output h3')
    expect(await page.textContent('#bytes-output h3')).toContain('DISCONNECT')
  })
})

describe.each(['light', 'dark'] as const)('in %s', (scheme) => {
  test.each([400, 800, 1_400])('nothing stands beyond a width of %d pixels', async (width) => {
    const middle = '#exchange=connect,to-server,to-client,publish-2,publish-1,news-2,to-server,to-client'
    for (const hash of [middle, '#bytes=340c00066c616d702f3100076f6e']) {
      const page = await opened(hash, width, scheme)
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width)
    }
  })
})
