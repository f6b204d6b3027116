const list = (words: string): ReadonlySet<string> => new Set(words.split(" "))

/** Function words that an English sentence begins with, and that the lexicon lacks or takes for something else. */
export const functionWords = list(
  "a an the this that these those i me my mine you your yours he him his she her hers it its we us our ours they them " +
    "their theirs who whom whose which what when where why how and or but nor so yet if then than as at by for from in " +
    "into of off on onto out over to under up upon with within without about above across after against along among " +
    "around before behind below beneath beside besides between beyond despite down during except inside like near " +
    "outside since through throughout till toward towards until via am is are was were be been being do does did have " +
    "has had can could may might must shall should will would not no yes all any both each either neither every few " +
    "many more most much other others another some such several one two three four five six seven eight nine ten " +
    "first second third last next only own same too very also although because however therefore thus hence moreover " +
    "furthermore nevertheless nonetheless meanwhile instead otherwise perhaps maybe while whereas though unless once " +
    "again already always never often sometimes soon still there here now today tomorrow yesterday just even well " +
    "according additionally afterwards later subsequently originally currently eventually initially following upon " +
    "per let's i'm i'll i've i'd it's that's there's what's he's she's we're we'll we've you're they're don't doesn't " +
    "didn't can't won't isn't aren't wasn't weren't hi hello hey dear thanks thank please regards cheers ok okay sorry"
)

/** Articles, prepositions and pronouns that sentences of other European languages begin with. */
export const foreignFunctionWords = list(
  "le la les un une des du de et en dans pour par sur avec il elle ils elles nous vous je ce cette ces son sa ses leur " +
    "l'on au aux mais ou où donc el los las unos unas y o en con por para su sus este esta esto lo del al que se es " +
    "der die das den dem des ein eine einen einem einer und oder aber in im am an auf aus bei mit nach von vom zu zum " +
    "zur für er sie es wir ihr ich sein seine ist war sind wird als wie wenn da so nicht auch noch il gli i uno una di " +
    "del della dei delle nel nella che per tra fra os as um uma do da dos das no na nos nas em com ele ela de het een " +
    "op van met voor dat die dit en ett den det och som på av till для в на и не он она они это как но от по из за к с " +
    "о об у мы вы я его её их при что так уже ο η το οι τα του της των και στο στη στην στον με από για ένα μια ότι που"
)

export const german = list(
  "der die das und ist nicht ein eine einen einem einer mit von zu den dem im auf für des sich auch als wird werden " +
    "wurde hat haben nach bei aus sind oder wir ich sie er es"
)
export const english = list(
  "the of and to in is was for a on that with by as at from it he she his her an are were be has had have this which " +
    "or not but they their we you i will can"
)

export const calendar = list(
  "january february march april may june july august september october november december jan feb mar apr jun jul aug " +
    "sep sept oct nov dec monday tuesday wednesday thursday friday saturday sunday mon tue tues wed thu thur thurs fri " +
    "sat sun am pm bc ad bce ce gmt utc cet est pst edt pdt spring summer autumn winter"
)

/** Honorifics that are no part of a name; the other ones may be (`King George`, `Prince Edward Island`). */
export const titles = list(
  "mr mrs ms mx dr prof professor sir dame rev reverend hon herr frau monsieur madame mme mlle señor señora sra signor " +
    "signora gen general col colonel capt captain lt lieutenant sgt sergeant maj major president senator sen governor " +
    "gov judge justice chancellor"
)
export const honorifics: ReadonlySet<string> = titles.union(
  list("miss minister bishop archbishop king queen prince princess pope saint father")
)

/** Abbreviations that end with a point inside a name. */
export const dottedInNames = list(
  "st ste mt ft dr mr mrs ms mx prof sr jr rev gen col capt lt sgt maj sen gov hon co corp inc ltd bros no vol univ dept"
)

export const legalForms = list(
  "inc incorporated corp corporation ltd limited llc llp plc gmbh ag kg sa sarl srl spa nv bv ab oy oyj asa aps kft co company"
)

/** What joins words of one name. */
export const particles = list(
  "de la le du des di da del della dei dos das do van von der den ter ten zu zur bin ibn al el y"
)
/** Particles that are articles or begin a complement as well. */
export const foreignArticles = list("el la le du des della del do da dos das der den")
/** Joins as well where a capitalised word follows, or `the` and one. */
export const joining = list("of")

export const eventWords = list(
  "war battle siege olympics games cup championship championships tournament festival election elections revolution " +
    "conference summit massacre earthquake hurricane riots uprising rebellion crisis awards league expo congress " +
    "campaign offensive raid bombing attacks incident disaster grand prix marathon"
)
export const workWords = list(
  "film novel album song book single movie opera play poem magazine newspaper series episode track painting sitcom soundtrack"
)
export const conceptWords = list(
  "award prize medal theory syndrome disease language act law treaty order theorem algorithm protocol"
)
export const locationCues = list("in near across throughout")
export const placeBefore = list("lake mount mt river fort cape port isle island gulf bay st saint san santa los las")
export const placeAfter = list(
  "drive road street avenue boulevard lane square station airport bridge tunnel stadium park"
)

/** Field names of e-mails, minutes and front matter; they are no names. */
export const fieldNames = list(
  "from to cc bcc subject date sent re fw fwd aw wg reply-to message-id in-reply-to references mime-version " +
    "content-type received return-path attachments attachment importance priority location time note notes warning " +
    "todo fixme example summary agenda attendees participants question answer q a ps nb tl tldr abstract author " +
    "authors title description status version tags keywords url email phone fax address"
)

export const ordinals = list("first second third fourth fifth")

/** Acronyms that name no one thing. */
export const commonAcronyms = list(
  "tv dvd cd lp ep fm ceo cto cfo coo mp vp pm am id ok faq pdf html xml json csv http https url api cpu gpu ram usb pc " +
    "dj mc phd md ad bc ce bce gdp hr pr it's ps nb re fw cc bcc todo fixme asap fyi btw imo eta tbd tba n/a na no yes " +
    "the and or of in to for on at by with from is are was not but we you i gmt utc cet est pst edt pdt kb mb gb tb"
)

/** Possessives that a name goes on after. */
export const owners = list("people women men children king queen workers world saint")

export const thirdPerson = list("he him his she her hers it its they them their theirs himself herself itself")
