/** What is known of a mail before its body is read. */
export interface MailKind {
  readonly isAnswer: boolean
  readonly isForward: boolean
}

const quoted = /^[ \t]?>/
const marks = /^(?:[ \t]?>){1,50}[ \t]?/

/** `wrote:` in the languages of the common mail programs. */
const wrote =
  "wrote|writes|schrieb|geschrieben|a écrit|escribió|escreveu|ha scritto|scrisse|skrev|schreef|geschreven|napisał|написал|пише|пишет|kirjoitti|yazdı|写道|書きました|írta|napsal"
const attributionEnd = new RegExp(
  `(?:(?:${wrote})[^:：\\n]{0,120}|[>@][^:：\\n]{0,60}|\\d{4}[^:：\\n]{0,80})[ ]?[:：]\\s*$`,
  "iu"
)
const attributionStart =
  /^(?:On|Am|Le|El|Il|Den|Op|Em|På|Dnia|Dne|W dniu|Quoting|\d{4}[-/.]\d|\d{1,2}[./]\d)(?![\p{L}\p{N}])/u
const wholeAttribution = new RegExp(
  `^(?:On|Am|Le|El|Il|Den|Op|Em|På|Dnia|Dne|W dniu)[ ][^\\n]{0,200}\\d{4}[^\\n]{0,250}(?:${wrote})[^:：\\n]{0,60}[ ]?[:：]\\s*$`,
  "iu"
)

const forwarded =
  /^[ \t*]*[-_=*]{0,40}[ ]?(?:(?:begin )?forwarded (?:message|by)|weitergeleitete nachricht|message transf[ée]r[ée]|message r[ée]exp[ée]di[ée]|mensaje reenviado|mensagem encaminhada|messaggio inoltrato|doorgestuurd bericht|vidarebefordrat meddelande|videresendt (?:besked|melding)|przekazana wiadomość|пересылаемое сообщение|转发(?:的)?邮件|転送されたメッセージ)(?![\p{L}])/iu
