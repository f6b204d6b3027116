/** Where a page ended: keys, never an offset, so that a page costs what it holds. */
export interface Cursor {
  readonly section: number
  readonly id: string
  readonly ordinal: number
}

export interface Page<A> {
  readonly rows: ReadonlyArray<A>
  /** Absent: that was all. */
  readonly next?: Cursor
}

/** Rows that are given out together, and the keys to go on behind them. */
export interface Batch<A> {
  readonly rows: ReadonlyArray<A>
  readonly id: string
  readonly ordinal: number
  /** About how many characters they hold. */
  readonly size: number
}

export interface Section<A> {
  (group: number, after: Cursor): Iterable<Batch<A>>
}

export const start = (section: number): Cursor => ({ section, id: "", ordinal: -1 })

/** About how many characters a row's ids and numbers are. */
export const perRow = 100

const maxRows = 500
const maxSize = 1_000_000

/** Sections one after another; a page holds about 500 rows or a megabyte of text, and at least one batch. */
export const page = <A>(sections: ReadonlyArray<Section<A>>, group: number, cursor: Cursor): Page<A> => {
  const rows: Array<A> = []
  let size = 0
  for (const [index, section] of sections.entries()) {
    if (index < cursor.section) continue
    for (const batch of section(group, index === cursor.section ? cursor : start(index))) {
      rows.push(...batch.rows)
      size += batch.size
      if (rows.length >= maxRows || size >= maxSize) {
        return { rows, next: { section: index, id: batch.id, ordinal: batch.ordinal } }
      }
    }
  }
  return { rows }
}
