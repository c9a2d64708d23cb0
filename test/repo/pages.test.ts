import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { cell, readVectors } from '../../fixtures/vectors/vector-file.js'
import manifest from '../../package.json' with { type: 'json' }
import { recipePrograms } from '../recipes/recipes.js'
import { examples } from '../testing/examples.js'
import {
  blocksInComments,
  blocksOf,
  brokenLinks,
  documents,
  linksOf,
  missingFiles,
  namesFarServer,
  promisedOutput,
  readDocument,
} from './doc-blocks.js'
import { complaintsAbout } from './doc-compiler.js'
import { run, type Servers, startServers } from './doc-runner.js'
import { sourceFiles } from './source-tree.js'

const pages = documents()
const blocks = pages.flatMap(blocksOf)
const inReference = sourceFiles()
  .map(({ path }) => path)
  .filter((path) => !path.startsWith('src/testing/'))
  .flatMap(blocksInComments)

describe('the programs in the documentation', () => {
  test('are found', () => {
    expect(pages).toEqual(expect.arrayContaining(['README.md', 'README.zh-CN.md', 'docs/aliyun.md', 'docs/use.md']))
    expect(blocks.length).toBeGreaterThan(40)
  })

  // One question to the compiler for all answers: it reads all the sources for each.
  const wrong = { file: 'wrong.md', line: 7, code: "\nawait client.publish('a', 42)\n" }
  const isOfWrong = (complaint: string) => complaint.startsWith(wrong.file)
  const isOfRecipes = (complaint: string) => /^(docs|test)\/recipes\//.test(complaint)
  const isOfExamples = (complaint: string) => complaint.startsWith('src/')
  let complaints: readonly string[]
  beforeAll(() => {
    complaints = complaintsAbout([...blocks, ...recipePrograms(), ...examples, ...inReference, wrong])
  })

  test('compile against the sources', () => {
    const isOfOthers = (complaint: string) => [isOfWrong, isOfRecipes, isOfExamples].some((isOf) => isOf(complaint))
    expect(complaints.filter((complaint) => !isOfOthers(complaint))).toEqual([])
  })

  test('compile as recipes too, with their tests', () => {
    expect(recipePrograms().filter(({ file }) => file.startsWith('docs/')).length).toBeGreaterThan(5)
    expect(complaints.filter(isOfRecipes)).toEqual([])
  })

  test('compile as examples of the reference too, in the comments of the sources', () => {
    expect(inReference.length).toBeGreaterThan(12)
    expect(complaints.filter(isOfExamples)).toEqual([])
  })

  test('would not pass if one of them were wrong', () => {
    expect(complaints.filter(isOfWrong)).toEqual([expect.stringMatching(/^wrong\.md:8: .*number.*not assignable/)])
  })
})

describe('the programs in the documentation that need no far server run, and print what they say', () => {
  let servers: Servers
  beforeAll(async () => {
    servers = await startServers()
  })
  afterAll(() => servers.close())

  const promising = inReference.filter((block) => promisedOutput(block).length > 0)
  const runnable = [...blocks.filter((block) => !namesFarServer(block)), ...promising]

  test('most of them are such', () => {
    expect(runnable.length).toBeGreaterThan(blocks.length / 2)
  })

  for (const block of runnable) {
    test(`${block.file}:${block.line}`, async () => {
      const printed = await run(block, servers)
      expect(printed).toEqual(expect.arrayContaining(promisedOutput(block)))
    })
  }
})

describe('the pages', () => {
  test.each([...pages, 'ARCHITECTURE.md', 'CHANGELOG.md', 'CONFORMANCE.md', 'CONTRIBUTING.md', 'SECURITY.md'])(
    '%s links to what exists, and names no other files',
    (page) => {
      expect(brokenLinks(page)).toEqual([])
      expect(missingFiles(page)).toEqual([])
    },
  )
})

describe('the README', () => {
  const readme = readDocument('README.md')
  const linkedFrom = (page: string) => linksOf(page).map((link) => link.split('#')[0])

  test.each(['README.md', 'README.zh-CN.md'])('has at most 24 KB: %s', (page) => {
    expect(Buffer.byteLength(readDocument(page))).toBeLessThanOrEqual(24 * 1024)
  })

  test('leads to every page of docs, in its language', () => {
    const inEnglish = pages.filter((page) => page.startsWith('docs/') && !page.includes('zh-CN'))
    const inChinese = pages.filter((page) => page.startsWith('docs/') && page.includes('zh-CN'))
    expect(inEnglish.length).toBeGreaterThan(10)
    expect(linkedFrom('README.md')).toEqual(expect.arrayContaining(inEnglish))
    expect(linkedFrom('README.zh-CN.md')).toEqual(expect.arrayContaining(inChinese))
  })

  test.each(['new MqttClient', 'reconnect()', 'ping()'])('lets a reader find %s', (call) => {
    expect(readme).toContain(call)
  })

  test.each(['README.md', 'README.zh-CN.md'])('%s installs the package of this version', (page) => {
    expect(readDocument(page)).toContain(`mqtt311-${manifest.version}.tgz`)
  })

  test.each(['README.md', 'README.zh-CN.md'])('%s counts the malformed sequences that the decoder refuses', (page) => {
    const received = readVectors('malformed.csv').filter((row) => cell(row, 'category').startsWith('decode-'))
    const refused = received.filter((row) => cell(row, 'fault') !== '')
    expect(readDocument(page)).toMatch(new RegExp(`${refused.length} (malformed sequences|种畸形字节序列)`))
  })

  test('says how long `npm test` takes', () => {
    expect(readme).toMatch(/`npm test` runs [^.]* minutes/)
  })

  test('has in Chinese what it has in English: links, programs and sections', () => {
    const shape = (page: string) => ({
      links: [...new Set(linksOf(page))]
        .filter((link) => !link.includes('zh-CN') && !/aliyun|README/.test(link))
        .sort(),
      programs: blocksOf(page).map(({ code }) => code),
      sections: readDocument(page).match(/^## /gm)?.length,
    })
    expect(shape('README.zh-CN.md')).toEqual(shape('README.md'))
  })
})
