/** How a server that takes several commits at once is written to. */
export interface CommitSizes {
  /** Commits under way at once. */
  readonly atOnce: number
  /** Rows that a further commit waits for while another one is under way; fractions count. */
  readonly rows: number
}

/** A commit that has been made. */
export interface Commit {
  readonly rows: number
  readonly millis: number
  /** Commits that were under way with it, itself included. */
  readonly beside: number
}

/** What the last few commits came to. */
interface Round {
  readonly commits: number
  /** Rows that the server took a millisecond, all commits that were under way together: the sum over the commits. */
  readonly rates: number
  readonly beside: number
}

export interface Climb {
  readonly sizes: CommitSizes
  readonly round: Round
  /** What the number before this one brought: this one is on trial. Absent: it has passed. */
  readonly before?: { readonly atOnce: number; readonly rate: number }
  /** Rounds that the number stays as it is. */
  readonly rest: number
  /** Where the next trial goes to. */
  readonly direction: 1 | -1
}

const empty: Round = { commits: 0, rates: 0, beside: 0 }

/** One writer, and at once a trial of two. */
export const start: Climb = { sizes: { atOnce: 1, rows: 4000 }, round: empty, rest: 0, direction: 1 }

/**
 * Of so many rows a commit's fixed costs, which are planning and a round trip for each of some thirty statements and the
 * flush to disk, are a small part of it (measured: 50 rows of a type reach half the rate of 500); more than so many at
 * once only hold locks and memory longer.
 */
const rowsBetween = { least: 1000, most: 8000 }
/** A commit should take about so many milliseconds: long beside its fixed costs, short for whoever waits for its locks. */
const aim = { least: 250, most: 750 }
const growth = 1.15
/** Commits of a round, for each that is under way at once. */
const roundLength = 4
/** One more must bring so much, and one fewer may cost so much, or it is taken back. */
const gain = 1.08
const loss = 0.94
/** Rounds between trials. */
const pause = 6

const clamp = (least: number, value: number, most: number): number => Math.max(least, Math.min(most, value))

const resized = (rows: number, millis: number): number =>
  clamp(
    rowsBetween.least,
    millis < aim.least ? rows * growth : millis > aim.most ? rows / growth : rows,
    rowsBetween.most
  )

/** One more or one fewer, of which the next round tells what it brings. */
const trial = (climb: Climb, rate: number, most: number, direction: 1 | -1 = climb.direction): Climb => {
  const { atOnce, rows } = climb.sizes
  const next = clamp(1, atOnce + direction, most)
  const opposite = direction === 1 ? -1 : 1
  if (next === atOnce) return { sizes: climb.sizes, round: empty, rest: pause, direction: opposite }
  return { sizes: { atOnce: next, rows }, round: empty, before: { atOnce, rate }, rest: 0, direction }
}

const judged = (climb: Climb, most: number): Climb => {
  const { before, direction, rest, round, sizes } = climb
  const rate = round.rates / round.commits
  // Where the documents do not come quickly enough, nobody can tell what one more would bring.
  if (round.beside / round.commits < 0.75 * sizes.atOnce) return { ...climb, round: empty }
  if (before === undefined) return rest > 0 ? { ...climb, round: empty, rest: rest - 1 } : trial(climb, rate, most)
  const opposite = direction === 1 ? -1 : 1
  const isBetter = rate > before.rate * (direction === 1 ? gain : loss)
  if (isBetter) return trial(climb, rate, most)
  return { sizes: { ...sizes, atOnce: before.atOnce }, round: empty, rest: pause, direction: opposite }
}

/**
 * What comes after a commit. How many rows: as many as make a commit take its time. How many at once: by trial, one more or
 * one fewer in turn, and further in the same direction as long as the server takes more rows in all (or hardly fewer with
 * fewer). That is hill climbing on the throughput; a model of the server would have to know its idle latency, which changes
 * as its caches and code warm up and the graph grows.
 */
export const next = (climb: Climb, { beside, millis, rows }: Commit, most: number): Climb => {
  // A small commit's time is nearly all fixed costs, and says nothing of rows.
  if (rows < rowsBetween.least / 2 || millis <= 0) return climb
  const round: Round = {
    commits: climb.round.commits + 1,
    rates: climb.round.rates + (beside * rows) / millis,
    beside: climb.round.beside + beside
  }
  const sized = { ...climb, round, sizes: { ...climb.sizes, rows: resized(climb.sizes.rows, millis) } }
  return round.commits < roundLength * climb.sizes.atOnce ? sized : judged(sized, most)
}
