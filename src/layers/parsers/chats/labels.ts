import { isRole } from "./people.ts"

const list = (words: string): ReadonlySet<string> => new Set(words.split(" "))

/** What stands before a colon in forms, recipes, notes, agendas and lists of questions, and is nobody's name. */
const fields = list(
  "name title date time subject from to cc bcc re sent author authors by version status type category tags tag keywords id " +
    "url link links source sources note notes warning caution tip tips hint info important example examples usage todo " +
    "fixme summary description details background introduction conclusion result results step steps day week month year " +
    "age address phone telephone tel fax email mail mobile website web city country state zip location venue place price " +
    "cost total subtotal amount quantity qty size color colour weight height width length duration serves servings yield " +
    "yields prep cook cooking preparation ingredients instructions directions method equipment difficulty calories " +
    "question answer questions answers q a term definition front back input output before after pro con pros cons " +
    "problem solution request response expected actual old new cause effect symptom fix risk mitigation given when then " +
    "and feature scenario background action actions decision decisions agenda attendees participants present absent " +
    "regrets apologies chair topic item items talk keynote panel workshop session break lunch track task tasks done open " +
    "closed owner assignee priority severity due deadline start end begin finish level hp class race role roles position " +
    "company department education experience skills references languages license copyright requires depends provides " +
    "section chapter part figure table appendix abstract isbn publisher genre director cast plot rating language server " +
    "client host port path file files folder directory user username password login key value default options option " +
    "parameters params returns return throws see since deprecated error errors exception debug trace fatal critical alert " +
    "notice verbose monday tuesday wednesday thursday friday saturday sunday january february march april may june july " +
    "august september october november december translation original literally lit meaning correct wrong right true false " +
    "yes no none other others advantages disadvantages goal goals objective objectives purpose scope overview features " +
    "frage antwort datum betreff von an ort zeit hinweis zutaten zubereitung titel réponse ingrédients fecha asunto"
)

/** What servers and programs write before a colon. */
const technical = list(
  "info warn warning error err debug trace fatal critical notice verbose alert emerg emergency severe fine finer finest " +
    "main server client app application worker master slave db database sql mysql postgres redis mongo http https nginx " +
    "apache kernel systemd cron sshd docker npm yarn node java python ruby php build test tests api web local production " +
    "prod staging dev system root daemon scheduler queue thread process pool cache auth config init boot startup shutdown " +
    "stdout stderr log logger audit access security network monitor watchdog health request response connection session " +
    "dhclient networkmanager dbus rsyslogd syslog crond postfix dovecot named ntpd chronyd snapd gdm kubelet containerd"
)

const word = String.raw`[\p{Lu}\p{Lt}][\p{L}\p{M}.'’-]{0,40}`
const particle = String.raw`(?:de|la|le|du|des|di|da|del|della|dos|van|von|der|den|ter|ten|zu|bin|ibn|al|el|y|e)`
const spoken = new RegExp(
  String.raw`^(?:${word}(?: (?:${word}|${particle})){0,5}(?:[ #-]\d{1,4})?|\p{Lo}[\p{Lo}\p{M}・]{0,15}(?: \p{Lo}[\p{Lo}\p{M}]{0,15}){0,3}|(?:SPEAKER|Speaker|Participant|User|S|P|spk)[ _-]?\d{1,4})(?: ?[([][^()[\]\n]{1,60}[)\]]){0,2}$`,
  "u"
)

const longestName = 100

export const isField = (label: string): boolean => {
  const words = label.toLowerCase().split(/[ _/-]+/)
  return words.some((one) => fields.has(one)) && (!isRole(label) || /^[qa]$/i.test(label))
}

const component =
  /(?:Service|Controller|Manager|Handler|Server|Client|Worker|Gateway|Repository|Factory|Provider|Engine|Module|Job|Task|Listener|Filter|Adapter|Pool|Scheduler|Monitor|Exception|Error)$/
const path =
  /^[[(]|[a-z]\/[A-Z]{2}|[\\/=\d]\.|[a-z]\.[a-z]|::|\[\d+\]$|^[a-z]+(?:[._-][a-z0-9]+)+$|\.\p{Lu}|\p{Ll}\p{Lu}\p{Ll}{2,20}\p{Lu}/u

export const isTechnical = (label: string): boolean =>
  technical.has(label.toLowerCase()) || path.test(label) || (!label.includes(" ") && component.test(label))

/** Whether a label looks like a name, and not like a field's, a heading or the start of a sentence. */
export const isNameLike = (label: string): boolean =>
  label.length <= longestName && spoken.test(label) && !isField(label) && !/[.]{2}|\p{Ll}\.$/u.test(label)

interface Label {
  readonly name: string
  /** UTF-16 code units that it takes, with its colon and what follows that. */
  readonly length: number
}

const colon = /:(?:\*\*)?(?:[ \t]+|$)|：[ \t]*/
const noName = /[{}<>=\\"“”;$^`]|:\/\/|[.!?,]$/
const hasLetter = /[\p{L}\p{N}\p{Extended_Pictographic}]/u

/** What stands before the first colon, if it is short and has nothing in it that no name has. */
export const labelBefore = (text: string): Label | undefined => {
  const found = colon.exec(text.slice(0, longestName))
  if (!found || found.index === 0) return undefined
  const name = text.slice(0, found.index).replaceAll("**", "").trim()
  if (name === "" || noName.test(name) || !hasLetter.test(name) || name.split(" ").length > 7) return undefined
  return { name, length: found.index + found[0].length }
}

/** A name before the first colon of a line that begins with it. */
export const nameBefore = (line: string): Label | undefined => {
  const label = labelBefore(line)
  return label === undefined || /^\s/.test(line) || !isNameLike(label.name) ? undefined : label
}
