"""Common English words by their part in a sentence, and patterns of sentences: written for this project, MIT licence.

A capital word in a pattern is a word of its own; a lower-case name stands for any word of that part.
"""

from __future__ import annotations

_PARTS = {
    "det": "the a my your his her our their this that some every another one each no any",
    "adj": """old new big small good bad long short young little great high low early late black white red blue green
        brown yellow pink grey purple cold warm hot cool dark bright quick fast slow happy sad quiet loud strong weak
        easy hard simple strange beautiful pretty ugly important different special common rare poor rich clean dirty
        empty full open closed free heavy light deep shallow wide narrow thick thin soft sharp sweet sour bitter fresh
        dry wet safe wild famous friendly gentle angry hungry thirsty tired sleepy busy lazy lucky clever smart wise
        foolish funny serious golden silver wooden modern ancient local public private secret perfect ready sure real
        true false wrong right left next last first second third whole half double single main final total brave calm
        careful certain cheap expensive clear cloudy sunny rainy windy dangerous difficult excellent fair fine flat
        general honest huge tiny kind large likely lonely lovely mad nice noisy normal plain pleasant polite possible
        proud pure quiet rough round royal rude silent smooth square steady steep straight stupid sudden terrible tight
        useful usual vast violent visible wonderful worried worth young electric digital natural national social human""",
    "noun": """man woman boy girl child baby friend mother father brother sister son daughter uncle aunt cousin teacher
        student doctor nurse king queen prince princess dog cat horse cow pig sheep bird duck fish fox wolf bear lion
        tiger elephant monkey mouse rabbit snake frog bee spider house home room door window table chair bed kitchen
        garden street road path city town village country river lake sea ocean beach island mountain hill valley forest
        tree leaf branch root grass flower field farm car bus train plane boat ship bicycle truck wheel station airport
        school church hospital office shop market store restaurant hotel bank library museum theater park bridge tower
        castle palace prison wall floor roof ceiling corner box bag basket book paper letter page story poem song music
        dance picture photo movie film game ball toy phone computer radio television camera clock watch key lock knife
        fork spoon cup glass bottle plate bowl bread butter cheese egg meat chicken soup rice apple orange banana lemon
        grape cherry potato tomato onion cake pie sugar salt pepper honey coffee tea milk juice water wine beer money
        dollar penny price name word number question answer problem idea plan reason chance choice dream hope fear love
        hate joy anger war peace law order job work team party group family crowd member leader president minister
        captain soldier police officer judge lawyer engineer farmer driver pilot sailor singer actor artist writer robot
        machine engine motor tool hammer nail screw rope chain wire pipe fire smoke ash rain snow ice wind storm thunder
        cloud sky sun moon star earth world planet space light shadow sound voice noise silence morning evening
        afternoon night day week month year century hour minute second moment time summer winter spring autumn season
        weather holiday birthday wedding face eye ear nose mouth tooth tongue lip neck shoulder arm elbow hand finger
        thumb leg knee foot toe heart brain bone body blood hair skin shirt coat jacket hat cap shoe boot sock glove
        dress skirt belt pocket button ring gold silver iron steel copper stone rock sand clay wood plastic rubber
        cotton wool leather glass server message channel command model user audio video test speech language lesson
        science history nature art business company factory industry market trade tax health medicine disease energy
        power force speed weight height length depth size shape color line point side edge end middle top bottom front
        back way step mile inch pound ton measure difference example case fact truth lie rule mistake accident danger
        trouble secret surprise gift prize ticket stamp map flag bell drum guitar piano violin trumpet orchestra""",
    "verb": """see find take make give get keep hold bring send buy sell open close read write hear know like love want
        need help call ask tell show use build break cut catch throw push pull carry move turn watch follow leave meet
        visit remember forget understand believe start stop finish change clean wash cook eat drink draw paint play sing
        learn teach study win lose save spend pay choose lift drop fill cover hide share join test check record repeat
        accept add allow answer arrange attack avoid bake beat begin bend bite blow borrow burn climb collect compare
        consider copy count cross describe design destroy discover divide doubt dream drive enjoy enter examine expect
        explain fear feed feel fight fix fold forgive gather grow guess hang hate heat hit hunt hurt imagine improve
        increase invite kick kill kiss knock lead lend like load marry measure mention mix notice offer order own pack
        pass pick plan plant point pour praise prepare press promise protect prove provide raise reach receive refuse
        remove repair reply rescue respect return ride ring rob roll rub rule serve set shake shoot shut smell solve
        spell split steal strike suggest support surprise swallow taste tear thank touch train treat trust try visit
        wake warn wear weigh wish wonder worry wrap""",
    "past": """saw found took made gave got kept held brought sent bought sold opened closed read wrote heard knew liked
        loved wanted needed helped called asked told showed used built broke cut caught threw pushed pulled carried moved
        turned watched followed left met visited remembered forgot understood believed started stopped finished changed
        cleaned washed cooked ate drank drew painted played sang learned taught studied won lost saved spent paid chose
        lifted dropped filled covered hid shared joined tested checked recorded repeated accepted added began bit blew
        borrowed burned climbed collected copied counted crossed described designed destroyed discovered drove enjoyed
        entered expected explained fed felt fought fixed folded forgave grew hit invited kicked led lent married mixed
        noticed offered ordered packed passed picked planned planted poured prepared pressed promised protected proved
        raised reached received refused removed repaired rescued rode rolled served shook shot shut solved spilled stole
        struck supported surprised tasted tore thanked touched trusted tried wore wished wrapped""",
    "went": """walked ran slept sat stood waited laughed cried smiled talked spoke worked lived died arrived came went
        returned fell jumped danced swam traveled stayed listened looked disappeared appeared agreed argued began
        changed continued coughed dreamed escaped failed flew froze happened hid hurried knelt lay moved rested rose
        screamed shouted sneezed stopped studied wandered whispered woke worried""",
    "adv": """slowly quickly quietly loudly carefully suddenly finally usually sometimes often always never really almost
        already still again together alone outside inside upstairs downstairs yesterday today tomorrow tonight soon later
        early twice once here there everywhere somewhere nowhere badly well hardly nearly perhaps probably certainly
        clearly easily exactly fairly gently happily immediately luckily mostly otherwise politely rarely recently sadly
        simply softly strangely therefore truly""",
    "prep": """in on at by near behind under over above below beside between across along around through into from to with
        without for after before during against toward inside outside beyond among until since upon about like""",
    "pron": "i you he she we they",
    "obj": "me you him her us them it",
    "modal": "will would can could should must may might",
    "num": """one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
        eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million zero point""",
    "day": """monday tuesday wednesday thursday friday saturday sunday january february march april may june july august
        september october november december morning evening""",
    "name": """john mary peter paul james robert david michael anna sarah emma alice bob tom jack henry george william
        susan linda karen nancy lisa laura kate julia helen ruth rose grace daniel mark steven brian kevin eric adam
        simon oliver harry charlie lucas leo max sophie olivia london paris berlin rome madrid america england france
        germany italy spain china japan india africa europe canada boston chicago texas""",
    "greet": "hello hi hey welcome thanks please sorry yes no okay well goodbye congratulations certainly maybe sure",
    "wh": "what who where when why how which",
    "conj": "and but or because so if when while although before after until since",
}

