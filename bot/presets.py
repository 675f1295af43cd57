"""What the names of a model's voices tell: language, number, character. `v2/de_speaker_8`: German 8, a woman's voice."""

from __future__ import annotations

import dataclasses
import re
import unicodedata
from typing import Self

LANGUAGES = {
    "en": "English",
    "de": "German",
    "es": "Spanish",
    "fr": "French",
    "hi": "Hindi",
    "it": "Italian",
    "ja": "Japanese",
    "ko": "Korean",
    "pl": "Polish",
    "pt": "Portuguese",
    "ru": "Russian",
    "tr": "Turkish",
    "zh": "Chinese",
}  # those that Bark was trained on
# What else people call them, each in its own tongue first.
SYNONYMS = {
    "en": "englisch inglés anglais angielski inglese inglês английский ingilizce 英語 英语 영어 american british",
    "de": "deutsch alemán allemand niemiecki tedesco alemão немецкий almanca ドイツ語 德语 독일어",
    "es": "español castellano spanisch espagnol hiszpański spagnolo espanhol испанский ispanyolca スペイン語 西班牙语 스페인어",
    "fr": "français französisch francés francuski francese francês французский fransızca フランス語 法语 프랑스어",
    "hi": "हिन्दी हिंदी indisch hindú ヒンディー語 印地语 힌디어",
    "it": "italiano italienisch italien włoski итальянский italyanca イタリア語 意大利语 이탈리아어",
    "ja": "日本語 japanisch japonés japonais japoński giapponese japonês японский japonca 日语 일본어",
    "ko": "한국어 koreanisch coreano coréen koreański корейский korece 韓国語 韩语",
    "pl": "polski polnisch polaco polonais polacco polonês польский lehçe ポーランド語 波兰语 폴란드어",
    "pt": "português portugiesisch portugués portugais portoghese португальский portekizce ポルトガル語 葡萄牙语 brasil",
    "ru": "русский russisch ruso russe rosyjski russo rusça ロシア語 俄语 러시아어",
    "tr": "türkçe türkisch turco turc turecki турецкий トルコ語 土耳其语 튀르키예어",
    "zh": "中文 汉语 普通话 chinesisch chino chinois chiński cinese chinês китайский çince 中国語 중국어 mandarin",
}
# As Suno's own list of the v2 voices has them: the women by number (all others are men), and what else it remarks.
WOMEN = {
    "en": "9",
    "de": "38",
    "es": "89",
    "fr": "125",
    "hi": "01349",
    "it": "279",
    "ja": "01345789",
    "ko": "0",
    "pl": "469",
    "ru": "569",
    "tr": "45",
    "zh": "4679",
}
REMARKS = {
    "noisy": "es2 es3 es5 hi1 hi4 ja1 pt6 zh6",
    "grainy": "en5 ru6 ru8 ru9 tr7",
    "echo": "ru1 ru2 fr9",
    "popular": "en6 it4",
}
# What is searched for besides the words above.
WOMAN = "woman female frau mujer femme donna 女性"
MAN = "man male mann hombre homme uomo 男性"
CHARACTERS = {
    "announcer": "announcer, a man",
    "pup_deep": "pup, deep",
    "pup_low": "pup, low",
    "pup_high": "pup, high",
    "pup_lively": "pup, lively",
}  # voices whose names tell no language

# One sentence for each language, to hear a voice by.
SENTENCES = {
    "en": "Hello, this is how I sound.",
    "de": "Hallo, so klingt meine Stimme.",
    "es": "Hola, así suena mi voz.",
    "fr": "Bonjour, voici ma voix.",
    "hi": "नमस्ते, मेरी आवाज़ ऐसी है।",
    "it": "Ciao, questa è la mia voce.",
    "ja": "こんにちは、これが私の声です。",
    "ko": "안녕하세요, 제 목소리입니다.",
    "pl": "Cześć, tak brzmi mój głos.",
    "pt": "Olá, esta é a minha voz.",
    "ru": "Привет, так звучит мой голос.",
    "tr": "Merhaba, sesim böyle.",
    "zh": "你好，这是我的声音。",
}

_NAMED = re.compile(r"^(?:(?P<version>v\d+)/)?(?:(?P<language>[a-z]{2})_)?speaker_(?P<number>\d+)$")


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Preset:
    """One of the model's own voices."""

    name: str
    language: str | None  # two letters of `LANGUAGES`
    number: int | None
    character: str  # in English, empty where nothing is known
    words: frozenset[str] = frozenset()  # all it may be searched by, folded

    @classmethod
    def of(cls, name: str) -> Self:
        """What the name tells."""
        found = _NAMED.match(name)
        language = found["language"] if found and found["language"] in LANGUAGES else None
        number = int(found["number"]) if found else None
        character = CHARACTERS.get(name, "")
        more = character
        if found and found["version"] == "v2" and language and number is not None and number <= 9:
            woman = str(number) in WOMEN.get(language, "")
            remarks = [word for word, voices in REMARKS.items() if f"{language}{number}" in voices.split()]
            character = ", ".join(["woman" if woman else "man", *remarks])
            more = f"{character} {WOMAN if woman else MAN}"
        if language:
            more += f" {LANGUAGES[language]} {SYNONYMS[language]}"
        return cls(
            name=name,
            language=language,
            number=number,
            character=character,
            words=frozenset(words(f"{name} {more}")),
        )

    @property
    def key(self) -> str:
        """What it is called where names of kept voices may change: its name."""
        return self.name

    @property
    def title(self) -> str:
        """How people would call it: `German 8`; the name itself where that tells no more."""
        return f"{LANGUAGES[self.language]} {self.number}" if self.language else self.name


def fold(text: str) -> str:
    """Without case and accents, for comparing: `Français` -> `francais`."""
    apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())  # a letter may hide in a sign
    return "".join(sign for sign in apart if not unicodedata.combining(sign))


def words(text: str) -> list[str]:
    """The folded words of a text; what divides the parts of a voice's name divides words."""
    return [word for word in re.split(r"[\s/_.,·★:()-]+", fold(text)) if word]
