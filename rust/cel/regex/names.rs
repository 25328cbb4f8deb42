//! Names of character classes that Go's regular expressions know, and how the `regex` crate says them.
//!
//! Data only. Start at [`unicode_class`]. Go's tables are those of Unicode 15.0, the crate's are newer: what was
//! assigned later is cut away by the age of the character.

/// Categories as Go names them.
const CATEGORIES: [&str; 40] = [
    "C", "Cc", "Cf", "Cn", "Co", "Cs", "L", "Lc", "Ll", "Lm", "Lo", "Lt", "Lu", "M", "Mc", "Me",
    "Mn", "N", "Nd", "Nl", "No", "P", "Pc", "Pd", "Pe", "Pf", "Pi", "Po", "Ps", "S", "Sc", "Sk",
    "Sm", "So", "Z", "Zl", "Zp", "Zs", "Any", "Ascii",
];

/// Long names of categories, sorted.
const ALIASES: [(&str, &str); 42] = [
    ("Casedletter", "Lc"),
    ("Closepunctuation", "Pe"),
    ("Cntrl", "Cc"),
    ("Combiningmark", "M"),
    ("Connectorpunctuation", "Pc"),
    ("Control", "Cc"),
    ("Currencysymbol", "Sc"),
    ("Dashpunctuation", "Pd"),
    ("Decimalnumber", "Nd"),
    ("Digit", "Nd"),
    ("Enclosingmark", "Me"),
    ("Finalpunctuation", "Pf"),
    ("Format", "Cf"),
    ("Initialpunctuation", "Pi"),
    ("Letter", "L"),
    ("Letternumber", "Nl"),
    ("Lineseparator", "Zl"),
    ("Lowercaseletter", "Ll"),
    ("Mark", "M"),
    ("Mathsymbol", "Sm"),
    ("Modifierletter", "Lm"),
    ("Modifiersymbol", "Sk"),
    ("Nonspacingmark", "Mn"),
    ("Number", "N"),
    ("Openpunctuation", "Ps"),
    ("Other", "C"),
    ("Otherletter", "Lo"),
    ("Othernumber", "No"),
    ("Otherpunctuation", "Po"),
    ("Othersymbol", "So"),
    ("Paragraphseparator", "Zp"),
    ("Privateuse", "Co"),
    ("Punct", "P"),
    ("Punctuation", "P"),
    ("Separator", "Z"),
    ("Spaceseparator", "Zs"),
    ("Spacingmark", "Mc"),
    ("Surrogate", "Cs"),
    ("Symbol", "S"),
    ("Titlecaseletter", "Lt"),
    ("Unassigned", "Cn"),
    ("Uppercaseletter", "Lu"),
];

/// Scripts, sorted. Scripts with names of several words are absent: Go never finds them.
const SCRIPTS: &[&str] = &[
    "Adlam",
    "Ahom",
    "Arabic",
    "Armenian",
    "Avestan",
    "Balinese",
    "Bamum",
    "Batak",
    "Bengali",
    "Bhaiksuki",
    "Bopomofo",
    "Brahmi",
    "Braille",
    "Buginese",
    "Buhid",
    "Carian",
    "Chakma",
    "Cham",
    "Cherokee",
    "Chorasmian",
    "Common",
    "Coptic",
    "Cuneiform",
    "Cypriot",
    "Cyrillic",
    "Deseret",
    "Devanagari",
    "Dogra",
    "Duployan",
    "Elbasan",
    "Elymaic",
    "Ethiopic",
    "Georgian",
    "Glagolitic",
    "Gothic",
    "Grantha",
    "Greek",
    "Gujarati",
    "Gurmukhi",
    "Han",
    "Hangul",
    "Hanunoo",
    "Hatran",
    "Hebrew",
    "Hiragana",
    "Inherited",
    "Javanese",
    "Kaithi",
    "Kannada",
    "Katakana",
    "Kawi",
    "Kharoshthi",
    "Khmer",
    "Khojki",
    "Khudawadi",
    "Lao",
    "Latin",
    "Lepcha",
    "Limbu",
    "Lisu",
    "Lycian",
    "Lydian",
    "Mahajani",
    "Makasar",
    "Malayalam",
    "Mandaic",
    "Manichaean",
    "Marchen",
    "Medefaidrin",
    "Miao",
    "Modi",
    "Mongolian",
    "Mro",
    "Multani",
    "Myanmar",
    "Nabataean",
    "Nandinagari",
    "Newa",
    "Nko",
    "Nushu",
    "Ogham",
    "Oriya",
    "Osage",
    "Osmanya",
    "Palmyrene",
    "Phoenician",
    "Rejang",
    "Runic",
    "Samaritan",
    "Saurashtra",
    "Sharada",
    "Shavian",
    "Siddham",
    "Sinhala",
    "Sogdian",
    "Soyombo",
    "Sundanese",
    "Syriac",
    "Tagalog",
    "Tagbanwa",
    "Takri",
    "Tamil",
    "Tangsa",
    "Tangut",
    "Telugu",
    "Thaana",
    "Thai",
    "Tibetan",
    "Tifinagh",
    "Tirhuta",
    "Toto",
    "Ugaritic",
    "Vai",
    "Vithkuqi",
    "Wancho",
    "Yezidi",
    "Yi",
];

