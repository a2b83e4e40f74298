import { RULES } from '../checks/rules.ts'
import { commandOf, type WorldPlan } from '../plan/world-plan.ts'
import type { WorldVerdict } from '../run-world.ts'
import type { InvolvedNode, Story } from '../story/story.ts'
import { brokenRules, type PlayedWorld } from '../sweep/played-world.ts'
import type { ShrinkResult } from '../sweep/shrink.ts'
import type { SweepResult } from '../sweep/sweep.ts'
import type { Tallied, Tallies } from '../sweep/tallies.ts'
import { cutAtWord } from './cut-at-word.ts'

const WIDTH_MAX = 200
const THE_WORLD = 'the world'

/** One line for a world: verdict, seed, trace hash, size and speed. */
export function verdictLine({ plan, verdict, cpuMs }: PlayedWorld): string {
  const { violations, traceHash, events, messages, jobs, simulatedMs } = verdict
  const outcome = violations.length === 0 ? 'ok  ' : 'FAIL'
  const left = plan.without.length === 0 ? '' : ` without ${counted(plan.without.length, 'fault')}`
  const size = `${plan.nodes} nodes, ${plan.minutes} min ${plan.profile}${left}`
  const counts = `${counted(jobs, 'job')}, ${messages} messages, ${events} events${economyText(verdict)}${storageText(verdict)}`
  return `${outcome} seed ${plan.seed}  ${traceHash}  ${size}: ${counts}, ${speed(simulatedMs, cpuMs)}${idleText(verdict)}`
}

/** What was broken, who was involved, the last that went on of and between them, and how to play it again. */
export function failureText({ plan, verdict }: PlayedWorld): string {
  return `${brokenText(verdict)}\n  again: ${commandOf(plan)}`
}

/** What was broken, who was involved, and the last that went on of and between them. */
export function brokenText({ violations, story }: Pick<WorldVerdict, 'violations' | 'story'>): string {
  const lines = violations.map(({ rule, what, atMs }) => `  broken: ${rule}: ${what} (noticed at ${seconds(atMs)})`)
  return [...lines, ...(story === undefined ? [] : storyLines(story))].join('\n')
}

function storyLines({ involved, others, lines }: Story): readonly string[] {
  const nodes = involved.map((node) => `    ${involvedText(node)}`)
  if (others > 0) nodes.push(`    and ${others} more`)
  const width = lines.reduce((most, { who }) => Math.max(most, (who ?? THE_WORLD).length), 0)
  const told = lines.map(
    ({ atMs, who, what }) =>
      `    ${seconds(atMs).padStart(11)}  ${(who ?? THE_WORLD).padEnd(width)}  ${cutAtWord(what, WIDTH_MAX)}`,
  )
  return [
    ...(nodes.length === 0 ? [] : ['  involved in the first:', ...nodes]),
    ...(told.length === 0 ? [] : ['  the last that they did until then:', ...told]),
  ]
}

function involvedText({ name, role, cheat, starts, powerLosses }: InvolvedNode): string {
  const parts = [`${name}: a ${role}, ${cheat === undefined ? 'honest' : `cheats: ${cheat}`}`]
  if (starts > 1) parts.push(`started ${counted(starts, 'time')}`)
  if (powerLosses > 0) parts.push(`lost its power ${counted(powerLosses, 'time')}`)
  return parts.join(', ')
}

/** A line for a sweep; of one with failures one more with the rules, and one with the seeds; and what was felt in it. */
export function sweepLine(result: SweepResult): string {
  const { played, sweepHash, failed, tallies, simulatedMs, cpuMs, left } = result
  const unplayed = left === 0 ? '' : `, ${left} not played because ${whyEnded(result)}`
  const line = `${counted(played, 'world')}, ${failed.length} failed${unplayed}; ${sweepHash}, ${speed(simulatedMs, cpuMs)}`
  const felt = played === 0 ? [] : feltLines(tallies)
  if (failed.length === 0) return [line, ...felt].join('\n')
  const rules = Array.from(tallies.broken, ([rule, count]) => `${rule} in ${count}`)
  const seeds = failed.map(({ plan }) => plan.seed)
  return [line, `broken: ${rules.join(', ')}`, `failed seeds: ${seeds.join(', ')}`, ...felt].join('\n')
}

/** What was felt, and which rules were never looked at. */
function feltLines({ faults, cheats, rules }: Tallies): readonly string[] {
  const list = (tallied: ReadonlyMap<string, Tallied>): string =>
    tallied.size === 0 ? 'none' : Array.from(tallied, ([name, { count }]) => `${name} ${count}`).join(', ')
  const unseen = RULES.filter((rule) => !rules.has(rule))
  const never = unseen.length === 0 ? '' : `, never at ${unseen.join(', ')}`
  return [
    `faults: ${list(faults)}`,
    `cheats: ${list(cheats)}`,
    `rules: looked at ${rules.size} of ${RULES.length}${never}`,
  ]
}

function whyEnded({ ended, failed }: SweepResult): string {
  if (ended === 'failures') return `${failed.length} failures are enough`
  if (ended === 'stalled') return 'a world hangs'
  return ended === 'interrupted' ? 'it was interrupted' : 'its time was over'
}

/** For a failure that is not told at length: the rules, and how to play it again. */
export function shortFailureText(played: PlayedWorld): string {
  return `  broken: ${brokenRules(played).join(', ')}\n  again: ${commandOf(played.plan)}`
}

/** The smallest command, and what it took to find it. */
export function shrinkLine({ smallest, rule, tried, isDone }: ShrinkResult): string {
  const unfinished = isDone ? '' : ', though there may be smaller ones'
  return `smallest of ${counted(tried, 'world')} tried for ${rule}${unfinished}: ${commandOf(smallest.plan)}`
}

/** Which world a process that ends was at. */
export function interruptedLine(plan: WorldPlan | undefined, why: string): string {
  return plan === undefined ? why : `${why}; the world that was played: ${commandOf(plan)}`
}

function economyText({ economy }: WorldVerdict): string {
  if (economy === undefined) return ''
  const { roots, lots, rewards, expelled } = economy
  return `, ${roots} roots, ${lots} lots, ${rewards} rewards, ${expelled} expelled`
}

function storageText({ storage }: WorldVerdict): string {
  return storage === undefined
    ? ''
    : `, ${storage.done} works on objects, ${storage.failed} refused, ${storage.paidPeriods} periods paid`
}

/** Nobody asked for anything: the world says nothing about the code. */
function idleText({ jobs, storage }: WorldVerdict): string {
  const isIdle = jobs === 0 && (storage === undefined || storage.done + storage.failed === 0)
  return isIdle ? '; nothing happened: the faults were over before the first job' : ''
}

/** How far a sweep is; `ms` of real time. */
export function progressLine({ played, left, failed }: SweepResult, ms: number): string {
  return `${played} of ${counted(played + left, 'world')}, ${failed.length} failed, ${Math.round(ms / 1000)} s`
}

function speed(simulatedMs: number, cpuMs: number): string {
  const factor = cpuMs === 0 ? 0 : Math.round(simulatedMs / cpuMs)
  return `${Math.round(simulatedMs / 1000)} simulated s in ${(cpuMs / 1000).toFixed(1)} s of CPU, ${factor} times as fast`
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(3)} s`
}