const original =
  /^[ \t]*[-_=*]{2,40}[ ]?(?:original (?:message|appointment|mail)|urspr[üu]ngliche nachricht|original ?nachricht|message d['’]origine|message original|mensaje original|mensagem original|messaggio originale|oorspronkelijk bericht|ursprungligt meddelande|opprinnelig melding|oprindelig meddelelse|oryginalna wiadomość|wiadomość oryginalna|исходное сообщение|原始邮件|原邮件|元のメッセージ)[ ]?[-_=*]{2,40}[ \t]*$/iu
const field = /^[ \t]*\*{0,2}(\p{L}[\p{L}-]{0,15})[ ]?\*{0,2}[ ]?[:：]\*{0,2}[ \t]?\S?/u
const fromNames = new Set(["from", "von", "de", "da", "van", "från", "fra", "od", "от", "发件人", "差出人"])
const otherNames = new Set(
  [
    "sent to subject date cc gesendet datum an betreff envoyé à objet enviado para asunto assunto data",
    "inviato oggetto verzonden aan onderwerp skickat till ämne sendt til emne wysłano temat отправлено",
    "кому тема дата 发送时间 收件人 主题 送信日時 宛先 件名 a do"
  ].flatMap((names) => names.split(" "))
)

/** Whether a printed header begins at a line: `From:`, and two other fields at least in the lines after it. */
const isHeaderBlock = (lines: ReadonlyArray<string>, at: number): boolean => {
  const nameAt = (index: number) => field.exec((lines[index] ?? "").slice(0, 200))?.[1]?.toLowerCase() ?? ""
  if (!fromNames.has(nameAt(at))) return false
  let found = 0
  for (let next = at + 1; next <= at + 6; next++) if (otherNames.has(nameAt(next))) found++
  return found >= 2
}

const rule = /^[ \t]*[-_=*]{5,200}[ \t]*$/

/** Whether the copy of another mail begins at a line as Outlook writes it: marked so, or with its header. */
const isOriginal = (lines: ReadonlyArray<string>, at: number): boolean => {
  const line = lines[at] ?? ""
  if (original.test(line.slice(0, 200))) return true
  if (rule.test(line.slice(0, 300))) {
    const next = (lines[at + 1] ?? "").trim() === "" ? at + 2 : at + 1
    return isHeaderBlock(lines, next)
  }
  return (at === 0 || (lines[at - 1] ?? "").trim() === "") && isHeaderBlock(lines, at)
}

/** People say so when they wrote their answers into the copy, where nothing else tells the two apart. */
export const answersInside =
  /\b(?:in-?line|see below|below in|(?:comments?|answers?|repl(?:y|ies)|responses?) (?:are )?(?:below|in(?:side)? (?:red|blue|green|bold|your))|in (?:red|blue|green)|unten im text|im text|siehe unten|s\. ?u\.|en rojo|en rouge|ci-dessous|más abajo)/i

const signature = /^--[ ]?$/

/** Takes off, from the end of what is kept, the line or lines that say whose words are quoted next. */
const dropAttribution = (kept: Array<string>): void => {
  let last = kept.length - 1
  while (last >= 0 && (kept[last] ?? "").trim() === "") last--
  if (last < 0 || kept.length - 1 - last > 1 || !attributionEnd.test((kept[last] ?? "").slice(-300))) return
  let first = last
  for (let at = last; at >= Math.max(0, last - 3) && (kept[at] ?? "").trim() !== ""; at--) {
    if (attributionStart.test((kept[at] ?? "").trimStart())) {
      first = at
      break
    }
  }
  kept.length = first
}

/** Lines without the marks of quotes before them. */
const unquoted = (text: string): string =>
  text
    .split("\n")
    .map((line) => line.replace(marks, ""))
    .join("\n")

/**
 * The text of a mail without the copies of others in it: lines that begin with `>`, with the line that says who wrote
 * them, and what follows `-----Original Message-----` or a printed header. They are taken for copies only in an answer.
 * Left as it is: a mail that passes another one on, from the mark of that; a mail that is nothing but copies (without
 * the marks); the copy after a printed header if the mail says that answers stand within. Linear in the text.
 */
export const withoutQuotes = (text: string, kind: MailKind): string => {
  if (kind.isForward) return text
  const lines = text.replaceAll(/\r\n?/g, "\n").split("\n")
  const kept: Array<string> = []
  let isAnswer = kind.isAnswer
  // Where the first words of its own stand, and where its signature begins, which is none of them.
  let own = -1
  let signed = -1
  const keep = (line: string) => {
    if (own < 0 && signed < 0 && line.trim() !== "") {
      if (signature.test(line)) signed = kept.length
      else own = kept.length
    }
    kept.push(line)
  }
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? ""
    if (forwarded.test(line.slice(0, 200))) {
      for (let rest = at; rest < lines.length; rest++) keep(lines[rest] ?? "")
      break
    }
    if (quoted.test(line) && !line.startsWith(">From ")) {
      let end = at + 1
      for (let next = end; next < lines.length; next++) {
        if (quoted.test(lines[next] ?? "")) end = next + 1
        else if ((lines[next] ?? "").trim() !== "") break
      }
      const before = kept.length
      dropAttribution(kept)
      if (own >= kept.length) own = -1
      if (signed >= kept.length) signed = -1
      isAnswer ||= kept.length < before
      if (!isAnswer) for (let rest = at; rest < end; rest++) keep(lines[rest] ?? "")
      at = end - 1
      continue
    }
    if (isAnswer && own >= 0) {
      const isCopy = isOriginal(lines, at) || (wholeAttribution.test(line.slice(0, 600)) && !quotesFollow(lines, at))
      if (isCopy && !answersInside.test(kept.slice(0, 200).join("\n").slice(0, 5000))) break
    }
    keep(line)
  }
  return own < 0 ? unquoted(text) : kept.join("\n")
}

const quotesFollow = (lines: ReadonlyArray<string>, at: number): boolean => {
  for (let next = at + 1; next <= at + 4; next++) if (quoted.test(lines[next] ?? "")) return true
  return false
}