/// Drops spaces, underscores and hyphens; first letter upper case, the others lower case.
fn canonical(name: &str) -> String {
    let mut result = String::with_capacity(name.len());
    for c in name.chars().filter(|c| !matches!(c, ' ' | '_' | '-')) {
        result.push(if result.is_empty() {
            c.to_ascii_uppercase()
        } else {
            c.to_ascii_lowercase()
        });
    }
    result
}

/// The class of a name, as an item to be put between brackets; `None` if Go knows no such name.
pub(super) fn unicode_class(name: &str) -> Option<String> {
    let name = canonical(name);
    let aged = |class: &str| Some(format!("[{class}&&\\p{{Age=15.0}}]"));
    match name.as_str() {
        "Any" => return Some("\\x{0}-\\x{10FFFF}".to_owned()),
        "Ascii" => return Some("\\x{0}-\\x{7F}".to_owned()),
        "Assigned" => return Some("[\\P{Cn}&&\\p{Age=15.0}]".to_owned()),
        "Cs" | "Surrogate" => return Some("[^\\x{0}-\\x{10FFFF}]".to_owned()),
        _ => {}
    }
    let category = match ALIASES.binary_search_by(|(alias, _)| (*alias).cmp(name.as_str())) {
        Ok(position) => ALIASES.get(position)?.1,
        Err(_) => name.as_str(),
    };
    if CATEGORIES.contains(&category) {
        return match category {
            "Cn" => Some("[\\p{Cn}\\P{Age=15.0}]".to_owned()),
            "C" => Some("[\\p{C}\\P{Age=15.0}]".to_owned()),
            "Lc" => aged("\\p{Lu}\\p{Ll}\\p{Lt}"),
            _ => aged(&format!("\\p{{{category}}}")),
        };
    }
    SCRIPTS.binary_search(&name.as_str()).ok()?;
    aged(&format!("\\p{{Script={name}}}"))
}

/// The characters of a POSIX class such as `alpha`.
pub(super) fn posix_class(name: &str) -> Option<&'static str> {
    Some(match name {
        "alnum" => "0-9A-Za-z",
        "alpha" => "A-Za-z",
        "ascii" => "\\x{0}-\\x{7F}",
        "blank" => "\\t\\x{20}",
        "cntrl" => "\\x{0}-\\x{1F}\\x{7F}",
        "digit" => "0-9",
        "graph" => "\\x{21}-\\x{7E}",
        "lower" => "a-z",
        "print" => "\\x{20}-\\x{7E}",
        "punct" => "\\x{21}-\\x{2F}\\x{3A}-\\x{40}\\x{5B}-\\x{60}\\x{7B}-\\x{7E}",
        "space" => "\\x{9}-\\x{D}\\x{20}",
        "upper" => "A-Z",
        "word" => "0-9A-Z_a-z",
        "xdigit" => "0-9A-Fa-f",
        _ => return None,
    })
}

/// The characters of `\d`, `\s` or `\w`, by the lower-case letter.
pub(super) fn perl_class(letter: char) -> Option<&'static str> {
    Some(match letter {
        'd' => "0-9",
        's' => "\\t\\n\\x{C}\\r\\x{20}",
        'w' => "0-9A-Z_a-z",
        _ => return None,
    })
}
