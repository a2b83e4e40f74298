/**
 * Milliseconds of processor time that this thread has used, exact to microseconds. The kernel brings a thread's account
 * up to date at its ticks, up to 4 ms apart, and when somebody asks for that of the whole process.
 */
export function threadProcessorMs(): number {
  process.cpuUsage()
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}
