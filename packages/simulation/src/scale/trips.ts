/** Round trips until a connection stands: TCP, agreement on Noise, Noise itself; Yamux comes with it. */
export const CONNECT_TRIPS = 4
/** Round trips until a stream of a protocol stands on it. */
export const STREAM_TRIPS = 1
/** A question and its answer on a stream. */
export const ASK_TRIPS = 1
/** What measuring a stranger's round trip takes: connect, open the stream, warm it, measure. */
export const MEASURE_TRIPS: number = CONNECT_TRIPS + STREAM_TRIPS + 2 * ASK_TRIPS
/** What asking a stranger something takes. */
export const ASK_STRANGER_TRIPS: number = CONNECT_TRIPS + STREAM_TRIPS + ASK_TRIPS