WORDS: dict[str, tuple[str, ...]] = {part: tuple(dict.fromkeys(words.split())) for part, words in _PARTS.items()}

_FUNCTION = """the a an of to in on at by for with from about into over under after before and or but if because so than that this
    these those it is are was were be been being has have had do does did will would can could should must may might not no
    yes i you he she we they me him her us them my your his its our their what who whose when where why how all some any
    many much more most few less very too also just only even now then here there again always never often as up down out
    off it's don't can't won't i'm i'll you're we're they're isn't didn't doesn't that's let's there's what's he's she's
    couldn't wouldn't haven't wasn't aren't"""

FUNCTION_WORDS: tuple[str, ...] = tuple(_FUNCTION.split())

PATTERNS: tuple[str, ...] = (
    "det adj noun past det noun",
    "pron modal verb det noun prep det noun",
    "det noun went adv prep det adj noun",
    "CAN YOU verb det noun adv ?",
    "pron modal NOT verb obj",
    "THERE ARE num noun prep det noun",
    "greet , pron past det adj noun",
    "wh DID pron verb det noun ?",
    "det noun IS adj AND det noun IS adj",
    "name past det noun ON day",
    "I THINK THAT det noun IS VERY adj",
    "PLEASE verb det noun AND verb det adj noun",
    "pron went adv BECAUSE det noun WAS adj",
    "IT IS num num MINUTES AFTER num",
    "THIS IS det adj noun OF name",
    "pron WANT TO verb obj prep det noun",
    "IF pron verb obj , pron modal verb obj adv",
    "DO NOT verb det noun prep det noun",
    "greet name , HOW ARE YOU TODAY ?",
    "THE NUMBER IS num num num",
    "num num POINT num",
    "num PERCENT OF det noun",
    "MY NAME IS name AND pron verb det noun",
    "pron past det noun , BUT det noun went adv",
    "det noun prep det noun went",
    "WOULD YOU LIKE TO verb det noun WITH obj ?",
    "det noun , det noun AND det noun",
    "conj pron past det noun , det noun went",
    "name AND name went prep det adj noun",
    "IT TAKES num noun TO verb det noun",
    "THE adj noun MUST verb BEFORE day",
    "pron HAVE NEVER past SUCH A adj noun",
    "num noun",
    "adv",
    "greet",
    "greet name",
    "wh",
    "pron modal verb",
    "det adj noun",
)
