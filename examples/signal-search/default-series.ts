import { readFile } from 'node:fs/promises'

/** One of the built-in series: where it is, what to read of it, and which trend to take out. */
export interface DefaultSeries {
  readonly file: string
  readonly value: string
  readonly trendDegree: number
}

/** Real observations, in the order of the report. */
export const DEFAULT_SERIES: readonly DefaultSeries[] = [
  // Mauna Loa, monthly since 1958. Carbon dioxide rises faster and faster; a cubic takes the rise out.
  { file: 'co2-concentration.csv', value: 'CO2', trendDegree: 3 },
  // Four years of days.
  { file: 'seattle-weather.csv', value: 'temp_max', trendDegree: 1 },
  // One year of hours. A season of which there is one can only be taken as trend; a quintic follows it.
  { file: 'seattle-weather-hourly-normals.csv', value: 'temperature', trendDegree: 5 },
]

/** Reads a file of the npm package vega-datasets. */
export function readDefaultSeries(file: string): Promise<Uint8Array> {
  return readFile(new URL(`../data/${file}`, import.meta.resolve('vega-datasets')))
}
