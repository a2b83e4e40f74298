// One bench in a process of its own; tells its parent the rows.
import { benches } from './benches.ts'

const rows = await benches[process.argv[2] ?? '']?.()
process.send?.(rows)
// Where a bench left something open, the channel to the parent would wait for it.
process.disconnect?.()
