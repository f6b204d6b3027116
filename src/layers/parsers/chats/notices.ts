/** What WhatsApp writes on its own account, in the languages of most exports: en, de, es, fr, pt, it, nl. */
const oneOf = (phrases: ReadonlyArray<string>): string => `(?:${phrases.join("|")})`

const encrypted = new RegExp(
  `^\\W{0,5}(?:${oneOf([
    "messages (?:and calls|you send|to this|in this)",
    "nachrichten (?:und anrufe|in diesem|an diese)",
    "los mensajes y las llamadas",
    "les messages (?:et les appels|que vous)",
    "as mensagens e as (?:ligações|chamadas)",
    "i messaggi e le chiamate",
    "berichten en oproepen"
  ])}[^\\n]{0,80}${oneOf([
    "end-to-end (?:encrypted|versleuteld)",
    "ende-zu-ende-verschlüsselt",
    "de extremo a extremo",
    "de bout en bout",
    "de ponta a ponta",
    "(?:crittografat|crittografia )[^\\n]{0,10}end-to-end"
  ])}|(?:your security code with|(?:deine|die) sicherheitsnummer (?:mit|von)|tu código de seguridad con)[^\\n]{0,120}(?:changed|geändert|cambió))`,
  "i"
)
const happened = new RegExp(
  `^(?:you|du|[^\\n]{1,80}?)[ ]${oneOf([
    "(?:created|added|removed|left|joined|changed|deleted|turned|reset|pinned|were added|was added|is now|are now|now an admin|started a call)",
    "(?:hat|hast|haben|wurde|wurdest|ist|bist)",
    "(?:creó|añadió|agregó|salió|cambió|eliminó|se unió)",
    "(?:a|avez|as) (?:créé|ajouté|quitté|changé|modifié|retiré|rejoint|supprimé)",
    "(?:criou|adicionou|saiu|mudou|alterou|removeu|entrou)",
    "ha (?:creato|aggiunto|abbandonato|cambiato|modificato|rimosso)",
    "(?:heeft|hebt|is)"
  ])}(?![\\p{L}])`,
  "iu"
)
const opening = "[“\"„'«][ \\u00a0\\u202f]?"
const closing = "[ \\u00a0\\u202f]?[”\"“'»]"
const named = new RegExp(
  `${oneOf([
    "created (?:the )?group",
    "changed the (?:subject|group name)",
    "hat die gruppe",
    "hat den (?:gruppennamen|betreff)",
    "hast die gruppe",
    "creó el grupo",
    "cambió el (?:asunto|nombre)(?: del grupo)?",
    "a créé (?:le groupe|un groupe)",
    "a (?:changé|modifié) (?:le nom|l['’]objet)(?: du groupe)?",
    "criou o grupo",
    "(?:mudou|alterou) o (?:nome|assunto)(?: do grupo)?",
    "ha creato il gruppo",
    "ha cambiato (?:il nome|l['’]oggetto)(?: del gruppo)?",
    "heeft (?:de )?groep"
  ])}(?: ${oneOf(["from", "von", "de", "da"])} ${opening}[^\\n]{0,100}?${closing})?(?: ${oneOf(["to", "zu", "in", "auf", "a", "à", "para", "en"])})? ${opening}([^\\n]{1,100}?)${closing}(?:$|[ .])`,
  "i"
)
const omitted = new RegExp(
  `^(?:${oneOf(["image", "video", "audio", "sticker", "gif", "document", "contact card", "photo", "media", "voice message"])} omitted|${oneOf(
    [
      "(?:bild|video|audio|sticker|gif|dokument|kontaktkarte) (?:weg|aus)gelassen",
      "(?:imagen|foto|v[ií]deo|audio|sticker|gif|documento|multimedia) omitid[oa]s?",
      "(?:image|vidéo|audio|sticker|gif|document) (?:absente?|omise?|manquant)",
      "(?:imagem|v[ií]deo|áudio|figurinha|gif|documento) (?:ocultad|omitid)[oa]",
      "(?:immagine|video|audio|sticker|gif|documento) omess[oa]",
      "(?:afbeelding|video|audio|sticker|gif|document) weggelaten"
    ]
  )}|<[^<>\\d]{3,40}>|null)$`,
  "i"
)
const deleted = new RegExp(
  `^${oneOf([
    "this message was deleted",
    "you deleted this message",
    "waiting for this message",
    "diese nachricht wurde gelöscht",
    "du hast diese nachricht gelöscht",
    "se eliminó este mensaje",
    "(?:este mensaje fue eliminado|eliminaste este mensaje)",
    "(?:ce message a été supprimé|vous avez supprimé ce message)",
    "(?:mensagem apagada|essa mensagem foi apagada|você apagou esta mensagem)",
    "(?:questo messaggio è stato eliminato|hai eliminato questo messaggio)",
    "(?:dit bericht is verwijderd|u hebt dit bericht verwijderd)"
  ])}[^\\n]{0,60}$`,
  "i"
)
const attached =
  /^<(?:attached|angehängt|anhang|adjunto|pièce jointe|anexado|allegato|bijgevoegd)\s?: ?([^<>\n]{1,200})>(?=\n|$)/i
const enclosed =
  /^([^\n]{1,200}\.\w{2,5}) \((?:file attached|datei angehängt|archivo adjunto|fichier joint|arquivo anexado|file allegato|bestand bijgevoegd)\)(?=\n|$)/i
const edited =
  /[ ]?<(?:This message was edited|Diese Nachricht wurde bearbeitet|Se editó este mensaje\.?|Ce message a été modifié|Mensagem editada|Questo messaggio è stato modificato)>$/

/** How much of a message is looked at. */
const reach = 300

/** What WhatsApp says at the start of each chat, and when somebody has a new telephone. */
export const isEncryptionNotice = (text: string): boolean => encrypted.test(text.slice(0, reach))

/** Whether a message tells what happened to a group, as WhatsApp does on some phones in the group's own name. */
export const isGroupNotice = (text: string): boolean => isEncryptionNotice(text) || happened.test(text.slice(0, reach))

/** The name that a group is given there. */
export const groupNamed = (text: string): string | undefined => named.exec(text.slice(0, reach))?.[1]

/** A message without what WhatsApp puts in the place of what is not text; empty if nothing is left. */
export const messageText = (text: string): string => {
  const whole = text.trim()
  if (whole.length <= reach && (omitted.test(whole) || deleted.test(whole))) return ""
  const shown = whole.slice(0, reach).replace(attached, "[file: $1]").replace(enclosed, "[file: $1]")
  return (shown + whole.slice(reach)).replace(edited, "")
}
