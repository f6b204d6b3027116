interface Point {
  readonly x: number
  readonly y: number
}

/** A line that neither begins below zero nor falls. */
export interface Line {
  readonly start: number
  readonly slope: number
}

export const at = ({ slope, start }: Line, x: number): number => start + slope * x

/**
 * Least squares, drawn towards the line through the origin (ridge regression with that line as its prior, worth one
 * point): few points, or such that lie close together, would put its beginning anywhere.
 */
export const fit = (points: ReadonlyArray<Point>): Line | undefined => {
  if (points.length === 0) return undefined
  const x = points.reduce((sum, point) => sum + point.x, 0) / points.length
  const y = points.reduce((sum, point) => sum + point.y, 0) / points.length
  if (x <= 0) return { start: y, slope: 0 }
  const mean = (of: (point: Point) => number) => points.reduce((sum, point) => sum + of(point), 0) / points.length
  const variance = mean((point) => (point.x - x) ** 2)
  const covariance = mean((point) => (point.x - x) * (point.y - y))
  const slope = Math.min(
    y / x,
    Math.max(0, (covariance + (x * y) / points.length) / (variance + (x * x) / points.length))
  )
  return { start: y - slope * x, slope }
}
