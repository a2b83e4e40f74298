import type { PlacementView } from '@stead/sdk/api'
import type { PlacementReport } from '@stead/storage'

/** How segments lie, for whoever asks the API. */
export function placementView({ repairFrom, ...report }: PlacementReport): PlacementView {
  return repairFrom === undefined ? report : { ...report, repairFrom }
}
