"""Dates as records and people write them, in figures and in words, English and French; all patterns read lower case."""

import re

_MONTH = (
    r"(?:jan(?:uary|vier|v)?|feb(?:ruary|r)?|fev(?:rier|r)?|mar(?:ch|s)?|apr(?:il)?|avr?(?:il|l)?|may|mai|june?|juin?|jn|july?|"
    r"juil(?:let|l)?|jul(?:let)?|aug(?:ust)?|aout|sept?(?:ember|embre)?|oct(?:ober|obre)?|nov(?:ember|embre)?|dec(?:ember|embre)?)"
)
_YEAR = r"(?:1[89]|20)[0-9]{2}"
DATE = re.compile(
    rf"(?=[0-9jfmasond])(?<![0-9A-Za-z])(?:{_YEAR}-[0-9]{{2}}-[0-9]{{2}}t[0-9:.]{{5,15}}(?:z|[+-][0-9:]{{4,5}})?"
    rf"|{_YEAR}[ ]?[-/.|][ ]?[0-9]{{1,2}}[ ]?[-/.|][ ]?[0-9]{{1,2}}"
    rf"|[0-9]{{1,2}}[ ]?([-/.|x])[ ]?[0-9]{{1,2}}[ ]?\1[ ]?(?:{_YEAR}|'?[0-9]{{2}})"
    r"|[0-9](?: [0-9]){3,7}(?: ?[./-] ?[0-9](?: [0-9]){1,3}){0,2}"
    r"|[0-9] [0-9] [./-] [0-9] [0-9] [./-] [0-9](?: [0-9]){1,3}"
    rf"|{_MONTH}\.?[ -][0-9]{{1,2}}(?:st|nd|rd|th)?,?[ /-]{{1,2}}(?:{_YEAR}|'?[0-9]{{2}})"
    rf"|[0-9]{{1,2}}(?:er|st|nd|rd|th)?[ ./-](?:of )?{_MONTH}\.?,?(?:[ ./-]|[ ]?de )(?:{_YEAR}|'?[0-9]{{2}})"
    rf"|{_YEAR},? [0-9]{{1,2}} {_MONTH}|[0-9]{{1,2}}[ ./-](?:i{{1,3}}|iv|vi{{0,3}}|ix|xi{{0,2}})[ ./-]{_YEAR}"
    rf"|{_YEAR},?[ ./-]{_MONTH}\.?[ ./-][0-9]{{1,2}}|{_YEAR}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])"
    rf"|(?:0[1-9]|[12][0-9]|3[01])(?:0[1-9]|1[0-2]){_YEAR}"
    rf"|[0-9]{{1,2}}(?:{_MONTH})(?:{_YEAR}|[0-9]{{2}})"
    rf"|{_YEAR} [0-9]{{1,2}} [0-9]{{1,2}}|[0-9]{{1,2}} [0-9]{{1,2}} {_YEAR})(?![0-9A-Za-z]|[./-][0-9])"
)
PARTIAL = re.compile(  # what is a date only where a word right before it says so
    rf"(?=['0-9jfmasond])(?<![0-9A-Za-z])(?:'?[0-9]{{2}},? le [0-9]{{1,2}}(?:er)? {_MONTH}|{_MONTH}\.?,?[ /]{_YEAR}"
    rf"|{_YEAR}|{_MONTH}\.? [0-9]{{1,2}}(?:st|nd|rd|th)?|"
    rf"[0-9]{{1,2}}(?:er|st|nd|rd|th)?(?: of)? {_MONTH}|{_MONTH}/[0-9]{{1,2}}|[0-9]{{2}} [0-9]{{2}} [0-9]{{2}}|"
    r"[0-9]{6}|[0-9]{1,2}/[0-9]{2,4})(?![0-9A-Za-z])"
)
_NUMBER = (
    r"(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|"
    r"eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|thousand|oh|une?|deux|trois|"
    r"quatre|cinq|sept|huit|neuf|dix|onze|douze|treize|quatorze|quinze|seize|vingts?|trente|quarante|cinquante|"
    r"soixante|septante|octante|huitante|nonante|cents?|mille|mil)"
)
_YEAR_IN_WORDS = (
    r"(?:nineteen|eighteen|twenty|two thousand|mil|mille|dix-(?:huit|neuf)|deux[ -]mille)"
    rf"(?:[ -]{{1,2}}(?:(?:and|et)[ -])?{_NUMBER}\b){{0,8}}"
)
_SHORT_YEAR_IN_WORDS = (  # `sixty-six`, `quatre-vingt-quatre`
    r"(?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|vingt|trente|quarante|cinquante|soixante|quatre-vingts?)"
    rf"(?:[ -](?:et[ -])?{_NUMBER}\b){{0,2}}"
)
_DAY_IN_WORDS = (
    r"(?:(?:twenty|thirty)[ -])?(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth)|tenth|eleventh|twelfth|"
    r"(?:thir|four|fif|six|seven|eigh|nine)teenth|twentieth|thirtieth|premier|"
    r"(?:vingt|trente)(?:(?:[ -]et)?[ -](?:une?|deux|trois|quatre|cinq|six|sept|huit|neuf))?|deux|trois|quatre|cinq|"
    r"six|sept|huit|neuf|dix(?:[ -](?:sept|huit|neuf))?|onze|douze|treize|quatorze|quinze|seize"
)
_DAY = rf"(?:[0-9]{{1,2}}(?:er|st|nd|rd|th)?|{_DAY_IN_WORDS})"
_ANY_YEAR = rf"(?:{_YEAR}|'?[0-9]{{2}}|{_YEAR_IN_WORDS}|{_SHORT_YEAR_IN_WORDS})"
SPOKEN = re.compile(  # as somebody says it: `the second of December nineteen ninety-eight`, `October the 10th, '52`
    rf"\b(?:{_DAY}(?: day)?(?: of)? {_MONTH},?(?: of| in| de l'an)? {_ANY_YEAR}"
    rf"|{_MONTH} (?:the )?{_DAY},?(?: of| in)? {_ANY_YEAR}|(?:{_MONTH} )?{_YEAR_IN_WORDS}[ -]{_NUMBER})(?![0-9a-z])"
)
SPOKEN_HINT = re.compile(  # none is without one of these, and they are found faster
    r"jan|feb|fev|mar|apr|avr|may|mai|jui?[nl]|aug|aout|sep|oct|nov|dec|nineteen|eighteen|twenty|two th|mil|dix-|deux"
)
_LAST_CENTURY = re.compile(r"(?<![0-9])(?:3[2-9]|[4-9][0-9])(?![0-9])")
ANOTHER = re.compile(  # the date behind these is of something else
    r"\b(?:admi[ts]|seen\b|visit|signe|expir|exp\b|issued|valid|rendez-vous|rdv\b|appointment|vue? le|recue? le|delivr|"
    r"hired|embauch|died|dece|meurt|do[dslia]\b|unknown|inconnu|n/a\b|mort|discharged|today|aujourd'hui|renew|renouvel|since\b|depuis\b|hospitalis)"
)
_FULL_YEAR = re.compile(_YEAR)
_LATEST = 2020  # what is dated later without a word of birth is rather when something was signed or seen


def date_at(low: str, position: int) -> tuple[int, int] | None:
    found = DATE.match(low, position)
    return found.span() if found else None


def year_of(date: str) -> int | None:
    """The year where it is written out."""
    year = _FULL_YEAR.search(date)
    return int(year.group()) if year else None


def is_old(date: str) -> bool:
    """As `is_past`, or with a year of two figures that can only be of the last century: `95-10-02`."""
    return is_past(date) or (year_of(date) is None and _LAST_CENTURY.search(date) is not None)


def is_past(date: str) -> bool:
    """A year is written out, and long enough ago to be nobody's next appointment."""
    year = year_of(date)
    return year is not None and year <= _LATEST
