import type { Format, Parse } from "./Format.ts"

/** Every format, and the parser of each, which is loaded when its first document comes. */
export const formats = {
  asciidoc: () => import("./AsciiDoc.ts").then((it) => it.parseAsciiDoc),
  csv: () => import("./Csv.ts").then((it) => it.parseCsv),
  docx: () => import("./Docx.ts").then((it) => it.parseDocx),
  epub: () => import("./Epub.ts").then((it) => it.parseEpub),
  feed: () => import("./Feed.ts").then((it) => it.parseFeed),
  html: () => import("./Html.ts").then((it) => it.parseHtml),
  json: () => import("./Json.ts").then((it) => it.parseJson),
  log: () => import("./ChatLog.ts").then((it) => it.parseChatLog),
  mail: () => import("./Mail.ts").then((it) => it.parseMail),
  markdown: () => import("./Markdown.ts").then((it) => it.parseMarkdown),
  msg: () => import("./Msg.ts").then((it) => it.parseMsg),
  notebook: () => import("./Notebook.ts").then((it) => it.parseNotebook),
  opendocument: () => import("./OpenDocument.ts").then((it) => it.parseOpenDocument),
  pdf: () => import("./Pdf.ts").then((it) => it.parsePdf),
  pptx: () => import("./Pptx.ts").then((it) => it.parsePptx),
  srt: () => import("./Srt.ts").then((it) => it.parseSrt),
  text: () => import("./Text.ts").then((it) => it.parseText),
  vtt: () => import("./Vtt.ts").then((it) => it.parseVtt),
  xlsx: () => import("./Xlsx.ts").then((it) => it.parseXlsx),
  xml: () => import("./Xml.ts").then((it) => it.parseXml)
} satisfies Record<Format, () => Promise<Parse>>
