import { createWriteStream, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs"
import { extname, join, resolve } from "node:path"
import { finished } from "node:stream/promises"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import PdfFile from "pdfkit"
import { passage } from "./support/corpus.ts"
import { inTemporary, runSluice } from "./support/measure.ts"
import { machine, table } from "./support/table.ts"

const usage = `bench load [DIR] [--text MB] [--pages N] [--times N]

Files to text, and text to a committed graph with the offline rules.
  DIR         files of any formats, each format measured in a process of its own; FILE.reference.txt beside
              a file holds the words that it should give
  --text MB   of generated prose, from files to the graph (default 10)
  --pages N   of a generated PDF (default 500)
  --times N   how many times as large the second corpus of the memory rows is (default 50; the first is 1 MB)`

const parseScript = fileURLToPath(new URL("./support/parse.ts", import.meta.url))
const megabyte = 1024 * 1024

interface Parsed {
  readonly documents: number
  readonly bytes: number
  readonly characters: number
  readonly coldSeconds: number
  readonly warmSeconds: number
  readonly recall?: number
  readonly refused: ReadonlyArray<string>
}

const lastLine = <A>(stdout: string): A => JSON.parse(stdout.trim().split("\n").at(-1) ?? "")

const parseFiles = async (name: string, files: ReadonlyArray<string>, cwd: string) => {
  const measured = await runSluice(files, { cwd, script: parseScript })
  if (measured.status !== 0) throw new Error(`parsing ${name} ended with ${measured.status}: ${measured.stderr}`)
  const { bytes, characters, coldSeconds, documents, recall, refused, warmSeconds } = lastLine<Parsed>(measured.stdout)
  const row = [
    name,
    String(documents),
    String(refused.length),
    (bytes / megabyte).toFixed(2),
    coldSeconds.toFixed(2),
    warmSeconds.toFixed(3),
    (documents / warmSeconds).toFixed(0),
    (bytes / megabyte / warmSeconds).toFixed(1),
    (characters / 1e6).toFixed(2),
    recall === undefined ? "" : (recall * 100).toFixed(2),
    measured.peakMegabytes.toFixed(0)
  ]
  return { row, refused }
}

const filesBelow = (directory: string): ReadonlyArray<string> =>
  readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith(".reference.txt"))
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted()

const writePdf = async (file: string, pages: number): Promise<void> => {
  const document = new PdfFile({ autoFirstPage: false, info: { Title: "Report", CreationDate: new Date(0) } })
  const stream = document.pipe(createWriteStream(file))
  let text = ""
  for (let page = 0; page < pages; page++) {
    const content = [0, 1].map((half) => passage(page * 2 + half)).join("\n\n")
    text += `${content}\n\n`
    document.addPage().fontSize(10).text(content)
  }
  document.end()
  await finished(stream)
  writeFileSync(`${file}.reference.txt`, text)
}

/** Documents of about 25 kB of prose. */
const writeText = (directory: string, bytes: number): string => {
  mkdirSync(directory)
  let written = 0
  for (let index = 0; written < bytes; index++) {
    const text = Array.from({ length: 12 }, (_, part) => passage(index * 12 + part)).join("\n\n")
    writeFileSync(join(directory, `${index}.txt`), `${text}\n`)
    written += text.length + 1
  }
  return directory
}

const ingest = async (name: string, corpus: string, cwd: string, nodeArgs: ReadonlyArray<string> = []) => {
  const bytes = filesBelow(corpus).reduce((sum, file) => sum + statSync(file).size, 0)
  const store = `sqlite:${join(cwd, `${name.replaceAll(/\W+/g, "-")}.graph`, "graph.db")}`
  const args = ["ingest", corpus, "--json", "--progress", "none", "--extractor", "rules", "--store", store]
  const measured = await runSluice(args, { cwd, nodeArgs })
  if (measured.status !== 0) throw new Error(`${name} ended with ${measured.status}: ${measured.stderr}`)
  const { chunks } = lastLine<{ readonly chunks: { readonly total: number } }>(measured.stdout)
  const row = [
    name,
    (bytes / megabyte).toFixed(1),
    String(chunks.total),
    measured.wallSeconds.toFixed(1),
    (bytes / megabyte / measured.wallSeconds).toFixed(2),
    ((measured.cpuSeconds * 1000) / chunks.total).toFixed(2),
    measured.peakMegabytes.toFixed(0)
  ]
  return { row, peak: measured.peakMegabytes }
}

export const run = async (args: ReadonlyArray<string>): Promise<void> => {
  const { positionals, values } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      text: { type: "string", default: "10" },
      pages: { type: "string", default: "500" },
      times: { type: "string", default: "50" },
      help: { type: "boolean", default: false }
    }
  })
  if (values.help) return void process.stdout.write(`${usage}\n`)
  await inTemporary(async (directory) => {
    const parsed: Array<{ readonly row: ReadonlyArray<string>; readonly refused: ReadonlyArray<string> }> = []
    const [given] = positionals
    if (given !== undefined) {
      const groups = Map.groupBy(filesBelow(resolve(given)), (file) => extname(file).toLowerCase())
      for (const [extension, files] of groups) parsed.push(await parseFiles(extension || "none", files, directory))
    }
    if (Number(values.pages) > 0) {
      const pdf = join(directory, "generated.pdf")
      await writePdf(pdf, Number(values.pages))
      parsed.push(await parseFiles(`pdf of ${values.pages} pages`, [pdf], directory))
    }
    const rows: Array<ReadonlyArray<string>> = []
    if (Number(values.text) > 0) {
      const corpus = writeText(join(directory, "text"), Number(values.text) * megabyte)
      rows.push((await ingest("plain text", corpus, directory)).row)
    }
    const times = Number(values.times)
    let ratio = ""
    if (times > 0) {
      const heap = ["--max-old-space-size=256"]
      const small = await ingest("heap of 256 MB", writeText(join(directory, "small"), megabyte), directory, heap)
      const large = await ingest(
        `heap of 256 MB, ${times} times the corpus`,
        writeText(join(directory, "large"), times * megabyte),
        directory,
        heap
      )
      rows.push(small.row, large.row)
      ratio = `Peak memory, ${times} times the corpus to one: ${(large.peak / small.peak).toFixed(2)}\n`
    }
    const parseHead = [
      "files",
      "count",
      "refused",
      "MB",
      "first s",
      "again s",
      "documents/s",
      "MB/s",
      "M characters",
      "recall %",
      "RSS MB"
    ]
    const graphHead = ["text to graph, rules", "MB", "chunks", "wall s", "MB/s", "CPU ms/chunk", "RSS MB"]
    const refused = parsed.flatMap((one) => one.refused.map((message) => `- ${message}`))
    process.stdout.write(
      [
        machine(),
        "",
        table(
          parseHead,
          parsed.map(({ row }) => row)
        ),
        "",
        table(graphHead, rows),
        "",
        ratio,
        ...refused,
        ""
      ].join("\n")
    )
  })
}
