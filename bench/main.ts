/** `npm run bench -- NAME …`: each benchmark prints a table, and none of them is a test. */
const benchmarks: Readonly<
  Record<string, () => Promise<{ readonly run: (args: ReadonlyArray<string>) => Promise<void> }>>
> = {
  calls: () => import("./calls.ts"),
  gate: () => import("./gate.ts"),
  extract: () => import("./extract.ts"),
  load: () => import("./load.ts"),
  neo4j: () => import("./neo4j.ts"),
  resume: () => import("./resume.ts")
}

const [name = "", ...args] = process.argv.slice(2)
const load = benchmarks[name]
if (load === undefined) {
  process.stderr.write(`bench: say which one: ${Object.keys(benchmarks).join(", ")}\n`)
  process.exitCode = 1
} else {
  const { run } = await load()
  await run(args)
}
