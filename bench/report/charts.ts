/** The charts of the README: for each table with a rival, how many times better each piece of work is done here. */
import { writeFileSync } from 'node:fs'
import * as echarts from 'echarts'
import type { Row, Table } from '../part.js'
import { quantity, times } from './markdown.js'
import { kept, type PartResult } from './results.js'

const WIDTH = 760
const BAR_HEIGHT = 22
/** Names of works are as long as that at most, and bars are followed by ratio and numbers. */
const ROOM = { name: 300, label: 180 }
const HEAD_HEIGHT = 64
/** Greys and blues that can be read on a white page and on a black one. */
const colours = { text: '#768390', better: '#316dca', worse: '#c69026', line: '#76839066' }

type Compared = Row & { readonly theirs: number; readonly ratio: number }

export function drawCharts(): void {
  for (const result of kept()) {
    for (const table of result.tables) {
      const rows = table.rows.filter(isCompared)
      if (rows.length > 0)
        writeFileSync(new URL(`../results/${table.id}.svg`, import.meta.url), chart(result, table, rows))
    }
  }
}

function isCompared(row: Row): row is Compared {
  return row.theirs !== undefined && row.ratio !== undefined
}

function chart({ machine, date }: PartResult, table: Table, rows: readonly Compared[]): string {
  const height = HEAD_HEIGHT + BAR_HEIGHT * rows.length + 12
  const drawing = echarts.init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height })
  const text = { color: colours.text, fontFamily: 'system-ui, sans-serif', fontSize: 12 }
  drawing.setOption({
    animation: false,
    title: {
      text: `${table.title}: times better than ${table.rival}`,
      subtext: `${machine}, ${date}`,
      textStyle: { ...text, fontSize: 14 },
      subtextStyle: text,
      left: 0,
      top: 0,
    },
    grid: { left: ROOM.name + 8, right: ROOM.label, top: HEAD_HEIGHT, bottom: 8 },
    xAxis: { type: 'value', show: false },
    yAxis: {
      type: 'category',
      data: rows.map(({ work }) => work),
      inverse: true,
      axisLabel: { ...text, width: ROOM.name, overflow: 'truncate' },
      axisLine: { lineStyle: { color: colours.line } },
      axisTick: { show: false },
    },
    series: [
      {
        type: 'bar',
        barWidth: BAR_HEIGHT - 8,
        data: rows.map((row) => ({
          value: row.ratio,
          itemStyle: { color: row.ratio >= 1 ? colours.better : colours.worse },
          label: { formatter: label(row) },
        })),
        label: { show: true, position: 'right', ...text },
        // What lies left of this line is done better by the rival.
        markLine: {
          data: [{ xAxis: 1 }],
          symbol: 'none',
          silent: true,
          label: { show: false },
          lineStyle: { color: colours.text, type: 'dashed' },
        },
      },
    ],
  })
  const svg = drawing.renderToSVGString()
  // Until then a timer for animations keeps the process alive.
  drawing.dispose()
  return `${svg}\n`
}

function label({ ratio, ours, theirs, unit }: Compared): string {
  return `${times(ratio)}   ${quantity(ours, unit)} : ${quantity(theirs, unit)}`
}
